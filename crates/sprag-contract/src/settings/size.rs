//! Sizes as people write them: `4 GB`, `512 MiB`.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A number of bytes, above 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// From the largest on.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1000),
    ("B", 1),
];

/// A text that is no size.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is no size: write a whole number with its unit, such as \"4 GB\" or \"512 MiB\"")]
pub struct SizeError {
    text: String,
}

impl FromStr for Bytes {
    type Err = SizeError;

    /// Reads a whole number and a unit, from `B` and `kB` to `TB`, or `KiB` to `TiB`. Case does not count.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = || {
            let whole = text.trim();
            let (number, unit) = whole.split_at(whole.find(|c: char| !c.is_ascii_digit())?);
            let (_, factor) = UNITS.iter().find(|(name, _)| name.eq_ignore_ascii_case(unit.trim_start()))?;
            number.parse::<u64>().ok()?.checked_mul(*factor).filter(|bytes| *bytes > 0)
        };
        read().map(Self).ok_or_else(|| SizeError { text: text.chars().take(40).collect() })
    }
}

impl fmt::Display for Bytes {
    /// In the largest unit of which it is a whole number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = UNITS.into_iter().find(|(_, factor)| self.0.is_multiple_of(*factor));
        let (unit, factor) = whole.unwrap_or(("B", 1));
        write!(f, "{} {unit}", self.0 / factor)
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them_and_printed_back() {
        for (text, bytes, printed) in [
            ("4 GB", 4_000_000_000, "4 GB"),
            (" 4gb ", 4_000_000_000, "4 GB"),
            ("4096 MiB", 4 << 30, "4 GiB"),
            ("1500 MB", 1_500_000_000, "1500 MB"),
            ("512MiB", 512 << 20, "512 MiB"),
            ("65536 B", 65536, "64 KiB"),
        ] {
            assert_eq!(text.parse(), Ok(Bytes(bytes)), "{text}");
            assert_eq!(Bytes(bytes).to_string(), printed);
        }
    }

    #[test]
    fn what_is_no_size_is_refused() {
        for text in ["", "4", "GB", "4 G", "-1 GB", "0 GB", "1.5 GB", "4 GB 2", "99999999999999 TB"] {
            assert!(text.parse::<Bytes>().is_err(), "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_is_read_back(bytes in 1_u64..) {
            proptest::prop_assert_eq!(Bytes(bytes).to_string().parse(), Ok(Bytes(bytes)));
        }
    }
}
