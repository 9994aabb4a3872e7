//! The attack corpus: every file of `tests/attacks/*/` is played against Sprag, and must come to what its head says.
//!
//! An attack is a shell script that is run in the agent's own copy, as an agent would: what it leaves there is the
//! candidate. Each is played in a process of its own on a session that was calibrated once and is put back before each
//! one, so that nothing that one attack breaks reaches the next.
//!
//! A harness of its own: the process that plays is the one that Sprag starts again for its jail and its floor, so `main`
//! must know Sprag's hidden commands. One test a project; `cargo xtask attacks` prints the table.

mod arena;
mod attack;
mod listener;
mod play;
mod table;
mod verdict;

use std::ffi::OsString;
use std::process::ExitCode;

use arena::Arena;
use attack::{Attack, Project};
use sprag_judge::Tier;
use sprag_measure::drivers;
use sprag_sandbox::COMMAND;
use verdict::Played;

/// Whatever goes wrong here is told and ends the run.
type Result<T, E = Box<dyn std::error::Error>> = std::result::Result<T, E>;

/// The command by which the ledger is audited.
const SPRAG: &str = env!("CARGO_BIN_EXE_sprag");

/// The word by which this program plays one attack, and says as JSON what came of it.
const PLAY: &str = "__play-attack";
/// Beside that of the jail the hidden command that must be in this very program: in a jail no other is there.
const ECHO: &str = "__echo-worker";

fn main() -> ExitCode {
    let mut args: Vec<OsString> = std::env::args_os().skip(1).collect();
    let first = args.first().and_then(|word| word.to_str()).unwrap_or_default();
    let done = match first {
        PLAY => play::main(args.get(1)),
        COMMAND => Ok(sprag_sandbox::launch(args.split_off(1))),
        ECHO => echo(&args[1..]),
        _ => Asked::read(&args).and_then(|asked| asked.answer()),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            eprintln!("attacks: {error}");
            ExitCode::FAILURE
        }
    }
}

/// The strongest tier of this machine, by the self-test of the sandbox.
fn strongest() -> Result<Tier> {
    let itself = std::env::current_exe()?;
    Ok(sprag_sandbox::examine(&[itself.as_os_str(), COMMAND.as_ref()]).tier)
}

/// The stand-in that answers at once: line by line where no other way is named.
fn echo(way: &[OsString]) -> Result<ExitCode> {
    let (stdin, stdout) = (std::io::stdin().lock(), std::io::stdout().lock());
    match way.first().and_then(|word| word.to_str()) {
        Some("each") => drivers::echo_once(stdin, stdout)?,
        None | Some("stdio") => drivers::echo_worker(stdin, stdout)?,
        Some(other) => return Err(format!("no project here is asked by {other}").into()),
    }
    Ok(ExitCode::SUCCESS)
}

/// What this program is asked for, by a test runner or by a person.
#[derive(Default)]
struct Asked {
    list: bool,
    ignored: bool,
    table: bool,
    sentences: bool,
    /// None: the strongest that this machine gives.
    tiers: Vec<Tier>,
    /// Beginnings of names of projects or of ids of attacks; none means all.
    only: Vec<String>,
}

impl Asked {
    fn read(args: &[OsString]) -> Result<Self> {
        let mut asked = Self::default();
        let mut words = args.iter().map(|word| word.to_string_lossy().into_owned());
        while let Some(word) = words.next() {
            match word.as_str() {
                "--list" => asked.list = true,
                "--ignored" => asked.ignored = true,
                "--table" => asked.table = true,
                "--sentences" => asked.sentences = true,
                "--tier" => asked.tiers.push(words.next().unwrap_or_default().parse()?),
                // What test runners tell every harness; to this one it means nothing.
                "--exact" | "--include-ignored" | "--nocapture" | "--no-capture" | "--show-output"
                | "--quiet" | "-q" => {}
                "--format" | "--test-threads" | "--color" => drop(words.next()),
                option if option.starts_with('-') => return Err(format!("unknown option `{option}`").into()),
                _ => asked.only.push(word),
            }
        }
        Ok(asked)
    }

    fn answer(&self) -> Result<ExitCode> {
        let mut projects = attack::corpus()?;
        if self.list {
            // The protocol of test runners: one line a test, and none of ours is ignored.
            projects.iter().filter(|_| !self.ignored).for_each(|project| println!("{}: test", project.name));
            return Ok(ExitCode::SUCCESS);
        }
        let named = |project: &str, attack: &Attack, word: &String| {
            project.starts_with(word) || attack.id.starts_with(word)
        };
        let names_any = |word: &&String| {
            projects.iter().any(|project| project.attacks.iter().any(|a| named(&project.name, a, word)))
        };
        if let Some(word) = self.only.iter().find(|word| self.is_from_a_person() && !names_any(word)) {
            let what = format!("no attack or project begins with `{word}`; `--list` names the projects");
            return Err(what.into());
        }
        let all = projects.len();
        for Project { name, attacks, .. } in &mut projects {
            attacks.retain(|a| self.only.is_empty() || self.only.iter().any(|word| named(name, a, word)));
        }
        projects.retain(|project| !project.attacks.is_empty());
        let left_out = all - projects.len();
        let (mut passed, mut failed) = (0, 0);
        let tiers = if self.tiers.is_empty() { vec![strongest()?] } else { self.tiers.clone() };
        for tier in tiers {
            let mut all = Vec::new();
            if self.table {
                println!("{}", table::head(tier));
            }
            for project in &projects {
                let (fell, played) = self.play(project, tier)?;
                all.extend(played);
                if fell { failed += 1 } else { passed += 1 }
            }
            if self.table || failed > 0 {
                println!("{}", table::foot(tier, &all));
            }
        }
        let word = if failed == 0 { "ok" } else { "FAILED" };
        // As the standard harness closes: `cargo xtask test` adds these lines up.
        println!(
            "test result: {word}. {passed} passed; {failed} failed; 0 ignored; 0 measured; {left_out} filtered out"
        );
        Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Whether a person asks, who mistyped what is not there. `cargo test NAME` gives one and the same name to every
    /// binary, and most have no such test.
    fn is_from_a_person(&self) -> bool {
        self.table || self.sentences || !self.tiers.is_empty()
    }

    /// Plays all attacks of a project. Answers whether one of them came to something else than it must.
    fn play<'a>(&self, project: &'a Project, tier: Tier) -> Result<(bool, Vec<(&'a Attack, Played)>)> {
        let arena = Arena::open(project, tier)?;
        let mut all = Vec::new();
        let mut fell = false;
        for attack in &project.attacks {
            let mut played = arena.play(attack)?;
            let mut wrong = played.complaint(attack, tier);
            // Of changes without effect about one in fifty is kept, as promised, and a gain may be missed on a busy
            // machine. What is not luck comes again.
            if let Some(first) = wrong.as_ref().filter(|_| played.may_be_luck(attack)) {
                println!("{}: once more, as this may be luck: {first}", attack.id);
                played = arena.play(attack)?;
                wrong = played.complaint(attack, tier);
            }
            if self.table {
                println!("{}", table::line(attack, tier, &played, wrong.as_deref()));
            } else if let Some(wrong) = &wrong {
                println!("{}: {wrong}", attack.id);
            }
            if self.sentences {
                println!("      {}", table::sentence(&played.said.detail));
            }
            fell |= wrong.is_some();
            all.push((attack, played));
        }
        Ok((fell, all))
    }
}
