//! What is judged live and in replay, side by side.

use std::collections::BTreeMap;
use std::process::Command;

use camino::Utf8Path;
use sprag_judge::stats::median;

use crate::Result;

/// What became of a proposal.
#[derive(Debug, Clone, PartialEq)]
pub struct Judged {
    status: String,
    reason: String,
    /// Of each pair, as a share of the incumbent's time; negative is a loss.
    gains: Vec<f64>,
}

/// By the name of the proposal.
pub type Session = BTreeMap<String, Judged>;

impl Judged {
    fn told(&self) -> String {
        let Self { status, reason, gains } = self;
        match gains.len() {
            0 => format!("{status}, {reason}"),
            pairs => format!("{:+.1} % ({pairs}) {status}, {reason}", 100.0 * median(gains)),
        }
    }
}

/// Runs a command.
///
/// # Errors
/// It does not end well.
pub fn run(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} failed").into()) }
}

/// Plays a playbook in `dir` by `sprag`, a command to which the arguments are added.
///
/// # Errors
/// The session failed.
pub fn judge(dir: &Utf8Path, playbook: &Utf8Path, sprag: &mut Command, primary: &str) -> Result<Session> {
    run(sprag.current_dir(dir).args(["run", "--agent", &format!("playbook:{playbook}")]))?;
    let log = sprag_ledger::read(&dir.join(".auto/log.jsonl"))?;
    let mut session = Session::new();
    for run in log.runs().filter(|run| run.is_experiment()) {
        let evidence = run.evidence.as_ref().and_then(|stored| stored.get().ok());
        let pairs = evidence.iter().flat_map(|evidence| &evidence.pairs);
        let gain = |[incumbent, candidate]: &[f64; 2]| 1.0 - candidate / incumbent;
        let gains = pairs.filter_map(|pair| pair.values.get(primary)).map(gain).collect();
        let status = run.status.word().to_owned();
        let reason = run.reason.map(|reason| reason.to_string()).unwrap_or_default();
        session.insert(run.proposal.clone().unwrap_or_default(), Judged { status, reason, gains });
    }
    Ok(session)
}

/// Prints both, with what each proposal is known to be. The gain is the median over the pairs, whose number follows it.
///
/// # Errors
/// A proposal came to no row.
pub fn compare(proposals: &[(&str, &str)], live: &Session, replayed: &Session) -> Result<()> {
    println!("\n{:<28}{:<26}{:<34}{:<34}agree", "proposal", "known as", "live", "replay");
    let mut agreeing = 0;
    for (name, known) in proposals {
        let missing = || format!("{name} was not judged: see the sessions with SPRAG_BENCH_KEEP=1");
        let (live, replayed) =
            (live.get(*name).ok_or_else(missing)?, replayed.get(*name).ok_or_else(missing)?);
        let agree = live.status == replayed.status;
        agreeing += u32::from(agree);
        let word = if agree { "yes" } else { "NO" };
        println!("{name:<28}{known:<26}{:<34}{:<34}{word}", live.told(), replayed.told());
    }
    println!("{agreeing} of {} verdicts agree", proposals.len());
    Ok(())
}
