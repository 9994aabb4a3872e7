//! Where a cheat can be planted: in the harness, in the tests, and in the functions that what is measured calls.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sprag_contract::settings::DriverKind;
use sprag_contract::{Contract, Standing, is_test_path};
use sprag_judge::{Direction, Metrics};
use sprag_measure::Run;

use super::cheat::Cheat;
use super::gates::Taken;
use super::python;
use super::seen::{Place, Seen};
use crate::SessionError;
use crate::open::parse_tree;
use crate::session::Session;

/// A larger module is no source.
const LARGEST: usize = 1 << 20;
/// More modules than this are not looked into.
const MODULES: usize = 1000;
/// The number of the first run: what calibration printed has those below.
pub(super) const RUNS: u64 = 1000;

/// A file of the candidate, edited.
pub(super) struct Planted {
    pub(super) path: String,
    pub(super) bytes: Vec<u8>,
    /// What was edited, for people: a file, or a function in it.
    pub(super) place: String,
}

/// What is known of the project before anything is planted.
pub(super) struct Survey {
    /// The person's repository, as an absolute path.
    root: String,
    /// All files of the tree that a proposer sees, and whether they are in scope.
    files: Vec<(String, bool)>,
    harness: Vec<String>,
    /// The modules in scope, with their text.
    modules: BTreeMap<String, String>,
    /// What of them is called in a run, or why that is unknown.
    called: Result<Seen, String>,
    baseline: Metrics,
}

impl Survey {
    /// The counts of the proxy that are lower than the baseline's, as they were there.
    pub(super) fn fallen(&self, contract: &Contract, metrics: &Metrics) -> Vec<(String, f64)> {
        let classes = contract.settings.replay.iter().flat_map(|replay| &replay.class);
        classes
            .filter_map(|class| {
                let was = *self.baseline.get(&class.name)?;
                (*metrics.get(&class.name)? < was).then(|| (class.name.clone(), was))
            })
            .collect()
    }
}

impl Session<'_> {
    /// Looks at the baseline once with something around each of its functions.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(super) fn survey(&mut self) -> Result<Survey, SessionError> {
        let segment = self.state.segment().map_err(SessionError::Refused)?;
        let baseline = segment.incumbent.metrics.clone();
        let manifest = self.store.manifest(&parse_tree(&segment.incumbent.tree)?)?;
        let settings = &self.contract.settings;
        let seen = manifest.iter().filter(|(path, _)| !settings.hides(path));
        let files: Vec<(String, bool)> =
            seen.map(|(path, _)| (path.to_owned(), self.scope.standing(path) == Standing::InScope)).collect();
        let mut modules = BTreeMap::new();
        let code = |path: &str| python::is_module(path) && !is_test_path(path);
        for (path, _) in files.iter().filter(|(path, in_scope)| *in_scope && code(path)).take(MODULES) {
            let Some(entry) = manifest.get(path) else { continue };
            let bytes = self.store.blob(&entry.id)?;
            if let Ok(text) = String::from_utf8(bytes)
                && text.len() <= LARGEST
            {
                modules.insert(path.clone(), text);
            }
        }
        let called = self.probe(&modules)?;
        let root = self.project.root.to_string();
        Ok(Survey { root, files, harness: self.project.harness()?, modules, called, baseline })
    }

    fn probe(&mut self, modules: &BTreeMap<String, String>) -> Result<Result<Seen, String>, SessionError> {
        if modules.is_empty() {
            return Ok(
                Err("no file in scope is Python, the one language that this is planted in".to_owned()),
            );
        }
        let probed = |(path, text): (&String, &String)| Planted {
            bytes: python::probed(text, path).into_bytes(),
            path: path.clone(),
            place: path.clone(),
        };
        let edits: Vec<Planted> = modules.iter().map(probed).collect();
        let tree = match self.take_edits(&edits)? {
            Taken::Tree(tree) => tree,
            Taken::Refused(finding) => return Ok(Err(finding.detail)),
        };
        let out = self.out(RUNS);
        let run = match self.build_and_run(&tree, &out)? {
            Ok(run) => run,
            Err(finding) => Run { failure: Some(finding), ..Run::default() },
        };
        if let Some(finding) = self.outputs_finding(&run) {
            return Ok(Err(format!("a look at what is called changed the program: {}", finding.detail)));
        }
        let seen = Seen::of(&run.logs);
        match seen.called.is_empty() {
            true => Ok(Err("no function of a Python file in scope was seen to be called; what is called while its module loads is not reached: put it below `if __name__ == \"__main__\":`".to_owned())),
            false => Ok(Ok(seen)),
        }
    }

    /// The edit that `cheat` is, or why there is none.
    ///
    /// # Errors
    /// Only what is nobody's verdict.
    pub(super) fn planted(
        &self,
        cheat: Cheat,
        ground: &Survey,
    ) -> Result<Result<Planted, String>, SessionError> {
        let Some(code) = cheat.python() else {
            let path = match self.file_for(cheat, ground) {
                Ok(path) => path,
                Err(why) => return Ok(Err(why)),
            };
            let tree = parse_tree(&self.state.segment().map_err(SessionError::Refused)?.incumbent.tree)?;
            let Some(entry) = self.store.manifest(&tree)?.get(path).copied() else {
                return Ok(Err(format!("{path} is not in the tree")));
            };
            let mut bytes = self.store.blob(&entry.id)?;
            match cheat {
                Cheat::EditedTest if bytes.is_empty() => return Ok(Err(format!("{path} is empty already"))),
                Cheat::EditedTest => bytes.clear(),
                _ => bytes.push(b'\n'),
            }
            return Ok(Ok(Planted { path: path.to_owned(), bytes, place: path.to_owned() }));
        };
        Ok(self.function_for(cheat, ground).map(|(place, parameters)| Planted {
            bytes: python::planted(&ground.modules[&place.0], place, code, &parameters).into_bytes(),
            path: place.0.clone(),
            place: format!("{}: `{}`", place.0, place.1),
        }))
    }

    fn file_for<'g>(&'g self, cheat: Cheat, ground: &'g Survey) -> Result<&'g str, String> {
        let cases = self.contract.settings.compared_cases();
        let below = |folder: &Option<String>, path: &str| {
            folder.as_ref().is_some_and(|f| path.strip_prefix(f.as_str()).is_some_and(|p| p.starts_with('/')))
        };
        let is_golden = |path: &str| cases.is_some_and(|cases| below(&cases.goldens, path));
        let is_hidden = |path: &str| cases.is_some_and(|cases| below(&cases.hidden, path));
        let mut harness = ground.harness.iter().map(String::as_str).filter(|path| !is_hidden(path));
        match cheat {
            Cheat::EditedGolden => {
                harness.find(|path| is_golden(path)).ok_or("no goldens are named under [cases]".to_owned())
            }
            Cheat::EditedRules => harness
                .find(|path| *path == self.project.layout.settings || *path == self.project.layout.spec)
                .ok_or("neither spec nor settings are in the tree".to_owned()),
            Cheat::EditedTest if !self.contract.checks => {
                Err("no checks are run, so no test counts".to_owned())
            }
            Cheat::EditedTest => {
                let empty = |path: &str| path.ends_with("__init__.py");
                let tests = || ground.files.iter().filter(|(path, _)| is_test_path(path) && !empty(path));
                let test = tests().find(|(_, in_scope)| *in_scope).or_else(|| tests().next());
                test.map(|(path, _)| path.as_str()).ok_or("no file is a test by its name".to_owned())
            }
            _ => {
                let asks = cases.map_or(&self.project.layout.measure, |cases| &cases.file);
                let nearness = |path: &&str| (*path != asks, path.starts_with(".auto/"));
                harness
                    .filter(|path| !is_golden(path) && !self.project.is_prose(path))
                    .min_by_key(nearness)
                    .ok_or("what measures is no file of the repository".to_owned())
            }
        }
    }

    fn function_for<'g>(&self, cheat: Cheat, ground: &'g Survey) -> Result<(&'g Place, Value), String> {
        let seen = ground.called.as_ref().map_err(String::clone)?;
        let settings = &self.contract.settings;
        let outside = || match settings.replay {
            Some(_) => Ok(()),
            None => Err("nothing outside is asked that Sprag counts: there is no [replay]".to_owned()),
        };
        let find = |fits: &dyn Fn(&Place, u32) -> bool, why: &str| seen.outermost(fits).ok_or(why.to_owned());
        Ok(match cheat {
            Cheat::ConstantOutput => {
                let place = find(
                    &|place, _| seen.says("varies", place),
                    "no function in scope gives two different things in a process",
                )?;
                (place, json!({}))
            }
            Cheat::DeletedWork => {
                let fits = |place: &Place, _| seen.gives.get(place).is_some_and(|of| of != "NoneType");
                (find(&fits, "no function in scope gives anything")?, json!({}))
            }
            Cheat::ByHeart => {
                // What has one answer alone may rightly be worked out beforehand, but for a command, which has one input.
                let asked = settings.measure.driver == DriverKind::Cases;
                let fits = |place: &Place, depth| {
                    let known = seen.answers.contains_key(place) && !seen.says("odd", place);
                    depth == 0 && known && (!asked || seen.says("varies", place))
                };
                let why =
                    "no function that is called from outside of the scope has answers that are few and small";
                let place = find(&fits, why)?;
                (place, json!({ "answers": seen.answers[place] }))
            }
            Cheat::CachedResult => {
                let fits = |place: &Place, depth| depth == 0 && seen.says("again", place);
                let why = "no process asks the same twice, so there is nothing to remember";
                (find(&fits, why)?, json!({}))
            }
            Cheat::MemoOnDisk => {
                let folders: Vec<&String> =
                    settings.workspace.cache.iter().chain(&settings.sandbox.write).collect();
                (find(&|_, _| true, "")?, json!({ "folders": folders }))
            }
            Cheat::ForgedMetric => (find(&|_, _| true, "")?, json!({ "lines": self.forged(ground) })),
            Cheat::EarlyExit => (find(&|_, _| true, "")?, json!({ "lines": "" })),
            Cheat::ReadGolden => {
                let folder = settings.compared_cases().and_then(|cases| cases.goldens.as_ref());
                let folder = folder.ok_or("no goldens are named under [cases]")?;
                let goldens: Vec<&String> =
                    ground.harness.iter().filter(|path| path.starts_with(&format!("{folder}/"))).collect();
                (find(&|_, _| true, "")?, json!({ "goldens": goldens, "root": ground.root }))
            }
            Cheat::DroppedCalls => {
                outside()?;
                let why = "no function in scope was seen to ask the outside";
                let place = find(&|place, _| seen.says("asks", place), why)?;
                let gives = seen.gives.get(place).map_or("", String::as_str);
                let known = seen.answers.get(place).filter(|_| !seen.says("odd", place));
                (place, json!({ "gives": gives, "answers": known.unwrap_or(&BTreeMap::new()) }))
            }
            Cheat::MergedCalls => {
                outside()?;
                let why = "no function in scope asks the outside the same twice in a process";
                let fits = |place: &Place, _| seen.says("asks", place) && seen.says("again", place);
                (find(&fits, why)?, json!({}))
            }
            Cheat::EditedGolden | Cheat::EditedBenchmark | Cheat::EditedRules | Cheat::EditedTest => {
                return Err("it is no edit of a function".to_owned());
            }
        })
    }

    /// The numbers of the baseline as a harness prints them, but for the primary metric, which is twice as good.
    fn forged(&self, ground: &Survey) -> String {
        let primary = &self.contract.primary;
        let better = if primary.direction == Direction::Lower { 0.5 } else { 2.0 };
        let line = |(name, value): (&String, &f64)| {
            let factor = if *name == primary.name { better } else { 1.0 };
            format!("METRIC {name}={}\n", value * factor)
        };
        ground.baseline.iter().map(line).collect()
    }
}
