//! What is wrong in `[[replay.class]]`.

use std::collections::BTreeMap;

use super::is_header;
use crate::{
    json_path::Counted,
    language::is_metric_name,
    nearest::nearest,
    settings::{
        Settings,
        parse::Findings,
        replay::{
            Class, Match, OTHER_CALLS, Port, REPLAY_TOTALS, Replay, Scheme, Upstream, metrics_of_class,
        },
    },
};

impl Findings {
    pub(super) fn classes(&mut self, replay: &Replay, settings: &Settings) {
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
}
