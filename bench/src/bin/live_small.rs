//! Live against replay on a small program: it works for some 20 ms and calls an upstream three times, which answers after
//! 5 ms. Ten proposals, and an eleventh on which the two cannot agree: calls that are made at the same time save time that
//! replay, where answers come at once, does not take.
//!
//!     cargo build --release -p sprag && cargo run --release -p sprag-bench --bin live_small -- [--pairs 20]

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command};
use std::time::Duration;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_bench::live::{self, Session};
use sprag_bench::numbers::machine;
use sprag_bench::repository::{commit_all, git, write};
use sprag_bench::stage::{self, Stage};
use sprag_bench::{Result, options};

const APP: &str = include_str!("../live/small/app.py");
const CLIENT: &str = include_str!("../live/small/client.py");
const WORKER: &str = include_str!("../live/small/worker.py");
const UPSTREAM: &str = include_str!("../live/small/upstream.py");

const SPEC: &str = "\
# Autoresearch: a small program

## Metrics
- **Primary**: total_ms (ms, lower is better)
- **Secondary**: upstream_calls

## How to Run
The harness starts the worker.

## Files in Scope
- `app.py`

## Constraints
- goldens exact
- upstream_calls unchanged
";

/// A name, what it is known to be, and what is replaced in the program by what.
type Change = (&'static str, &'static str, &'static str, &'static str);

const CHANGES: [Change; 11] = [
    (
        "01-falls-in-a-sorted-list",
        "a large gain",
        "    count = 0\n    for at, number in enumerate(numbers):\n        for later in numbers[at + 1:]:\n            if later < number:\n                count += 1\n",
        "    from bisect import bisect_right, insort\n    count, before = 0, []\n    for number in numbers:\n        count += len(before) - bisect_right(before, number)\n        insort(before, number)\n",
    ),
    (
        "02-score-by-remainders",
        "a large gain",
        "    total = 0\n    for n in range(size * 100):\n        total += n * n % 7\n    return total\n",
        "    whole, rest = divmod(size * 100, 7)\n    return whole * 14 + sum(n * n % 7 for n in range(rest))\n",
    ),
    ("03-a-comment", "nothing", "# A sum over all remainders.\n", "# The sum over all remainders.\n"),
    ("04-length-by-heart", "calls that are dropped", "ask([word])[0] for word", "len(word) for word"),
    (
        "05-one-call-for-all",
        "calls that are merged",
        "[ask([word])[0] for word in case[\"words\"]]",
        "ask(case[\"words\"])",
    ),
    ("06-one-line-fewer", "a wrong answer", "lines[-50:]", "lines[-49:]"),
    ("07-a-name-that-is-not-there", "a crash", "size = case[\"size\"]", "size = case[\"sizes\"]"),
    (
        "08-text-twice",
        "a regression",
        "\"text\": len(text(size))}",
        "\"text\": max(len(text(size)), len(text(size)))}",
    ),
    ("09-another-name", "nothing", "lengths = [", "lengths  = ["),
    (
        "10-last-lines-only",
        "a small gain",
        "    lines = []\n    for n in range(size * 20):\n        lines = lines[-50:] + [str(n)]\n",
        "    lines = [str(n) for n in range(max(0, size * 20 - 51), size * 20)]\n",
    ),
    (
        "11-calls-at-the-same-time",
        "a gain, live alone",
        "    lengths = [ask([word])[0] for word in case[\"words\"]]\n",
        "    lengths = list(POOL.map(lambda word: ask([word])[0], case[\"words\"]))\n",
    ),
];

fn main() -> Result<()> {
    options::only(&["--pairs"])?;
    let bench =
        Bench { pairs: options::number("--pairs", 20)?, sprag: stage::sprag()?, stage: Stage::enter()? };
    println!("{}", machine());
    let (live, replayed) = (bench.live()?, bench.replayed()?);
    let proposals = CHANGES.map(|(name, known, ..)| (name, known));
    let (ten, eleventh) = proposals.split_at(10);
    live::compare(ten, &live, &replayed)?;
    live::compare(eleventh, &live, &replayed)
}

struct Bench {
    sprag: Utf8PathBuf,
    /// At most so many pairs for each proposal.
    pairs: usize,
    stage: Stage,
}

impl Bench {
    fn live(&self) -> Result<Session> {
        let script = self.upstream()?;
        let service = format!(
            "[[service]]\nname = \"upstream\"\ncommand = \"exec python3 {script} {{port}}\"\n\
             ready = \"http://127.0.0.1:{{port}}/\"\ncounters = \"http://127.0.0.1:{{port}}/\"\n"
        );
        let dir = self.program("live", SPEC, &service)?;
        commit_all(&dir)?;
        self.judge(&dir)
    }

    fn replayed(&self) -> Result<Session> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let replay = format!(
            "[replay]\ncassette = \"fixtures\"\n[[replay.port]]\nname = \"upstream\"\n\
             upstream = \"http://127.0.0.1:{port}\"\n[[replay.class]]\nname = \"upstream_calls\"\n\
             match = {{ port = \"upstream\" }}\n"
        );
        let dir = self.program("replay", &format!("{SPEC}- upstream_requests exact\n"), &replay)?;
        commit_all(&dir)?;
        let upstream = Upstream(Command::new("python3").arg(self.upstream()?).arg(port.to_string()).spawn()?);
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            std::thread::sleep(Duration::from_millis(20));
        }
        live::run(Command::new(&self.sprag).current_dir(&dir).arg("record"))?;
        drop(upstream);
        git(&dir, &["add", "--all"])?;
        git(&dir, &["commit", "--quiet", "--message", "What the upstream answered"])?;
        self.judge(&dir)
    }

    /// The script of the upstream.
    fn upstream(&self) -> Result<Utf8PathBuf> {
        let script = self.stage.join("upstream.py");
        fs::write(&script, UPSTREAM)?;
        Ok(script)
    }

    fn program(&self, name: &str, spec: &str, more: &str) -> Result<Utf8PathBuf> {
        let dir = self.stage.join(name);
        write(&dir, ".auto/prompt.md", spec)?;
        let settings = format!(
            "[measure]\ndriver = \"cases\"\n[cases]\nfile = \"cases.json\"\nserve = {{ stdio = \"python3 worker.py\" }}\n\
             [sandbox]\ntier = \"none\"\n[judge]\nmax_pairs = {}\n{more}",
            self.pairs
        );
        write(&dir, ".auto/sprag.toml", &settings)?;
        let case = |n: usize| {
            format!(
                r#"{{"id":"c{n}","input":{{"words":["one{n}","three{n}","seven{n}"],"size":{}}}}}"#,
                400 + n
            )
        };
        let scored: Vec<String> = (1..=5).map(case).collect();
        write(
            &dir,
            "cases.json",
            &format!(r#"{{"v":1,"warmup":[{}],"cases":[{}]}}"#, case(0), scored.join(",")),
        )?;
        for (file, text) in [("app.py", APP), ("upstream.py", CLIENT), ("worker.py", WORKER)] {
            write(&dir, file, text)?;
        }
        write(&dir, ".gitignore", "__pycache__/\n")?;
        Ok(dir)
    }

    fn judge(&self, dir: &Utf8Path) -> Result<Session> {
        let playbook = Utf8PathBuf::from(format!("{dir}-playbook"));
        fs::create_dir(&playbook)?;
        for (name, known, from, to) in CHANGES {
            if !APP.contains(from) {
                return Err(format!("{name} changes nothing").into());
            }
            let mut text = APP.replace(from, to);
            if to.contains("POOL") {
                let pool = "from concurrent.futures import ThreadPoolExecutor\n\nfrom upstream import ask\n\nPOOL = ThreadPoolExecutor(3)\n";
                text = text.replace("from upstream import ask\n", pool);
            }
            write(dir, "app.py", &text)?;
            let diff =
                Command::new("git").current_dir(dir).args(["diff", "--full-index", "--no-color"]).output()?;
            let diff = String::from_utf8(diff.stdout)?;
            let front = format!("+++\ndescription = \"{name}: {known}\"\n+++\n");
            fs::write(playbook.join(format!("{name}.patch")), front + &diff)?;
        }
        git(dir, &["checkout", "--quiet", "app.py"])?;
        live::judge(dir, &playbook, &mut Command::new(&self.sprag), "total_ms")
    }
}

/// Dropped, it has ended.
struct Upstream(Child);

impl Drop for Upstream {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
