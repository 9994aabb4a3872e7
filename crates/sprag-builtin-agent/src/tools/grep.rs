//! `grep`: lines that a regular expression finds.

use genai::chat::Tool;
use regex::bytes::RegexBuilder;
use serde::Deserialize;
use serde_json::json;

use super::folder::Folder;
use super::{Answered, MAX_ANSWER, cut, tool};

/// More bytes are not searched by one call.
const MAX_SEARCHED: usize = 256 << 20;
/// The rest of a longer line is left out, in bytes.
const MAX_LINE: usize = 300;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    pattern: String,
    #[serde(default)]
    path: String,
}

pub(super) fn offered() -> Tool {
    tool(
        "grep",
        "Finds lines by a regular expression of Rust's, in a file or in all files below a folder, but for what git ignores.",
        json!({
            "pattern": { "type": "string" },
            "path": { "type": "string", "description": "the whole folder without it" },
        }),
        &["pattern"],
    )
}

pub(super) fn run(folder: &Folder, args: &Args) -> Answered {
    let path = folder.path(&args.path)?;
    let pattern = RegexBuilder::new(&args.pattern).size_limit(1 << 20).build();
    let pattern = pattern.map_err(|error| format!("`pattern` is no regular expression: {error}"))?;
    let (mut said, mut searched) = (String::new(), 0);
    for file in folder.files(&path)? {
        // Links, pipes and what is too large hold no line.
        let Ok(bytes) = folder.bytes(&file) else { continue };
        searched += bytes.len();
        if searched > MAX_SEARCHED {
            said.push_str("(there is more than was searched: name a folder)\n");
            break;
        }
        if bytes.contains(&0) {
            continue;
        }
        for (at, line) in
            bytes.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| pattern.is_match(line))
        {
            let line = String::from_utf8_lossy(line);
            let found = format!("{file}:{}:{}\n", at + 1, cut(line.trim_end(), MAX_LINE));
            if said.len() + found.len() > MAX_ANSWER {
                said.push_str("(there are more: name a folder, or a longer pattern)\n");
                return Ok(said);
            }
            said.push_str(&found);
        }
    }
    Ok(if said.is_empty() { "(nothing was found)".to_owned() } else { said })
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::folder;
    use super::*;

    #[test]
    fn lines_are_found_with_their_places_and_no_link_is_followed() {
        let (_keep, top, folder) = folder();
        let grep = |pattern: &str, path: &str| {
            run(&folder, &Args { pattern: pattern.to_owned(), path: path.to_owned() })
        };
        std::os::unix::fs::symlink("../secret", top.join("in/link")).unwrap();
        std::os::unix::fs::symlink("..", top.join("in/up")).unwrap();
        std::fs::write(top.join("in/binary"), b"two\0").unwrap();
        assert_eq!(grep("t(wo|hree)$", "").unwrap(), "a:2:two\na:3:three\n");
        assert_eq!(grep("o", "a").unwrap(), "a:1:one\na:2:two\n");
        assert_eq!(grep("secret", "").unwrap(), "(nothing was found)");
        assert!(grep("(", "").unwrap_err().contains("unclosed group"));
        assert!(grep("(((a{1000}){1000}){1000}", "").is_err());
        std::fs::write(top.join("in/many"), "one\n".repeat(10_000)).unwrap();
        let said = grep("one", "").unwrap();
        assert!(said.len() < MAX_ANSWER + 100 && said.ends_with("a longer pattern)\n"));
    }
}
