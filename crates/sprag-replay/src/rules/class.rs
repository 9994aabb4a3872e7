//! Which class counts a request.

use sprag_contract::json_path::Counted;
use sprag_contract::settings::replay::{self as settings, Repeat, Upstream};

use super::glob::Glob;
use super::{RuleError, host_of};

/// Requests that are counted together.
#[derive(Debug, Clone)]
pub struct Class {
    /// The metric that counts its requests.
    pub name: String,
    /// What a request gets that is asked again.
    pub(super) repeat: Repeat,
    /// How many things a request asks for.
    pub(super) items: Option<Counted>,
    /// Headers that are part of the canonical form, in lower case.
    pub(super) headers: Vec<String>,
    host: Option<Glob>,
    port: Option<Port>,
    path: Option<Glob>,
    method: Option<String>,
    statement: Option<Glob>,
}

#[derive(Debug, Clone)]
struct Port {
    name: String,
    /// As an [`Upstream`] is written.
    upstream: String,
}

impl Class {
    pub(super) fn compile(class: &settings::Class, ports: &[settings::Port]) -> Result<Self, RuleError> {
        let settings::Class { name, matches, items, repeat, headers } = class;
        let glob = |place, glob: Option<&str>, built: fn(&str) -> Result<Glob, regex::Error>| {
            glob.map(built).transpose().map_err(|error| RuleError::new(place, error))
        };
        let port = matches.port.as_ref().map(|name| {
            let port = ports.iter().find(|port| port.name == *name);
            let port = port
                .ok_or_else(|| RuleError::new("class.match.port", format!("no port is called `{name}`")))?;
            let upstream =
                Upstream::parse(&port.upstream).map_err(|error| RuleError::new("port.upstream", error))?;
            Ok(Port { name: name.clone(), upstream: upstream.to_string() })
        });
        let items = items.as_deref().map(str::parse).transpose();
        let mut headers: Vec<String> = headers.iter().map(|header| header.to_ascii_lowercase()).collect();
        headers.sort_unstable();
        headers.dedup();
        let statement = matches.statement.as_deref().map(one_blank);
        Ok(Self {
            name: name.clone(),
            repeat: *repeat,
            items: items.map_err(|error| RuleError::new("class.items", error))?,
            headers,
            host: glob("class.match.host", matches.host.as_deref(), Glob::any_case)?,
            port: port.transpose()?,
            path: glob("class.match.path", matches.path.as_deref(), Glob::exact_case)?,
            method: matches.method.clone(),
            statement: glob("class.match.statement", statement.as_deref(), Glob::any_case)?,
        })
    }

    /// `path` is without its query.
    pub(super) fn counts_http(&self, upstream: &str, method: &str, path: &str) -> bool {
        self.statement.is_none()
            && self.port.as_ref().is_none_or(|port| port.upstream == upstream)
            && self.method.as_ref().is_none_or(|own| own.eq_ignore_ascii_case(method))
            && self.path.as_ref().is_none_or(|glob| glob.matches(path))
            && self.host.as_ref().is_none_or(|glob| glob.matches(&host_of(upstream)))
    }

    /// `port` is the name of the port that the statement came in by.
    pub(super) fn counts_statement(&self, upstream: &str, port: &str, statement: &str) -> bool {
        self.path.is_none()
            && self.method.is_none()
            && self.port.as_ref().is_none_or(|own| own.name == port)
            && self.host.as_ref().is_none_or(|glob| glob.matches(&host_of(upstream)))
            && self.statement.as_ref().is_none_or(|glob| glob.matches(&one_blank(statement)))
    }
}

/// Runs of white space as one blank: statements are laid out over lines.
fn one_blank(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
