//! What is wrong in `[replay]`.

use std::collections::BTreeMap;

use regex::Regex;

use super::Findings;
use crate::{
    diagnostic::Severity,
    json_path::{Counted, JsonPath},
    language::is_metric_name,
    nearest::nearest,
    settings::{
        Settings,
        replay::{
            Class, Match, OTHER_CALLS, Pace, Part, Place, Port, REPLAY_TOTALS, Replay, Scheme, Upstream,
            metrics_of_class,
        },
    },
};

/// More classes than anybody counts by. The proxy has a bit for each.
const MAX_CLASSES: usize = 60;
/// More of anything else than anybody writes.
const MAX_ENTRIES: usize = 200;
/// A longer glob is a mistake.
const MAX_GLOB: usize = 500;

impl Findings {
    pub(super) fn replay(&mut self, replay: &Replay, settings: &Settings) {
        if let Pace::Uniform([from, to]) = replay.timing
            && from > to
        {
            self.wrong(&["timing"], "the first duration is longer than the second", "swap the two");
        }
        for (key, count, most) in [
            ("port", replay.port.len(), MAX_ENTRIES),
            ("class", replay.class.len(), MAX_CLASSES),
            ("volatile", replay.volatile.len(), MAX_ENTRIES),
            ("redact", replay.redact.len(), MAX_ENTRIES),
            ("pass", replay.pass.len(), MAX_ENTRIES),
        ] {
            if count > most {
                let message = format!("{count} entries of `[[replay.{key}]]`: {most} is the limit");
                return self.wrong(&[key], message, "merge some of them with globs");
            }
        }
        self.ports(replay, settings);
        self.classes(replay, settings);
        self.parts("volatile", &replay.volatile, &replay.class);
        self.parts("redact", &replay.redact, &replay.class);
        for (at, pass) in replay.pass.iter().enumerate() {
            self.glob(&["pass", &at.to_string(), "host"], &pass.host);
        }
    }

    /// `path` is below `replay`.
    fn wrong(&mut self, path: &[&str], message: impl Into<String>, help: impl Into<String>) {
        self.add(Severity::Error, &[&["replay"], path].concat(), message, help);
    }

    fn ports(&mut self, replay: &Replay, settings: &Settings) {
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

    fn classes(&mut self, replay: &Replay, settings: &Settings) {
        let mut taken: BTreeMap<String, String> = BTreeMap::new();
        let own = REPLAY_TOTALS.iter().map(|name| (*name).to_owned()).chain(metrics_of_class(OTHER_CALLS));
        taken.extend(own.map(|name| (name, "all requests together".to_owned())));
        let driver = settings.measure.driver;
        let driven = driver.metrics().iter().map(|name| (*name).to_owned());
        taken.extend(driven.map(|name| (name, format!("the driver `{}`", driver.name()))));
        for (at, class) in replay.class.iter().enumerate() {
            let at = at.to_string();
            let name = ["class", &at, "name"];
            if !is_metric_name(&class.name)
                || metrics_of_class(&class.name).iter().any(|m| !is_metric_name(m))
            {
                let message = format!("`{}` is no name of a metric", class.name);
                self.wrong(&name, message, "use letters, digits, `_` and `.`, as in `embedder_calls`");
                continue;
            }
            for metric in metrics_of_class(&class.name) {
                if let Some(other) = taken.insert(metric.clone(), format!("the class `{}`", class.name)) {
                    let message = format!("`{metric}` is a number of {other} already");
                    self.wrong(&name, message, "choose another name");
                    break;
                }
            }
            self.class_match(&at, class, &replay.port);
            if let Some(items) = &class.items {
                let path = ["class", &at, "items"];
                if let Err(error) = items.parse::<Counted>() {
                    self.wrong(&path, error.to_string(), "write a path such as `$.input.length()`");
                } else if class.matches.statement.is_some() {
                    let message = "`items` is read from JSON, and this class is of statements";
                    self.wrong(&path, message, "remove it: a statement is one thing");
                }
            }
            for (nth, header) in class.headers.iter().enumerate() {
                self.header_of_key(&["class", &at, "headers", &nth.to_string()], header);
            }
        }
    }

    fn class_match(&mut self, at: &str, class: &Class, ports: &[Port]) {
        let path = ["class", at, "match"];
        let Match { host, port, path: url, method, statement } = &class.matches;
        for (key, glob) in [("host", host), ("path", url), ("statement", statement)] {
            if let Some(glob) = glob {
                self.glob(&[&path[..], &[key]].concat(), glob);
            }
        }
        if class.matches == Match::default() {
            let help = "write `match = { host = \"api.example.com\" }`";
            return self.wrong(&path, format!("`{}` matches everything", class.name), help);
        }
        let of_http = url.is_some() || method.is_some();
        if of_http && statement.is_some() {
            let message = "a request has a path and a method, or it is a statement";
            return self.wrong(&path, message, "keep what fits the upstream");
        }
        let Some(port) = port else { return };
        let at_port = [&path[..], &["port"]].concat();
        let Some(port) = ports.iter().find(|known| known.name == *port) else {
            let near = nearest(port, ports.iter().map(|port| port.name.as_str()));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("add `[[replay.port]]` with `name = \"{port}\"`"),
            };
            return self.wrong(&at_port, format!("no port is called `{port}`"), help);
        };
        let Ok(Upstream { scheme, .. }) = Upstream::parse(&port.upstream) else { return };
        if scheme.is_http() && statement.is_some() {
            let message = format!("`{}` speaks HTTP, which has no statements", port.name);
            self.wrong(&at_port, message, "write `path` and `method` in place of `statement`");
        } else if !scheme.is_http() && of_http {
            let message = format!("`{}` speaks {}, which has no paths and methods", port.name, scheme.name());
            let help = match scheme {
                Scheme::Tcp => "remove `path` and `method`",
                _ => "write `statement` in place of `path` and `method`",
            };
            self.wrong(&at_port, message, help);
        }
    }

    fn glob(&mut self, path: &[&str], glob: &str) {
        if glob.trim().is_empty() {
            self.wrong(
                path,
                "an empty glob matches nothing",
                "write a text in which `*` stands for any characters",
            );
        } else if glob.len() > MAX_GLOB {
            let message = format!("a glob of {} bytes: {MAX_GLOB} is the limit", glob.len());
            self.wrong(path, message, "write `*` for its middle");
        }
    }

    fn header_of_key(&mut self, path: &[&str], header: &str) {
        if !is_header(header) {
            self.wrong(path, format!("`{header}` is no name of a header"), "write a name such as `x-model`");
        } else if header.eq_ignore_ascii_case("content-type") {
            let message = "the media type is part of every request's key";
            self.wrong(path, message, "remove `content-type`");
        } else if header.eq_ignore_ascii_case("grpc-timeout") {
            let message = "`grpc-timeout` is never part of a key: it tells how much time is left";
            self.wrong(path, message, "remove it");
        }
    }

    fn parts(&mut self, key: &'static str, parts: &[Part], classes: &[Class]) {
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

fn is_header(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    !name.is_empty() && name.chars().all(plain)
}

#[cfg(test)]
mod tests {
    use crate::{Diagnostic, Settings, Source};

    fn told(text: &str) -> String {
        let list = match Settings::parse(&Source::new("sprag.toml", text)) {
            Ok((_, list)) | Err(list) => list,
        };
        let line = |d: &Diagnostic| {
            let place = d.position().map_or("-".to_owned(), |p| format!("{}:{}", p.line, p.column));
            format!("{place} {} | {}", d.message, d.help.as_deref().unwrap_or("-"))
        };
        list.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    const WHOLE: &str = r#"
[replay]
cassette = "./benchmark/fixtures/"
timing = { uniform = ["2ms", "9ms"] }
roots = "/etc/ssl/extra.pem"
[[replay.port]]
name = "db"
upstream = "postgres://127.0.0.1:5432"
listen = 5432
env = { PGPORT = "{port}", PGHOST = "{host}" }
[[replay.class]]
name = "embedder_calls"
match = { host = "api.example.com", path = "/v1/embeddings", method = "POST" }
items = "$.input.length()"
repeat = "sequence-then-last"
headers = ["x-model"]
[[replay.class]]
name = "db_calls"
match = { port = "db", statement = "SELECT *" }
[[replay.volatile]]
json = "$.request_id"
class = "embedder_calls"
[[replay.volatile]]
path = '^/users/([^/]+)'
[[replay.redact]]
body = 'sk-\w+'
[[replay.pass]]
host = "telemetry.example.com"
"#;

    #[test]
    fn the_whole_table_is_read_and_survives_the_ledger() {
        assert_eq!(told(WHOLE), "");
        let (settings, _) = Settings::parse(&Source::new("sprag.toml", WHOLE)).unwrap();
        let replay = settings.replay.as_ref().unwrap();
        assert_eq!(replay.cassette, "benchmark/fixtures");
        assert_eq!(replay.class[0].matches.method.as_deref(), Some("POST"));
        let json = serde_json::to_string(&settings).unwrap();
        assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
        for timing in ["\"instant\"", "\"recorded\"", "{ fixed = \"5ms\" }"] {
            assert_eq!(told(&format!("[replay]\ncassette = 'x'\ntiming = {timing}\n")), "");
        }
    }

    #[test]
    fn without_the_table_the_settings_are_as_before() {
        let (settings, _) = Settings::parse(&Source::new("sprag.toml", "")).unwrap();
        assert!(!serde_json::to_string(&settings).unwrap().contains("replay"));
    }

    #[test]
    fn mistakes_have_their_place_and_a_suggestion() {
        insta::assert_snapshot!(told("[replay]\n"), @"1:1 missing field `cassette` | add `cassette = …`");
        insta::assert_snapshot!(told("[replay]\ncassette = '../x'\ntiming = 'instnat'\n"), @"3:10 unknown value `instnat` | did you mean `instant`?");
        insta::assert_snapshot!(told("[replay]\ncassette = '../x'\ntiming = { uniform = ['9ms', '2ms'] }\n"), @"
        2:12 `../x` is no folder in the repository | write it relative to the top of the repository, with `/`
        3:1 the first duration is longer than the second | swap the two
        ");
        insta::assert_snapshot!(told("[replay]\ncassette = 'x'\ntiming = { fixed = '5' }\n"), @r#"3:10 `5` is no duration: write a number with its unit, such as "90s", "10m" or "1h30m" | -"#);
        insta::assert_snapshot!(told("[replay]\ncassette = 'x'\n[[replay.clas]]\n"), @"3:10 unknown key `clas` | did you mean `class`?");
        insta::assert_snapshot!(told(r#"
[replay]
cassette = "x"
[[service]]
name = "Db"
command = "x"
[[replay.port]]
name = "db"
upstream = "postgres://me:secret@db/x"
listen = 0
env = { "A B" = "{prt}", SPRAG_X = "{host}" }
[[replay.port]]
name = "d-b"
upstream = "db:5432"
listen = 7
[[replay.port]]
name = "api"
upstream = "https://api.example.com/v1"
listen = 7
[[replay.port]]
name = "web"
upstream = "https://api.example.com"
"#), @"
        8:8 two ports or services are called `db` | give each a name of its own
        9:12 an upstream with a user or a password | leave them out: the application brings its own, and they are not recorded
        10:10 there is no port 0 | write another, or leave it out
        11:17 `A B` is no name of a variable | use letters, digits and `_`
        11:17 `{prt}` stands for nothing | did you mean `{port}`?
        11:36 `SPRAG_X` is one of Sprag's own variables | choose another name
        13:8 a port is called `d-b` | use letters, digits and `_`: the application finds it by that name
        14:12 `db:5432` does not start with http://, https://, postgres://, redis:// or tcp:// | write a URL such as `https://api.example.com` or `tcp://127.0.0.1:9000`
        18:12 `https://api.example.com/v1` has more than a host and a port | end it after the port: the path is part of each request
        19:10 `d-b` and `api` both listen on 7 | give each a port of its own, or leave it out
        ");
        insta::assert_snapshot!(told(r#"
[replay]
cassette = "x"
[[replay.port]]
name = "db"
upstream = "postgres://db"
[[replay.port]]
name = "web"
upstream = "http://web"
[[replay.class]]
name = "embedder calls"
match = { host = "" }
[[replay.class]]
name = "a_calls"
match = {}
items = "$.x.size()"
headers = ["x y", "Content-Type", "grpc-timeout"]
[[replay.class]]
name = "a_items"
match = { host = "x", path = "/", statement = "SELECT" }
[[replay.class]]
name = "other_calls"
match = { port = "dv" }
[[replay.class]]
name = "b_calls"
match = { port = "db", path = "/*" }
[[replay.class]]
name = "c_calls"
match = { port = "web", statement = "*" }
items = "$.x"
"#), @r#"
        11:8 `embedder calls` is no name of a metric | use letters, digits, `_` and `.`, as in `embedder_calls`
        15:1 `a_calls` matches everything | write `match = { host = "api.example.com" }`
        16:9 `$.x.size()` is no path of this kind: `$.a.b[0]`, `$.rows[*].id`, `$.*`, `$..id`, `$['odd name']` | write a path such as `$.input.length()`
        17:12 `x y` is no name of a header | write a name such as `x-model`
        17:19 the media type is part of every request's key | remove `content-type`
        17:35 `grpc-timeout` is never part of a key: it tells how much time is left | remove it
        19:8 `a_items` is a number of the class `a_calls` already | choose another name
        20:1 a request has a path and a method, or it is a statement | keep what fits the upstream
        22:8 `other_calls` is a number of all requests together already | choose another name
        23:18 no port is called `dv` | did you mean `db`?
        26:18 `db` speaks postgres, which has no paths and methods | write `statement` in place of `path` and `method`
        29:18 `web` speaks HTTP, which has no statements | write `path` and `method` in place of `statement`
        30:9 `items` is read from JSON, and this class is of statements | remove it: a statement is one thing
        "#);
        insta::assert_snapshot!(told(r#"
[replay]
cassette = "x"
[[replay.class]]
name = "a_calls"
match = { host = "x" }
[[replay.volatile]]
[[replay.volatile]]
json = "$.a"
header = "b"
[[replay.volatile]]
json = "a"
class = "a_cals"
[[replay.volatile]]
header = "x y"
[[replay.redact]]
query = ""
class = "b"
[[replay.redact]]
path = '^/users/[^/]+'
[[replay.redact]]
path = '(a'
[[replay.redact]]
body = ''
[[replay.pass]]
host = " "
"#), @"
        7:1 a rule of `[[replay.volatile]]` needs exactly one place | write one of `json`, `header`, `query`, `path` and `body`
        8:1 a rule of `[[replay.volatile]]` needs exactly one place | write one of `json`, `header`, `query`, `path` and `body`
        12:8 `a` is no path of this kind: `$.a.b[0]`, `$.rows[*].id`, `$.*`, `$..id`, `$['odd name']` | write a path such as `$.request_id`
        13:9 no class is called `a_cals` | did you mean `a_calls`?
        15:10 `x y` is no name of a header | write a name such as `x-request-id`
        17:9 a parameter without a name | write its name
        18:9 no class is called `b` | name one of `[[replay.class]]`, or leave it out to mean all
        20:8 the expression has 0 groups, and needs one | put brackets around the part that is meant, as in `^/users/([^/]+)`; `(?:…)` is no group
        22:8 this is no regular expression: unclosed group | write it in single quotes, so that backslashes stay, and escape `.` `(` `[` `{` that are meant
        24:8 an empty expression matches nothing | write what is meant
        26:8 an empty glob matches nothing | write a text in which `*` stands for any characters
        ");
    }
}
