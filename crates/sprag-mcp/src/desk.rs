//! What stands between the servers and the worker: jobs with their tickets, and what is under way for whoever asks.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use sprag_measure::Interrupt;
use sprag_session::{Begun, Event, Observer};
use tokio::sync::{mpsc, oneshot};

use crate::tools::Ask;

/// How many remarks of a session an answer repeats.
const MOST_NOTES: usize = 20;

/// What a call is answered: a text, or why there is none.
pub(crate) type Answer = Result<String, String>;

/// One call that the worker is asked for.
pub(crate) struct Job {
    pub(crate) ask: Ask,
    pub(crate) ticket: Ticket,
    /// Told of each step.
    pub(crate) steps: mpsc::UnboundedSender<String>,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// The turn of one call, by which whoever made it can call it off.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ticket(Arc<Mutex<Turn>>);

#[derive(Debug, Default)]
enum Turn {
    #[default]
    Waiting,
    UnderWay(Interrupt),
    Over,
}

impl Ticket {
    /// Begins the call, which `interrupt` cuts. False where it was called off before.
    pub(crate) fn begin(&self, interrupt: &Interrupt) -> bool {
        let mut turn = lock(&self.0);
        let is_waiting = matches!(*turn, Turn::Waiting);
        if is_waiting {
            *turn = Turn::UnderWay(interrupt.clone());
        }
        is_waiting
    }

    /// The call is answered: calling it off does nothing any more.
    pub(crate) fn end(&self) {
        *lock(&self.0) = Turn::Over;
    }

    /// Calls it off: what it measures is cut, and what has not begun never does.
    pub(crate) fn cancel(&self) {
        if let Turn::UnderWay(interrupt) = std::mem::replace(&mut *lock(&self.0), Turn::Over) {
            interrupt.raise();
        }
    }
}

/// What is under way. Read by any call, at any time.
#[derive(Debug, Default)]
pub(crate) struct Desk(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    is_closing: bool,
    /// Cuts whatever the open session does.
    interrupt: Option<Interrupt>,
    steps: Option<mpsc::UnboundedSender<String>>,
    /// What is done since when.
    doing: Option<(String, Instant)>,
    /// What the session remarked during this call.
    notes: Vec<String>,
    /// Where the copy is that is out, and what its guest was told.
    copy: Option<(String, String)>,
}

impl Desk {
    /// The server is ending: what is measured is cut.
    pub(crate) fn close(&self) {
        let mut state = lock(&self.0);
        state.is_closing = true;
        if let Some(interrupt) = &state.interrupt {
            interrupt.raise();
        }
    }

    pub(crate) fn is_closing(&self) -> bool {
        lock(&self.0).is_closing
    }

    /// A session is opened that `interrupt` cuts.
    pub(crate) fn opens(&self, interrupt: &Interrupt) {
        let mut state = lock(&self.0);
        if state.is_closing {
            interrupt.raise();
        }
        state.interrupt = Some(interrupt.clone());
    }

    /// A call begins.
    pub(crate) fn begins(&self, job: &Job) {
        let mut state = lock(&self.0);
        state.steps = Some(job.steps.clone());
        state.doing = Some((job.ask.name().to_owned(), Instant::now()));
        state.notes.clear();
    }

    /// A call is done, and is answered with what the session remarked meanwhile.
    pub(crate) fn answers(&self, job: Job, answer: Answer) {
        let mut state = lock(&self.0);
        (state.steps, state.doing) = (None, None);
        let notes: String = state.notes.drain(..).map(|note| format!("note: {note}\n")).collect();
        job.ticket.end();
        let with_notes = |text: String| if notes.is_empty() { text } else { format!("{notes}\n{text}") };
        // Nobody may be waiting for it any more.
        let _ = job.answer.send(answer.map(with_notes).map_err(with_notes));
    }

    /// A copy is out.
    pub(crate) fn hands_out(&self, begun: &Begun) {
        lock(&self.0).copy = Some((begun.copy.path().to_string(), begun.brief.clone()));
    }

    /// No copy is out.
    pub(crate) fn takes_back(&self) {
        lock(&self.0).copy = None;
    }

    /// What the one was told who has the copy.
    pub(crate) fn brief(&self) -> Option<String> {
        lock(&self.0).copy.as_ref().map(|(_, brief)| brief.clone())
    }

    /// What is under way, in lines.
    pub(crate) fn status(&self) -> String {
        let state = lock(&self.0);
        let mut text = match &state.doing {
            Some((what, since)) => format!("now: {what}, for {} s\n", since.elapsed().as_secs()),
            None => "now: nothing is measured\n".to_owned(),
        };
        if let Some((folder, _)) = &state.copy {
            text.push_str(&format!("an experiment is open in {folder}\n"));
        }
        text
    }

    fn step(&self, what: &str) {
        let mut state = lock(&self.0);
        if let Some((doing, _)) = &mut state.doing {
            let name = doing.split(':').next().unwrap_or_default();
            *doing = format!("{name}: {what}");
        }
        if let Some(steps) = &state.steps {
            let _ = steps.send(what.to_owned());
        }
    }

    fn note(&self, what: &str) {
        let mut state = lock(&self.0);
        if state.notes.len() < MOST_NOTES {
            state.notes.push(what.to_owned());
        }
    }
}

/// Tells the desk what the session tells.
pub(crate) struct Watching(pub(crate) Arc<Desk>);

impl Observer for Watching {
    fn tell(&mut self, event: &Event<'_>) {
        let desk = &self.0;
        match event {
            Event::Opened { found, .. } => found.iter().for_each(|what| desk.note(what)),
            Event::Notice(what) => desk.note(what),
            Event::Stage { run, stage, .. } => desk.step(&format!("run {run}, {}", stage.word())),
            Event::Calibrating { done, of } => desk.step(&format!("calibrating, pair {done} of {of}")),
            Event::Pair { run, done, of, .. } => {
                desk.step(&format!("run {run}, pair {done} of {of} at most"));
            }
            Event::Finishing { done, of } => desk.step(&format!("fresh measurement, pair {done} of {of}")),
            _ => {}
        }
    }
}

/// A thread that panicked while it held the lock left whole sentences at worst.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_waits_is_never_begun_once_it_was_called_off() {
        let (ticket, interrupt) = (Ticket::default(), Interrupt::new());
        ticket.cancel();
        assert!(!ticket.begin(&interrupt));
        assert!(!interrupt.is_raised());
    }

    #[test]
    fn a_call_under_way_is_cut_and_one_that_is_answered_cuts_nothing() {
        let (ticket, interrupt) = (Ticket::default(), Interrupt::new());
        assert!(ticket.begin(&interrupt));
        ticket.end();
        ticket.cancel();
        assert!(!interrupt.is_raised());
        let ticket = Ticket::default();
        assert!(ticket.begin(&interrupt));
        ticket.cancel();
        assert!(interrupt.is_raised());
    }
}
