//! `sprag redteam`: plants known cheats in the person's own project, and asks what their harness says of each.
//!
//! Each cheat is a candidate like any other: edited in a copy, imported, built, run, compared, checked, and asked the
//! hidden cases. What is left out is the question of speed: a cheat that no gate refuses is let through, whether or not
//! it was the faster one that day. The session it happens in is thrown away; only the result stays.

mod cheat;
mod gates;
mod planting;
mod python;
mod seen;

use std::fs;

use camino::Utf8Path;
use sprag_judge::{Finding, Reason, Status};
use sprag_ledger::{Cheated, Fate, Ledger, RedTeam};
use sprag_measure::Interrupt;
use sprag_workspace::remove_dir;

use crate::events::Stage;
use crate::lab::is_transient;
use crate::open::{Opening, StartFrom};
use crate::session::{Session, now};
use crate::{Home, Observer, Project, SessionError};
use cheat::{Cheat, Shows};
use gates::Heard;
use planting::{Planted, Survey};

/// How much of a sentence is kept.
const DETAIL: usize = 240;

/// Plants every cheat in a copy of the working tree, and says what became of each. The result is in the ledger of the
/// current session, or in that of the next one where there is none yet.
///
/// # Errors
/// [`SessionError`]: the spec, the baseline or the host; nothing is recorded then.
pub fn red_team(
    project: Project,
    interrupt: &Interrupt,
    observer: &mut dyn Observer,
) -> Result<RedTeam, SessionError> {
    let (home, mirror) = (project.home()?, project.mirror());
    let opening = Opening { fresh: true, baseline: StartFrom::Aside };
    let mut session = Session::open(project, &opening, interrupt.clone(), observer)?;
    let tried = session.play_cheats();
    let place = session.home.dir().to_owned();
    // The lock is held until the result is written.
    let Session { _held, .. } = session;
    remove_dir(&place)?;
    let tried = tried?;
    remember(&home, &mirror, &tried)?;
    Ok(tried)
}

/// What was found last in this repository, under whichever contract.
pub(crate) fn latest(home: &Home) -> Option<RedTeam> {
    serde_json::from_str(&fs::read_to_string(home.dir().join("redteam.json")).ok()?).ok()
}

fn remember(home: &Home, mirror: &Utf8Path, tried: &RedTeam) -> Result<(), SessionError> {
    let path = home.dir().join("redteam.json");
    let text = serde_json::to_string(tried).unwrap_or_default();
    fs::write(&path, text).map_err(|e| SessionError::io("write", &path, e))?;
    if let Some(id) = home.current() {
        let (mut ledger, _) = Ledger::open(&home.ledger(&id), Some(mirror))?;
        ledger.append(tried.clone())?;
    }
    Ok(())
}

impl Session<'_> {
    /// Says once in a repository that there is such a command: before its first session, where nobody used it.
    pub fn suggest_red_team(&mut self) {
        let sessions = self.home.dir().join("sessions").read_dir_utf8();
        let first = self.state.last_run == 0 && sessions.is_ok_and(|sessions| sessions.count() == 1);
        if first && latest(&self.home).is_none() {
            self.notice("`sprag redteam` plants known cheats in a copy, and says which of them this harness would let through");
        }
    }

    /// Takes what was found before there was a session into its ledger, where it is about the same contract and harness.
    pub(crate) fn take_in_red_team(&mut self) -> Result<(), SessionError> {
        let Some(tried) = latest(&self.home) else { return Ok(()) };
        let config = &self.state.segment().map_err(SessionError::Refused)?.config;
        let fits = (&config.contract, &config.harness) == (&tried.contract, &tried.harness);
        if fits && self.ledger.log().session().red_team() != Some(&tried) {
            self.record(tried)?;
        }
        Ok(())
    }

    fn play_cheats(&mut self) -> Result<RedTeam, SessionError> {
        self.calibrate_roughly()?;
        let config = &self.state.segment().map_err(SessionError::Refused)?.config;
        let mut tried = RedTeam {
            contract: config.contract.clone(),
            harness: config.harness.clone(),
            timestamp: Some(now()),
            ..RedTeam::default()
        };
        let ground = self.survey()?;
        for (run, cheat) in (1..).zip(Cheat::ALL) {
            self.interrupt.check()?;
            let cheated = match self.planted(cheat, &ground)? {
                Err(why) => told(cheat, Fate::NotPlanted, why),
                Ok(planted) => {
                    self.stage(run, Stage::First, &cheat.does(&planted.place));
                    self.judge_cheat(run, cheat, &planted, &ground)?
                }
            };
            tried.cheats.push(cheated);
        }
        Ok(tried)
    }

    fn judge_cheat(
        &mut self,
        run: u64,
        cheat: Cheat,
        planted: &Planted,
        ground: &Survey,
    ) -> Result<Cheated, SessionError> {
        let heard = match self.hear(run, cheat, planted) {
            // It brought down what runs beside it, again and again.
            Err(error) if is_transient(&error) => {
                return Ok(Cheated {
                    did: cheat.does(&planted.place),
                    ..told(cheat, Fate::BrokeIt, error.to_string())
                });
            }
            other => other?,
        };
        let fallen = ground.fallen(&self.contract, &heard.metrics);
        let acted = match cheat.shows() {
            Shows::Edit => true,
            Shows::Calls => !fallen.is_empty(),
            Shows::Act | Shows::End | Shows::Reach => heard.acted,
        };
        let (fate, reason, detail) = fate_of(cheat.shows(), acted, heard);
        let remedy =
            (fate == Fate::LetThrough).then(|| cheat.remedy(&self.contract, &planted.place, &fallen));
        Ok(Cheated { did: cheat.does(&planted.place), reason, remedy, ..told(cheat, fate, detail) })
    }
}

/// What a cheat comes to, from what shows that it acted and from what the gates said.
fn fate_of(shows: Shows, acted: bool, heard: Heard) -> (Fate, Option<Reason>, String) {
    let Some(Finding { reason, detail }) = heard.finding.filter(|_| shows != Shows::Reach || !acted) else {
        return match (shows, acted) {
            (Shows::Reach, true) => (Fate::LetThrough, None, format!("it reached {}", heard.details)),
            (Shows::Reach, false) if heard.ran => (Fate::Caught, None, "it reached nothing".to_owned()),
            (_, true) => (Fate::LetThrough, None, "no gate refused it".to_owned()),
            (_, false) => (Fate::Idle, None, "nothing showed that it did anything".to_owned()),
        };
    };
    let fate = match (shows, reason) {
        // The lines of the plant themselves are more than the contract allows.
        (Shows::Act | Shows::End | Shows::Reach | Shows::Calls, Reason::Scope) => Fate::NotPlanted,
        (Shows::End, _) if acted => Fate::Caught,
        _ if reason.status() == Status::Crash => Fate::BrokeIt,
        // Something else was wrong, or the cheat did not do what it is there for.
        (Shows::Act, reason) if !acted || heard.missed && reason != Reason::Hidden => Fate::Idle,
        _ => Fate::Caught,
    };
    (fate, Some(reason), detail)
}

fn told(cheat: Cheat, fate: Fate, detail: String) -> Cheated {
    let line = detail.lines().next().unwrap_or_default();
    // What a program printed last is in no sentence of this table.
    let line = line.rsplit_once(';').filter(|_| line.ends_with(':')).map_or(line, |(told, _)| told);
    let detail = line.chars().take(DETAIL).collect();
    Cheated { cheat: cheat.name().to_owned(), did: String::new(), fate, reason: None, detail, remedy: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(reason: Option<Reason>) -> Heard {
        let finding = reason.map(|reason| Finding { reason, detail: "why".to_owned() });
        Heard { finding, ..Heard::default() }
    }

    #[test]
    fn a_crash_is_a_refusal_of_what_ends_the_program_and_says_nothing_of_anything_else() {
        assert_eq!(fate_of(Shows::End, true, heard(Some(Reason::Protocol))).0, Fate::Caught);
        assert_eq!(fate_of(Shows::Act, true, heard(Some(Reason::Crash))).0, Fate::BrokeIt);
        assert_eq!(fate_of(Shows::End, false, heard(Some(Reason::Timeout))).0, Fate::BrokeIt);
        assert_eq!(fate_of(Shows::Act, true, heard(Some(Reason::Output))).0, Fate::Caught);
    }

    #[test]
    fn what_did_nothing_is_neither_caught_nor_let_through() {
        assert_eq!(fate_of(Shows::Act, false, heard(Some(Reason::Output))).0, Fate::Idle);
        assert_eq!(fate_of(Shows::Act, false, heard(Some(Reason::Checks))).0, Fate::Idle);
        let missed = |reason| Heard { missed: true, ..heard(Some(reason)) };
        assert_eq!(fate_of(Shows::Act, true, missed(Reason::Output)).0, Fate::Idle);
        assert_eq!(fate_of(Shows::Act, true, missed(Reason::Hidden)).0, Fate::Caught);
    }

    #[test]
    fn only_what_acted_is_let_through() {
        assert_eq!(fate_of(Shows::Act, true, heard(None)).0, Fate::LetThrough);
        assert_eq!(fate_of(Shows::Act, false, heard(None)).0, Fate::Idle);
        assert_eq!(fate_of(Shows::Reach, false, heard(None)).0, Fate::Idle);
        assert_eq!(fate_of(Shows::Reach, false, Heard { ran: true, ..heard(None) }).0, Fate::Caught);
        assert_eq!(fate_of(Shows::Reach, true, heard(Some(Reason::Output))).0, Fate::LetThrough);
    }

    #[test]
    fn lines_too_many_for_the_contract_are_no_refusal_of_the_cheat() {
        assert_eq!(fate_of(Shows::Act, false, heard(Some(Reason::Scope))).0, Fate::NotPlanted);
        assert_eq!(fate_of(Shows::Edit, true, heard(Some(Reason::Scope))).0, Fate::Caught);
    }
}
