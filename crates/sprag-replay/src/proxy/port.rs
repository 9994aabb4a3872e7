//! Where requests go: an upstream, and a port of the proxy's own that stands for one.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

use hyper::Uri;

/// What an upstream speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Scheme {
    Http,
    Https,
    Postgres,
    Redis,
    Tcp,
}

impl Scheme {
    const ALL: [Self; 5] = [Self::Http, Self::Https, Self::Postgres, Self::Redis, Self::Tcp];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Postgres => "postgres",
            Self::Redis => "redis",
            Self::Tcp => "tcp",
        }
    }

    fn default_port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https => Some(443),
            Self::Postgres => Some(5432),
            Self::Redis => Some(6379),
            Self::Tcp => None,
        }
    }
}

/// A place outside. Written `https://api.example.com`: HTTP's default ports are left out, others are said.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Upstream {
    pub(crate) scheme: Scheme,
    /// A name in lower case, or an address; IPv6 without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Upstream {
    pub(crate) fn new(scheme: Scheme, host: &str, port: Option<u16>) -> Option<Self> {
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
        let port = port.or(scheme.default_port())?;
        (!host.is_empty()).then_some(Self { scheme, host, port })
    }

    /// Of the settings: `postgres://127.0.0.1:5432`.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        const EXPECTED: &str = "expected http://, https://, postgres://, redis:// or tcp://, a host and a port";
        let uri: Uri = text.parse().map_err(|_| EXPECTED)?;
        let scheme = Scheme::ALL.into_iter().find(|scheme| uri.scheme_str() == Some(scheme.name()));
        let authority = uri.authority().ok_or(EXPECTED)?;
        if authority.as_str().contains('@') {
            return Err("no user and no password here: they go through the connection, and are not recorded");
        }
        if !matches!(uri.path(), "" | "/") || uri.query().is_some() {
            return Err("no path here: it is part of each request");
        }
        Self::new(scheme.ok_or(EXPECTED)?, authority.host(), authority.port_u16()).ok_or(EXPECTED)
    }

    /// Whether it is on this machine.
    pub(crate) fn is_loopback(&self) -> bool {
        self.host == "localhost" || self.host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl fmt::Display for Upstream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { scheme, host, port } = self;
        write!(f, "{}://", scheme.name())?;
        match host.parse::<Ipv6Addr>() {
            Ok(_) => write!(f, "[{host}]")?,
            Err(_) => f.write_str(host)?,
        }
        match scheme {
            Scheme::Http | Scheme::Https if scheme.default_port() == Some(*port) => Ok(()),
            _ => write!(f, ":{port}"),
        }
    }
}

/// A port of the proxy's own that stands for an upstream.
#[derive(Debug)]
pub(crate) struct Port {
    /// As the settings call it.
    pub(crate) name: String,
    pub(crate) upstream: Upstream,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_has_one_spelling() {
        let spelled = |text: &str| Upstream::parse(text).map(|upstream| upstream.to_string());
        assert_eq!(spelled("https://API.example.com:443/"), Ok("https://api.example.com".to_owned()));
        assert_eq!(spelled("https://api.example.com."), Ok("https://api.example.com".to_owned()));
        assert_eq!(spelled("http://[::1]:8080"), Ok("http://[::1]:8080".to_owned()));
        assert_eq!(spelled("postgres://127.0.0.1"), Ok("postgres://127.0.0.1:5432".to_owned()));
    }

    #[test]
    fn an_upstream_without_a_port_or_with_more_than_a_place_is_refused() {
        for text in ["tcp://db", "db:5432", "mysql://db:3306", "postgres://me:pw@db", "http://a/b", "http://"] {
            assert!(Upstream::parse(text).is_err(), "{text}");
        }
    }
}
