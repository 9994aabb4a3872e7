//! An agent's turn, which is paid for once. A small record says that it began, and with what it ended well; whatever
//! stands in the ledger counts, and the record is only there for what does not yet.

use std::fs;
use std::io::Write;
use std::time::Instant;

use camino::Utf8Path;
use serde::{Deserialize, Serialize};
use sprag_agent::{Asked, GoesOn, Note, Proposal, ProposeError, Proposer, Usage};
use sprag_ledger::{Event, EventKind};
use sprag_measure::AgentSandbox;
use sprag_workspace::AgentCopy;

use crate::SessionError;
use crate::events::Stage;
use crate::experiment::set_aside;
use crate::hooks::Moment;
use crate::run::StoreBlobs;
use crate::session::{Session, now, seconds};

/// What an agent is told whose turn was cut short.
const CUT_OFF: &str = "You were cut off in the middle. The folder is as you left it. Look at what is there, finish what you \
had begun, and write .sprag/proposal.json as you were told to.\n";

/// A longer record is none, in bytes.
const MAX_RECORD: u64 = 1 << 20;

/// A turn that was cut short, as the ledger tells it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cut {
    /// The conversation that can be gone on with.
    pub conversation: Option<String>,
    /// What it cost is part of what its agent tells when it has gone on, and is in no sum until then.
    pub owed: Option<Owed>,
}

/// What a turn that was cut short cost, and who says so.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Owed {
    /// The agent.
    pub agent: Option<String>,
    /// As far as it is known.
    pub usage: sprag_ledger::Usage,
}

impl Cut {
    pub(crate) fn of(event: &Event) -> Self {
        let conversation = event.data.get("conversation").and_then(|name| name.as_str());
        let owes = event.data.get(Event::COUNTS_LATER).is_some_and(|later| *later == true);
        let owed = owes.then(|| Owed { agent: event.agent.clone(), usage: event.usage.clone() });
        Self { conversation: conversation.map(str::to_owned), owed }
    }
}

/// The record of a turn under way.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Turn {
    run: u64,
    agent: String,
    /// What the candidate will be judged against.
    incumbent: String,
    /// [`crate::State::turns`] when it began: where the ledger has more, it holds this one.
    turns: u64,
    /// What was known of its conversation when it began.
    conversation: Option<String>,
    /// What it had cost when it began, if it goes on with one that the ledger does not hold.
    before: Usage,
    /// It was shown what it resembles, which is done once.
    pub(crate) shown: bool,
    ended: Option<Ended>,
}

/// How a turn ended well.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Ended {
    note: Note,
    seconds: Option<f64>,
}

/// A turn that is over: its copy, and the answer.
pub(crate) struct Taken {
    pub(crate) turn: Turn,
    pub(crate) copy: AgentCopy,
    pub(crate) agent: String,
    pub(crate) seconds: Option<f64>,
    pub(crate) answer: Result<Proposal, ProposeError>,
}

/// What an earlier Sprag left of a turn.
enum Left {
    Nothing,
    /// It ended well, and was not judged.
    Ended(Box<Taken>),
    /// It was cut short, and this conversation can be gone on with.
    Cut(Box<Turn>, AgentCopy, String),
}

impl Session<'_> {
    /// One turn of the proposer, or what is left of one that was cut short.
    pub(crate) fn take_turn(&mut self, proposer: &mut dyn Proposer) -> Result<Taken, SessionError> {
        let mut taken = match self.left(proposer)? {
            Left::Ended(taken) => *taken,
            Left::Cut(turn, copy, conversation) => {
                let counted = Usage::default();
                let goes_on =
                    GoesOn { conversation: Some(&conversation), message: CUT_OFF, counted: &counted };
                self.ask(proposer, *turn, copy, "", Some(goes_on))?
            }
            Left::Nothing => self.begin_turn(proposer)?,
        };
        if proposer.agents() > 0 && !taken.turn.shown && proposer.be(&taken.turn.agent) {
            taken = self.show_what_it_resembles(proposer, taken)?;
        }
        Ok(taken)
    }

    fn begin_turn(&mut self, proposer: &mut dyn Proposer) -> Result<Taken, SessionError> {
        self.seat(proposer);
        self.pay_what_is_owed()?;
        let told = self.hook(Moment::Before)?;
        self.forget_turn()?;
        let copy = if proposer.agents() > 0 { self.copy_of_start()? } else { self.fresh_copy()? };
        let brief = self.brief(&told);
        let turn = Turn {
            run: self.state.last_run + 1,
            agent: proposer.name().to_owned(),
            incumbent: self.state.segment().map_err(SessionError::Refused)?.incumbent.tree.clone(),
            turns: 0,
            conversation: None,
            before: Usage::FREE,
            shown: false,
            ended: None,
        };
        self.ask(proposer, turn, copy, &brief, None)
    }

    /// Asks once. The record is on the disk before the agent starts, and how it ended before anything is judged.
    fn ask(
        &mut self,
        proposer: &mut dyn Proposer,
        mut turn: Turn,
        copy: AgentCopy,
        brief: &str,
        goes_on: Option<GoesOn<'_>>,
    ) -> Result<Taken, SessionError> {
        self.stage(turn.run, Stage::Propose, "");
        let out = self.transcripts(turn.run);
        set_aside(&out)?;
        turn.turns = self.state.turns;
        turn.conversation = goes_on.and_then(|goes_on| goes_on.conversation.map(str::to_owned));
        if proposer.agents() > 0 {
            self.write_turn(&turn)?;
        }
        let started = Instant::now();
        let blobs = StoreBlobs(&self.store);
        let sandbox = self.agent_sandbox.clone();
        // What the parts before have cost is in no sum yet.
        let usd_left = self.usd_left().map(|left| (left - turn.before.usd.unwrap_or(0.0)).max(0.0));
        let sandbox = sandbox.as_deref();
        let asked = Asked { brief, goes_on, copy: copy.path(), out: &out, sandbox, blobs: &blobs, usd_left };
        let answer = proposer.propose(&asked).map(|answer| with_cost(answer, &turn.before));
        for host in sandbox.map(AgentSandbox::refused).into_iter().flatten() {
            self.notice(&format!(
                "{} asked for {host}, which it does not reach: add \"{host}\" to `[agent] network` if it should",
                turn.agent
            ));
        }
        let (agent, seconds) = (turn.agent.clone(), seconds(started));
        if let Ok(Proposal::Edit(note)) = &answer
            && proposer.agents() > 0
        {
            turn.ended = Some(Ended { note: note.clone(), seconds });
            self.write_turn(&turn)?;
        }
        Ok(Taken { turn, copy, agent, seconds, answer })
    }

    /// Asks the agent of `taken` once more, in the copy as it was left. Answers what it says then; the cost is that of
    /// both.
    pub(crate) fn ask_again(
        &mut self,
        proposer: &mut dyn Proposer,
        taken: Taken,
        note: &Note,
        message: &str,
    ) -> Result<Taken, SessionError> {
        let turn = Turn { before: note.usage.clone(), shown: true, ended: None, ..taken.turn };
        let goes_on = GoesOn { conversation: note.conversation.as_deref(), message, counted: &note.usage };
        let brief = if note.conversation.is_none() { self.brief("") } else { String::new() };
        let again = self.ask(proposer, turn, taken.copy, &brief, Some(goes_on))?;
        Ok(Taken { seconds: taken.seconds.zip(again.seconds).map(|(a, b)| a + b), ..again })
    }

    /// The same turn with another answer, which is on the disk before anything is judged.
    pub(crate) fn answered(&mut self, mut taken: Taken, note: Note) -> Result<Taken, SessionError> {
        taken.turn.ended = Some(Ended { note: note.clone(), seconds: taken.seconds });
        self.write_turn(&taken.turn)?;
        Ok(Taken { answer: Ok(Proposal::Edit(note)), ..taken })
    }

    /// Takes what a turn has cost that was cut short into the ledger, before anything else is decided. One that ended,
    /// though nobody saw it, is left to be judged.
    pub(crate) fn settle_turn(&mut self, proposer: &mut dyn Proposer) -> Result<(), SessionError> {
        let Some(mut turn) = self.read_turn().filter(|turn| turn.turns == self.state.turns) else {
            return Ok(());
        };
        let copy = self.copy_left(&turn)?;
        let is_here = proposer.be(&turn.agent);
        let mut cut = sprag_agent::Cut::default();
        if turn.ended.is_none() && is_here {
            let dir = self.home.work(self.copy_name());
            cut = proposer.pick_up(&self.transcripts(turn.run), &dir, &turn.before)?;
            cut.note.usage = turn.before.plus(&cut.note.usage);
            if cut.is_over {
                turn.ended = Some(Ended { note: cut.note.clone(), seconds: None });
                self.write_turn(&turn)?;
            }
        }
        match &turn.ended {
            Some(_) if copy.is_some() => Ok(()),
            Some(Ended { note, .. }) => self.record_cut(&turn, note, None, false),
            None => {
                let known = cut.note.conversation.take().or(turn.conversation.clone());
                let conversation = known.filter(|_| copy.is_some() && is_here);
                let counts_later = cut.counts_later && conversation.is_some();
                self.record_cut(&turn, &cut.note, conversation, counts_later)
            }
        }
    }

    /// What an earlier Sprag left of a turn that is settled.
    fn left(&mut self, proposer: &mut dyn Proposer) -> Result<Left, SessionError> {
        let Some(turn) = self.read_turn() else { return Ok(Left::Nothing) };
        let Some(copy) = self.copy_left(&turn)? else { return Ok(Left::Nothing) };
        let is_here = proposer.be(&turn.agent);
        if turn.turns == self.state.turns {
            let Some(Ended { note, seconds }) = turn.ended.clone() else { return Ok(Left::Nothing) };
            self.notice(&format!("{} had ended its turn: what it left is judged", turn.agent));
            let (agent, answer) = (turn.agent.clone(), Ok(Proposal::Edit(note)));
            return Ok(Left::Ended(Box::new(Taken { turn, copy, agent, seconds, answer })));
        }
        let conversation = self.state.cut.as_ref().and_then(|cut| cut.conversation.clone());
        let Some(conversation) = conversation.filter(|_| is_here) else { return Ok(Left::Nothing) };
        let turn = Turn { before: Usage::FREE, ended: None, ..turn };
        Ok(Left::Cut(Box::new(turn), copy, conversation))
    }

    /// The copy of a turn, where it is there, and its candidate would still be judged against the same incumbent.
    fn copy_left(&self, turn: &Turn) -> Result<Option<AgentCopy>, SessionError> {
        let dir = self.home.work(self.copy_name());
        let incumbent = &self.state.segment().map_err(SessionError::Refused)?.incumbent.tree;
        let stands = turn.incumbent == *incumbent && dir.symlink_metadata().is_ok_and(|found| found.is_dir());
        Ok(stands.then(|| AgentCopy::open(&dir)))
    }

    /// Gives up what is left of a turn: somebody else's change is judged now. What is known of its cost is recorded.
    pub(crate) fn abandon_turn(&mut self) -> Result<(), SessionError> {
        if let Some(turn) = self.read_turn().filter(|turn| turn.turns == self.state.turns) {
            let note = turn.ended.as_ref().map(|ended| ended.note.clone()).unwrap_or_default();
            self.record_cut(&turn, &note, None, false)?;
        }
        self.pay_what_is_owed()?;
        self.forget_turn()
    }

    /// Nobody goes on with the conversation of a turn that was cut short: what it had cost counts now.
    fn pay_what_is_owed(&mut self) -> Result<(), SessionError> {
        let Some(Owed { agent, usage }) = self.state.cut.as_ref().and_then(|cut| cut.owed.clone()) else {
            return Ok(());
        };
        let detail = "the conversation was not gone on with: what it had cost counts now";
        self.record(Event { agent, usage, ..Event::new(EventKind::Interrupted, detail, now()) })
    }

    fn record_cut(
        &mut self,
        turn: &Turn,
        note: &Note,
        conversation: Option<String>,
        counts_later: bool,
    ) -> Result<(), SessionError> {
        let agent = &turn.agent;
        let detail = match (&conversation, &turn.ended) {
            (Some(_), _) => {
                format!(
                    "{agent} was cut short in its turn, and goes on with its conversation in the same copy"
                )
            }
            (None, None) => format!(
                "{agent} was cut short in its turn, and there is no conversation to go on with: the turn is taken anew"
            ),
            (None, Some(_)) => {
                format!("what {agent} left was not judged; what it cost counts")
            }
        };
        let mut event = Event::new(EventKind::Interrupted, detail.clone(), now());
        event.usage = self.usage_of(note);
        event.agent = Some(agent.clone());
        event.data.insert("run".to_owned(), turn.run.into());
        if let Some(name) = conversation {
            event.data.insert("conversation".to_owned(), name.into());
        }
        if counts_later {
            event.data.insert(Event::COUNTS_LATER.to_owned(), true.into());
        }
        self.record(event)?;
        self.notice(&detail);
        Ok(())
    }

    /// The record on the disk. One that cannot be read says nothing: the turn is taken anew.
    fn read_turn(&self) -> Option<Turn> {
        let path = self.turn_file();
        let found = path.symlink_metadata().ok()?;
        if !found.is_file() || found.len() > MAX_RECORD {
            return None;
        }
        serde_json::from_slice(&fs::read(&path).ok()?).ok()
    }

    fn write_turn(&self, turn: &Turn) -> Result<(), SessionError> {
        let mut turn = turn.clone();
        if let Some(ended) = &mut turn.ended {
            ended.note = ended.note.clone().capped();
        }
        let path = self.turn_file();
        let part = path.with_extension("json.part");
        let write = |part: &Utf8Path| {
            let mut file = fs::File::create(part)?;
            file.write_all(&serde_json::to_vec(&turn)?)?;
            file.sync_all()?;
            fs::rename(part, &path)
        };
        write(&part).map_err(|e| SessionError::io("write", &path, e))
    }

    /// The ledger holds the turn, or there is none.
    pub(crate) fn forget_turn(&self) -> Result<(), SessionError> {
        match fs::remove_file(self.turn_file()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(SessionError::io("remove", &self.turn_file(), error))
            }
            _ => Ok(()),
        }
    }
}

/// The answer with what earlier parts of the turn had cost.
fn with_cost(answer: Proposal, before: &Usage) -> Proposal {
    let with = |note: Note| Note { usage: before.plus(&note.usage), ..note };
    match answer {
        Proposal::Edit(note) => Proposal::Edit(with(note)),
        Proposal::Skipped { note, why } => Proposal::Skipped { note: with(note), why },
        other => other,
    }
}
