//! Where the sections of a binary lie is luck, and moves its speed by percents. A shuffle turns that luck into noise
//! that the pairs sample.

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

/// A plain `cargo build` of one binary, rewritten so that LLD puts the sections in an order drawn from `seed`;
/// `None` where the command is anything else. Only the last crate is linked again.
///
/// Plain means: nothing that a shell would expand, and no option but those that name what is built. LLD is the
/// default linker on x86-64 Linux; another one refuses the option, and then the build fails.
pub fn shuffled(command: &str, seed: u64) -> Option<String> {
    let mut words = command.split_whitespace();
    let plain = |word: &str| word.chars().all(|c| c.is_ascii_alphanumeric() || "-_./=+,:@".contains(c));
    if words.next() != Some("cargo") || words.next() != Some("build") || !words.clone().all(plain) {
        return None;
    }
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        let name = word.split_once('=').map_or(word, |(name, _)| name);
        match name {
            "--release"
            | "-r"
            | "--offline"
            | "--locked"
            | "--frozen"
            | "-q"
            | "--quiet"
            | "-v"
            | "--verbose"
            | "--all-features"
            | "--no-default-features" => kept.push(word),
            "-p" | "--package" | "--bin" | "--profile" | "--features" | "-F" | "--target"
            | "--target-dir" | "--manifest-path" | "-j" | "--jobs" => {
                kept.push(word);
                if !word.contains('=') {
                    kept.push(words.next()?);
                }
            }
            // More than one target, or something that nobody foresaw.
            _ => return None,
        }
    }
    let options: String = kept.iter().map(|word| format!(" {word}")).collect();
    // LLD reads 32 bits; -1 would reverse the order instead.
    let seed = seed % u64::from(u32::MAX);
    Some(format!("cargo rustc{options} -- -C 'link-arg=-Wl,--shuffle-sections=*={seed}'"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_plain_build_of_one_binary_is_rewritten() {
        assert_eq!(
            shuffled("cargo build --release --offline -p app", 7).unwrap(),
            "cargo rustc --release --offline -p app -- -C 'link-arg=-Wl,--shuffle-sections=*=7'"
        );
        assert!(shuffled(" cargo  build --features=a,b --bin tool", 7).is_some());
    }

    #[test]
    fn any_other_build_is_left_alone() {
        for command in [
            "make",
            "cargo build --release && strip target/release/app",
            "cargo build --release; true",
            "cargo build --workspace",
            "cargo build --bins",
            "cargo build $FLAGS",
            "cargo build -p",
            "cargo test",
            "RUSTFLAGS=-g cargo build",
            "cargo build `date`",
            "",
        ] {
            assert_eq!(shuffled(command, 7), None, "{command}");
        }
    }

    proptest! {
        #[test]
        fn the_seed_is_never_the_one_that_reverses(seed in any::<u64>()) {
            let command = shuffled("cargo build", seed).unwrap();
            let number = command.rsplit('=').next().unwrap().trim_end_matches('\'');
            prop_assert!(number.parse::<u32>().unwrap() < u32::MAX);
        }
    }
}
