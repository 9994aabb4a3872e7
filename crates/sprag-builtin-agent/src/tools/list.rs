//! `list`: the files below a folder.

use genai::chat::Tool;
use serde::Deserialize;
use serde_json::json;

use super::folder::Folder;
use super::{Answered, MAX_ANSWER, tool};

/// More files are not looked at: a folder of results has no end.
const MAX_FILES: usize = 50_000;

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    #[serde(default)]
    path: String,
}

pub(super) fn offered() -> Tool {
    tool(
        "list",
        "Lists the files below a folder, with all folders in it, but for what git ignores.",
        json!({ "path": { "type": "string", "description": "the whole folder without it" } }),
        &[],
    )
}

pub(super) fn run(folder: &Folder, args: &Args) -> Answered {
    let path = folder.path(&args.path)?;
    let (mut said, mut more) = (String::new(), 0);
    for file in folder.files(&path)?.take(MAX_FILES) {
        if said.len() + file.as_str().len() < MAX_ANSWER {
            said.push_str(&format!("{file}\n"));
        } else {
            more += 1;
        }
    }
    if more > 0 {
        said.push_str(&format!("(and {more} more: list a folder in it)\n"));
    }
    Ok(if said.is_empty() { "(there are no files)".to_owned() } else { said })
}

#[cfg(test)]
mod tests {
    use super::super::folder::tests::folder;
    use super::*;

    #[test]
    fn files_are_listed_in_order_without_what_git_ignores() {
        let (_keep, top, folder) = folder();
        let list = |path: &str| run(&folder, &Args { path: path.to_owned() });
        assert_eq!(list("sub").unwrap(), "(there are no files)");
        for (path, text) in [(".git/config", "x"), (".gitignore", "out/\n"), ("out/x", "x"), ("sub/b", "b")] {
            folder.replace(camino::Utf8Path::new(path), text).unwrap();
        }
        assert_eq!(list("").unwrap(), ".gitignore\na\nsub/b\n");
        assert_eq!(list("sub").unwrap(), "sub/b\n");
        assert!(list("nothing").unwrap_err().contains("no such file"));
        for n in 0..3_000 {
            std::fs::write(top.join(format!("in/sub/{n:05}")), "").unwrap();
        }
        let said = list(".").unwrap();
        assert!(said.len() < MAX_ANSWER + 100 && said.contains("more: list a folder"), "{}", said.len());
    }
}
