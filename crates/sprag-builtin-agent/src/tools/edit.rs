//! `edit`: one text in a file becomes another.

use genai::chat::Tool;
use serde::Deserialize;
use serde_json::json;

use super::folder::Folder;
use super::{Answered, tool};

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    path: String,
    old: String,
    new: String,
}

pub(super) fn offered() -> Tool {
    tool(
        "edit",
        "Replaces a text in a file. `old` must stand in it exactly once, to the last space: take in as many lines around it \
         as that needs, without the numbers that read prints.",
        json!({ "path": { "type": "string" }, "old": { "type": "string" }, "new": { "type": "string" } }),
        &["path", "old", "new"],
    )
}

pub(super) fn run(folder: &Folder, args: &Args) -> Answered {
    let path = folder.path(&args.path)?;
    let text = folder.text(&path)?;
    if args.old.is_empty() {
        return Err("`old` is empty; a new file is made with write".to_owned());
    }
    if args.old == args.new {
        return Err("`old` and `new` are the same".to_owned());
    }
    match text.matches(&args.old).count() {
        0 => Err(format!("{path}: `old` does not stand in it; read it again, and copy the text as it is")),
        1 => {
            folder.replace(&path, &text.replacen(&args.old, &args.new, 1))?;
            let line = text.find(&args.old).map_or(1, |at| text[..at].matches('\n').count() + 1);
            Ok(format!("edited {path} at line {line}"))
        }
        times => Err(format!("{path}: `old` stands in it {times} times; take in more lines around it")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::folder;
    use super::*;

    #[test]
    fn a_text_is_replaced_where_it_stands_once_and_else_nothing_is() {
        let (_keep, top, folder) = folder();
        let edit = |old: &str, new: &str| {
            run(&folder, &Args { path: "a".to_owned(), old: old.to_owned(), new: new.to_owned() })
        };
        assert!(edit("four", "4").unwrap_err().contains("does not stand"));
        assert!(edit("e\n", "4").unwrap_err().contains("2 times"));
        assert!(edit("", "4").is_err() && edit("one", "one").is_err());
        assert_eq!(edit("two\n", "2\n").unwrap(), "edited a at line 2");
        assert_eq!(std::fs::read_to_string(top.join("in/a")).unwrap(), "one\n2\nthree\n");
    }
}
