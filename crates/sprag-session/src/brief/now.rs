//! How things stand: the best code so far with its numbers and where its time goes, the last verdict gate by gate, ideas,
//! notes. The part that is another one each time.

use sprag_ledger::{Entry, Idea, Run, view};

use super::gates::gates_of;
use super::quote::{TEXT, quoted, within};
use super::rules::phase_of;
use super::{Sources, block, part};
use crate::ideas::{parked_before, parked_in};
use crate::profile::profile_of;
use crate::stall::Start;

/// The most bytes of each part.
const NUMBERS: usize = 3 << 10;
const PRINTED: usize = 4 << 10;
const IDEAS: usize = 3 << 10;
const NOTES: usize = 6 << 10;
const HOOK: usize = 4 << 10;

/// The last words, which say what the first part explains.
const DO_IT: &str = "\n## Now\nMake one change, as \"What to hand over\" says.\n";

pub(super) fn of(sources: &Sources<'_>) -> String {
    let segment = sources.log.session().segment();
    let (incumbent, baseline) = (segment.incumbent(), segment.baseline());
    let heading = match sources.start {
        None => "The best code so far, which you find in this folder",
        Some(_) => "The best code so far",
    };
    let mut text = part(heading, &numbers(sources, incumbent, baseline));
    let printed = incumbent.and_then(|run| (sources.bodies)(run.output.as_deref()?));
    let printed = printed.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    text += &part("The end of what it prints when it is measured", &block(&printed, PRINTED));
    text += &part("Its profile", &profile(sources, incumbent));
    text += &part("The last verdict", &last_verdict(sources));
    text += &ideas(sources);
    text += &part("Notes of the person", &notes(sources));
    text += &part("From the person's hook", &block(sources.hook, HOOK));
    text += &sources
        .start
        .map(|start| part("Where this copy begins", &beginning(sources, start)))
        .unwrap_or_default();
    text + DO_IT
}

fn numbers(sources: &Sources<'_>, incumbent: Option<&Run>, baseline: Option<&Run>) -> Vec<String> {
    let Some(run) = incumbent else { return vec!["It is not measured yet.".to_owned()] };
    let which = match baseline.is_some_and(|base| std::ptr::eq(base, run)) {
        true => "It is the baseline: nothing was kept yet in these rules.".to_owned(),
        false => format!("It is that of run {}.", run.run),
    };
    let primary = &sources.contract.primary.name;
    let of =
        |run: &Run, name: &str| if name == primary { run.metric } else { run.metrics.get(name).copied() };
    let others = run.metrics.keys().map(String::as_str);
    let lines = std::iter::once(primary.as_str()).chain(others).map(|name| {
        let value = of(run, name).map_or("unknown".to_owned(), view::number);
        let before = baseline.filter(|base| !std::ptr::eq(*base, run)).and_then(|base| of(base, name));
        let before =
            before.map(|value| format!(", the baseline's {}", view::number(value))).unwrap_or_default();
        format!("- {}: {value}{before}", view::clip(name, TEXT))
    });
    within(std::iter::once(which).chain(lines), NUMBERS)
}

/// What `[run] profile` said of it.
fn profile(sources: &Sources<'_>, incumbent: Option<&Run>) -> Vec<String> {
    if sources.contract.settings.run.profile.is_none() {
        return Vec::new();
    }
    let tree = incumbent.and_then(|run| run.tree.as_deref());
    match tree.and_then(|tree| profile_of(sources.log, tree)) {
        Some("") => vec!["The profile of it came to nothing.".to_owned()],
        Some(profile) => block(profile, PRINTED),
        None => vec!["It is not made yet: that is done before the next try.".to_owned()],
    }
}

/// Which gates the last try passed, and which it did not.
fn last_verdict(sources: &Sources<'_>) -> Vec<String> {
    let runs = sources.log.session().segment();
    let Some((run, reason)) = runs.runs().rev().find_map(|run| Some((run, run.reason?))) else {
        return Vec::new();
    };
    let gates = gates_of(sources.contract, phase_of(sources), reason);
    vec![format!("Run {}, {}: {gates}", run.run, quoted(&run.description, TEXT))]
}

/// What is in the copy, where that is not the best code so far.
fn beginning(sources: &Sources<'_>, start: &Start) -> Vec<String> {
    let what = if start.is_combination { "that with these changes together" } else { "what this run left" };
    let mut lines =
        vec![format!("Nothing was kept for a while. So this copy is not the best code so far, but {what}:")];
    let runs = sources.log.runs().filter(|run| start.runs.contains(&run.run));
    lines.extend(
        runs.map(|run| {
            format!("- run {} ({}): {}", run.run, run.status.word(), quoted(&run.description, TEXT))
        }),
    );
    lines.push(
        "What you leave is compared with the best code so far, as always. Go on from here, or elsewhere."
            .to_owned(),
    );
    lines
}

fn ideas(sources: &Sources<'_>) -> String {
    let phase = phase_of(sources);
    let lines = |ideas: Vec<&Idea>| {
        // The latest first: they are left out last.
        within(ideas.into_iter().rev().map(|idea| format!("- {}", quoted(&idea.text, TEXT))), IDEAS)
    };
    let allowed = part(
        "Ideas parked in an earlier phase: this one may allow them",
        &lines(parked_before(sources.log, phase).collect()),
    );
    allowed
        + &part("Ideas parked for a later phase: leave them", &lines(parked_in(sources.log, phase).collect()))
}

/// The person's notes, the latest first: they are left out last.
fn notes(sources: &Sources<'_>) -> Vec<String> {
    let notes = sources.log.records.iter().rev().filter_map(|record| match &record.entry {
        Entry::Note(note) => Some(block(&note.text, NOTES)),
        _ => None,
    });
    within(notes.flatten(), NOTES)
}
