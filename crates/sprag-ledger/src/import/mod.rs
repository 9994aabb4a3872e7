//! Logs of other tools, read into the same [`Log`]. What was imported is never called verified.

mod jsonl;
mod tsv;

use std::{fmt, sync::Arc};

use camino::Utf8Path;

use crate::{
    Entry, Log,
    log::{open_regular, read_whole},
};

/// Whose dialect a log is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// Sprag's own, with its chain.
    Sprag,
    /// pi-autoresearch: JSONL with `run`, `metric`, `status`.
    Pi,
    /// karpathy's `results.tsv`: commit, metric, memory, status, description.
    Karpathy,
    /// uditgoenka's TSV: a direction line, then iteration, timestamp, commit, metric, delta, guard, …
    Uditgoenka,
    /// The crate `autoresearch`: JSONL with `run`, `hash`, `summary`.
    AutoresearchCrate,
    /// SkyPilot's TSV: experiment id, status, metric, memory, description.
    SkyPilot,
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Dialect::Sprag => "sprag",
            Dialect::Pi => "pi",
            Dialect::Karpathy => "karpathy",
            Dialect::Uditgoenka => "uditgoenka",
            Dialect::AutoresearchCrate => "autoresearch-crate",
            Dialect::SkyPilot => "skypilot",
        })
    }
}

/// A log that was imported.
#[derive(Debug, Clone, PartialEq)]
pub struct Imported {
    /// Whose it was.
    pub dialect: Dialect,
    /// What it says.
    pub log: Log,
}

impl Imported {
    /// The entries, each config and run marked with where it comes from, ready to be appended to a ledger.
    pub fn into_entries(self) -> Vec<Entry> {
        let source = self.dialect.to_string();
        let mut entries: Vec<Entry> = self.log.records.into_iter().map(|record| record.entry).collect();
        for entry in &mut entries {
            match entry {
                Entry::Config(config) => config.source = Some(source.clone()),
                Entry::Run(run) => run.source = Some(source.clone()),
                _ => {}
            }
        }
        entries
    }
}

/// Why a file is not imported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// No dialect fits.
    #[error(
        "the file is in no dialect that is known: expected pi's or Sprag's JSONL, or a TSV with the header of \
         karpathy's results.tsv, uditgoenka's or SkyPilot's"
    )]
    Unknown,
    /// The file system refused.
    #[error("failed to read {path}: {source}")]
    Io {
        /// What was read.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
}

/// Tells the dialect from the first lines; `None` where none fits.
pub fn detect(bytes: &[u8]) -> Option<Dialect> {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(1 << 20)]);
    let text = text.trim_start_matches('\u{feff}');
    let mut lines = text.lines().map(str::trim_end).filter(|line| !line.trim().is_empty());
    let first = lines.clone().next()?;
    if first.trim_start().starts_with('{') {
        return jsonl::detect(lines.by_ref());
    }
    tsv::detect(lines)
}

/// Reads a log of any known dialect.
///
/// # Errors
/// No dialect fits. Lines that do not fit are counted in the log, and are no error.
pub fn read_bytes(bytes: &[u8]) -> Result<Imported, ImportError> {
    let dialect = detect(bytes).ok_or(ImportError::Unknown)?;
    let log = match dialect {
        Dialect::Sprag | Dialect::Pi => Log::parse(Arc::new(bytes.to_vec()), false),
        Dialect::AutoresearchCrate => jsonl::read(bytes),
        Dialect::Karpathy | Dialect::Uditgoenka | Dialect::SkyPilot => tsv::read(dialect, bytes),
    };
    Ok(Imported { dialect, log })
}

/// Reads a log file of any known dialect.
///
/// # Errors
/// No dialect fits, the file is larger than 4 GiB, or the file system refuses.
pub fn read(path: &Utf8Path) -> Result<Imported, ImportError> {
    let failed = |source| ImportError::Io { path: path.to_string(), source };
    let bytes = open_regular(path).and_then(|file| read_whole(&file)).map_err(failed)?;
    read_bytes(&bytes)
}
