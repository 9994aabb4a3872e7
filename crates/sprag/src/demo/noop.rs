//! Edits that do nothing, on the viewer's own machine: how many would each rule have kept?

use std::process::ExitCode;

use camino::Utf8PathBuf;
use include_dir::{Dir, include_dir};
use miette::{IntoDiagnostic, miette};
use sprag_agent::{Asked, Blobs, Playbook, Proposal, Proposer};
use sprag_judge::peers;
use sprag_session::{Opening, Outcome, Project, Session, SessionError};

use super::{python, unpack::unpack};
use crate::failed::failed;
use crate::{show, watch};

static EXAMPLE: Dir<'_> = include_dir!("$OUT_DIR/noop");

/// Runs in a row of each side for Welch's test, as its users take them.
const BLOCK: usize = 10;

/// What each rule kept of the edits so far.
#[derive(Debug, Default)]
struct Tally {
    edits: u32,
    one_run: u32,
    mad: u32,
    welch: u32,
    ours: u32,
}

struct NoBlobs;

impl Blobs for NoBlobs {
    fn blob(&self, _id: &str) -> Option<Vec<u8>> {
        None
    }
}

/// Runs `edits` of the bundled do-nothing edits in `dir`.
pub(crate) fn run(dir: Option<Utf8PathBuf>, edits: u32) -> miette::Result<ExitCode> {
    python::find()?;
    let dir = unpack(&EXAMPLE, dir)?;
    let project = Project::open(&dir).into_diagnostic()?;
    let mut playbook = Playbook::open(&dir.join("playbook")).into_diagnostic()?;
    let mut view = watch::view();
    let tally = Session::open(project, &Opening::default(), watch::interrupt()?, &mut *view)
        .and_then(|mut session| measure(&mut session, &mut playbook, edits));
    drop(view);
    match tally {
        Ok(tally) => report(&tally, &dir),
        Err(error) => failed(error),
    }
}

fn measure(session: &mut Session<'_>, playbook: &mut Playbook, edits: u32) -> Result<Tally, SessionError> {
    session.calibrate()?;
    let mut tally = Tally::default();
    let mut runs: Vec<f64> = Vec::new();
    while tally.edits < edits {
        let copy = session.baseline_copy()?;
        let out = copy.proposal_dir();
        let asked = Asked { brief: "", copy: copy.path(), out: &out, blobs: &NoBlobs, usd_left: None };
        let Proposal::Edit(note) = playbook.propose(&asked)? else { break };
        let outcome = session.experiment(copy.path(), note, "playbook", None)?;
        copy.remove()?;
        let Outcome::Row { reason, .. } = outcome else { continue };
        let direction = sprag_judge::Direction::Lower;
        // What the others would have measured: runs one after the other, no pairs, no coins.
        let candidate = session.block(sprag_measure::Role::Candidate, BLOCK)?;
        let incumbent = session.block(sprag_measure::Role::Incumbent, BLOCK)?;
        let (Some(&one), Some(&before)) = (candidate.first(), incumbent.first()) else { continue };
        runs.extend([before, one]);
        let baseline = runs[0];
        tally.edits += 1;
        tally.one_run += u32::from(peers::one_run_better(direction, before, one));
        tally.mad += u32::from(peers::mad_gate(direction, &runs, baseline, one));
        tally.welch += u32::from(peers::welch_better(direction, &incumbent, &candidate));
        tally.ours += u32::from(reason.status() == sprag_judge::Status::Keep);
    }
    Ok(tally)
}

fn report(tally: &Tally, dir: &camino::Utf8Path) -> miette::Result<ExitCode> {
    if tally.edits == 0 {
        return Err(miette!("no edit could be measured: see `sprag -C {dir} log`"));
    }
    let row = |rule: &str, kept: u32| {
        let percent = 100.0 * f64::from(kept) / f64::from(tally.edits);
        format!("  {rule:<42} {kept:>3} of {:<3} {percent:>5.0} %\n", tally.edits)
    };
    let mut text = format!("\n{} edits that do nothing; kept by each rule on this machine:\n", tally.edits);
    text.push_str(&row("one run better", tally.one_run));
    text.push_str(&row("one run, MAD score of 2 or more", tally.mad));
    text.push_str(&row("Welch's test, 10 runs of each in a row", tally.welch));
    text.push_str(&row("Sprag: pairs, coins, evidence", tally.ours));
    text.push_str(&format!("\nevery pair is in the ledger: sprag -C {dir} log"));
    show::text(&text)?;
    Ok(ExitCode::SUCCESS)
}
