//! How a case reaches the candidate: `[cases] serve`.

use std::fmt;

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{Error, MapAccess, Visitor},
};

/// What stands for the port in commands and URLs.
const PLACEHOLDER: &str = "{port}";
const EXPECTED: &str =
    "`{ stdio = \"command\" }`, `{ http = { command = \"…\" } }` or `{ each = \"command\" }`";

/// How a case is sent to the candidate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Serve {
    /// One process answers line by line on standard input and output; the command that starts it.
    Stdio(String),
    /// One process answers as an HTTP server.
    Http(Http),
    /// One process a case: the input on standard input, the output on standard output.
    Each(String),
}

/// `serve = { http = … }`: the application as a server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written")]
pub struct Http {
    /// How it is started; `{port}` stands for the port, which is in the environment as `PORT` too.
    pub command: String,
    /// Where it listens.
    pub port: Port,
    /// A URL of the server that answers 2xx when it is up. Without it: the port accepts connections.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ready: Option<String>,
}

impl Http {
    /// The path and query of [`ready`](Self::ready).
    pub fn ready_path(&self) -> Option<&str> {
        self.ready.as_deref().and_then(|url| path_of(url, self.port))
    }
}

/// Where a server of the candidate listens, on the loopback interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Port {
    /// On a free port, another one each time.
    #[default]
    Free,
    /// On this one, so that one side can run at a time.
    Fixed(u16),
}

impl Serialize for Port {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Port::Free => serializer.serialize_str(PLACEHOLDER),
            Port::Fixed(port) => serializer.serialize_u16(*port),
        }
    }
}

impl<'de> Deserialize<'de> for Port {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PortVisitor)
    }
}

struct PortVisitor;

impl Visitor<'_> for PortVisitor {
    type Value = Port;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a port such as 8080, or \"{port}\" for a free one")
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Port, E> {
        let port = u16::try_from(number).ok().filter(|port| *port > 0);
        port.map(Port::Fixed).ok_or_else(|| E::custom(format!("{number} is no port: write 1 to 65535")))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Port, E> {
        self.visit_u64(u64::try_from(number).unwrap_or(0))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Port, E> {
        match text {
            PLACEHOLDER => Ok(Port::Free),
            _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
        }
    }
}

/// As it stands in the settings, before it was looked at.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    command: String,
    #[serde(default)]
    port: Port,
    ready: Option<String>,
}

impl TryFrom<Written> for Http {
    type Error = String;

    fn try_from(Written { command, port, ready }: Written) -> Result<Self, String> {
        if command.trim().is_empty() {
            return Err("`http` has an empty command".to_owned());
        }
        if let Some(url) = ready.as_deref().filter(|url| path_of(url, port).is_none()) {
            let port = match port {
                Port::Free => PLACEHOLDER.to_owned(),
                Port::Fixed(port) => port.to_string(),
            };
            return Err(format!(
                "`ready = \"{url}\"` is no URL of this server: write it as `http://127.0.0.1:{port}/health`"
            ));
        }
        Ok(Self { command, port, ready })
    }
}

/// The path of a URL of the server at `port`; `None` where it is a URL of something else, or holds what would end the
/// line of a request.
fn path_of(url: &str, port: Port) -> Option<&str> {
    let rest = url.strip_prefix("http://127.0.0.1:").or_else(|| url.strip_prefix("http://localhost:"))?;
    let fixed = match port {
        Port::Free => None,
        Port::Fixed(port) => rest.strip_prefix(port.to_string().as_str()),
    };
    let path = fixed.or_else(|| rest.strip_prefix(PLACEHOLDER))?;
    let plain = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
    match path {
        "" => Some("/"),
        path if path.starts_with('/') && plain => Some(path),
        _ => None,
    }
}

impl<'de> Deserialize<'de> for Serve {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ServeVisitor)
    }
}

struct ServeVisitor;

impl<'de> Visitor<'de> for ServeVisitor {
    type Value = Serve;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(EXPECTED)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Serve, A::Error> {
        let Some(key) = map.next_key::<String>()? else {
            return Err(A::Error::custom(format!("expected {EXPECTED}")));
        };
        let serve = match key.as_str() {
            "stdio" => Serve::Stdio(map.next_value()?),
            "http" => Serve::Http(map.next_value()?),
            "each" => Serve::Each(map.next_value()?),
            _ => return Err(A::Error::unknown_field(&key, &["stdio", "http", "each"])),
        };
        if let Serve::Stdio(command) | Serve::Each(command) = &serve
            && command.trim().is_empty()
        {
            return Err(A::Error::custom(format!("`{key}` has an empty command")));
        }
        match map.next_key::<String>()? {
            None => Ok(serve),
            Some(other) => {
                Err(A::Error::custom(format!("`{key}` and `{other}`: cases are served in one way")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Serve, String> {
        let read = toml::from_str::<std::collections::BTreeMap<String, Serve>>(&format!("serve = {text}"));
        read.map(|mut table| table.remove("serve").unwrap()).map_err(|error| error.message().to_owned())
    }

    fn http(text: &str) -> Http {
        match read(&format!("{{ http = {{ {text} }} }}")) {
            Ok(Serve::Http(http)) => http,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_server_has_a_port_and_a_path_that_says_it_is_up() {
        let plain = http("command = 'serve'");
        assert_eq!((plain.port, plain.ready_path()), (Port::Free, None));
        let whole = http("command = 's', port = '{port}', ready = 'http://127.0.0.1:{port}/up?x=1'");
        assert_eq!((whole.port, whole.ready_path()), (Port::Free, Some("/up?x=1")));
        let fixed = http("command = 's', port = 8080, ready = 'http://localhost:8080'");
        assert_eq!((fixed.port, fixed.ready_path()), (Port::Fixed(8080), Some("/")));
        for serve in [Serve::Http(whole), Serve::Http(fixed), Serve::Each("./x".to_owned())] {
            let json = serde_json::to_string(&serve).unwrap();
            assert_eq!(serde_json::from_str::<Serve>(&json).unwrap(), serve);
        }
    }

    #[test]
    fn what_is_wrong_is_said() {
        let wrong = [
            "'each'",
            "{}",
            "{ htp = {} }",
            "{ stdio = ' ' }",
            "{ stdio = 'a', each = 'b' }",
            "{ http = { port = 80 } }",
            "{ http = { command = '' } }",
            "{ http = { command = 'a', port = 70000 } }",
            "{ http = { command = 'a', port = 'free' } }",
            "{ http = { command = 'a', ready = '/health' } }",
            "{ http = { command = 'a', ready = 'http://example.com/' } }",
            "{ http = { command = 'a', port = 80, ready = 'http://127.0.0.1:8080/' } }",
            "{ http = { command = 'a', ready = 'http://127.0.0.1:{port}/a b' } }",
        ];
        let told: Vec<String> =
            wrong.iter().map(|text| format!("{text}: {}", read(text).unwrap_err())).collect();
        insta::assert_snapshot!(told.join("\n"), @r#"
        'each': invalid type: string "each", expected `{ stdio = "command" }`, `{ http = { command = "…" } }` or `{ each = "command" }`
        {}: expected `{ stdio = "command" }`, `{ http = { command = "…" } }` or `{ each = "command" }`
        { htp = {} }: unknown field `htp`, expected one of `stdio`, `http`, `each`
        { stdio = ' ' }: `stdio` has an empty command
        { stdio = 'a', each = 'b' }: `each` and `stdio`: cases are served in one way
        { http = { port = 80 } }: missing field `command`
        { http = { command = '' } }: `http` has an empty command
        { http = { command = 'a', port = 70000 } }: 70000 is no port: write 1 to 65535
        { http = { command = 'a', port = 'free' } }: invalid value: string "free", expected a port such as 8080, or "{port}" for a free one
        { http = { command = 'a', ready = '/health' } }: `ready = "/health"` is no URL of this server: write it as `http://127.0.0.1:{port}/health`
        { http = { command = 'a', ready = 'http://example.com/' } }: `ready = "http://example.com/"` is no URL of this server: write it as `http://127.0.0.1:{port}/health`
        { http = { command = 'a', port = 80, ready = 'http://127.0.0.1:8080/' } }: `ready = "http://127.0.0.1:8080/"` is no URL of this server: write it as `http://127.0.0.1:80/health`
        { http = { command = 'a', ready = 'http://127.0.0.1:{port}/a b' } }: `ready = "http://127.0.0.1:{port}/a b"` is no URL of this server: write it as `http://127.0.0.1:{port}/health`
        "#);
    }
}
