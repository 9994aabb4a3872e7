//! `.auto/sprag.toml`, with every default filled in.

use serde::{Deserialize, Serialize};

/// The resolved settings. See the manual's settings page for each key.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}
