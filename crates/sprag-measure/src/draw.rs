//! Everything that is drawn for a run, from its one seed: the ledger keeps that, and an audit draws it again.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::Role;

/// What is drawn. Each has a stream of its own, so that a new purpose changes no old draw.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    /// The order of the scored cases, the same for both sides.
    CaseOrder,
    /// Who answers a case first.
    Coins,
    /// `SPRAG_SEED`, the same for both sides.
    SharedSeed,
    /// The padding of a side's environment.
    Padding(Role),
}

pub(crate) fn draw(seed: u64, purpose: Purpose, repetition: u32) -> ChaCha8Rng {
    let stream: u64 = match purpose {
        Purpose::CaseOrder => 1,
        Purpose::Coins => 2,
        Purpose::SharedSeed => 3,
        Purpose::Padding(Role::Incumbent) => 4,
        Purpose::Padding(Role::Candidate) => 5,
    };
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    rng.set_stream(stream << 32 | u64::from(repetition));
    rng
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::Rng;

    #[test]
    fn the_same_seed_draws_the_same_and_purposes_are_apart() {
        let first = |purpose, repetition| draw(7, purpose, repetition).next_u64();
        assert_eq!(first(Purpose::Coins, 0), first(Purpose::Coins, 0));
        assert_ne!(first(Purpose::Coins, 0), first(Purpose::Coins, 1));
        assert_ne!(first(Purpose::Coins, 0), first(Purpose::CaseOrder, 0));
    }
}
