//! A state folder of the bench's own: Sprag finds its state by the environment, which a process gets at its start.

use std::os::unix::process::CommandExt;
use std::process::Command;

use camino::Utf8PathBuf;

use crate::Result;

const INSIDE: &str = "SPRAG_BENCH_STAGE";

/// A temporary folder in which the bench runs, with `XDG_STATE_HOME` in it.
#[derive(Debug)]
pub struct Stage {
    dir: Utf8PathBuf,
}

impl Stage {
    /// Starts this program again with a state folder of its own, unless it was started so already.
    ///
    /// # Errors
    /// The folder cannot be made, or the program not be started.
    pub fn enter() -> Result<Self> {
        if let Ok(dir) = std::env::var(INSIDE) {
            return Ok(Self { dir: Utf8PathBuf::from(dir) });
        }
        let dir = Utf8PathBuf::try_from(tempfile::Builder::new().prefix("sprag-bench-").tempdir()?.keep())?;
        let dir = dir.canonicalize_utf8()?;
        let mut again = Command::new(std::env::current_exe()?);
        again.args(std::env::args_os().skip(1)).env(INSIDE, &dir).env("XDG_STATE_HOME", dir.join("state"));
        Err(again.exec().into())
    }

    /// A path in the folder.
    pub fn join(&self, name: &str) -> Utf8PathBuf {
        self.dir.join(name)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::env::var_os("SPRAG_BENCH_KEEP").is_some() {
            return;
        }
        // Failing, it costs disk in the temporary directory and nothing else.
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// The `sprag` that was built beside this bench.
///
/// # Errors
/// It was not built.
pub fn sprag() -> Result<Utf8PathBuf> {
    let here = Utf8PathBuf::try_from(std::env::current_exe()?)?;
    let sprag = here.with_file_name("sprag");
    match sprag.is_file() {
        true => Ok(sprag),
        false => Err(format!("{sprag} is missing: `cargo build --release -p sprag` first").into()),
    }
}
