//! Numbers as people read them.

/// Six significant digits at most, without trailing zeros; whole numbers in full.
pub fn number(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    let size = value.abs();
    if value.fract() == 0.0 && size < 1e15 {
        return format!("{value:.0}");
    }
    if !(1e-4..1e15).contains(&size) {
        return format!("{value:.4e}");
    }
    let digits = (5 - size.log10().floor() as i32).clamp(0, 10) as usize;
    let text = format!("{value:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A change as `+1.2%`, or as `×3.4` where it is more than tenfold.
pub fn change(fraction: f64) -> String {
    if fraction >= 9.0 {
        return format!("×{}", number((fraction + 1.0).round()));
    }
    let percent = fraction * 100.0;
    if percent.abs() < 0.05 { "0.0%".to_owned() } else { format!("{percent:+.1}%") }
}

/// A count as `177k` or `2.3M`.
pub fn count(value: f64) -> String {
    match value {
        v if v >= 999_500.0 => format!("{:.1}M", v / 1e6),
        v if v >= 9_999.5 => format!("{:.0}k", v / 1e3),
        v => format!("{v:.0}"),
    }
}

/// Seconds as `1 h 02 min`, `3 min 20 s` or `4.2 s`.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round();
    match whole {
        s if s >= 3600.0 => format!("{} h {:02} min", (s / 3600.0).floor(), ((s % 3600.0) / 60.0).floor()),
        s if s >= 60.0 => format!("{} min {:02} s", (s / 60.0).floor(), s % 60.0),
        _ => format!("{seconds:.1} s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_true() {
        let shown: Vec<String> =
            [338.57, 33.829_999, 3818.0, 0.997_912_34, 1e-9, 146_842.25, 0.0, -2.5, 1e20].map(number).into();
        assert_eq!(
            shown,
            ["338.57", "33.83", "3818", "0.997912", "1.0000e-9", "146842", "0", "-2.5", "1.0000e20"]
        );
        assert_eq!([-0.697, 0.0001, 0.042, 12.5].map(change), ["-69.7%", "0.0%", "+4.2%", "×14"]);
        assert_eq!([850.0, 177_000.0, 2_300_000.0].map(count), ["850", "177k", "2.3M"]);
        assert_eq!([4.25, 200.0, 3725.0].map(duration), ["4.2 s", "3 min 20 s", "1 h 02 min"]);
    }
}
