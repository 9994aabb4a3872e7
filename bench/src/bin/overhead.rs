//! What Sprag adds to one experiment: from the end of the proposal to the row on disk, with a benchmark that does
//! nothing and a deterministic metric, beside bare runs of the same command.
//!
//!     cargo run --release -p sprag-bench --bin overhead -- [--history N] [--files N]
//!
//! Import of the candidate, scope, tree, commit, refs, diff, bringing the slot to the tree, first run, second run,
//! verdict, row with fsync, mirror, incumbent's ref: all of it is in the figure, less what two bare runs take.

use std::cell::RefCell;
use std::fs;
use std::rc::Rc;
use std::time::Instant;

use camino::Utf8Path;
use sprag_agent::{Asked, Note, Proposal, ProposeError, Proposer};
use sprag_bench::numbers::{Spread, machine, verdict};
use sprag_bench::repository::{COUNTER, bare, generate, place, source};
use sprag_bench::stage::Stage;
use sprag_bench::{Result, options};
use sprag_measure::Interrupt;
use sprag_session::{Event, Observer, Opening, Project, Session};

/// Targets by the number of files, in milliseconds.
const TARGETS: [(usize, f64); 2] = [(1_000, 150.0), (10_000, 300.0)];
/// Experiments at each end of the history that are looked at.
const WINDOW: usize = 10;
/// In the last window, so many files change at once.
const MANY_FILES: usize = 100;

/// What happened when. Shared by the proposer, which says when it is done, and the view, which sees the row.
#[derive(Default)]
struct Clock {
    proposed: Option<Instant>,
    last: Option<Instant>,
    judged: Option<Instant>,
    copies: Vec<f64>,
    stages: Vec<(&'static str, f64)>,
    tries: Vec<Try>,
}

struct Try {
    kept: bool,
    total_ms: f64,
    stages: Vec<(&'static str, f64)>,
}

impl Clock {
    fn step(&mut self, name: &'static str) {
        let now = Instant::now();
        if let Some(last) = self.last.replace(now) {
            self.stages.push((name, now.duration_since(last).as_secs_f64() * 1e3));
        }
    }
}

struct View(Rc<RefCell<Clock>>);

impl Observer for View {
    fn tell(&mut self, event: &Event<'_>) {
        let mut clock = self.0.borrow_mut();
        match event {
            Event::Notice(text) => eprintln!("  {text}"),
            Event::Stage { stage: sprag_session::Stage::Build, .. } => {
                clock.step("import, tree, commit, diff")
            }
            Event::Stage { stage: sprag_session::Stage::First, .. } => clock.step("slot"),
            Event::Stage { stage: sprag_session::Stage::Checks, .. } => clock.step("first run"),
            Event::Judged { run, .. } => {
                clock.step("second run, row, ref");
                let Some(proposed) = clock.proposed.take() else { return };
                let total_ms = proposed.elapsed().as_secs_f64() * 1e3;
                clock.judged = Some(Instant::now());
                let stages = std::mem::take(&mut clock.stages);
                clock.tries.push(Try { kept: run.is_keep(), total_ms, stages });
            }
            _ => {}
        }
    }
}

/// Makes the number smaller, and one time in four larger. Ends after a number of tries.
struct Counting {
    clock: Rc<RefCell<Clock>>,
    done: usize,
    history: usize,
    changing: usize,
    files: usize,
}

impl Counting {
    fn edit(&self, copy: &Utf8Path) -> std::io::Result<()> {
        let counter = copy.join(COUNTER);
        let number: i64 = fs::read_to_string(&counter)?.trim().parse().map_err(std::io::Error::other)?;
        let worse = self.done % 4 == 3;
        fs::write(
            &counter,
            format!("{}\n", if worse { number + self.done as i64 } else { number / 100 * 98 }),
        )?;
        let changing = if self.done > self.history { MANY_FILES } else { self.changing };
        for nth in 0..changing - 1 {
            let path = copy.join(source((self.done * 7 + nth * 13) % self.files));
            let text = fs::read_to_string(&path)?;
            fs::write(&path, text + &format!("// try {}\n", self.done))?;
        }
        Ok(())
    }
}

impl Proposer for Counting {
    fn name(&self) -> &str {
        "counting"
    }

    fn resume(&mut self, _done: &[String]) {}

    fn propose(&mut self, asked: &Asked<'_>) -> std::result::Result<Proposal, ProposeError> {
        if self.done == self.history + WINDOW {
            return Ok(Proposal::Exhausted);
        }
        self.done += 1;
        let judged = self.clock.borrow_mut().judged.take();
        self.clock.borrow_mut().copies.extend(judged.map(|at| at.elapsed().as_secs_f64() * 1e3));
        self.edit(asked.copy)
            .map_err(|why| ProposeError::Apply { id: self.done.to_string(), why: why.to_string() })?;
        let now = Instant::now();
        let mut clock = self.clock.borrow_mut();
        (clock.proposed, clock.last) = (Some(now), Some(now));
        Ok(Proposal::Edit(Note { description: format!("try {}", self.done), ..Note::default() }))
    }
}

fn main() -> Result<()> {
    options::only(&["--history", "--files"])?;
    let stage = Stage::enter()?;
    let history = options::number("--history", 200)?.max(2 * WINDOW);
    let only = options::number("--files", 0)?;
    println!("{}", machine());
    for (files, target) in TARGETS {
        if only == 0 || only == files {
            one_size(&stage, files, target, history)?;
        }
    }
    Ok(())
}

fn one_size(stage: &Stage, files: usize, target: f64, history: usize) -> Result<()> {
    let dir = place(stage, &format!("repository-{files}"));
    generate(&dir, files)?;
    let clock = Rc::new(RefCell::new(Clock::default()));
    let mut view = View(Rc::clone(&clock));
    let mut proposer = Counting { clock: Rc::clone(&clock), done: 0, history, changing: 3, files };
    let started = Instant::now();
    let mut session = Session::open(Project::open(&dir)?, &Opening::default(), Interrupt::new(), &mut view)?;
    session.run(&mut proposer)?;
    drop(session);
    let wall = started.elapsed().as_secs_f64();
    let bare = bare_runs(&dir)?;

    let clock = clock.borrow();
    let window = |from: usize, kept: bool| -> Vec<&Try> {
        clock.tries.iter().skip(from).take(WINDOW).filter(|done| done.kept == kept).collect()
    };
    println!("\n{files} files; one bare run {:.2} ms (p90 {:.2})", bare.median, bare.p90);
    let (early, late) =
        (overhead(&window(0, true), 2.0, bare), overhead(&window(history - WINDOW, true), 2.0, bare));
    let refused = overhead(&window(history - WINDOW, false), 1.0, bare);
    let many = overhead(&window(history, true), 2.0, bare);
    let line = |what: &str, spread: Spread| {
        println!("  {what:<46} {:>7.1} ms (p90 {:>6.1}, n {})", spread.median, spread.p90, spread.count);
    };
    line("overhead of a keep, first 10 experiments", early);
    line(&format!("overhead of a keep, up to experiment {history}"), late);
    line("overhead of a discard there", refused);
    line(&format!("overhead of a keep that changes {MANY_FILES} files"), many);
    for part in late_parts(&window(history - WINDOW, true)) {
        println!("    {:<44} {:>7.1} ms", part.0, part.1);
    }
    line("besides: the last copy removed, a fresh one", Spread::of(&clock.copies));
    println!(
        "  {:<46} {:>7.2} times",
        format!("after {history} experiments / after 10"),
        late.median / early.median
    );
    println!("  {:<46} {:>7.1} times", "overhead / one bare run", late.median / bare.median);
    println!("  whole session: {wall:.1} s for {} experiments", clock.tries.len());
    println!("  target at most {target} ms: {}", verdict(late.median.max(early.median), target));
    Ok(())
}

/// Total less the benchmark's own time.
fn overhead(tries: &[&Try], runs: f64, bare: Spread) -> Spread {
    Spread::of(&tries.iter().map(|done| done.total_ms - runs * bare.median).collect::<Vec<_>>())
}

fn late_parts(tries: &[&Try]) -> Vec<(&'static str, f64)> {
    let Some(first) = tries.first() else { return Vec::new() };
    let of = |name: &str| -> Vec<f64> {
        tries
            .iter()
            .flat_map(|done| &done.stages)
            .filter(|(part, _)| *part == name)
            .map(|(_, ms)| *ms)
            .collect()
    };
    first.stages.iter().map(|(name, _)| (*name, Spread::of(&of(name)).median)).collect()
}

fn bare_runs(dir: &Utf8Path) -> Result<Spread> {
    let mut times = Vec::new();
    for _ in 0..50 {
        let started = Instant::now();
        if !bare(dir).status()?.success() {
            return Err("the bare benchmark failed".into());
        }
        times.push(started.elapsed().as_secs_f64() * 1e3);
    }
    Ok(Spread::of(&times))
}
