//! What a person does with goldens: sees how the working tree's answers differ, records them, accepts them.
//!
//! Goldens are what every candidate is held to, so no session writes them: the commands that call this are a person's
//! acts. Changed goldens are another harness, and with it the next run begins a new segment.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use serde::Serialize;
use sprag_contract::settings::CompareKind;
use sprag_measure::golden::{Comparison, Difference, MOST};
use sprag_measure::{CaseOutput, Interrupt, Role};
use sprag_workspace::Start;

use crate::coin::Seed;
use crate::goldens::{case_of, comparison};
use crate::ground::{Ground, import_baseline};
use crate::lab::Lab;
use crate::{Observer, Project, SessionError};

/// The answers of the working tree beside the goldens.
#[derive(Debug, Serialize)]
pub struct Answers {
    /// The folder of the goldens, as the settings write it.
    pub folder: String,
    /// In the order of the case file.
    pub cases: Vec<Answer>,
    /// Goldens that belong to no case.
    pub orphans: Vec<String>,
    #[serde(skip)]
    place: Place,
}

/// One case's answer.
#[derive(Debug, Serialize)]
pub struct Answer {
    /// The case's id.
    pub case: String,
    /// How it stands to the golden.
    pub state: AnswerState,
    /// Where it differs: the first ones.
    pub differences: Vec<Difference>,
    #[serde(skip)]
    golden: Vec<u8>,
}

/// How an answer stands to its golden.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerState {
    /// As the golden is.
    Same,
    /// It differs.
    Differs,
    /// There is no golden.
    New,
}

/// Goldens that were written.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Written {
    /// The folder.
    pub folder: String,
    /// The cases whose goldens were written.
    pub cases: Vec<String>,
    /// Of these, the files that git ignores: no session would see them.
    pub ignored: Vec<String>,
}

/// Runs the working tree once and compares its answers with the goldens.
///
/// # Errors
/// [`SessionError`] where the settings name no goldens, or the working tree gives no answers.
pub fn compare_answers(
    project: Project,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<Answers, SessionError> {
    let place = Place::of(&project)?;
    Answers::take(place, project, interrupt, observer).map(|(answers, _)| answers)
}

/// Runs the working tree once and writes its answers as goldens: all of them, where there are none yet or `force`.
///
/// # Errors
/// [`SessionError`] as with [`compare_answers`]; and where there are goldens and nobody forces.
pub fn record_goldens(
    project: Project,
    force: bool,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<Written, SessionError> {
    let place = Place::of(&project)?;
    let there = place.files()?.len();
    if there > 0 && !force {
        let what = format!(
            "{} has {there} golden(s) already: `sprag golden diff{flag}` shows how the working tree's answers differ, `sprag golden accept{flag}` takes them, and --force writes all anew",
            place.folder,
            flag = place.flag
        );
        return Err(SessionError::Refused(what));
    }
    let (answers, project) = Answers::take(place, project, interrupt, observer)?;
    let all = answers.cases.iter().map(|answer| answer.case.clone()).collect();
    answers.write(&all, &project)
}

/// Runs the working tree once and takes its answers as goldens: those to the cases that are named, else all that
/// differ or have none.
///
/// # Errors
/// [`SessionError`] as with [`compare_answers`]; and where a name is that of no case.
pub fn accept_answers(
    project: Project,
    named: &[String],
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<Written, SessionError> {
    let place = Place::of(&project)?;
    let (answers, project) = Answers::take(place, project, interrupt, observer)?;
    let known = |name: &&String| answers.cases.iter().all(|answer| answer.case != **name);
    if let Some(unknown) = named.iter().find(known) {
        return Err(SessionError::Refused(format!("there is no case {unknown} in the file of cases")));
    }
    let other = answers.cases.iter().filter(|answer| answer.state != AnswerState::Same);
    let chosen: BTreeSet<String> = match named {
        [] => other.map(|answer| answer.case.clone()).collect(),
        named => named.iter().cloned().collect(),
    };
    answers.write(&chosen, &project)
}

impl Answers {
    /// Builds and runs the working tree. Gives the project back, for those who ask git.
    fn take(
        place: Place,
        project: Project,
        interrupt: &Interrupt,
        observer: &mut dyn Observer,
    ) -> Result<(Self, Project), SessionError> {
        let home = project.home()?;
        let _held = home.lock()?;
        let ground = Ground::of(project, home, None, interrupt, observer)?;
        let tree = import_baseline(&ground.project, &ground.store, Start::Snapshot)?.tree;
        let out = ground.home.work("golden");
        let mut lab = Lab::open(&ground, &tree, 1, interrupt)?;
        let none = |what: String| SessionError::Refused(format!("the working tree gives no answers: {what}"));
        if let Some(finding) = lab.load(&ground.store, Role::Incumbent, &tree, None, &out)?.finding {
            return Err(none(finding.detail));
        }
        let run = lab.run(&ground.store, Role::Incumbent, Seed::fresh().toss(0, 0).seed, &out)?;
        if let Some(finding) = run.failure {
            return Err(none(finding.detail));
        }
        let comparison = comparison(&ground.contract, 1)?;
        let files = place.files()?;
        let mut cases: Vec<Answer> = Vec::new();
        for output in &run.outputs {
            match cases.iter().find(|answer| answer.case == output.id) {
                Some(first) => first.must_come_again(output, &comparison)?,
                None => cases.push(Answer::of(output, &files, &comparison)?),
            }
        }
        let known: BTreeSet<&String> = cases.iter().map(|answer| &answer.case).collect();
        let orphans = files.keys().filter(|case| !known.contains(case)).cloned().collect();
        Ok((Self { folder: place.folder.clone(), cases, orphans, place }, ground.project))
    }

    /// Whether every answer is as its golden.
    pub fn all_same(&self) -> bool {
        self.cases.iter().all(|answer| answer.state == AnswerState::Same)
    }

    fn write(&self, cases: &BTreeSet<String>, project: &Project) -> Result<Written, SessionError> {
        let files = self.place.files()?;
        let chosen = self.cases.iter().filter(|answer| cases.contains(&answer.case));
        let mut written = Written { folder: self.folder.clone(), cases: Vec::new(), ignored: Vec::new() };
        let mut paths = Vec::new();
        fs::create_dir_all(&self.place.dir).map_err(|e| SessionError::io("make", &self.place.dir, e))?;
        for answer in chosen {
            let fresh = || self.place.dir.join(format!("{}.{}", answer.case, self.place.extension));
            let path = files.get(&answer.case).cloned().unwrap_or_else(fresh);
            replace(&path, &answer.golden)?;
            written.cases.push(answer.case.clone());
            paths.push(path);
        }
        let seen: BTreeSet<String> = project.harness()?.into_iter().collect();
        let relative = paths.iter().filter_map(|path| path.strip_prefix(&project.root).ok());
        written.ignored =
            relative.map(|path| path.as_str().to_owned()).filter(|path| !seen.contains(path)).collect();
        Ok(written)
    }
}

impl Answer {
    fn of(
        output: &CaseOutput,
        files: &BTreeMap<String, Utf8PathBuf>,
        comparison: &Comparison,
    ) -> Result<Self, SessionError> {
        let case = output.id.clone();
        let as_golden = comparison.as_golden(&output.bytes).map_err(|why| {
            SessionError::Refused(format!("the answer to the case {case} can be no golden: {why}"))
        })?;
        let (state, differences) = match files.get(&case) {
            None => (AnswerState::New, Vec::new()),
            Some(path) => {
                let golden = fs::read(path).map_err(|e| SessionError::io("read", path, e))?;
                let differences = comparison.differences(&golden, &output.bytes, MOST);
                let same = differences.is_empty();
                (if same { AnswerState::Same } else { AnswerState::Differs }, differences)
            }
        };
        Ok(Self { case, state, differences, golden: as_golden })
    }

    /// With more than one repetition, each must give the same answer: else no golden holds.
    fn must_come_again(&self, output: &CaseOutput, comparison: &Comparison) -> Result<(), SessionError> {
        comparison.compare(&self.golden, &output.bytes).map_err(|difference| {
            let Difference { path, expected, got } = difference;
            SessionError::Refused(format!(
                "the answer to the case {} is another one each time: at {path} first {expected}, then {got}; leave that out with `ignore` or `mask` under compare",
                self.case
            ))
        })
    }
}

/// Where the goldens lie in the working tree.
#[derive(Debug)]
struct Place {
    folder: String,
    dir: Utf8PathBuf,
    /// What the commands need for them to be these goldens.
    flag: &'static str,
    /// Of a golden that is not there yet.
    extension: &'static str,
}

impl Place {
    fn of(project: &Project) -> Result<Self, SessionError> {
        let refuse = |what: &str| Err(SessionError::Refused(what.to_owned()));
        let Some(cases) = project.contract()?.settings.compared_cases() else {
            return refuse("goldens are the answers to cases: the settings need `driver = \"cases\"`");
        };
        let Some(folder) = &cases.goldens else {
            return refuse(
                "the settings name no folder for goldens: write `goldens = \"…\"` under [cases]; without it each session takes its baseline's answers",
            );
        };
        let inside = Utf8Path::new(folder).components().all(|part| matches!(part, Utf8Component::Normal(_)));
        if !inside || folder.is_empty() {
            return refuse("`goldens` under [cases] names no folder of the repository");
        }
        let extension = match cases.compare.kind {
            CompareKind::Json => "json",
            CompareKind::Text => "txt",
            CompareKind::Bytes => "bin",
        };
        let flag = if project.contract()?.settings.hides(folder) { " --hidden" } else { "" };
        Ok(Self { folder: folder.clone(), dir: project.root.join(folder), flag, extension })
    }

    /// The goldens that are there, by case.
    fn files(&self) -> Result<BTreeMap<String, Utf8PathBuf>, SessionError> {
        let read = |e| SessionError::io("read", &self.dir, e);
        let entries = match self.dir.read_dir_utf8() {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
            Err(error) => return Err(read(error)),
        };
        let mut files = BTreeMap::new();
        for entry in entries {
            let path = entry.map_err(read)?.into_path();
            let Some(case) = path.file_name().map(case_of).filter(|_| path.is_file()) else { continue };
            if files.insert(case.to_owned(), path.clone()).is_some() {
                let what = format!("{} has two files for the case {case}: remove one", self.folder);
                return Err(SessionError::Refused(what));
            }
        }
        Ok(files)
    }
}

/// Writes a file whole or not at all.
fn replace(path: &Utf8Path, bytes: &[u8]) -> Result<(), SessionError> {
    let part = Utf8PathBuf::from(format!("{path}.part"));
    let write = || fs::write(&part, bytes).and_then(|()| fs::rename(&part, path));
    write().map_err(|e| SessionError::io("write", path, e))
}
