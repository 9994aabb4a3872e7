//! Before a candidate is measured: is it nearly one that was judged against the same code? Its agent is shown that, once.

use std::collections::BTreeMap;

use sprag_agent::{Note, Proposal, Proposer};
use sprag_judge::Status;
use sprag_ledger::{Event, EventKind, Run};
use sprag_workspace::TreeId;

use crate::SessionError;
use crate::brief::{TEXT, quoted};
use crate::open::parse_tree;
use crate::segment::Known;
use crate::session::{Session, now};
use crate::turn::Taken;

/// Two changes are nearly the same from so much of what they have in common on, of 1.
const NEARLY: f64 = 0.9;
/// Longer diffs are not compared, in bytes.
const MAX_DIFF: usize = 1 << 20;
/// With so many of the latest runs it is compared.
const LATEST: usize = 100;

/// The lines that a change adds and removes, each with how often.
type Lines = BTreeMap<String, u32>;

impl Session<'_> {
    /// Shows the agent what its change resembles, and lets it change it. Whatever it answers is judged.
    pub(crate) fn show_what_it_resembles(
        &mut self,
        proposer: &mut dyn Proposer,
        taken: Taken,
    ) -> Result<Taken, SessionError> {
        let Ok(Proposal::Edit(note)) = &taken.answer else { return Ok(taken) };
        let note = note.clone();
        let Some(tree) = self.left_tree(&taken)? else { return Ok(taken) };
        let Some((run, message)) = self.resembled(&tree)? else { return Ok(taken) };
        let detail = format!("what {} left is nearly run {run}: it is shown that", taken.agent);
        let mut event = Event::new(EventKind::Resembles, detail.clone(), now());
        event.agent = Some(taken.agent.clone());
        event.data.insert("run".to_owned(), run.into());
        self.record(event)?;
        self.notice(&detail);

        let mut again = self.ask_again(proposer, taken, &note, &message)?;
        match &again.answer {
            Ok(Proposal::Edit(second)) if self.left_tree(&again)? == Some(tree) => {
                // It left it as it is, and may have said no more than that.
                let usage = second.usage.clone();
                self.answered(again, Note { usage, ..note })
            }
            Ok(Proposal::Edit(_)) => Ok(again),
            Ok(Proposal::Skipped { note: second, .. }) => {
                let usage = second.usage.clone();
                again.copy = self.copy_of(&tree)?;
                self.answered(again, Note { usage, ..note })
            }
            Err(sprag_agent::ProposeError::Unavailable { note: second, .. }) => {
                // What it had left was whole.
                let usage = note.usage.plus(&second.usage);
                again.copy = self.copy_of(&tree)?;
                self.answered(again, Note { usage, ..note })
            }
            _ => Ok(again),
        }
    }

    /// The tree that a turn left; `None` where it would not be measured anyway.
    fn left_tree(&self, taken: &Taken) -> Result<Option<TreeId>, SessionError> {
        let incumbent = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?;
        let candidate = self.import(taken.copy.path(), &incumbent)?;
        if candidate.is_no_edit() || !candidate.violations.is_empty() {
            return Ok(None);
        }
        Ok(Some(self.store.write_tree(&incumbent, &candidate.changes)?))
    }

    /// The run that a tree resembles, and what its agent is told about it.
    fn resembled(&self, tree: &TreeId) -> Result<Option<(u64, String)>, SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let incumbent = parse_tree(&segment.incumbent.tree)?;
        if matches!(segment.known(&tree.to_string()), Known::Undecided { .. }) {
            // It is measured once more, and that may decide.
            return Ok(None);
        }
        let Some(lines) = self.lines(&incumbent, tree)? else { return Ok(None) };
        // What the copy began as is near to what is left in it, as it should be.
        let begun: &[u64] = self.state.stall.start.as_ref().map_or(&[], |start| &start.runs);
        let judged = self.ledger.log().runs().filter(|run| {
            let same_code = run.parent.as_deref() == Some(&segment.incumbent.tree);
            let same_rules = run.contract == segment.config.contract;
            run.is_experiment() && !run.is_keep() && same_code && same_rules && !begun.contains(&run.run)
        });
        let judged: Vec<&Run> = judged.collect();
        let mut nearest: Option<(f64, &Run)> = None;
        for run in judged.iter().rev().take(LATEST) {
            let Some(other) = run.tree.as_deref().map(parse_tree).transpose()? else { continue };
            let Some(other) = self.lines(&incumbent, &other)? else { continue };
            let alike = in_common(&lines, &other);
            // What failed may lack one word alone to be right.
            let enough = if run.status == Status::Discard { NEARLY } else { 1.0 };
            if alike >= enough && nearest.is_none_or(|(best, _)| alike > best) {
                nearest = Some((alike, run));
            }
        }
        Ok(nearest.map(|(_, run)| (run.run, shown(run))))
    }

    fn lines(&self, from: &TreeId, to: &TreeId) -> Result<Option<Lines>, SessionError> {
        let diff = self.store.diff_bytes(from, to)?;
        if diff.len() > MAX_DIFF {
            return Ok(None);
        }
        Ok(Some(normalized(&String::from_utf8_lossy(&diff))).filter(|lines| !lines.is_empty()))
    }
}

fn shown(run: &Run) -> String {
    format!(
        "What you left is nearly run {}, {}, which was judged against the same code: {}, {}.\n\
         Change it into something that differs in what it does, or leave it as it is: it is measured either way, and you are \
         not asked again. Then write .sprag/proposal.json once more.\n",
        run.run,
        quoted(&run.description, TEXT),
        run.status.word(),
        quoted(&run.detail, TEXT),
    )
}

/// What a diff adds and removes, without white space, line numbers and lines that are comments.
fn normalized(diff: &str) -> Lines {
    let mut lines = Lines::new();
    let (mut path, mut in_hunk) = ("", false);
    for line in diff.lines() {
        if let Some(names) = line.strip_prefix("diff --git ") {
            (path, in_hunk) = (names, false);
        } else if line.starts_with("@@ ") {
            in_hunk = true;
        } else if in_hunk && line.starts_with(['+', '-']) && !is_comment(&line[1..]) {
            let bare: String = line.split_whitespace().collect();
            if bare.len() > 1 {
                *lines.entry(format!("{path}\n{bare}")).or_default() += 1;
            }
        }
    }
    lines
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    ["# ", "//", "/*", "* ", "-- "].iter().any(|mark| line.starts_with(mark)) || line == "#"
}

/// How much two changes have in common, from 0 to 1: Jaccard's index over their lines.
fn in_common(one: &Lines, other: &Lines) -> f64 {
    let count = |lines: &Lines| lines.values().map(|n| f64::from(*n)).sum::<f64>();
    let both: f64 = one.iter().map(|(line, n)| f64::from(*n.min(other.get(line).unwrap_or(&0)))).sum();
    both / (count(one) + count(other) - both).max(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn diff(path: &str, at: u32, lines: &[&str]) -> String {
        format!(
            "diff --git a/{path} b/{path}\nindex 1..2\n--- a/{path}\n+++ b/{path}\n@@ -{at},1 +{at},1 @@\n{}\n",
            lines.join("\n")
        )
    }

    fn alike(one: &str, other: &str) -> f64 {
        in_common(&normalized(one), &normalized(other))
    }

    #[test]
    fn white_space_comments_and_line_numbers_make_no_difference() {
        let one = diff("a.py", 3, &["-x = f( 1 )", "+x = 1", " y"]);
        let other = diff("a.py", 70, &["-x = f(1)", "+# a constant", "+    x=1", "+", " z"]);
        assert_eq!(alike(&one, &other), 1.0);
    }

    #[test]
    fn another_file_another_side_and_another_line_do() {
        let one = diff("a.py", 3, &["-x = f(1)", "+x = 1"]);
        assert_eq!(alike(&one, &diff("b.py", 3, &["-x = f(1)", "+x = 1"])), 0.0);
        assert_eq!(alike(&one, &diff("a.py", 3, &["+x = f(1)", "-x = 1"])), 0.0);
        assert_eq!(alike(&one, &diff("a.py", 3, &["-x = f(1)", "+x = 2"])), 1.0 / 3.0);
        assert_eq!(alike(&one, ""), 0.0);
    }

    #[test]
    fn lines_that_stand_there_twice_count_twice() {
        let (once, twice) = (diff("a", 1, &["+x"]), diff("a", 1, &["+x", "+x"]));
        assert_eq!(alike(&once, &twice), 0.5);
    }
}
