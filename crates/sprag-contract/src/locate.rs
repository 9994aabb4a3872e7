//! Which files of a repository are the spec, the settings and the harness, by their names alone.

/// One of the two sets of names that the ecosystem uses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutKind {
    /// Everything in the folder `.auto`.
    Folder,
    /// `autoresearch.*` in the root: the older names.
    Flat,
}

/// Where everything of one session is, or would be: paths relative to the repository, with `/`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Which set of names.
    pub kind: LayoutKind,
    /// The spec; it is there, unless nothing of either layout is.
    pub spec: String,
    /// The settings; they may be missing.
    pub settings: String,
    /// The benchmark script; it may be missing.
    pub measure: String,
    /// The correctness checks; they may be missing.
    pub checks: String,
    /// Parked ideas.
    pub ideas: String,
    /// The mirror of the ledger.
    pub log: String,
    /// The folder of hooks.
    pub hooks: String,
    /// The other tools' JSON settings, of which `maxIterations` and `workingDir` are honoured.
    pub config: String,
    /// Whether the spec is there.
    pub found: bool,
}

impl Layout {
    /// The folder layout, whether its files are there or not: what `sprag init` writes.
    pub fn folder() -> Self {
        let at = |name: &str| format!(".auto/{name}");
        Self {
            kind: LayoutKind::Folder,
            spec: at("prompt.md"),
            settings: at("sprag.toml"),
            measure: at("measure.sh"),
            checks: at("checks.sh"),
            ideas: at("ideas.md"),
            log: at("log.jsonl"),
            hooks: at("hooks"),
            config: at("config.json"),
            found: false,
        }
    }

    /// The flat layout. Sprag's own settings have no older name, so they stay in `.auto`.
    pub fn flat() -> Self {
        let at = |name: &str| format!("autoresearch.{name}");
        Self {
            kind: LayoutKind::Flat,
            spec: at("md"),
            settings: ".auto/sprag.toml".to_owned(),
            measure: at("sh"),
            checks: at("checks.sh"),
            ideas: at("ideas.md"),
            log: at("jsonl"),
            hooks: at("hooks"),
            config: at("config.json"),
            found: false,
        }
    }

    /// Every path that is the person's or Sprag's, and never a candidate's.
    pub fn own_paths(&self) -> Vec<String> {
        let Self { spec, settings, measure, checks, ideas, log, hooks, config, .. } = self;
        [spec, settings, measure, checks, ideas, log, hooks, config].into_iter().cloned().collect()
    }
}

/// Chooses the layout by which spec file exists: the folder's first. `exists` answers for a path relative to the
/// repository. Where there is no spec at all, the folder layout with `found` false.
///
/// A file that the chosen layout lacks is not looked for under the other one's name, but for the settings: Sprag's
/// are `.auto/sprag.toml` in both.
pub fn locate(exists: impl Fn(&str) -> bool) -> Layout {
    [Layout::folder(), Layout::flat()]
        .into_iter()
        .find(|layout| exists(&layout.spec))
        .map_or_else(Layout::folder, |layout| Layout { found: true, ..layout })
}

/// What is honoured of the other tools' `config.json`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ForeignConfig {
    /// `maxIterations`: the session ends after this many experiments.
    pub max_iterations: Option<u32>,
    /// `workingDir`: the workspace root, relative to the repository.
    pub working_dir: Option<String>,
}

impl ForeignConfig {
    /// Reads the JSON text. Unknown keys are the other tools' business.
    ///
    /// # Errors
    /// One sentence for a person, where the text is no JSON object or one of the two keys has the wrong type.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value: serde_json::Value =
            serde_json::from_str(text).map_err(|e| format!("it is no JSON: {e}"))?;
        let object = value.as_object().ok_or("it is no JSON object")?;
        let given = |key: &str| object.get(key).filter(|v| !v.is_null());
        let max_iterations = given("maxIterations")
            .map(|v| {
                v.as_u64().and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0).ok_or_else(|| {
                    format!("`maxIterations` is {v}, and must be a whole number of at least 1")
                })
            })
            .transpose()?;
        let working_dir = given("workingDir")
            .map(|v| {
                v.as_str()
                    .map(str::to_owned)
                    .ok_or_else(|| format!("`workingDir` is {v}, and must be a path"))
            })
            .transpose()?;
        Ok(Self { max_iterations, working_dir })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spec_file_that_exists_chooses_the_layout_and_the_folder_comes_first() {
        let both = locate(|path| path == ".auto/prompt.md" || path == "autoresearch.md");
        assert_eq!(both, Layout { found: true, ..Layout::folder() });
        let flat = locate(|path| path == "autoresearch.md");
        assert_eq!(
            (flat.kind, flat.log.as_str(), flat.found),
            (LayoutKind::Flat, "autoresearch.jsonl", true)
        );
        assert!(!locate(|_| false).found);
    }

    #[test]
    fn iterations_and_working_directory_of_the_other_tools_are_honoured() {
        let config =
            ForeignConfig::parse(r#"{"maxIterations": 50, "workingDir": "api", "other": [1]}"#).unwrap();
        assert_eq!(config, ForeignConfig { max_iterations: Some(50), working_dir: Some("api".to_owned()) });
        assert_eq!(ForeignConfig::parse("{}").unwrap(), ForeignConfig::default());
        for text in ["", "[]", r#"{"maxIterations":0}"#, r#"{"maxIterations":"9"}"#, r#"{"workingDir":1}"#] {
            assert!(ForeignConfig::parse(text).is_err(), "{text}");
        }
    }
}
