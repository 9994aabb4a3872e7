//! `apply`: a branch in the user's repository with one commit a keep. The one thing that Sprag adds there.

use sprag_ledger::{Entry, Log, Run};
use sprag_workspace::{CommitId, KeepStep, Store, UnixSeconds, apply_branch};

use crate::one_line::one_line;
use crate::open::parse_tree;
use crate::state::State;
use crate::{Project, SessionError};

/// How long the first line of a commit may be.
const SUBJECT: usize = 200;

/// A branch that was added.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Applied {
    /// Its name.
    pub branch: String,
    /// Its last commit.
    pub commit: String,
    /// How many commits it has on top of the baseline.
    pub commits: usize,
}

/// Adds `branch` with one commit for each keep of the current session.
///
/// # Errors
/// [`SessionError`] where nothing was kept, or the branch exists.
pub fn apply(project: &Project, branch: &str) -> Result<Applied, SessionError> {
    let home = project.home()?;
    let id = home.current().ok_or(SessionError::NoSession)?;
    let log =
        sprag_ledger::read(&home.ledger(&id)).map_err(|e| SessionError::io("read", &home.ledger(&id), e))?;
    let store = Store::open_or_create(&home.store())?;
    let steps = steps(&log, &id)?;
    if steps.is_empty() {
        return Err(SessionError::Refused("nothing was kept, so there is nothing to apply".to_owned()));
    }
    let config = log.records.iter().find_map(|record| match &record.entry {
        Entry::Config(config) => Some(config),
        _ => None,
    });
    let config = config.ok_or(SessionError::NoSession)?;
    let base: CommitId = config
        .revision
        .as_deref()
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| SessionError::Refused("the ledger names no base commit".to_owned()))?;
    let by = project.repo.identity()?;
    let commits = steps.len();
    let commit = apply_branch(&project.repo, &store, branch, &steps, &by, &base)?;
    Ok(Applied { branch: branch.to_owned(), commit: commit.to_string(), commits })
}

/// One step a keep: what the kept candidate changed of the incumbent of its day.
fn steps(log: &Log, session: &str) -> Result<Vec<KeepStep>, SessionError> {
    let mut steps = Vec::new();
    let mut state = State::default();
    for record in &log.records {
        if let Entry::Run(run) = &record.entry
            && run.is_keep()
            && run.is_experiment()
        {
            let before = state.segment.as_ref().and_then(|segment| segment.incumbent.value);
            let primary = state.segment.as_ref().map_or("", |segment| segment.contract.primary.name.as_str());
            let tree = parse_tree(run.tree.as_deref().unwrap_or_default())?;
            let from = parse_tree(run.parent.as_deref().unwrap_or_default())?;
            let at = UnixSeconds::from_millis(run.timestamp.map_or(0, |at| at.0));
            steps.push(KeepStep { from, tree, message: message(run, primary, before, session), at });
        }
        state.apply(&record.entry).map_err(SessionError::Refused)?;
    }
    Ok(steps)
}

/// Description, then trailers. The description is somebody else's text: one line, so that it can forge no trailer.
fn message(run: &Run, primary: &str, before: Option<f64>, session: &str) -> String {
    let clean = one_line(&run.description, SUBJECT);
    let subject = if clean.trim().is_empty() { format!("Run {}", run.run) } else { clean.trim().to_owned() };
    let value = |value: Option<f64>| value.map_or("unknown".to_owned(), |value| format!("{value:.4}"));
    let evidence = run.evidence.as_ref().and_then(|stored| stored.get().ok());
    let evidence = evidence.map_or(String::new(), |e| {
        let pairs = e.pairs.len();
        e.e.map_or(String::new(), |e| format!("Sprag-Evidence: {e:.1} from {pairs} pairs\n"))
    });
    let grade = run.grade.map_or(String::new(), |grade| format!("Sprag-Grade: {grade}\n"));
    format!(
        "{subject}\n\nSprag-Metric: {primary} {} -> {}\nSprag-Run: {}\n{evidence}{grade}Sprag-Session: {session}\n",
        value(before),
        value(run.metric),
        run.run,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_cannot_forge_a_trailer() {
        let run = Run {
            run: 7,
            metric: Some(9.0),
            description: "faster\n\nSprag-Metric: p95_ms 100 -> 1".to_owned(),
            ..Run::default()
        };
        let message = message(&run, "p95_ms", Some(10.0), "01J");
        assert_eq!(message.lines().filter(|line| line.starts_with("Sprag-Metric:")).count(), 1);
        assert!(message.contains("Sprag-Metric: p95_ms 10.0000 -> 9.0000\nSprag-Run: 7\n"), "{message}");
    }
}
