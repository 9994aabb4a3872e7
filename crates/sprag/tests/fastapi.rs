//! Applications with a database: recorded once, then measured and judged while no database runs.
//!
//! Needs PostgreSQL, and the Python packages that `cargo xtask test` installs and names in SPRAG_CLIENTS_VENV.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

#[path = "../../sprag-replay/tests/upstream/cluster.rs"]
mod cluster;
mod repo;

use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use cluster::{Cluster, USER};
use repo::Repo;

const SPEC: &str = "\
# Autoresearch: faster accounts

## Metrics
- **Primary**: total_ms (ms, lower is better)
- **Secondary**: db_calls

## How to Run
The harness starts the server.

## Files in Scope
- `accounts.py`

## Constraints
- goldens exact
- db_requests exact
";

const SETTINGS: &str = r#"
[measure]
driver = "cases"
[cases]
file = "cases.json"
goldens = "goldens"
[cases.serve.http]
command = "PYTHON -m uvicorn app:app --host 127.0.0.1 --port {port} --log-level warning"
port = "{port}"
ready = "http://127.0.0.1:{port}/health"

[replay]
cassette = "fixtures"
[[replay.port]]
name = "db"
upstream = "postgres://127.0.0.1:UPSTREAM"
env = { DATABASE_URL = "postgresql://postgres:planted-password@{host}:{port}/postgres" }
[[replay.class]]
name = "db_calls"
match = { port = "db" }
"#;

const APP: &str = r#"
import os
from contextlib import asynccontextmanager

import psycopg
from fastapi import FastAPI

from accounts import summary

@asynccontextmanager
async def connected(app):
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        app.state.database = database
        yield

app = FastAPI(lifespan=connected)

@app.get("/health")
def health():
    return {"up": True}

@app.get("/accounts/{number}")
def account(number: int):
    return summary(app.state.database, number)
"#;

const ACCOUNTS: &str = r#"
def summary(database, number):
    name, region = database.execute("SELECT name, region FROM accounts WHERE number = %s", (number,)).fetchone()
    daily, = database.execute("SELECT daily FROM limits WHERE region = %s", (region,)).fetchone()
    rows = database.execute("SELECT amount FROM payments WHERE account = %s ORDER BY day", (number,))
    amounts = [amount for amount, in rows]
    return {"name": name, "over": sum(amount > daily for amount in amounts), "falls": falls(amounts)}

def falls(amounts):
    count = 0
    for at, amount in enumerate(amounts):
        for later in amounts[at + 1:]:
            if later < amount:
                count += 1
    return count
"#;

/// The same number, from a list that is kept in order.
const SORTED: &str = r#"
from bisect import bisect_right, insort

def falls(amounts):
    count, before = 0, []
    for amount in amounts:
        count += len(before) - bisect_right(before, amount)
        insort(before, amount)
    return count
"#;

const TABLES: &str = "\
CREATE TABLE accounts AS SELECT n AS number, 'account ' || n AS name, CASE WHEN n % 2 = 0 THEN 'north' ELSE 'south' END AS region
    FROM generate_series(1, 8) n;
CREATE TABLE limits AS SELECT region, 900 AS daily FROM unnest(ARRAY['north', 'south']) region;
CREATE TABLE payments AS SELECT a AS account, d AS day, (a * 7919 + d * 104729) % 1000 AS amount
    FROM generate_series(1, 8) a, generate_series(1, 700) d;
";

fn cluster_with(python: &str, tables: &str) -> Option<Cluster> {
    let cluster = Cluster::start(Some("planted-password"))?;
    let dsn = format!("postgresql://{USER}:planted-password@127.0.0.1:{}/postgres", cluster.port);
    let fill = "import psycopg, sys; psycopg.connect(sys.argv[1], autocommit=True).execute(sys.argv[2])";
    assert!(Command::new(python).args(["-c", fill, &dsn, tables]).status().unwrap().success());
    Some(cluster)
}

/// The Python environment lies outside of the repository, where nothing that is locked in sees it.
fn with_environment(settings: &str, python: &str) -> String {
    let environment = Path::new(python).parent().and_then(Path::parent).unwrap();
    format!("{settings}[sandbox]\nread = [\"{}\"]\n", environment.display())
}

/// A committed repository whose application was recorded against a PostgreSQL that is there no more.
fn recorded(python: &str) -> Option<Repo> {
    let cluster = cluster_with(python, TABLES)?;

    let repo = Repo::empty();
    repo.write(".auto/prompt.md", SPEC);
    let settings = SETTINGS.replace("PYTHON", python).replace("UPSTREAM", &cluster.port.to_string());
    repo.write(".auto/sprag.toml", &with_environment(&settings, python));
    let case =
        |number: u32| format!(r#"{{"id":"account-{number}","input":{{"path":"/accounts/{number}"}}}}"#);
    let scored: Vec<String> = (1..=6).map(case).collect();
    let cases = format!(r#"{{"v":1,"warmup":[{}],"cases":[{}]}}"#, case(8), scored.join(","));
    repo.write("cases.json", &cases);
    repo.write("app.py", APP);
    repo.write("accounts.py", ACCOUNTS);
    repo.write(".gitignore", "__pycache__/\n");
    repo.commit("an application with a database");

    repo.run(&["record"]).expect(0).says(&["recorded", "db_calls", "cases"]);
    let port = cluster.port;
    drop(cluster);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err(), "PostgreSQL is stopped");
    for file in files(&repo.root().join("fixtures")) {
        let bytes = std::fs::read(&file).unwrap();
        assert!(!bytes.windows(7).any(|part| part == b"planted"), "the password is in {}", file.display());
    }
    repo.run(&["golden", "record"]).expect(0);
    repo.commit("what the database answered, and the goldens");
    Some(repo)
}

fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

/// The Python that has the packages.
fn python() -> Option<String> {
    let Some(venv) = std::env::var_os("SPRAG_CLIENTS_VENV") else {
        eprintln!("skipped: SPRAG_CLIENTS_VENV names no Python environment; `cargo xtask test` makes one");
        return None;
    };
    Some(Path::new(&venv).join("bin/python").to_str().unwrap().to_owned())
}

#[test]
fn an_application_with_a_database_is_measured_and_judged_without_it() {
    let Some(repo) = python().and_then(|python| recorded(&python)) else { return };

    let bench = repo.run(&["bench", "--json"]).expect(0).json();
    let metric = |name: &str| bench["metrics"][name].as_f64();
    assert_eq!(metric("db_calls"), Some(18.0), "three statements a case: {bench}");
    assert_eq!((metric("db_requests_changed"), metric("replay_misses")), (Some(0.0), Some(0.0)), "{bench}");

    let limit = "database.execute(\"SELECT daily FROM limits WHERE region = %s\", (region,)).fetchone()";
    repo.write("accounts.py", &ACCOUNTS.replace(limit, "(900,)"));
    repo.run(&["try", "-m", "knows the limit by heart"]).expect(11);
    let (status, reason, detail) = repo.verdict();
    assert_eq!((status.as_str(), reason.as_str()), ("checks_failed", "control"), "{detail}");
    assert!(detail.contains("db_"), "{detail}");
    repo.run(&["show", "2"]).expect(0).says(&["`SELECT daily FROM limits WHERE region = $1` (6 fewer)"]);

    repo.write(
        "accounts.py",
        &ACCOUNTS.replace("SELECT name, region FROM", "SELECT name, region, number FROM"),
    );
    repo.run(&["try", "-m", "asks for one column more"]).expect(11);
    let (_, reason, detail) = repo.verdict();
    assert_eq!(reason, "replay_miss", "{detail}");
    for part in [
        "SELECT name, region, number FROM accounts WHERE number = $1",
        "in case account-",
        "the closest that was recorded is SELECT name, region FROM accounts WHERE number = $1",
    ] {
        assert!(detail.contains(part), "`{part}` is missing in {detail}");
    }

    let (head, _) = ACCOUNTS.split_once("\ndef falls").unwrap();
    repo.write("accounts.py", &format!("{head}{SORTED}"));
    repo.run(&["try", "-m", "counts in a sorted list"]).expect(0);
    let (status, reason, detail) = repo.verdict();
    assert_eq!((status.as_str(), reason.as_str()), ("keep", "improved"), "{detail}");
    repo.run(&["audit"]).expect(0);
}

const ENUM: &str = "\
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE TABLE item AS SELECT n, (CASE WHEN n % 2 = 0 THEN 'glad' ELSE 'sad' END)::mood AS mood FROM generate_series(1, 9) n;
";

const ASYNCPG: &str = r#"
import asyncio, asyncpg, json, os, sys

async def main():
    database = await asyncpg.connect(os.environ["DATABASE_URL"])
    print(json.dumps({"ready": True}), flush=True)
    for line in sys.stdin:
        case = json.loads(line)
        rows = await database.fetch("SELECT n FROM item WHERE n > $1 AND mood = $2", case["input"], "sad")
        print(json.dumps({"id": case["id"], "output": [row["n"] for row in rows]}), flush=True)

asyncio.run(main())
"#;

/// What asyncpg asks once per connection about types that it does not know.
const ONCE: &str = r#"
[[replay.class]]
name = "types_calls"
match = { port = "db", statement = "WITH RECURSIVE typeinfo_tree*" }
repeat = "sticky"
[[replay.class]]
name = "jit_calls"
match = { port = "db", statement = "SELECT *set_config('jit'*" }
repeat = "sticky"
"#;

#[test]
fn what_is_asked_once_per_connection_is_found_whichever_case_comes_first() {
    let Some(python) = python() else { return };
    let Some(cluster) = cluster_with(&python, ENUM) else { return };
    let repo = Repo::empty();
    repo.write(".auto/prompt.md", SPEC);
    let (head, _) = SETTINGS.split_once("[cases]").unwrap();
    let (_, replay) = SETTINGS.split_once("[replay]").unwrap();
    let (port, class) = replay.split_once("[[replay.class]]").unwrap();
    // In each repetition another case comes first.
    let cases =
        format!("[cases]\nfile = \"cases.json\"\nrepeat = 6\nserve = {{ stdio = \"{python} worker.py\" }}\n");
    let settings = format!("{head}{cases}[replay]{port}{ONCE}[[replay.class]]{class}");
    let settings = settings.replace("UPSTREAM", &cluster.port.to_string());
    repo.write(".auto/sprag.toml", &with_environment(&settings, &python));
    let case = |n: u32| format!(r#"{{"id":"above-{n}","input":{n}}}"#);
    let cases: Vec<String> = (1..=4).map(case).collect();
    repo.write("cases.json", &format!(r#"{{"v":1,"cases":[{}]}}"#, cases.join(",")));
    repo.write("worker.py", ASYNCPG);
    repo.write("accounts.py", "");
    repo.commit("an application with a type of its own");
    repo.run(&["record"]).expect(0);
    drop(cluster);

    let bench = repo.run(&["bench", "--json"]).expect(0).json();
    for name in ["db_requests_changed", "types_requests_changed", "jit_requests_changed", "replay_misses"] {
        assert_eq!(bench["metrics"][name].as_f64(), Some(0.0), "{name}: {bench}");
    }
    assert_eq!(bench["metrics"]["types_calls"].as_f64(), Some(1.0), "{bench}");
}
