//! The answers that a candidate must give: the person's goldens, or those of the baseline.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::settings::{Compare, CompareKind, DriverKind, Settings};
use sprag_contract::{Contract, Goldens as GoldenRule};
use sprag_judge::{Finding, Reason};
use sprag_ledger::Hash;
use sprag_measure::golden::Comparison;
use sprag_measure::{CaseOutput, drivers};
use sprag_workspace::{Store, TreeId};

use crate::SessionError;
use crate::segment::Segment;

/// One golden a case, and how an output is compared with it.
#[derive(Debug, Clone)]
pub(crate) struct Goldens {
    by_case: BTreeMap<String, Vec<u8>>,
    comparison: Comparison,
}

impl Goldens {
    /// The goldens in the folder that the settings name, out of the locked tree `baseline`; `None` where the settings
    /// name none.
    ///
    /// # Errors
    /// [`SessionError`] when the store fails, or the folder is empty.
    pub(crate) fn of_harness(
        store: &Store,
        baseline: &TreeId,
        contract: &Contract,
        phase: u32,
    ) -> Result<Option<Self>, SessionError> {
        let Some(folder) = contract.settings.cases.as_ref().and_then(|cases| cases.goldens.as_deref()) else {
            return Ok(None);
        };
        let folder = folder.trim_end_matches('/');
        let manifest = store.manifest(baseline)?;
        let mut by_case = BTreeMap::new();
        for (path, entry) in manifest.under(folder) {
            let case = case_of(&path[folder.len() + 1..]);
            if by_case.insert(case.to_owned(), store.blob(&entry.id)?).is_some() {
                let what = format!("the goldens folder {folder} has two files for the case {case}");
                return Err(SessionError::Refused(what));
            }
        }
        if by_case.is_empty() && contract.settings.hides(folder) {
            let what = format!(
                "the hidden cases have no goldens in {folder}: `sprag golden record --hidden` writes one a case"
            );
            return Err(SessionError::Refused(what));
        }
        if by_case.is_empty() {
            let what = format!(
                "the goldens folder {folder} has no files: `sprag golden record` writes one golden a case; without `goldens` in [cases] the baseline's answers are the goldens"
            );
            return Err(SessionError::Refused(what));
        }
        Ok(Some(Self { by_case, comparison: comparison(contract, phase)? }))
    }

    /// The goldens that the session recorded from its baseline, if it did.
    ///
    /// # Errors
    /// [`SessionError`] when they cannot be read.
    pub(crate) fn recorded(
        dir: &Utf8Path,
        contract: &Contract,
        phase: u32,
    ) -> Result<Option<Self>, SessionError> {
        if !dir.is_dir() {
            return Ok(None);
        }
        let mut by_case = BTreeMap::new();
        for entry in dir.read_dir_utf8().map_err(|e| SessionError::io("read", dir, e))?.flatten() {
            let path = entry.path();
            let Some(case) = path.file_stem().and_then(from_file_name) else { continue };
            by_case.insert(case, fs::read(path).map_err(|e| SessionError::io("read", path, e))?);
        }
        Ok(Some(Self { by_case, comparison: comparison(contract, phase)? }))
    }

    /// Takes the baseline's answers as goldens and writes them to `dir`.
    ///
    /// # Errors
    /// [`SessionError`] when they cannot be written.
    pub(crate) fn record(
        dir: &Utf8Path,
        outputs: &[CaseOutput],
        contract: &Contract,
        phase: u32,
    ) -> Result<Self, SessionError> {
        let comparison = comparison(contract, phase)?;
        let mut by_case = BTreeMap::new();
        for output in outputs {
            let golden = comparison.as_golden(&output.bytes).map_err(|why| SessionError::Baseline {
                what: format!("the answer to the case {} can be no golden: {why}", output.id),
                output: String::new(),
            })?;
            by_case.insert(output.id.clone(), golden);
        }
        let part = dir.with_extension("part");
        let write = || -> std::io::Result<()> {
            fs::create_dir_all(&part)?;
            for (case, golden) in &by_case {
                let mut file = File::create(part.join(format!("{}.json", to_file_name(case))))?;
                file.write_all(golden)?;
                file.sync_all()?;
            }
            // After a power cut an empty golden would refuse every candidate.
            File::open(&part)?.sync_all()?;
            fs::rename(&part, dir)?;
            File::open(dir.parent().unwrap_or(dir))?.sync_all()
        };
        write().map_err(|e| SessionError::io("write", dir, e))?;
        Ok(Self { by_case, comparison })
    }

    /// The first output that differs from its golden.
    pub(crate) fn check(&self, outputs: &[CaseOutput]) -> Option<Finding> {
        outputs.iter().find_map(|output| {
            let detail = match self.by_case.get(&output.id) {
                None => format!("case {} has no golden", output.id),
                Some(golden) => {
                    let difference = self.comparison.compare(golden, &output.bytes).err()?;
                    match output.id.as_str() {
                        drivers::STDOUT => format!("what the command prints differs {difference}"),
                        id => format!("case {id} differs {difference}"),
                    }
                }
            };
            Some(Finding { reason: Reason::Output, detail })
        })
    }
}

/// The case whose golden a file of this name is.
pub(crate) fn case_of(file_name: &str) -> &str {
    file_name.rsplit_once('.').map_or(file_name, |(stem, _)| stem)
}

/// Where the answers of the baseline are kept: apart for each harness and each way to run it, so that neither is held
/// against what another one asked.
pub(crate) fn folder(session: &Utf8Path, segment: &Segment) -> Utf8PathBuf {
    let Settings { run, cases, measure, .. } = &segment.contract.settings;
    let asked = (&segment.config.harness, &run.measure, measure.driver, cases);
    let name = Hash::of(&serde_json::to_vec(&asked).expect("settings are plain data")).to_string();
    session.join("goldens").join(&name[3..19])
}

/// How outputs are compared: the settings, with the spec's word on goldens over them.
///
/// # Errors
/// [`SessionError`] where the settings are wrong.
pub(crate) fn comparison(contract: &Contract, phase: u32) -> Result<Comparison, SessionError> {
    if contract.settings.measure.driver == DriverKind::Command {
        return Ok(Comparison::of(&Compare { kind: CompareKind::Bytes, ..Compare::default() })?);
    }
    let mut compare: Compare =
        contract.settings.cases.as_ref().map(|cases| cases.compare.clone()).unwrap_or_default();
    match contract.in_phase(phase).goldens {
        Some(GoldenRule::Exact) => compare.tolerance = 0.0,
        Some(GoldenRule::Within { tolerance }) => compare.tolerance = tolerance,
        None => {}
    }
    Ok(Comparison::of(&compare)?)
}

/// A case's id as a file name: bytes that are no plain name are written in hexadecimal.
fn to_file_name(id: &str) -> String {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    id.bytes().map(|b| if plain(b) { char::from(b).to_string() } else { format!("%{b:02x}") }).collect()
}

fn from_file_name(name: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = name.bytes();
    while let Some(b) = rest.next() {
        if b != b'%' {
            bytes.push(b);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    proptest::proptest! {
        #[test]
        fn any_case_id_survives_as_a_file_name(id in ".{1,60}") {
            let name = to_file_name(&id);
            proptest::prop_assert!(!name.contains(['/', '.', '\0']));
            proptest::prop_assert_eq!(from_file_name(&name), Some(id));
        }
    }
}
