//! What is wrong in `[[replay.volatile]]` and `[[replay.redact]]`.

use regex::Regex;

use super::is_header;
use crate::{
    json_path::JsonPath,
    nearest::nearest,
    settings::{
        parse::Findings,
        replay::{Class, Part, Place},
    },
};

impl Findings {
    pub(super) fn parts(&mut self, key: &'static str, parts: &[Part], classes: &[Class]) {
        for (at, part) in parts.iter().enumerate() {
            let at = at.to_string();
            match part.place() {
                None => {
                    let message = format!("a rule of `[[replay.{key}]]` needs exactly one place");
                    let help = "write one of `json`, `header`, `query`, `path` and `body`";
                    self.wrong(&[key, &at], message, help);
                }
                Some(Place::Json(path)) => {
                    if let Err(error) = path.parse::<JsonPath>() {
                        self.wrong(
                            &[key, &at, "json"],
                            error.to_string(),
                            "write a path such as `$.request_id`",
                        );
                    }
                }
                Some(Place::Header(name)) if !is_header(name) => {
                    let message = format!("`{name}` is no name of a header");
                    self.wrong(&[key, &at, "header"], message, "write a name such as `x-request-id`");
                }
                Some(Place::Query("")) => {
                    self.wrong(&[key, &at, "query"], "a parameter without a name", "write its name");
                }
                Some(Place::Path(text)) => match self.expression(&[key, &at, "path"], text) {
                    Some(groups) if groups != 1 => {
                        let message = format!("the expression has {groups} groups, and needs one");
                        let help = "put brackets around the part that is meant, as in `^/users/([^/]+)`; `(?:…)` is no group";
                        self.wrong(&[key, &at, "path"], message, help);
                    }
                    _ => {}
                },
                Some(Place::Body(text)) => {
                    self.expression(&[key, &at, "body"], text);
                }
                Some(_) => {}
            }
            if let Some(class) = part.class.as_ref().filter(|name| !classes.iter().any(|c| c.name == **name))
            {
                let near = nearest(class, classes.iter().map(|class| class.name.as_str()));
                let help = match near {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => "name one of `[[replay.class]]`, or leave it out to mean all".to_owned(),
                };
                self.wrong(&[key, &at, "class"], format!("no class is called `{class}`"), help);
            }
        }
    }

    /// How many groups an expression has.
    fn expression(&mut self, path: &[&str], text: &str) -> Option<usize> {
        match Regex::new(text) {
            Ok(_) if text.is_empty() => {
                self.wrong(path, "an empty expression matches nothing", "write what is meant");
                None
            }
            Ok(expression) => Some(expression.captures_len() - 1),
            Err(error) => {
                // Its last line says what is wrong; those before draw the place.
                let text = error.to_string();
                let what = text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                let help = "write it in single quotes, so that backslashes stay, and escape `.` `(` `[` `{` that are meant";
                self.wrong(path, format!("this is no regular expression: {what}"), help);
                None
            }
        }
    }
}
