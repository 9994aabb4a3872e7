//! The user's repository as a session needs it: the spec compiled, and the harness read and hashed.

use std::fs;

use camino::Utf8PathBuf;
use sprag_contract::locate::{ForeignConfig, Layout, locate};
use sprag_contract::{Compiled, Contract, ScopeMatcher, Settings, Severity, Source, Surroundings, compile};
use sprag_workspace::{DirtyPath, Region, UserRepo};

use crate::{Home, SessionError};

/// No spec and no settings file is larger.
const MAX_TEXT: u64 = 16 << 20;

/// A repository with its spec.
#[derive(Debug)]
pub struct Project {
    /// The repository.
    pub repo: UserRepo,
    /// The package in it: its root, and where the spec lies.
    pub root: Utf8PathBuf,
    /// Which files are the spec, the settings and the harness.
    pub layout: Layout,
    /// What the compiler said.
    pub compiled: Compiled,
}

impl Project {
    /// Finds the repository around `dir` and compiles its spec.
    ///
    /// # Errors
    /// [`SessionError`] where there is no repository or no spec, or one cannot be read. A spec with mistakes is no
    /// error here: see [`Project::contract`].
    pub fn open(dir: &camino::Utf8Path) -> Result<Self, SessionError> {
        let repo = UserRepo::discover(dir)?;
        let root = repo.root().to_owned();
        let layout = locate(|path| root.join(path).is_file());
        if !layout.found {
            return Err(SessionError::NoSpec { root });
        }
        let spec = Source::new(&layout.spec, read_text(&root.join(&layout.spec))?);
        let settings_path = root.join(&layout.settings);
        let settings = match settings_path.is_file() {
            true => Some(Source::new(&layout.settings, read_text(&settings_path)?)),
            false => None,
        };
        let mut around = surroundings(&repo, &root, &layout)?;
        let mut compiled = compile(&spec, settings.as_ref(), &around);
        // How many cases there are shows only once the settings are read.
        around.scored_cases = compiled.contract.as_ref().and_then(|contract| scored_cases(&root, contract));
        if around.scored_cases.is_some() {
            compiled = compile(&spec, settings.as_ref(), &around);
        }
        Ok(Self { repo, root, layout, compiled })
    }

    /// The project with the hidden cases in place of the others, for what a person does with their goldens and their
    /// recording.
    ///
    /// # Errors
    /// [`SessionError::NoHiddenCases`] where the settings name none, and as [`Project::contract`].
    pub fn on_hidden_cases(mut self) -> Result<Self, SessionError> {
        let hidden = self.contract()?.on_hidden_cases().ok_or(SessionError::NoHiddenCases)?;
        self.compiled.contract = Some(hidden);
        Ok(self)
    }

    /// The contract.
    ///
    /// # Errors
    /// [`SessionError::SpecNotReady`] where the spec has mistakes.
    pub fn contract(&self) -> Result<&Contract, SessionError> {
        let errors = self.compiled.diagnostics.iter().filter(|d| d.severity == Severity::Error).count();
        match &self.compiled.contract {
            Some(contract) if errors == 0 => Ok(contract),
            _ => Err(SessionError::SpecNotReady { errors: errors.max(1) }),
        }
    }

    /// The state folder of this repository.
    ///
    /// # Errors
    /// [`SessionError`] when it cannot be made.
    pub fn home(&self) -> Result<Home, SessionError> {
        Home::of(&self.repo)
    }

    /// The mirror of the ledger in the repository.
    pub fn mirror(&self) -> Utf8PathBuf {
        self.root.join(&self.layout.log)
    }

    /// The uncommitted changes that a baseline would not have: neither harness, nor log, nor ideas.
    ///
    /// # Errors
    /// [`SessionError`] when git fails.
    pub fn dirty(&self) -> Result<Vec<DirtyPath>, SessionError> {
        Ok(self.repo.dirty(&self.left_aside()?)?)
    }

    /// What a look at the uncommitted changes leaves aside: the harness, which counts as it is today in any case, the log
    /// and the ideas. Not the tests: that they must stay the same is a rule for changes, and whoever changes one has
    /// to be told.
    ///
    /// # Errors
    /// [`SessionError`] where the scope has a pattern that is none.
    pub(crate) fn left_aside(&self) -> Result<impl Fn(&str) -> bool, SessionError> {
        let matcher = self.harness_matcher()?;
        Ok(move |path: &str| self.is_harness(&matcher, path) || self.is_ours(path))
    }

    /// The harness: every file that measures or checks, tracked or not. Read from the working tree.
    ///
    /// # Errors
    /// [`SessionError`] when git fails.
    pub fn harness(&self) -> Result<Vec<String>, SessionError> {
        let matcher = self.harness_matcher()?;
        let mut paths: Vec<String> = self.repo.files()?;
        // Untracked harness files are harness all the same.
        let untracked = self.repo.dirty(&|_| false)?;
        paths.extend(untracked.into_iter().map(|dirty| dirty.path));
        paths.retain(|path| {
            self.is_harness(&matcher, path) && self.root.join(path).symlink_metadata().is_ok()
        });
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// `b3:` hash over the names and bytes of what measures and checks.
    ///
    /// What is locked but measures nothing is left out: of spec and settings everything that decides is in the
    /// contract's hash, and another word in them should not cost a baseline; hooks only talk to the proposer.
    ///
    /// # Errors
    /// [`SessionError`] when a file cannot be read.
    pub fn harness_hash(&self, paths: &[String]) -> Result<String, SessionError> {
        let mut hasher = blake3::Hasher::new();
        for path in paths.iter().filter(|path| !self.is_prose(path)) {
            let full = self.root.join(path);
            let bytes = match full.is_symlink() {
                true => fs::read_link(&full).map(|to| to.to_string_lossy().into_owned().into_bytes()),
                false => fs::read(&full),
            };
            let bytes = bytes.map_err(|e| SessionError::io("read", &full, e))?;
            for part in [path.as_bytes(), &bytes] {
                hasher.update(&(part.len() as u64).to_le_bytes());
                hasher.update(part);
            }
        }
        Ok(format!("b3:{}", hasher.finalize().to_hex()))
    }

    /// The scope with the harness locked, and the tests where they must stay the same.
    ///
    /// # Errors
    /// [`SessionError`] where the scope has a pattern that is none.
    pub fn scope(&self, harness: &[String]) -> Result<ScopeMatcher, SessionError> {
        let contract = self.contract()?;
        let locked: Vec<String> = harness.iter().cloned().chain(named_places(&contract.settings)).collect();
        let matcher =
            ScopeMatcher::new(&contract.scope, &locked).map_err(|e| SessionError::Refused(e.to_string()))?;
        Ok(matcher.with_same_tests(contract.same_tests).within(&contract.settings.workspace.copied()))
    }

    /// What of the repository is copied.
    ///
    /// # Errors
    /// [`SessionError::SpecNotReady`] where the spec has mistakes.
    pub fn region(&self) -> Result<Region, SessionError> {
        Ok(Region { prefixes: self.contract()?.settings.workspace.copied() })
    }

    /// That the cassette is in no commit as it is, in a sentence; `None` where it is in one, or nothing is replayed.
    ///
    /// # Errors
    /// [`SessionError`] when git fails.
    pub(crate) fn uncommitted_cassette(&self) -> Result<Option<String>, SessionError> {
        let Some(replay) = &self.contract()?.settings.replay else { return Ok(None) };
        let cassette = &replay.cassette;
        let inside = |path: &str| path.strip_prefix(cassette).is_some_and(|rest| rest.starts_with('/'));
        let dirty = self.repo.dirty(&|path| !inside(path))?;
        Ok((!dirty.is_empty()).then(|| {
            format!(
                "the cassette {cassette} is not committed as it is: what judges candidates is in no commit"
            )
        }))
    }

    /// Whether a path is part of the harness.
    ///
    /// # Errors
    /// [`SessionError::SpecNotReady`] where the spec has mistakes.
    pub fn is_harness_path(&self, path: &str) -> Result<bool, SessionError> {
        Ok(self.is_harness(&self.harness_matcher()?, path))
    }

    /// Whether a path is locked and yet measures nothing: spec, settings, hooks.
    pub(crate) fn is_prose(&self, path: &str) -> bool {
        let Layout { spec, settings, config, hooks, .. } = &self.layout;
        [spec, settings, config].into_iter().any(|own| own == path)
            || path.strip_prefix(hooks.as_str()).is_some_and(|rest| rest.starts_with('/'))
    }

    fn is_ours(&self, path: &str) -> bool {
        path == self.layout.log
            || path == self.layout.ideas
            || path.starts_with(&format!("{}.", self.layout.log))
    }

    /// Matches the harness: the folder of the spec, what is off limits, and the files that the settings name.
    fn harness_matcher(&self) -> Result<ScopeMatcher, SessionError> {
        let contract = self.contract()?;
        let scope =
            sprag_contract::Scope { off_limits: contract.scope.off_limits.clone(), ..Default::default() };
        let mut locked = self.layout.own_paths();
        let settings = &contract.settings;
        let mut commands: Vec<&str> = [&settings.run.measure, &settings.run.checks, &contract.how_to_run]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect();
        commands.extend(settings.service.iter().map(|service| service.command.as_str()));
        // A word of a harness command that names a file of the repository is the harness, unless it is in scope.
        let in_scope =
            ScopeMatcher::new(&contract.scope, &[]).map_err(|e| SessionError::Refused(e.to_string()))?;
        for word in commands.into_iter().flat_map(str::split_whitespace) {
            let plain = !word.is_empty() && !word.starts_with('-');
            let Some(path) = settings.workspace.to_repository(word).filter(|_| plain) else { continue };
            if self.root.join(&path).is_file()
                && in_scope.standing(&path) != sprag_contract::Standing::InScope
            {
                locked.push(path);
            }
        }
        locked.extend(named_places(settings));
        ScopeMatcher::new(&scope, &locked).map_err(|e| SessionError::Refused(e.to_string()))
    }

    fn is_harness(&self, matcher: &ScopeMatcher, path: &str) -> bool {
        matcher.standing(path) == sprag_contract::Standing::OffLimits && !self.is_ours(path)
    }
}

/// The files and folders of the harness that the settings name. A folder is locked as a whole: what a candidate adds to
/// the goldens would be one from the next session on.
fn named_places(settings: &Settings) -> Vec<String> {
    let mut places = Vec::new();
    if let Some(cases) = settings.compared_cases() {
        places.push(cases.file.clone());
        places.extend(cases.goldens.clone());
        places.extend(cases.hidden.clone());
    }
    places.extend(settings.replay.as_ref().map(|replay| replay.cassette.clone()));
    places
}

/// What the compiler should know of the repository.
fn surroundings(
    repo: &UserRepo,
    root: &camino::Utf8Path,
    layout: &Layout,
) -> Result<Surroundings, SessionError> {
    let there = |path: &String| root.join(path).is_file().then(|| path.clone());
    let config = root.join(&layout.config);
    let foreign = match config.is_file() {
        true => ForeignConfig::parse(&read_text(&config)?)
            .map_err(|what| SessionError::Refused(format!("{}: {what}", layout.config)))?,
        false => ForeignConfig::default(),
    };
    let mut paths = repo.files()?;
    paths.extend(repo.dirty(&|_| false)?.into_iter().map(|dirty| dirty.path));
    let home = Home::of(repo)?;
    Ok(Surroundings {
        measure: there(&layout.measure),
        checks: there(&layout.checks),
        paths: Some(paths),
        locked: layout.own_paths(),
        seconds: crate::bench::latest(&home)
            .filter(|bench| bench.findings.is_empty())
            .map(|bench| bench.seconds),
        scored_cases: None,
        max_iterations: foreign.max_iterations,
        working_dir: foreign.working_dir,
    })
}

/// How many scored cases the case file has; `None` where there is none that can be read.
fn scored_cases(root: &camino::Utf8Path, contract: &Contract) -> Option<u32> {
    let cases = contract.settings.cases.as_ref()?;
    let file: serde_json::Value = serde_json::from_str(&read_text(&root.join(&cases.file)).ok()?).ok()?;
    u32::try_from(file.get("cases")?.as_array()?.len()).ok()
}

fn read_text(path: &camino::Utf8Path) -> Result<String, SessionError> {
    let read = || -> std::io::Result<String> {
        let size = fs::metadata(path)?.len();
        if size > MAX_TEXT {
            return Err(std::io::Error::other(format!(
                "{size} bytes are too many for a text that people read"
            )));
        }
        let bytes = fs::read(path)?;
        String::from_utf8(bytes).map_err(|e| std::io::Error::other(format!("it is not UTF-8: {e}")))
    };
    read().map_err(|e| SessionError::io("read", path, e))
}
