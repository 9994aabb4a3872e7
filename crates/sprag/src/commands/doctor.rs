//! `sprag doctor`: what this machine has, what it lacks, and what that costs.

use std::io::Write as _;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use rustix::thread::sched_setaffinity;
use serde::Serialize;
use sprag_measure::CpuSet;
use sprag_sandbox::{Layer, LayerReport, State, Tier};

use crate::demo::python;
use crate::jail::launcher;
use crate::show;

/// Show what this machine has and lacks for measuring: what is missing, what is lost without it, and the remedy.
///
/// Each line is tried, not looked up. Exit code 1 where Sprag cannot work at all.
///
/// Example: sprag doctor --json
#[derive(Debug, clap::Args)]
#[command(after_long_help = JSON)]
pub(crate) struct Args {
    /// Print JSON; --help describes it.
    #[arg(long)]
    json: bool,
}

const JSON: &str = "\
JSON: one object
  ready    whether nothing is missing that Sprag cannot do without
  machine  [{what, state: ok|missing, detail, lost, remedy}], the last two null where nothing is missing";

/// One thing that is looked for.
struct Look {
    what: &'static str,
    /// Without it Sprag does nothing.
    needed: bool,
    /// What cannot be done without it.
    lost: &'static str,
    check: fn() -> Result<String, Lack>,
}

/// Why something is missing, and what to do.
struct Lack {
    why: String,
    remedy: String,
}

impl Lack {
    fn new(why: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { why: why.into(), remedy: remedy.into() }
    }
}

const LOOKS: [Look; 6] = [
    Look {
        what: "git",
        needed: true,
        lost: "everything: baselines and candidates are git trees",
        check: git,
    },
    Look {
        what: "empty network",
        needed: false,
        lost: "a program that ignores its proxy variables goes around the replay to the real network",
        check: empty_network,
    },
    Look {
        what: "CPUs",
        needed: false,
        lost: "what is measured shares its CPU with Sprag and with its services, so more pairs are needed",
        check: cpus,
    },
    Look {
        what: "freezing",
        needed: false,
        lost: "`lifetime = \"service\"`: a side cannot be stopped while the other one is timed",
        check: freezing,
    },
    Look {
        what: "LLD",
        needed: false,
        lost: "Rust only: `layout = \"shuffle\"`, so gains below 3 % may be luck of the layout",
        check: lld,
    },
    Look { what: "Python", needed: false, lost: "the example of `sprag demo`", check: python },
];

/// One line of what was found.
#[derive(Debug, Serialize)]
struct Line {
    what: &'static str,
    state: &'static str,
    detail: String,
    lost: Option<&'static str>,
    remedy: Option<String>,
}

impl Line {
    fn ok(what: &'static str, detail: impl Into<String>) -> Self {
        Self { what, state: "ok", detail: detail.into(), lost: None, remedy: None }
    }
}

pub(crate) fn run(args: Args) -> miette::Result<ExitCode> {
    let mut ready = true;
    let mut lines: Vec<Line> = LOOKS
        .iter()
        .map(|look| match (look.check)() {
            Ok(detail) => Line::ok(look.what, detail),
            Err(lack) => {
                ready &= !look.needed;
                let (lost, remedy) = (Some(look.lost), Some(lack.remedy));
                Line { what: look.what, state: "missing", detail: lack.why, lost, remedy }
            }
        })
        .collect();
    lines.extend(agents());
    lines.extend(sandbox());
    if args.json {
        show::json(&serde_json::json!({ "ready": ready, "machine": lines }))?;
    } else {
        show::text(&text(&lines))?;
    }
    Ok(if ready { ExitCode::SUCCESS } else { ExitCode::from(1) })
}

fn text(lines: &[Line]) -> String {
    let mut text = String::new();
    for line in lines {
        text.push_str(&format!("{:<8} {:<14} {}\n", line.state, line.what, show::clean(&line.detail)));
        let below = [("lost", line.lost), ("remedy", line.remedy.as_deref())];
        for (word, said) in below.into_iter().filter_map(|(word, said)| Some((word, said?))) {
            text.push_str(&format!("{:24}{word}: {}\n", "", show::clean(said)));
        }
    }
    text
}

/// What a program prints, where it is there and ends well.
fn printed(program: &str, args: &[&str]) -> Option<String> {
    let output = Command::new(program).args(args).stdin(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

fn git() -> Result<String, Lack> {
    let remedy = "install git 2.36 or later and put it on PATH";
    let said = printed("git", &["--version"]).ok_or_else(|| Lack::new("there is no git on PATH", remedy))?;
    let version = said.strip_prefix("git version ").unwrap_or(&said).to_owned();
    let mut numbers = version.split('.').map(|part| part.parse::<u32>().unwrap_or(0));
    match (numbers.next(), numbers.next()) {
        (Some(major), Some(minor)) if (major, minor) >= (2, 36) => Ok(version),
        _ => Err(Lack::new(format!("{version} is too old"), remedy)),
    }
}

fn empty_network() -> Result<String, Lack> {
    let launcher = launcher().map_err(|error| Lack::new(error.to_string(), "reinstall it"))?;
    let wall = sprag_sandbox::network(&launcher).map_err(|why| {
        let enforced = sprag_sandbox::examine(&launcher).tier == Tier::Enforced;
        let beside = if enforced { "; in the sandbox there is one, by bubblewrap" } else { "" };
        Lack::new(format!("{}{beside}", why.what), why.remedy)
    })?;
    let found = "a program in it finds no way out, and reaches the listeners that Sprag holds";
    Ok(match wall.caveat() {
        None => found.to_owned(),
        Some(caveat) => format!("{found}; but {caveat}"),
    })
}

/// The coding agents that Sprag knows how to call.
fn agents() -> impl Iterator<Item = Line> {
    sprag_agent::known().into_iter().map(|agent| match agent.version {
        Some(version) => Line::ok(agent.name, format!("{version}, a coding agent")),
        None => Line {
            what: agent.name,
            state: "missing",
            detail: "a coding agent that does not start here".to_owned(),
            lost: Some("`sprag run --agent` with this name; any one agent is enough"),
            remedy: Some(agent.remedy.to_owned()),
        },
    })
}

/// The tier, and then its layers.
fn sandbox() -> Vec<Line> {
    // Of the network there is a line that says why it is not there.
    let Ok(launcher) = launcher() else { return Vec::new() };
    let report = sprag_sandbox::examine(&launcher);
    let tier = match report.tier {
        Tier::Enforced => {
            let by = if report.backend.is_own() { String::new() } else { format!(", by {}", report.backend) };
            let detail = format!("tier enforced{by}: a program in it was stopped in all that it must not do");
            Line::ok("sandbox", detail)
        }
        Tier::Reduced => Line {
            what: "sandbox",
            state: "missing",
            detail: "tier reduced: files, network and system calls are held, and no namespaces around them"
                .to_owned(),
            lost: Some(Layer::Namespaces.lost()),
            remedy: report.lacks().next().map(|(_, lack)| lack.remedy.clone()),
        },
        Tier::None => Line {
            what: "sandbox",
            state: "missing",
            detail: "tier none".to_owned(),
            lost: Some(Layer::Privileges.lost()),
            remedy: report.lacks().next().map(|(_, lack)| lack.remedy.clone()),
        },
    };
    // Of the network there is a line already.
    let layers = report.layers.into_iter().filter(|report| report.layer != Layer::Network);
    std::iter::once(tier).chain(layers.map(layer)).collect()
}

fn layer(report: LayerReport) -> Line {
    let what = report.layer.name();
    match report.state {
        State::Held => Line::ok(what, report.layer.meaning()),
        State::Missing(lack) => Line {
            what,
            state: "missing",
            detail: lack.what,
            lost: Some(report.layer.lost()),
            remedy: Some(lack.remedy),
        },
    }
}

fn cpus() -> Result<String, Lack> {
    let remedy = "use a machine, or give the container a set of CPUs, with two or more";
    let cpus = CpuSet::allowed().map_err(|error| Lack::new(error.to_string(), remedy))?;
    pin(&cpus.last().to_string()).map_err(|error| {
        Lack::new(format!("a process can't be kept on one: {error}"), "allow sched_setaffinity")
    })?;
    match cpus.count() {
        1 => Err(Lack::new("there is one only", remedy)),
        count => Ok(format!("{count} ({cpus}), and a process can be kept on one")),
    }
}

/// Moves a thread that ends at once to one CPU.
fn pin(cpu: &str) -> std::io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu.parse().map_err(|_| std::io::ErrorKind::InvalidInput)?);
    let pinned = std::thread::spawn(move || sched_setaffinity(None, &set));
    Ok(pinned.join().map_err(|_| std::io::ErrorKind::Other)??)
}

fn freezing() -> Result<String, Lack> {
    let remedy = "use Linux 5.3 or later, and allow signals between a user's own processes";
    try_to_freeze()
        .map(|()| "a process stops and goes on".to_owned())
        .map_err(|error| Lack::new(format!("a process can't be stopped: {error}"), remedy))
}

/// Stops and continues a child that waits for input, as a worker does.
fn try_to_freeze() -> std::io::Result<()> {
    let exe = std::env::current_exe()?;
    let mut worker = Command::new(exe);
    worker.arg("__echo-worker").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    let worker = Killed(worker.spawn()?);
    let pid = Pid::from_child(&worker.0);
    pidfd_open(pid, PidfdFlags::empty())?;
    for (signal, stopped) in [(Signal::STOP, true), (Signal::CONT, false)] {
        kill_process(pid, signal)?;
        let deadline = Instant::now() + Duration::from_secs(5);
        while is_stopped(pid)? != stopped {
            if Instant::now() > deadline {
                return Err(std::io::ErrorKind::TimedOut.into());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    Ok(())
}

fn is_stopped(pid: Pid) -> std::io::Result<bool> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    Ok(status.lines().any(|line| line.starts_with("State:\tT")))
}

/// A child that does not outlive this.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        // Both fail only where it has ended and been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Links a program with the option that a session uses.
fn lld() -> Result<String, Lack> {
    let rustc = printed("rustc", &["--version"]).ok_or_else(|| {
        Lack::new("there is no rustc on PATH", "install Rust with rustup, if you measure Rust")
    })?;
    let link = || -> std::io::Result<bool> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new("rustc");
        command.args(["--crate-name", "probe", "-C", "link-arg=-Wl,--shuffle-sections=*=1", "-"]);
        command.current_dir(dir.path()).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        if let Some(mut source) = child.stdin.take() {
            source.write_all(b"fn main() {}")?;
        }
        Ok(child.wait()?.success())
    };
    match link() {
        Ok(true) => Ok(format!("{rustc} links with shuffled sections")),
        _ => Err(Lack::new(
            format!("the linker of {rustc} does not know --shuffle-sections"),
            "use Rust 1.90 or later on x86-64 Linux; elsewhere install lld and link with -C link-arg=-fuse-ld=lld",
        )),
    }
}

fn python() -> Result<String, Lack> {
    let remedy = "install Python 3.11 or later with venv; on Debian: apt-get install python3 python3-venv";
    let name = python::find().map_err(|error| Lack::new(error.to_string(), remedy))?;
    let version =
        printed(name, &["-c", "import platform, venv, ensurepip; print(platform.python_version())"]);
    version.ok_or_else(|| Lack::new(format!("{name} has no venv module"), remedy))
}
