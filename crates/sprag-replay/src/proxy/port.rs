//! A port of the proxy's own that stands for an upstream.

use std::collections::BTreeMap;

use sprag_contract::settings::replay::Upstream;

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
