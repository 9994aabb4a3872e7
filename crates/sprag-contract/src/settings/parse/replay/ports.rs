//! What is wrong in `[[replay.port]]`.

use std::collections::BTreeMap;

use crate::{
    nearest::nearest,
    settings::{
        Settings,
        parse::Findings,
        replay::{Port, Replay, Upstream},
    },
};

impl Findings {
    pub(super) fn ports(&mut self, replay: &Replay, settings: &Settings) {
        let mut names: Vec<String> = settings.service.iter().map(|s| s.name.to_ascii_uppercase()).collect();
        let mut listening = BTreeMap::new();
        for (at, Port { name, upstream, listen, env }) in replay.port.iter().enumerate() {
            let at = at.to_string();
            let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let at_name = ["port", &at, "name"];
            if name.is_empty() || !name.chars().all(plain) {
                let help = "use letters, digits and `_`: the application finds it by that name";
                self.wrong(&at_name, format!("a port is called `{name}`"), help);
            } else if names.contains(&name.to_ascii_uppercase()) {
                let message = format!("two ports or services are called `{name}`");
                self.wrong(&at_name, message, "give each a name of its own");
            } else {
                names.push(name.to_ascii_uppercase());
            }
            if let Err(error) = Upstream::parse(upstream) {
                self.wrong(&["port", &at, "upstream"], error.to_string(), error.help());
            }
            let at_listen = ["port", &at, "listen"];
            match listen {
                Some(0) => self.wrong(&at_listen, "there is no port 0", "write another, or leave it out"),
                Some(listen) => {
                    if let Some(other) = listening.insert(*listen, name) {
                        let message = format!("`{other}` and `{name}` both listen on {listen}");
                        self.wrong(&at_listen, message, "give each a port of its own, or leave it out");
                    }
                }
                None => {}
            }
            for (variable, value) in env {
                self.variable(&["port", &at, "env", variable], variable, value);
            }
        }
    }

    fn variable(&mut self, path: &[&str], variable: &str, value: &str) {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if variable.is_empty() || !variable.chars().all(plain) {
            let message = format!("`{variable}` is no name of a variable");
            self.wrong(path, message, "use letters, digits and `_`");
        } else if variable.starts_with("SPRAG_") {
            let message = format!("`{variable}` is one of Sprag's own variables");
            self.wrong(path, message, "choose another name");
        }
        let known = ["host", "port"];
        for part in value.split('{').skip(1) {
            let Some((word, _)) = part.split_once('}') else { continue };
            if known.contains(&word) || word.is_empty() || !word.chars().all(|c| c.is_ascii_alphabetic()) {
                continue;
            }
            let near = nearest(word, known).map(|near| format!("did you mean `{{{near}}}`?"));
            let help = near.unwrap_or_else(|| "write `{host}` or `{port}`".to_owned());
            self.wrong(path, format!("`{{{word}}}` stands for nothing"), help);
        }
    }
}
