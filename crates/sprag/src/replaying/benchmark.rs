//! Runs the benchmark of the settings beside a proxy, once and as a session would.

use std::sync::Arc;

use camino::Utf8Path;
use miette::{IntoDiagnostic, miette};
use sprag_judge::Reason;
use sprag_measure::{MeasureError, cpus_beside};
use sprag_replay::{Mode, Proxy};
use sprag_session::SessionError;

use super::place::Place;
use super::{Ended, Ran};
use crate::failed::failed;
use crate::{open, watch};

/// `None` where it was interrupted.
pub(super) fn run(dir: &Utf8Path, place: &Place, mode: Mode) -> miette::Result<Option<Ran>> {
    let mut project = open::project(dir)?;
    if place.of_hidden_cases {
        project = project.on_hidden_cases().into_diagnostic()?;
    }
    let cpus = cpus_beside(&project.contract().into_diagnostic()?.settings).into_diagnostic()?;
    let proxy = Proxy::open(&place.replay, &place.root, mode, cpus.as_deref()).into_diagnostic()?;
    let proxy = Arc::new(proxy);
    let interrupt = watch::interrupt()?;
    let mut view = watch::view();
    let measured = sprag_session::bench_beside(project, proxy.clone(), &interrupt, &mut *view);
    drop(view);
    let proxy = Arc::into_inner(proxy).ok_or_else(|| miette!("the proxy is still in use"))?;
    let account = proxy.account().into_diagnostic()?;
    let (finding, notes) = match measured {
        Ok(bench) => (bench.findings.into_iter().next(), bench.notes),
        Err(error) if error.is_interruption() => return Ok(None),
        // What the outside or the cassette did is in the account, with more of it than the error says.
        Err(SessionError::Measure(MeasureError::Replay { .. })) if !account.troubles.is_empty() => {
            (None, Vec::new())
        }
        Err(error) => return failed(error).map(|_| None),
    };
    // So are misses.
    let finding = finding.filter(|finding| finding.reason != Reason::ReplayMiss);
    Ok(Some(Ran { proxy, account, end: Ended::Benchmark { finding, notes } }))
}
