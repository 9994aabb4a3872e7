//! Live against replay: the same proposals for the thematic example, judged once while its services run and once against
//! what they answered when they were recorded. Do the verdicts agree, and are the gains the same?
//!
//!     cargo build --release -p sprag && cargo run --release -p sprag-bench --bin live -- [--pairs 20]
//!
//! Needs PostgreSQL's server, openssl, and the example's Python environment: SPRAG_THEMATIC_VENV, which
//! `cargo xtask test` makes, or `.venv` in the example. The proposals are played in order, each on what was kept before
//! it, in two sessions: so the gain of a later one shows what the services' own time hides.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::Command;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_bench::live::{self, Session};
use sprag_bench::numbers::machine;
use sprag_bench::repository::commit_all;
use sprag_bench::stage::{self, Stage};
use sprag_bench::{Result, options};

/// Proposals of the example's playbook, and what each is known to be.
const PROPOSALS: [(&str, &str); 10] = [
    ("01-semantic-scores-by-map", "a large gain"),
    ("02-coercion-in-cache", "a large gain"),
    ("03-embedding-memo", "calls that are dropped"),
    ("04-filter-over-columns", "a gain"),
    ("06-numexpr-scores", "a crash"),
    ("10-ranks-over-all", "a wrong answer"),
    ("20-sort-once-to-pick", "a small gain"),
    ("27-keep-the-core-awake", "a regression"),
    ("30-stored-vectors", "calls that are dropped"),
    ("41-theme-words-renamed", "nothing"),
];
const PRIMARY: &str = "p95_ms";
const SERVICE: &str = include_str!("../live/thematic.py");
/// Where the example's own module for it puts the database.
const DATABASE: &str = "postgresql://thematic@127.0.0.1:18443/thematic";

fn main() -> Result<()> {
    options::only(&["--pairs"])?;
    let pairs = options::number("--pairs", 20)?;
    let example =
        Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/thematic").canonicalize_utf8()?;
    let venv = match std::env::var("SPRAG_THEMATIC_VENV") {
        Ok(venv) => Utf8PathBuf::from(venv),
        Err(_) => example.join(".venv"),
    };
    if !venv.join("bin/python").is_file() {
        return Err(format!("there is no Python environment in {venv}: set SPRAG_THEMATIC_VENV").into());
    }
    let venv = venv.canonicalize_utf8()?;
    let stage = Stage::enter()?;
    let bench = Bench { sprag: stage::sprag()?, example, venv, pairs, stage };
    println!("{}", machine());
    let live = bench.live()?;
    let replayed = bench.replayed()?;
    live::compare(&PROPOSALS, &live, &replayed)
}

struct Bench {
    sprag: Utf8PathBuf,
    example: Utf8PathBuf,
    venv: Utf8PathBuf,
    /// At most so many pairs for each proposal.
    pairs: usize,
    stage: Stage,
}

impl Bench {
    /// With the services running: those over HTTPS apart for each side, so that their calls are counted by side.
    fn live(&self) -> Result<Session> {
        let dir = self.copy("live")?;
        let certificates = self.stage.join("certificates");
        fs::create_dir(&certificates)?;
        let makes = format!(
            "from pathlib import Path; from benchmark.upstream import services; services.make_certificates(Path('{certificates}'))"
        );
        live::run(Command::new(self.python()).current_dir(&dir).args(["-c", &makes]))?;
        let service = self.stage.join("service.py");
        fs::write(&service, SERVICE)?;

        let settings = fs::read_to_string(dir.join(".auto/sprag.toml"))?;
        // All of the replay harness stands at the end.
        let (settings, _) = settings.split_once("\n[replay]").ok_or("the settings have no [replay]")?;
        let worker = ".venv/bin/python -m thematic.worker";
        let url = "https://${SPRAG_UPSTREAMS_URL#http://}";
        let told = format!(
            "EMBEDDER_URL={url} VECTORS_URL={url} DATABASE_URL={DATABASE} SSL_CERT_FILE={certificates}/authority.pem"
        );
        let settings = settings.replace(worker, &format!("{told} exec {worker}"));
        let services = format!(
            "\n[[service]]\nname = \"upstreams\"\ncommand = \"PYTHONPATH={dir} exec {} {service} {{port}} {certificates}\"\n\
             ready = \"http://127.0.0.1:{{port}}/\"\ncounters = \"http://127.0.0.1:{{port}}/\"\n",
            self.python(),
        );
        fs::write(dir.join(".auto/sprag.toml"), settings + &services)?;
        // Nobody counts what PostgreSQL is asked, and nobody compares requests.
        let spec = fs::read_to_string(dir.join(".auto/prompt.md"))?;
        let (spec, _) = spec.split_once("\n## Phase 2").unwrap_or((&spec, ""));
        let counted = |line: &&str| !line.starts_with("- identifier_lookups") && !line.contains("_requests");
        let spec: Vec<&str> = spec.lines().filter(counted).collect();
        fs::write(dir.join(".auto/prompt.md"), spec.join("\n").replace(", identifier_lookups", "") + "\n")?;
        self.judge(&dir, true)
    }

    /// Against the cassette, which is recorded first where the example has none.
    fn replayed(&self) -> Result<Session> {
        let dir = self.copy("replay")?;
        if !dir.join("benchmark/replay/fixtures").exists() {
            let mut record = self.beside_services(&dir);
            live::run(record.arg("record"))?;
        }
        self.judge(&dir, false)
    }

    /// A copy of the example, without the playbook and the environment.
    fn copy(&self, name: &str) -> Result<Utf8PathBuf> {
        let dir = self.stage.join(name);
        fs::create_dir(&dir)?;
        let leave = ["--exclude=.venv", "--exclude=__pycache__", "--exclude=.git", "--exclude=playbook"];
        let copies = format!("tar -C '{}' {} -c . | tar -C '{dir}' -x", self.example, leave.join(" "));
        live::run(Command::new("sh").args(["-c", &copies]))?;
        symlink(&self.venv, dir.join(".venv"))?;
        Ok(dir)
    }

    fn judge(&self, dir: &Utf8Path, live: bool) -> Result<Session> {
        let settings = dir.join(".auto/sprag.toml");
        let text = fs::read_to_string(&settings)?;
        // Both ways are measured unlocked: the live one asks a database of this machine.
        let more = format!("\n[sandbox]\ntier = \"none\"\n[judge]\nmax_pairs = {}\n", self.pairs);
        fs::write(&settings, text + &more)?;
        commit_all(dir)?;
        let playbook = Utf8PathBuf::from(format!("{dir}-playbook"));
        fs::create_dir(&playbook)?;
        for (slug, _) in PROPOSALS {
            let file = format!("{slug}.patch");
            fs::copy(self.example.join("playbook").join(&file), playbook.join(&file))?;
        }
        let mut command = if live { self.beside_services(dir) } else { Command::new(&self.sprag) };
        live::judge(dir, &playbook, &mut command, PRIMARY)
    }

    /// Sprag, while the services run where the settings say that they are.
    fn beside_services(&self, dir: &Utf8Path) -> Command {
        let mut command = Command::new(self.python());
        command.current_dir(dir).args(["-m", "benchmark.upstream", self.sprag.as_str()]);
        command
    }

    fn python(&self) -> Utf8PathBuf {
        self.venv.join("bin/python")
    }
}
