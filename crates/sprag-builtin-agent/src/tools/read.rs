//! `read`: lines of a file, with their numbers.

use genai::chat::Tool;
use serde::Deserialize;
use serde_json::json;

use super::folder::Folder;
use super::{Answered, MAX_ANSWER, cut, tool};

/// Lines at once, where nobody says how many.
const LINES: usize = 400;
/// The rest of a longer line is left out, in bytes.
const MAX_LINE: usize = 2_000;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    path: String,
    #[serde(default)]
    from: Option<usize>,
    #[serde(default)]
    lines: Option<usize>,
}

pub(super) fn offered() -> Tool {
    tool(
        "read",
        "Reads lines of a text file. Each is printed after its number and a tab.",
        json!({
            "path": { "type": "string" },
            "from": { "type": "integer", "description": "the first line; 1 without it" },
            "lines": { "type": "integer", "description": "how many lines; 400 without it" },
        }),
        &["path"],
    )
}

pub(super) fn run(folder: &Folder, args: &Args) -> Answered {
    let path = folder.path(&args.path)?;
    let text = folder.text(&path)?;
    let all = text.lines().count();
    let from = args.from.unwrap_or(1).max(1);
    if from > all.max(1) {
        return Err(format!("{path}: it has {all} lines"));
    }
    let mut said = String::new();
    let mut next = from;
    for line in text.lines().skip(from - 1).take(args.lines.unwrap_or(LINES)) {
        let rest = if line.len() > MAX_LINE { " … (the line goes on)" } else { "" };
        let line = format!("{next}\t{}{rest}\n", cut(line, MAX_LINE));
        if said.len() + line.len() > MAX_ANSWER {
            break;
        }
        said.push_str(&line);
        next += 1;
    }
    if next <= all {
        said.push_str(&format!("(line {next} of {all} is next)\n"));
    }
    Ok(if said.is_empty() { "(the file is empty)".to_owned() } else { said })
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::folder;
    use super::*;

    fn read(folder: &Folder, path: &str, from: Option<usize>, lines: Option<usize>) -> Answered {
        run(folder, &Args { path: path.to_owned(), from, lines })
    }

    #[test]
    fn lines_are_numbered_and_a_range_says_what_is_next() {
        let (_keep, top, folder) = folder();
        assert_eq!(read(&folder, "a", None, None).unwrap(), "1\tone\n2\ttwo\n3\tthree\n");
        assert_eq!(read(&folder, "a", Some(2), Some(1)).unwrap(), "2\ttwo\n(line 3 of 3 is next)\n");
        assert_eq!(read(&folder, "a", Some(4), None).unwrap_err(), "a: it has 3 lines");
        std::fs::write(top.join("in/empty"), "").unwrap();
        assert_eq!(read(&folder, "empty", None, None).unwrap(), "(the file is empty)");
    }

    #[test]
    fn a_long_file_and_a_long_line_are_cut() {
        let (_keep, top, folder) = folder();
        std::fs::write(top.join("in/long"), format!("{}\n", "x".repeat(1_000)).repeat(1_000)).unwrap();
        let said = read(&folder, "long", None, None).unwrap();
        assert!(
            said.len() < MAX_ANSWER + 100 && said.ends_with("(line 17 of 1000 is next)\n"),
            "{}",
            said.len()
        );
        std::fs::write(top.join("in/line"), "ä".repeat(1 << 20)).unwrap();
        assert!(read(&folder, "line", None, None).unwrap().ends_with("… (the line goes on)\n"));
    }
}
