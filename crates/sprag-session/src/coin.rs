//! Coins and shuffles of one candidate, all drawn from the seed that its row stores: an audit draws them again.

use sprag_judge::Order;

/// The run of the stand-in; like those below, a place in the sequence that no pair ever has.
pub(crate) const FLOOR: usize = 1_000_000;
/// The first run of a candidate.
pub(crate) const FIRST_RUN: usize = 2_000_000;
/// The run that confirms the first one, for a deterministic metric.
pub(crate) const CONFIRMING_RUN: usize = 2_000_001;
/// The run of the hidden cases.
pub(crate) const HIDDEN_RUN: usize = 2_000_002;
/// The first of the pairs that confirm a gain too good to be believed at once; the others follow.
pub(crate) const CONFIRMING_PAIRS: usize = 3_000_000;

/// The source of every random choice about one candidate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed([u8; 16]);

/// The choices of one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Toss {
    /// Who goes first.
    pub order: Order,
    /// What the driver draws from: the order of the cases, and who answers each first.
    pub seed: u64,
    /// The layout seeds of incumbent and candidate.
    pub layout: [u64; 2],
}

impl Seed {
    /// A fresh seed from the operating system.
    pub fn fresh() -> Self {
        Self(rand::random())
    }

    /// Reads the seed of a row.
    pub fn parse(hex: &str) -> Option<Self> {
        let mut bytes = [0; 16];
        if hex.len() != 32 || !hex.is_ascii() {
            return None;
        }
        for (i, byte) in bytes.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()?;
        }
        Some(Self(bytes))
    }

    /// The choices of pair `index`, counted from 0. A pair that is measured again gets a new `attempt`.
    pub fn toss(&self, index: usize, attempt: u32) -> Toss {
        let mut hasher = blake3::Hasher::new_derive_key("sprag 2026 pair coin");
        hasher.update(&self.0);
        hasher.update(&(index as u64).to_le_bytes());
        hasher.update(&attempt.to_le_bytes());
        let mut bytes = [0_u8; 32];
        hasher.finalize_xof().fill(&mut bytes);
        let word = |i: usize| {
            u64::from_le_bytes(bytes[8 * i..8 * i + 8].try_into().expect("eight bytes make a word"))
        };
        let order = if bytes[24] & 1 == 0 { Order::Ab } else { Order::Ba };
        // Sprag's own limit: a seed of a linker option should survive a signed 32-bit parser.
        Toss { order, seed: word(0), layout: [word(1) & 0x3fff_ffff, word(2) & 0x3fff_ffff] }
    }
}

impl std::fmt::Display for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_survives_its_row() {
        let seed = Seed::fresh();
        assert_eq!(Seed::parse(&seed.to_string()), Some(seed));
        assert_eq!(Seed::parse("not a seed"), None);
        assert_eq!(Seed::parse("é234567890123456789012345678901"), None);
    }

    #[test]
    fn the_coin_is_fair_and_the_same_each_time() {
        let seed = Seed([7; 16]);
        let heads = (0..4000).filter(|&i| seed.toss(i, 0).order == Order::Ab).count();
        assert!((1850..2150).contains(&heads), "{heads} of 4000");
        assert_eq!(seed.toss(3, 0), seed.toss(3, 0));
        assert_ne!(seed.toss(3, 0), seed.toss(3, 1));
    }
}
