//! What the model can do: read, list and search files, write and edit them, all beneath the copy; and a shell, where it has
//! one. What the model gets wrong is answered with words by which it can mend it.

mod edit;
mod folder;
mod grep;
mod list;
mod read;
mod shell;
mod write;

use camino::Utf8Path;
use genai::chat::Tool;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use folder::Folder;
use shell::Shell;

/// The longest answer of a tool, in bytes.
const MAX_ANSWER: usize = 16 << 10;

/// What a tool answers: an error is for the model, too.
type Answered = Result<String, String>;

/// The tools of one try.
pub(crate) struct Tools {
    folder: Folder,
    shell: Option<Shell>,
}

impl Tools {
    /// # Errors
    /// The copy cannot be opened.
    pub(crate) fn open(copy: &Utf8Path, has_shell: bool) -> Result<Self, sprag_workspace::Error> {
        Ok(Self { folder: Folder::open(copy)?, shell: has_shell.then(|| Shell::new(copy)) })
    }

    /// What is told to the model about them.
    pub(crate) fn offered(&self) -> Vec<Tool> {
        let mut offered =
            vec![read::offered(), list::offered(), grep::offered(), edit::offered(), write::offered()];
        offered.extend(self.shell.as_ref().map(|_| shell::offered()));
        offered
    }

    /// Does what the model calls for.
    ///
    /// # Errors
    /// Why it was not done, for the model.
    pub(crate) fn call(&self, tool: &str, arguments: &Value) -> Answered {
        match (tool, &self.shell) {
            ("read", _) => read::run(&self.folder, &of(arguments)?),
            ("list", _) => list::run(&self.folder, &of(arguments)?),
            ("grep", _) => grep::run(&self.folder, &of(arguments)?),
            ("edit", _) => edit::run(&self.folder, &of(arguments)?),
            ("write", _) => write::run(&self.folder, &of(arguments)?),
            ("shell", Some(shell)) => shell.run(&of(arguments)?),
            _ => {
                let names = if self.shell.is_some() { ", write and shell" } else { " and write" };
                Err(format!("there is no tool `{}`; there are read, list, grep, edit{names}", cut(tool, 80)))
            }
        }
    }
}

/// The arguments of a call. genai leaves what is no JSON as text.
fn of<T: DeserializeOwned>(arguments: &Value) -> Result<T, String> {
    let parsed = match arguments {
        Value::String(text) => serde_json::from_str(text),
        Value::Null => Ok(json!({})),
        value => Ok(value.clone()),
    };
    let read = parsed.and_then(|value| match value {
        Value::Object(_) => T::deserialize(value),
        // A list would be taken for the fields in their order.
        _ => Err(serde::de::Error::custom("they are no JSON object")),
    });
    read.map_err(|error| format!("the arguments cannot be read: {error}. Send the call again, mended"))
}

/// A tool whose arguments are `properties`, of which some must be there.
fn tool(name: &str, description: &str, properties: Value, required: &[&str]) -> Tool {
    let schema = json!({ "type": "object", "properties": properties, "required": required });
    Tool::new(name).with_description(description).with_schema(schema)
}

/// The beginning of a text.
fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// A text without its middle, where it is too long: what a program prints first and last says the most.
fn without_middle(text: &str, bytes: usize) -> String {
    if text.len() <= bytes {
        return text.to_owned();
    }
    let (head, tail) = (cut(text, bytes / 2), &text[text.ceil_char_boundary(text.len() - bytes / 2)..]);
    format!("{head}\n… ({} bytes are left out here) …\n{tail}", text.len() - head.len() - tail.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tools(has_shell: bool) -> (tempfile::TempDir, Tools) {
        let copy = tempfile::tempdir().unwrap();
        let tools = Tools::open(Utf8Path::from_path(copy.path()).unwrap(), has_shell).unwrap();
        (copy, tools)
    }

    #[test]
    fn arguments_that_cannot_be_read_are_answered_with_the_reason() {
        let (_copy, tools) = tools(true);
        for (arguments, why) in [
            (json!("{\"path\": "), "EOF while parsing"),
            (json!(null), "missing field `path`"),
            (json!({ "path": 7 }), "invalid type"),
            (json!(["a"]), "cannot be read"),
        ] {
            let said = tools.call("read", &arguments).unwrap_err();
            assert!(said.contains(why) && said.contains("again"), "{said}");
        }
        assert!(
            tools.call("read", &json!("{\"path\": \"a\"}")).unwrap_err().contains("a: "),
            "JSON in a text is JSON"
        );
    }

    #[test]
    fn a_tool_that_there_is_not_is_answered_with_those_that_there_are() {
        let (_copy, open) = tools(true);
        assert!(open.call("apply_patch", &json!({})).unwrap_err().ends_with("edit, write and shell"));
        let (_copy, shut) = tools(false);
        assert!(shut.call("shell", &json!({ "command": "id" })).unwrap_err().ends_with("edit and write"));
        assert_eq!((open.offered().len(), shut.offered().len()), (6, 5));
    }

    #[test]
    fn a_long_text_loses_its_middle_between_characters() {
        assert_eq!(without_middle("short", 10), "short");
        let long = without_middle(&"ä".repeat(1000), 101);
        assert!(
            long.starts_with("ää") && long.ends_with("ää") && long.contains("1900 bytes are left out"),
            "{long}"
        );
    }
}
