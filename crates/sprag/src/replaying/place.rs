//! The settings that say what is recorded. No session, no spec and no commit is needed for them.

use std::fs;

use camino::{Utf8Path, Utf8PathBuf};
use miette::{IntoDiagnostic, Report, WrapErr, miette};
use sprag_contract::locate::locate;
use sprag_contract::settings::{Replay, Settings};
use sprag_contract::{Severity, Source};
use sprag_session::SessionError;

/// No settings file is larger, in bytes; the parser says so in its own words.
const LARGEST: u64 = 1 << 20;

/// What to write where nothing is said yet.
const LINES: &str = r#"add these lines:

[replay]
# the folder of the recording
cassette = "benchmark/cassette"

# what is counted together, by the name of a metric
[[replay.class]]
name = "api_calls"
match = { host = "api.example.com" }

# for a client that takes an address and knows no proxy:
# it is told by SPRAG_DB_HOST and SPRAG_DB_PORT
[[replay.port]]
name = "db"
upstream = "postgres://127.0.0.1:5432"
"#;

/// Where a recording is made and played.
pub(crate) struct Place {
    /// The top of the repository; outside of any, the folder itself.
    pub(crate) root: Utf8PathBuf,
    /// `[replay]` of its settings.
    pub(crate) replay: Replay,
    /// The same for the hidden cases, where there are some.
    hidden: Option<Replay>,
    /// It is that of the hidden cases.
    pub(crate) of_hidden_cases: bool,
}

impl Place {
    /// The settings of the repository around `dir`.
    pub(crate) fn find(dir: &Utf8Path) -> miette::Result<Self> {
        let dir =
            dir.canonicalize_utf8().into_diagnostic().wrap_err_with(|| format!("failed to find {dir}"))?;
        let top = dir.ancestors().find(|folder| folder.join(".git").exists());
        let root = top.unwrap_or(&dir).to_owned();
        let name = locate(|path| root.join(path).is_file()).settings;
        let path = root.join(&name);
        if !path.is_file() {
            return Err(miette!(help = LINES, "there is no {name} in {root}, which says what is recorded"));
        }
        let read = || -> std::io::Result<String> {
            match fs::metadata(&path)?.len() {
                size if size > LARGEST => {
                    Err(std::io::Error::other("it is too large for a text that people write"))
                }
                _ => fs::read_to_string(&path),
            }
        };
        let text = read().into_diagnostic().wrap_err_with(|| format!("failed to read {path}"))?;
        let (settings, _) = Settings::parse(&Source::new(&name, text)).map_err(|found| {
            let first = found.into_iter().find(|one| one.severity == Severity::Error);
            first.map_or_else(|| miette!("{name} cannot be used"), Report::new)
        })?;
        let hidden = settings.on_hidden_cases().and_then(|settings| settings.replay);
        match settings.replay {
            Some(replay) => Ok(Self { root, replay, hidden, of_hidden_cases: false }),
            None => Err(miette!(help = LINES, "{name} has no [replay], which says what is recorded")),
        }
    }

    /// The place of the hidden cases.
    pub(crate) fn on_hidden_cases(self) -> miette::Result<Self> {
        let replay = self.hidden.clone().ok_or(SessionError::NoHiddenCases).into_diagnostic()?;
        Ok(Self { replay, of_hidden_cases: true, ..self })
    }

    /// The folder of the cassette.
    pub(crate) fn cassette(&self) -> Utf8PathBuf {
        self.root.join(&self.replay.cassette)
    }
}
