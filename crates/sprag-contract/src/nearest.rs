//! Which known name was probably meant.

/// The closest of `known`, where it is close enough to be a slip of the fingers.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let length = word.chars().count();
    // An edit distance is quadratic: nobody mistypes a name of a thousand letters.
    if length == 0 || length > 200 {
        return None;
    }
    let allowed = match length {
        0..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    known
        .into_iter()
        .filter(|name| name.len() <= 400 && name.chars().count().abs_diff(length) <= allowed)
        .map(|name| (strsim::damerau_levenshtein(&word.to_lowercase(), &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= allowed && *distance < length)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_found_and_another_word_is_not() {
        let known = ["embedder_calls", "db_calls", "p50_ms"];
        assert_eq!(nearest("embeder_calls", known), Some("embedder_calls"));
        assert_eq!(nearest("DB_calls", known), Some("db_calls"));
        assert_eq!(nearest("latency", known), None);
        assert_eq!(nearest("", known), None);
    }
}
