//! A port of the proxy's own that stands for an upstream.

use std::collections::BTreeMap;

use sprag_contract::settings::replay::{self, Upstream};

use super::ProxyError;

/// A port of the proxy's own.
#[derive(Debug)]
pub(crate) struct Port {
    /// As the settings call it.
    pub(crate) name: String,
    /// What it stands for.
    pub(crate) upstream: Upstream,
    /// What else the application is told; `{host}` and `{port}` stand for where it listens.
    pub(crate) env: BTreeMap<String, String>,
}

impl Port {
    /// Of the settings.
    pub(super) fn of(port: &replay::Port) -> Result<Self, ProxyError> {
        let replay::Port { name, upstream, env, listen: _ } = port;
        let upstream = Upstream::parse(upstream)
            .map_err(|error| ProxyError::Port { name: name.clone(), what: error.to_string() })?;
        Ok(Self { name: name.clone(), upstream, env: env.clone() })
    }
}
