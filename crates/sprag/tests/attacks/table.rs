//! The table of the corpus, for people.

use sprag_judge::Tier;

use crate::attack::Attack;
use crate::verdict::Played;

/// The longest title that is shown.
const TITLE: usize = 62;
/// And how much room there is for what must become of it.
const EXPECTED: usize = 24;
/// The longest sentence.
const SENTENCE: usize = 200;

pub(crate) fn head(tier: Tier) -> String {
    format!(
        "tier {tier}\n\n{:<6}{:<TITLE$}  {:<EXPECTED$}{:<13}{:<12}{:>6}",
        "id", "attack", "expected", "got", "by", "s"
    )
}

pub(crate) fn line(attack: &Attack, tier: Tier, played: &Played, wrong: Option<&str>) -> String {
    let title = short(&attack.head.title, TITLE);
    let expected = attack.other(tier).map_or(&attack.head.verdict, |other| &other.verdict).to_string();
    let expected = short(&expected, EXPECTED - 1);
    let word = match wrong {
        Some(_) => "WRONG",
        None if played.said.skipped => "skipped",
        None if played.got_through(attack) => "known",
        None => "ok",
    };
    let got = match played.said.word.as_str() {
        _ if played.said.skipped => "-",
        "" => "lost",
        word => word,
    };
    let line = format!(
        "{:<6}{title:<TITLE$}  {expected:<EXPECTED$}{got:<13}{:<12}{:>6.1}  {word}",
        attack.id,
        played.layer.to_string(),
        played.seconds
    );
    match wrong {
        Some(wrong) => format!("{line}\n      {}", sentence(wrong)),
        None => line,
    }
}

/// How many came to what, and what is known to get through.
pub(crate) fn foot(tier: Tier, all: &[(&Attack, Played)]) -> String {
    let wrong = all.iter().filter(|(attack, played)| played.complaint(attack, tier).is_some()).count();
    let skipped = all.iter().filter(|(_, played)| played.said.skipped).count();
    let mut text = format!(
        "\n{} played in tier {tier}: {} as expected, {wrong} not, {skipped} skipped\n",
        all.len(),
        all.len() - wrong - skipped
    );
    let known = |attack: &Attack| match (attack.other(tier), &attack.head.limit) {
        (Some(other), _) => Some(other.why.clone()),
        (None, limit) => limit.clone(),
    };
    let known: Vec<String> = all
        .iter()
        .filter_map(|(attack, played)| {
            let why = known(attack)?;
            let closed = if played.got_through(attack) { "" } else { " (not this time)" };
            Some(format!("  {:<6}{}: {why}{closed}", attack.id, attack.head.title))
        })
        .collect();
    if !known.is_empty() {
        text.push_str(&format!(
            "\nknown to get through in this tier, or to be stopped later than it should:\n{}\n",
            known.join("\n")
        ));
    }
    text
}

/// A row's sentence on one line.
pub(crate) fn sentence(detail: &str) -> String {
    short(&detail.split_whitespace().collect::<Vec<_>>().join(" "), SENTENCE)
}

fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some(_) => text.chars().take(most - 1).chain(['…']).collect(),
        None => text.to_owned(),
    }
}
