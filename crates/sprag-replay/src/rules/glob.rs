//! Globs of hosts, paths and statements: `*` is any characters, `?` is one.

use regex::{Regex, RegexBuilder};

/// One glob. It matches a text as a whole.
#[derive(Debug, Clone)]
pub(super) struct Glob(Regex);

impl Glob {
    pub(super) fn exact_case(glob: &str) -> Result<Self, regex::Error> {
        Self::new(glob, false)
    }

    pub(super) fn any_case(glob: &str) -> Result<Self, regex::Error> {
        Self::new(glob, true)
    }

    fn new(glob: &str, any_case: bool) -> Result<Self, regex::Error> {
        let mut pattern = String::from("^");
        for c in glob.chars() {
            match c {
                '*' => pattern.push_str(".*"),
                '?' => pattern.push('.'),
                c => pattern.push_str(&regex::escape(c.encode_utf8(&mut [0; 4]))),
            }
        }
        pattern.push('$');
        RegexBuilder::new(&pattern).case_insensitive(any_case).dot_matches_new_line(true).build().map(Self)
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_glob_matches_a_text_as_a_whole() {
        for (glob, text, matches) in [
            ("api.example.com", "api.example.com", true),
            ("api.example.com", "apixexample.com", false),
            ("*.example.com", "a.b.EXAMPLE.com", true),
            ("*.example.com", "example.com", false),
            ("SELECT *", "select 1\nfrom x", true),
            ("SELECT *", "INSERT", false),
            ("v?", "v1", true),
            ("v?", "v12", false),
            ("", "", true),
            ("", "x", false),
            ("a(b|[c", "a(b|[c", true),
        ] {
            assert_eq!(Glob::any_case(glob).unwrap().matches(text), matches, "{glob} {text}");
        }
        assert!(!Glob::exact_case("/V1/*").unwrap().matches("/v1/x"));
        assert!(Glob::exact_case("/v1/*").unwrap().matches("/v1/x/y"));
    }
}
