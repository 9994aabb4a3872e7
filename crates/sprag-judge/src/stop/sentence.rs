//! A sentence of the Stop section, cut into words.

/// The words of a stop sentence, without the decoration people put around them.
#[derive(Debug, Clone)]
pub struct Sentence {
    written: Vec<String>,
    lower: Vec<String>,
}

impl Sentence {
    /// Drops backticks, a final full stop and a leading "stop", and splits at white space.
    pub fn new(text: &str) -> Self {
        let text = text.replace('`', " ");
        let mut written: Vec<String> =
            text.trim().trim_end_matches(['.', ';']).split_whitespace().map(str::to_owned).collect();
        if written.first().is_some_and(|word| word.eq_ignore_ascii_case("stop")) {
            written.remove(0);
        }
        let lower = written.iter().map(|word| word.to_lowercase()).collect();
        Self { written, lower }
    }

    /// The words in lower case: match on `.as_slice()` with string patterns.
    pub fn words(&self) -> Vec<&str> {
        self.lower.iter().map(String::as_str).collect()
    }

    /// The word at `index` as it was written: names of metrics are case-sensitive.
    pub fn written(&self, index: usize) -> Option<&str> {
        self.written.get(index).map(String::as_str)
    }

    /// A whole number of at least 1, such as `50` or `1,000`.
    pub fn count(word: &str) -> Option<u32> {
        word.replace([',', '_'], "").parse().ok().filter(|count| *count > 0)
    }

    /// A finite decimal number, such as `30`, `0.5` or `-1e3`.
    pub fn number(word: &str) -> Option<f64> {
        let starts_well = word.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c));
        starts_well.then(|| word.parse().ok()).flatten().filter(|number: &f64| number.is_finite())
    }

    /// A share written as `1%`, as a fraction: 0.01.
    pub fn percent(word: &str) -> Option<f64> {
        // Parsed with an exponent instead of divided, so that 1% is exactly the 0.01 that a person would write.
        let digits = word.strip_suffix('%')?;
        Self::number(digits)?;
        let plain = !digits.contains(['e', 'E']);
        if plain { format!("{digits}e-2").parse().ok() } else { Self::number(digits).map(|n| n / 100.0) }
    }
}
