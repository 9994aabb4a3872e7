//! Places outside: what they speak, and how they are written.

use std::{fmt, net::IpAddr};

/// What an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `http://`
    Http,
    /// `https://`
    Https,
    /// `postgres://` or `postgresql://`
    Postgres,
    /// `redis://`
    Redis,
    /// `tcp://`: anything else, played as a strict script.
    Tcp,
}

impl Scheme {
    /// As it stands in a URL.
    pub fn name(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
            Scheme::Postgres => "postgres",
            Scheme::Redis => "redis",
            Scheme::Tcp => "tcp",
        }
    }

    /// The port where none is named; `None` where one has to be.
    pub fn default_port(self) -> Option<u16> {
        match self {
            Scheme::Http => Some(80),
            Scheme::Https => Some(443),
            Scheme::Postgres => Some(5432),
            Scheme::Redis => Some(6379),
            Scheme::Tcp => None,
        }
    }

    /// Whether HTTP is spoken.
    pub fn is_http(self) -> bool {
        matches!(self, Scheme::Http | Scheme::Https)
    }
}

/// A place outside. Written `https://api.example.com`: HTTP's default ports are left out, others are said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Upstream {
    /// What it speaks.
    pub scheme: Scheme,
    /// A name in lower case, or an address; IPv6 without brackets.
    pub host: String,
    /// Where it listens.
    pub port: u16,
}

/// A text that is no upstream.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUpstream {
    /// It does not start with a scheme that can be recorded.
    #[error("`{0}` does not start with http://, https://, postgres://, redis:// or tcp://")]
    Scheme(String),
    /// It holds a user or a password.
    #[error("an upstream with a user or a password")]
    Credentials,
    /// It has no host, or what stands there is none.
    #[error("`{0}` names no host")]
    Host(String),
    /// It has no port and needs one, or what stands there is none.
    #[error("`{0}` names no port")]
    Port(String),
    /// It goes on after the port.
    #[error("`{0}` has more than a host and a port")]
    More(String),
}

impl BadUpstream {
    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self {
            BadUpstream::Scheme(_) => {
                "write a URL such as `https://api.example.com` or `tcp://127.0.0.1:9000`"
            }
            BadUpstream::Credentials => {
                "leave them out: the application brings its own, and they are not recorded"
            }
            BadUpstream::Host(_) => "write a name or an address, an IPv6 address in brackets",
            BadUpstream::Port(_) => "write a port from 1 to 65535 after the host",
            BadUpstream::More(_) => "end it after the port: the path is part of each request",
        }
    }
}

impl Upstream {
    /// `None` where there is no host, or no port and the scheme has none of its own.
    pub fn new(scheme: Scheme, host: &str, port: Option<u16>) -> Option<Self> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let port = port.or(scheme.default_port())?;
        (!host.is_empty()).then_some(Self { scheme, host, port })
    }

    /// Reads `postgres://127.0.0.1:5432`.
    ///
    /// # Errors
    /// Another scheme; a user, a path or a query; no host; no port where the scheme has none of its own.
    pub fn parse(text: &str) -> Result<Self, BadUpstream> {
        let shown = || text.chars().take(80).collect::<String>();
        let (scheme, rest) = text.trim().split_once("://").ok_or_else(|| BadUpstream::Scheme(shown()))?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            "postgres" | "postgresql" => Scheme::Postgres,
            "redis" => Scheme::Redis,
            "tcp" => Scheme::Tcp,
            _ => return Err(BadUpstream::Scheme(shown())),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(BadUpstream::Credentials);
        }
        if rest.contains(['/', '?', '#']) {
            return Err(BadUpstream::More(shown()));
        }
        let bad_port = || BadUpstream::Port(shown());
        let (host, port) = match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, "")) => (host, None),
            Some((host, port)) => (host, Some(port.strip_prefix(':').ok_or_else(bad_port)?)),
            None => rest.split_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || ".-_:".contains(c);
        if host.is_empty() || !host.chars().all(plain) {
            return Err(BadUpstream::Host(shown()));
        }
        let port = match port {
            Some(port) => Some(port.parse().ok().filter(|port| *port != 0).ok_or_else(bad_port)?),
            None => None,
        };
        Self::new(scheme, host, port).ok_or_else(bad_port)
    }

    /// Whether it is on this machine.
    pub fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        write!(f, "{}://", scheme.name())?;
        match host.contains(':') {
            true => write!(f, "[{host}]")?,
            false => f.write_str(host)?,
        }
        match scheme.is_http() && scheme.default_port() == Some(*port) {
            true => Ok(()),
            false => write!(f, ":{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_has_one_text() {
        for (text, shown) in [
            ("HTTPS://API.example.com:443/", "https://api.example.com"),
            ("https://api.example.com.", "https://api.example.com"),
            ("http://[::1]:80", "http://[::1]"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("postgresql://127.0.0.1", "postgres://127.0.0.1:5432"),
            ("redis://cache:7000", "redis://cache:7000"),
            ("tcp://x:1", "tcp://x:1"),
        ] {
            let upstream = Upstream::parse(text).unwrap();
            assert_eq!(upstream.to_string(), shown);
            assert_eq!(Upstream::parse(shown), Ok(upstream));
        }
    }

    #[test]
    fn what_is_no_upstream_is_refused() {
        let refused = |text: &str| Upstream::parse(text).unwrap_err().to_string();
        let texts = [
            "api.example.com",
            "ftp://x",
            "http://",
            "http://a b",
            "tcp://x",
            "http://x:0",
            "http://x:99999",
            "http://[::1]x",
            "http://x/v1",
            "postgres://user:secret@x/db",
        ];
        let table: Vec<String> = texts.iter().map(|text| format!("{text} | {}", refused(text))).collect();
        insta::assert_snapshot!(table.join("\n"), @"
        api.example.com | `api.example.com` does not start with http://, https://, postgres://, redis:// or tcp://
        ftp://x | `ftp://x` does not start with http://, https://, postgres://, redis:// or tcp://
        http:// | `http://` names no host
        http://a b | `http://a b` names no host
        tcp://x | `tcp://x` names no port
        http://x:0 | `http://x:0` names no port
        http://x:99999 | `http://x:99999` names no port
        http://[::1]x | `http://[::1]x` names no port
        http://x/v1 | `http://x/v1` has more than a host and a port
        postgres://user:secret@x/db | an upstream with a user or a password
        ");
    }
}
