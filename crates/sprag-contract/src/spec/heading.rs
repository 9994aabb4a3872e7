//! What a heading of the spec announces.

use crate::nearest::nearest;

/// A section of the spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Objective,
    Metrics,
    HowToRun,
    Scope,
    OffLimits,
    Constraints,
    Dependencies,
    Knobs,
    Stop,
    Phase(u32),
    Tried,
    /// For the agent alone.
    Prose,
}

/// Headings in lower case without punctuation. The first of each kind is its name.
const NAMES: [(&str, Kind); 38] = [
    ("objective", Kind::Objective),
    ("objectives", Kind::Objective),
    ("goal", Kind::Objective),
    ("metrics", Kind::Metrics),
    ("metric", Kind::Metrics),
    ("how to run", Kind::HowToRun),
    ("how to run it", Kind::HowToRun),
    ("running", Kind::HowToRun),
    ("files in scope", Kind::Scope),
    ("file in scope", Kind::Scope),
    ("in scope", Kind::Scope),
    ("scope", Kind::Scope),
    ("off limits", Kind::OffLimits),
    ("files off limits", Kind::OffLimits),
    ("off limits files", Kind::OffLimits),
    ("out of scope", Kind::OffLimits),
    ("constraints", Kind::Constraints),
    ("constraint", Kind::Constraints),
    ("hard constraints", Kind::Constraints),
    ("general constraints", Kind::Constraints),
    ("rules", Kind::Constraints),
    ("dependencies", Kind::Dependencies),
    ("knobs", Kind::Knobs),
    ("stop", Kind::Stop),
    ("stop when", Kind::Stop),
    ("stop rule", Kind::Stop),
    ("stop rules", Kind::Stop),
    ("stop condition", Kind::Stop),
    ("stop conditions", Kind::Stop),
    ("stopping", Kind::Stop),
    ("stopping rule", Kind::Stop),
    ("stopping rules", Kind::Stop),
    ("stopping condition", Kind::Stop),
    ("stopping conditions", Kind::Stop),
    ("whats been tried", Kind::Tried),
    ("what has been tried", Kind::Tried),
    ("what was tried", Kind::Tried),
    ("tried", Kind::Tried),
];

/// The words of a heading: lower case, without numbering, punctuation and emoji.
fn words(heading: &str) -> String {
    let mut out = String::new();
    for c in heading.chars().take(200) {
        match c {
            '\'' | '’' | '‘' => {}
            c if c.is_alphanumeric() => out.extend(c.to_lowercase()),
            _ if !out.ends_with(' ') && !out.is_empty() => out.push(' '),
            _ => {}
        }
    }
    out.trim_end().to_owned()
}

/// `3. Objective` has a number of its own.
fn without_number(words: &str) -> &str {
    match words.split_once(' ') {
        Some((first, rest)) if first.chars().all(|c| c.is_ascii_digit()) => rest,
        _ => words,
    }
}

/// What a heading announces; `None` where it is nothing that Sprag knows.
pub(crate) fn classify(heading: &str) -> Option<Kind> {
    let all = words(heading);
    let name = without_number(&all);
    if let Some(rest) = name.strip_prefix("phase ") {
        let number = rest.split(' ').next().and_then(|n| n.parse().ok())?;
        return Some(Kind::Phase(number));
    }
    NAMES.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind)
}

/// The name that an unknown heading almost has: its rules would otherwise be lost as prose.
pub(crate) fn misspelt(heading: &str) -> Option<&'static str> {
    let all = words(heading);
    let written = without_number(&all);
    let long = NAMES.iter().map(|(name, _)| *name).filter(|name| name.len() > 4);
    // Short names have real words near them ("Step"): there only two swapped letters are a slip.
    let swapped = |name: &str| {
        let lower = written.to_lowercase();
        lower.len() == name.len()
            && lower.get(..1) == name.get(..1)
            && strsim::damerau_levenshtein(&lower, name) == 1
            && strsim::levenshtein(&lower, name) == 2
    };
    let mut short = NAMES.iter().map(|(name, _)| *name).filter(|name| name.len() <= 4);
    let near = nearest(written, long).or_else(|| short.find(|name| swapped(name)))?;
    let kind = NAMES.iter().find(|(name, _)| *name == near)?.1;
    Some(title(kind))
}

/// A heading as the manual writes it.
fn title(kind: Kind) -> &'static str {
    match kind {
        Kind::Objective => "Objective",
        Kind::Metrics => "Metrics",
        Kind::HowToRun => "How to Run",
        Kind::Scope => "Files in Scope",
        Kind::OffLimits => "Off Limits",
        Kind::Constraints => "Constraints",
        Kind::Dependencies => "Dependencies",
        Kind::Knobs => "Knobs",
        Kind::Stop => "Stop",
        Kind::Phase(_) => "Phase 2",
        Kind::Tried => "What's Been Tried",
        Kind::Prose => "Notes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_are_known_in_any_case_and_with_decoration() {
        for (heading, kind) in [
            ("OFF LIMITS", Kind::OffLimits),
            ("Off-Limits:", Kind::OffLimits),
            ("3. Files in Scope", Kind::Scope),
            ("What’s Been Tried", Kind::Tried),
            ("🎯 Objective", Kind::Objective),
            ("Phase 2: relaxed counts", Kind::Phase(2)),
            ("Stopping condition", Kind::Stop),
        ] {
            assert_eq!(classify(heading), Some(kind), "{heading}");
        }
        assert_eq!(classify("Background"), None);
        assert_eq!(classify("Phase two"), None);
        assert_eq!(misspelt("Constaints"), Some("Constraints"));
        assert_eq!(misspelt("Of Limits"), Some("Off Limits"));
        assert_eq!(misspelt("Stpo"), Some("Stop"));
        for other in ["Background", "Notes", "Step", "Spot", "Post", "Goat"] {
            assert_eq!(misspelt(other), None, "{other}");
        }
    }
}
