//! `[agent] network`: what an agent in a sandbox reaches.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an agent in a sandbox reaches.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub enum AgentNetwork {
    /// The network of the machine.
    #[default]
    Open,
    /// These hosts, and no other.
    Hosts(Vec<Host>),
}

impl AgentNetwork {
    pub(super) fn is_open(&self) -> bool {
        *self == Self::Open
    }
}

/// A host and a port of it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Host {
    /// In small letters.
    pub name: String,
    /// 443 where none is written.
    pub port: u16,
}

impl Host {
    /// The port of HTTPS.
    pub const HTTPS: u16 = 443;

    /// Whether it is this very machine.
    pub fn is_local(&self) -> bool {
        ["localhost", "127.0.0.1"].contains(&self.name.as_str())
    }
}

/// A text that names no host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no host: write a name such as \"api.example.com\", with a port where it is not 443")]
pub struct NoHost(String);

impl FromStr for Host {
    type Err = NoHost;

    fn from_str(text: &str) -> Result<Self, NoHost> {
        let wrong = || NoHost(text.chars().take(80).collect());
        let (name, port) = match text.rsplit_once(':') {
            Some((name, port)) => (name, port.parse().map_err(|_| wrong())?),
            None => (text, Self::HTTPS),
        };
        let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        match !name.is_empty() && name.len() < 254 && name.chars().all(plain) && port != 0 {
            true => Ok(Self { name, port }),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Self::HTTPS => f.write_str(&self.name),
            port => write!(f, "{}:{port}", self.name),
        }
    }
}

/// As it is written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Word(String),
    Hosts(Vec<String>),
}

impl TryFrom<Written> for AgentNetwork {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        match written {
            Written::Word(word) if word == "open" => Ok(Self::Open),
            Written::Word(word) => {
                let word: String = word.chars().take(80).collect();
                Err(format!("`{word}` is no network: write \"open\", or a list of hosts"))
            }
            Written::Hosts(hosts) => {
                let hosts = hosts.iter().map(|host| host.parse().map_err(|error: NoHost| error.to_string()));
                Ok(Self::Hosts(hosts.collect::<Result<_, _>>()?))
            }
        }
    }
}

impl From<AgentNetwork> for Written {
    fn from(network: AgentNetwork) -> Self {
        match network {
            AgentNetwork::Open => Self::Word("open".to_owned()),
            AgentNetwork::Hosts(hosts) => Self::Hosts(hosts.iter().map(Host::to_string).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_read_and_printed_back() {
        for text in ["api.example.com", "api.example.com:8443", "127.0.0.1:11434"] {
            assert_eq!(text.parse::<Host>().unwrap().to_string(), text);
        }
        assert_eq!("API.Example.com.:443".parse::<Host>().unwrap().to_string(), "api.example.com");
        for text in
            ["", "https://api.example.com", "api.example.com/v1", "a:0", "a:b", "*.example.com", ":443"]
        {
            assert!(text.parse::<Host>().is_err(), "{text}");
        }
    }
}
