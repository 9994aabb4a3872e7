//! How numbers are written in sentences for people.

/// A fraction as a percentage: `0.123` is `12.3 %`; below 1 % with two decimals.
pub(crate) fn percent(fraction: f64) -> String {
    let percent = 100.0 * fraction;
    let decimals = if percent.abs() < 0.995 { 2 } else { 1 };
    format!("{percent:.decimals$} %")
}

/// A number with at most six significant digits and without trailing zeros.
pub(crate) fn number(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return value.to_string();
    }
    let magnitude = value.abs().log10().floor();
    if !(-5.0..15.0).contains(&magnitude) {
        return format!("{value:.3e}");
    }
    let decimals = (5.0 - magnitude).max(0.0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// Evidence or a threshold: three significant digits at most, and powers of ten for the large.
pub(crate) fn evidence(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{v:.0e}"),
        v if v >= 10.0 => format!("{v:.0}"),
        v if v >= 1.0 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_keep_what_matters() {
        let written = [7.0, 0.0, 35.1144999, 0.1 + 0.2, 1234567.0, 1e-9, -2.5, 1e300].map(number);
        assert_eq!(written, ["7", "0", "35.1145", "0.3", "1234567", "1.000e-9", "-2.5", "1.000e300"]);
        assert_eq!([0.123, 0.004, 0.00996].map(percent), ["12.3 %", "0.40 %", "1.0 %"]);
        assert_eq!([61.2, 1.26, 0.079, 3.4e17].map(evidence), ["61", "1.3", "0.08", "3e17"]);
    }
}
