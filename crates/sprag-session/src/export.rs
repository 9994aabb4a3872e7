//! A session as a playbook: every try as a patch with its notes, to be played on another machine or a newer version.

use std::fmt::Write;
use std::fs;

use camino::Utf8Path;
use sprag_judge::Reason;
use sprag_ledger::Run;
use sprag_workspace::Store;

use crate::open::parse_tree;
use crate::{Project, SessionError};

/// Writes the current session's tries to the folder `dir`, with the blobs that the patches were made from. Answers how
/// many. A try that was refused for its scope is left out: of it the store holds only what lay inside.
///
/// # Errors
/// [`SessionError`] where there is no session, or the folder exists.
pub fn export_playbook(project: &Project, dir: &Utf8Path) -> Result<usize, SessionError> {
    let home = project.home()?;
    let id = home.current().ok_or(SessionError::NoSession)?;
    let ledger = home.ledger(&id);
    let log = sprag_ledger::read(&ledger).map_err(|e| SessionError::io("read", &ledger, e))?;
    let store = Store::open_or_create(&home.store())?;
    if dir.exists() {
        return Err(SessionError::Refused(format!("{dir} exists already; name a new folder")));
    }
    let blobs = dir.join("blobs");
    fs::create_dir_all(&blobs).map_err(|e| SessionError::io("make", &blobs, e))?;
    let mut written = 0;
    for run in log.runs().filter(|run| run.is_experiment() && run.reason != Some(Reason::Scope)) {
        let (Some(tree), Some(parent)) = (&run.tree, &run.parent) else { continue };
        let (from, to) = (parse_tree(parent)?, parse_tree(tree)?);
        let path = dir.join(format!("{:03}-{}.patch", run.run, slug(&run.description)));
        let text = format!("+++\n{}+++\n{}", front(run), store.diff(&from, &to)?);
        fs::write(&path, text).map_err(|e| SessionError::io("write", &path, e))?;
        let manifest = store.manifest(&from)?;
        for file in store.numstat(&from, &to)? {
            if let Some(entry) = manifest.get(&file.path) {
                let path = blobs.join(entry.id.to_string());
                fs::write(&path, store.blob(&entry.id)?).map_err(|e| SessionError::io("write", &path, e))?;
            }
        }
        written += 1;
    }
    Ok(written)
}

/// The notes of a run as TOML. JSON strings and numbers are TOML strings and numbers.
fn front(run: &Run) -> String {
    let quote = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let mut front = format!("description = {}\n", quote(&run.description));
    if let Some(hypothesis) = run.asi.get("hypothesis").and_then(|v| v.as_str()) {
        let _ = writeln!(front, "hypothesis = {}", quote(hypothesis));
    }
    let others: Vec<_> = run.asi.iter().filter(|(key, _)| *key != "hypothesis").collect();
    if !others.is_empty() {
        front.push_str("\n[asi]\n");
        for (key, value) in others {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let _ = writeln!(front, "{} = {}", quote(key), quote(&text));
        }
    }
    let usage = &run.usage;
    let tokens = [
        ("input", usage.input),
        ("cached", usage.cached),
        ("output", usage.output),
        ("reasoning", usage.reasoning),
    ];
    let known: Vec<String> =
        tokens.iter().filter_map(|(name, n)| Some(format!("{name} = {}\n", (*n)?))).collect();
    if !known.is_empty() || usage.usd.is_some() {
        front.push_str("\n[usage]\n");
        known.iter().for_each(|line| front.push_str(line));
        if let Some(usd) = usage.usd.filter(|usd| usd.is_finite()) {
            let _ = writeln!(front, "usd = {usd:?}");
        }
    }
    front
}

/// A few words of a description, as they may stand in a file name.
fn slug(description: &str) -> String {
    let words = description.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let slug = words.take(5).map(str::to_ascii_lowercase).collect::<Vec<_>>().join("-");
    if slug.is_empty() { "try".to_owned() } else { slug.chars().take(60).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_run_says_of_itself_reads_back_as_a_proposal() {
        let run = Run {
            description: "say \"hi\"\nand \u{1b}[31m more".to_owned(),
            asi: [("hypothesis".to_owned(), "x".into()), ("odd key".to_owned(), 3.into())]
                .into_iter()
                .collect(),
            usage: sprag_ledger::Usage { input: Some(3), usd: Some(0.5), ..Default::default() },
            ..Run::default()
        };
        let text = format!("+++\n{}+++\n", front(&run));
        let step = sprag_agent::Step::parse(Utf8Path::new("001-x.patch"), &text).unwrap();
        assert_eq!(step.note.description, run.description);
        assert_eq!(step.note.asi["odd key"], "3");
        assert_eq!(step.note.usage.usd, Some(0.5));
        assert_eq!(slug("Vectorized iterrows → Series.map!"), "vectorized-iterrows-series-map");
    }
}
