//! The Knobs section: each line is a knob that `--agent knobs` turns, or advice.

use super::{Compiler, Enforcement, Scoped, sections::items};
use crate::knob::{FORM, Knob};
use crate::spec::{Document, Kind, Text};
use crate::{Standing, Why};

/// With more of them a tuner finds nothing.
const MOST: usize = 20;

impl Compiler<'_> {
    /// The knobs. Their lines are told to other agents, too.
    pub(super) fn knobs(
        &mut self,
        document: &Document,
        scope: &Scoped,
        advisory: &mut Vec<String>,
    ) -> Vec<Knob> {
        let mut knobs: Vec<Knob> = Vec::new();
        for item in document.sections.iter().filter(|section| section.kind == Kind::Knobs).flat_map(items) {
            let text = item.text.without_note();
            advisory.push(item.text.as_str().to_owned());
            let standing = match Knob::parse(text.as_str().trim_end_matches('.')) {
                None => Enforcement::advisory(FORM),
                Some(Err(what)) => {
                    self.error(Some(text.whole()), what).help = Some(FORM.to_owned());
                    Enforcement::advisory(FORM)
                }
                Some(Ok(knob)) => {
                    let by = format!("`sprag run --agent knobs`, which tries {}", knob.domain);
                    self.look_at_knob(&knob, &text, scope, &knobs);
                    knobs.push(knob);
                    Enforcement::covered(by)
                }
            };
            self.stand(item.line, item.text.as_str(), standing);
            if knobs.len() == MOST + 1 {
                self.error(Some(text.whole()), format!("more than {MOST} knobs")).help =
                    Some("keep those that matter most".to_owned());
            }
        }
        knobs
    }

    fn look_at_knob(&mut self, knob: &Knob, text: &Text, scope: &Scoped, before: &[Knob]) {
        let Knob { name, file, .. } = knob;
        if before.iter().any(|other| (&other.name, &other.file) == (name, file)) {
            self.error(Some(text.whole()), format!("the knob `{name}` of {file} is there twice")).help =
                Some("keep one of the two".to_owned());
        }
        let Some(matcher) = scope.matcher(&self.env.locked) else { return };
        if matcher.standing(file) != Standing::InScope {
            let why = match matcher.why(file) {
                Why::Unlisted => "no line of Files in Scope names it".to_owned(),
                Why::NotAPath => "that is no path in the repository".to_owned(),
                Why::Git => "it belongs to git".to_owned(),
                Why::Locked(entry) => format!("it belongs to the harness: {entry}"),
                Why::Forbidden(entry) => format!("it is off limits: {entry}"),
                Why::Listed(_) | Why::Test => "it is off limits".to_owned(),
            };
            self.error(Some(text.whole()), format!("{file} is not in scope: {why}")).help = Some(
                "a knob lies in a file that a candidate may change: list it under Files in Scope".to_owned(),
            );
        } else if self.env.paths.as_ref().is_some_and(|paths| !paths.contains(file)) {
            self.error(Some(text.whole()), format!("there is no file {file}")).help =
                Some("write the path relative to the top of the repository".to_owned());
        }
    }
}
