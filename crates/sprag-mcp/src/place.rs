//! Where a server works, and how it opens the session there.

use camino::Utf8PathBuf;
use sprag_ledger::view::status_view;
use sprag_measure::Interrupt;
use sprag_session::{Home, Observer, Opening, Project, Session, SessionError, StartFrom};

/// The repository that a server serves.
#[derive(Debug, Clone)]
pub struct Place {
    /// A folder in it.
    pub dir: Utf8PathBuf,
    /// Whether a new session takes uncommitted changes into its baseline.
    pub include_dirty: bool,
}

impl Place {
    /// The folder in which every copy is made.
    ///
    /// # Errors
    /// [`SessionError`] where there is no repository, no spec or no state directory.
    pub fn copy(&self) -> Result<Utf8PathBuf, SessionError> {
        Ok(self.home()?.work(Home::COPY))
    }

    pub(crate) fn open<'o>(
        &self,
        interrupt: &Interrupt,
        observer: &'o mut dyn Observer,
    ) -> Result<Session<'o>, SessionError> {
        let baseline = if self.include_dirty { StartFrom::Snapshot } else { StartFrom::CleanHead };
        let opening = Opening { fresh: false, baseline };
        Session::open(Project::open(&self.dir)?, &opening, interrupt.clone(), observer)
    }

    /// Where the session stands, read from its ledger, whoever writes it.
    pub(crate) fn status(&self) -> Result<String, SessionError> {
        let project = Project::open(&self.dir)?;
        let home = project.home()?;
        let rules = project.contract().map_or(&[][..], |contract| &contract.stop);
        let mut text = match home.current() {
            Some(id) => {
                let path = home.ledger(&id);
                let log = sprag_ledger::skim(&path)
                    .map_err(|error| SessionError::Refused(format!("failed to read {path}: {error}")))?;
                status_view(&log, rules).to_text()
            }
            None => "no session yet: begin_experiment starts one\n".to_owned(),
        };
        if let Some(pid) = home.running().filter(|pid| *pid != std::process::id()) {
            text.push_str(&format!("another sprag holds the session (pid {pid})\n"));
        }
        Ok(text)
    }

    fn home(&self) -> Result<Home, SessionError> {
        Project::open(&self.dir)?.home()
    }
}
