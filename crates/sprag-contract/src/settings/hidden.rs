//! `[cases] hidden`: a folder with cases, goldens and a cassette of its own, which no proposer sees.

use super::{Settings, Tier};
use crate::{Contract, scope::is_within};

impl Settings {
    /// The folder of the hidden cases; `None` where there are none, or the driver sends no cases.
    pub fn hidden_cases(&self) -> Option<&str> {
        self.compared_cases()?.hidden.as_deref()
    }

    /// Whether a path of the repository is, or lies in, the folder of the hidden cases: then it is in no copy for a
    /// proposer and in no tree that runs.
    pub fn hides(&self, path: &str) -> bool {
        self.hidden_cases().is_some_and(|folder| is_within(path, &[folder.to_owned()]))
    }

    /// What decides beside the code: the case file, goldens, cassette and hidden cases. Code that is locked in never sees
    /// them.
    pub fn unseen(&self) -> Vec<String> {
        let cassette = self.replay.iter().map(|replay| replay.cassette.clone());
        let cases = self.compared_cases().into_iter().flat_map(|cases| {
            [Some(&cases.file), cases.goldens.as_ref(), cases.hidden.as_ref()].into_iter().flatten().cloned()
        });
        cassette.chain(cases).collect()
    }

    /// Whether a path of the repository is in no tree that runs.
    pub fn withholds(&self, path: &str) -> bool {
        self.hides(path) || (self.sandbox.tier != Tier::None && is_within(path, &self.unseen()))
    }

    /// The same measurement with the hidden cases in place of the others: `cases.json`, `goldens` and `cassette` in
    /// their folder.
    pub fn on_hidden_cases(&self) -> Option<Self> {
        let folder = self.hidden_cases()?.to_owned();
        let mut settings = self.clone();
        if let Some(cases) = &mut settings.cases {
            cases.file = format!("{folder}/cases.json");
            cases.goldens = Some(format!("{folder}/goldens"));
        }
        if let Some(replay) = &mut settings.replay {
            replay.cassette = format!("{folder}/cassette");
        }
        Some(settings)
    }

    /// What is wrong with the folder: the complaint and what to do.
    pub(super) fn misplaced_hidden_cases(&self) -> Option<(String, &'static str)> {
        let cases = self.cases.as_ref()?;
        let hidden = cases.hidden.as_ref()?;
        if super::normal(hidden).is_none_or(|path| path == ".") {
            let message = format!("`{hidden}` is no folder in the repository");
            return Some((message, "write it relative to the top of the repository, with `/`"));
        }
        let cassette = self.replay.as_ref().map(|replay| &replay.cassette);
        let shown = [Some(&cases.file), cases.goldens.as_ref(), cassette].into_iter().flatten();
        let overlap = |path: &&String| {
            is_within(path, std::slice::from_ref(hidden)) || is_within(hidden, std::slice::from_ref(*path))
        };
        let path = shown.into_iter().find(overlap)?;
        let message = format!("`{path}` and the hidden cases in `{hidden}` lie in one another");
        Some((message, "give the hidden cases a folder of their own"))
    }
}

impl Contract {
    /// The contract with the hidden cases in place of the others; `None` where there are none.
    pub fn on_hidden_cases(&self) -> Option<Self> {
        Some(Self { settings: self.settings.on_hidden_cases()?, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Source;

    fn settings(hidden: &str) -> Result<Settings, String> {
        let text = format!(
            "[measure]\ndriver = 'cases'\n[cases]\nfile = 'bench/cases.json'\ngoldens = 'bench/goldens'\nhidden = '{hidden}'\nserve = {{ stdio = 'w' }}\n[replay]\ncassette = 'bench/tape'\n"
        );
        let told = |d: &crate::Diagnostic| format!("{} | {}", d.message, d.help.as_deref().unwrap_or("-"));
        match Settings::parse(&Source::new("sprag.toml", text)) {
            Ok((settings, _)) => Ok(settings),
            Err(list) => Err(list.iter().map(told).collect::<Vec<_>>().join("\n")),
        }
    }

    #[test]
    fn hidden_cases_take_the_place_of_the_others_and_stay_hidden() {
        let settings = settings("./bench/hidden/").unwrap();
        assert_eq!(settings.hidden_cases(), Some("bench/hidden"));
        assert!(settings.hides("bench/hidden") && settings.hides("bench/hidden/goldens/a.json"));
        assert!(!settings.hides("bench/hidden2/a.json") && !settings.hides("bench/cases.json"));
        let view = settings.on_hidden_cases().unwrap();
        let cases = view.cases.as_ref().unwrap();
        assert_eq!(cases.file, "bench/hidden/cases.json");
        assert_eq!(cases.goldens.as_deref(), Some("bench/hidden/goldens"));
        assert_eq!(view.replay.as_ref().unwrap().cassette, "bench/hidden/cassette");
        assert!(view.hides("bench/hidden/cases.json"), "in this view too");
    }

    #[test]
    fn a_folder_that_cannot_hide_them_is_refused() {
        insta::assert_snapshot!(settings("../hidden").unwrap_err(), @"`../hidden` is no folder in the repository | write it relative to the top of the repository, with `/`");
        insta::assert_snapshot!(settings("bench").unwrap_err(), @"`bench/cases.json` and the hidden cases in `bench` lie in one another | give the hidden cases a folder of their own");
        insta::assert_snapshot!(settings("bench/goldens/hidden").unwrap_err(), @"`bench/goldens` and the hidden cases in `bench/goldens/hidden` lie in one another | give the hidden cases a folder of their own");
        assert!(settings("bench/tape").unwrap_err().contains("lie in one another"));
    }

    #[test]
    fn another_driver_sends_no_hidden_cases() {
        let mut settings = settings("hidden").unwrap();
        settings.measure.driver = crate::settings::DriverKind::Command;
        assert_eq!(settings.hidden_cases(), None);
        assert!(!settings.hides("hidden/cases.json"));
    }
}
