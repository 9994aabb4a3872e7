//! The thread that holds the session: one call after the other, blocking.
//!
//! The session is opened by the first call that needs it, and held until the server ends, a call is cut, or a person asks
//! for it with `sprag pause` or `sprag stop`.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};

use sprag_ledger::view::status_view;
use sprag_measure::Interrupt;
use sprag_session::{Begun, Handout, Outcome, Request, Session, SessionError};

use crate::LOOK;
use crate::answer;
use crate::desk::{Desk, Job, Watching};
use crate::place::Place;
use crate::tools::{Ask, Claims};

pub(crate) struct Worker {
    place: Arc<Place>,
    desk: Arc<Desk>,
    jobs: Receiver<Job>,
    /// Why nothing is begun any more: a person said so.
    closed: Option<String>,
}

/// Why a call has no other answer.
enum Failed {
    /// The session is as it was.
    Refused(String),
    /// The session ended under it; the next call opens it again.
    Session(SessionError),
}

impl From<SessionError> for Failed {
    fn from(error: SessionError) -> Self {
        Failed::Session(error)
    }
}

impl Worker {
    pub(crate) fn new(place: Arc<Place>, desk: Arc<Desk>, jobs: Receiver<Job>) -> Self {
        Self { place, desk, jobs, closed: None }
    }

    /// Answers calls until the server ends.
    pub(crate) fn run(mut self) {
        while let Some(job) = self.next(None) {
            let interrupt = Interrupt::new();
            if !job.ticket.begin(&interrupt) {
                continue;
            }
            self.desk.opens(&interrupt);
            self.desk.begins(&job);
            let mut watching = Watching(self.desk.clone());
            match self.place.open(&interrupt, &mut watching) {
                Ok(session) => self.serve(session, job, &interrupt),
                Err(error) => self.desk.answers(job, Err(answer::failed(&error))),
            }
        }
    }

    /// Answers `job` and those after it in one session.
    fn serve(&mut self, mut session: Session<'_>, mut job: Job, interrupt: &Interrupt) {
        loop {
            let answer = self.answer(&mut session, &job.ask);
            session.rest_host();
            let is_over = matches!(answer, Err(Failed::Session(_))) || interrupt.is_raised();
            let answer = answer.map_err(|failed| match failed {
                Failed::Refused(why) => why,
                Failed::Session(error) => answer::failed(&error),
            });
            if is_over {
                // Given back before anybody hears of it.
                drop(session);
                return self.desk.answers(job, answer);
            }
            self.desk.answers(job, answer);
            job = loop {
                match self.next(Some(&mut session)) {
                    Some(job) if job.ticket.begin(interrupt) => break job,
                    Some(_) => {}
                    None => return,
                }
            };
            self.desk.begins(&job);
        }
    }

    /// The next call; none where the server ends, or a person has asked for the open session.
    fn next(&mut self, mut session: Option<&mut Session<'_>>) -> Option<Job> {
        loop {
            if self.desk.is_closing() {
                return None;
            }
            if let Some(session) = session.as_mut()
                && let Some(request) = session.asked()
            {
                self.closed = Some(self.give_up(session, request));
                return None;
            }
            let job = match self.jobs.recv_timeout(LOOK) {
                Ok(job) => job,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(RecvTimeoutError::Disconnected) => return None,
            };
            match &self.closed {
                Some(why) => self.desk.answers(job, Err(why.clone())),
                None => return Some(job),
            }
        }
    }

    /// Does what a person asked for. Answers what is told from then on.
    fn give_up(&self, session: &mut Session<'_>, request: Request) -> String {
        self.desk.takes_back();
        let again = "start the MCP server again to go on";
        match request {
            Request::Pause => format!("a person paused the session: {again}"),
            Request::Stop => match session.finish("asked", "a person asked to stop") {
                Ok(()) => format!("a person stopped the session: {again}"),
                Err(error) => {
                    format!("a person stopped the session, and measuring the result failed: {error}")
                }
            },
        }
    }

    fn answer(&self, session: &mut Session<'_>, ask: &Ask) -> Result<String, Failed> {
        match ask {
            Ask::Init(init) => {
                let truth = answer::contract(session.contract());
                if answer::differs(init, session.contract()) {
                    return Err(Failed::Refused(format!(
                        "{truth}\nWhat you said differs, and nothing was begun."
                    )));
                }
                Ok(format!("{truth}\n\n{}", self.begin(session)?))
            }
            Ask::Begin => self.begin(session),
            Ask::Bench => {
                self.refuse_when_over(session)?;
                let open = self.open(session)?;
                let bench = session.bench_copy(open.copy.path())?;
                Ok(answer::bench(&bench, &session.state().progress.incumbent))
            }
            Ask::Submit { note, claims, by } => {
                self.refuse_when_over(session)?;
                let open = self.open(session)?;
                let outcome = session.hand_in(open.copy.path(), note.clone(), by)?;
                Ok(self.verdict(session, &open, &outcome, claims))
            }
            Ask::Park(note) => {
                session.park(note)?;
                Ok("parked; `sprag ideas` lists what is".to_owned())
            }
        }
    }

    /// The copy that is out, or a fresh one.
    fn begin(&self, session: &mut Session<'_>) -> Result<String, Failed> {
        if session.stop_rule().is_none()
            && let Some(open) = session.pick_up()?
        {
            self.desk.hands_out(&open);
            return Ok(answer::begun(&open, "was open already; whatever you edited is still there"));
        }
        match session.hand_out()? {
            Handout::Copy(begun) => {
                self.desk.hands_out(&begun);
                Ok(answer::begun(&begun, "is open"))
            }
            Handout::Over(why) => {
                self.desk.takes_back();
                Err(Failed::Refused(over(session, &why)))
            }
        }
    }

    fn refuse_when_over(&self, session: &Session<'_>) -> Result<(), Failed> {
        session.stop_rule().map_or(Ok(()), |why| Err(Failed::Refused(over(session, &why))))
    }

    fn open(&self, session: &Session<'_>) -> Result<Begun, Failed> {
        let not_open = || Failed::Refused("no experiment is open: call begin_experiment first".to_owned());
        session.pick_up()?.ok_or_else(not_open)
    }

    /// The verdict, and what comes next. It stands: whatever fails now must not hide it.
    fn verdict(&self, session: &mut Session<'_>, open: &Begun, outcome: &Outcome, claims: &Claims) -> String {
        let verdict = answer::verdict(session, outcome, claims);
        let next = match outcome {
            Outcome::NoRow(_) => format!("folder: {}\nIt is as you left it.", open.copy.path()),
            Outcome::Row { .. } if session.asked().is_some() => "A person asked for the session.".to_owned(),
            Outcome::Row { .. } => {
                self.desk.takes_back();
                match session.hand_out() {
                    Ok(Handout::Copy(begun)) => {
                        self.desk.hands_out(&begun);
                        answer::next(&begun)
                    }
                    Ok(Handout::Over(why)) => over(session, &why),
                    Err(error) => {
                        format!("There is no next copy yet: {error}\nbegin_experiment tries again.")
                    }
                }
            }
        };
        format!("{verdict}\n{next}")
    }
}

fn over(session: &Session<'_>, why: &str) -> String {
    format!("The session is over: {why}.\n\n{}", status_view(session.log(), session.stop_rules()).to_text())
}
