//! `write`: a whole file.

use genai::chat::Tool;
use serde::Deserialize;
use serde_json::json;

use super::folder::Folder;
use super::{Answered, tool};

#[derive(Debug, Deserialize)]
pub(super) struct Args {
    path: String,
    content: String,
}

pub(super) fn offered() -> Tool {
    tool(
        "write",
        "Writes a whole file, a new one or in place of the old one. To change a part of a file use edit.",
        json!({ "path": { "type": "string" }, "content": { "type": "string" } }),
        &["path", "content"],
    )
}

pub(super) fn run(folder: &Folder, args: &Args) -> Answered {
    let path = folder.path(&args.path)?;
    folder.replace(&path, &args.content)?;
    Ok(format!("wrote {} bytes to {path}", args.content.len()))
}
