//! The tuner without a judge: what it finds, what it tries twice, what it refuses.

use std::os::unix::fs::symlink;

use sprag_contract::Domain;

use super::*;
use crate::{Blobs, Past};

struct NoBlobs;

impl Blobs for NoBlobs {
    fn blob(&self, _id: &str) -> Option<Vec<u8>> {
        None
    }
}

fn knob(name: &str, file: &str, domain: Domain) -> Knob {
    Knob { name: name.to_owned(), file: file.to_owned(), domain }
}

fn one_of(choices: &[&str]) -> Domain {
    Domain::OneOf { choices: choices.iter().map(|choice| (*choice).to_owned()).collect() }
}

/// A folder with the code in `app.py`, and what is judged without a judge: every setting is measured against the first.
struct Bench {
    dir: tempfile::TempDir,
    cost: fn(&str) -> f64,
    tries: Vec<(Map<String, Value>, f64)>,
}

impl Bench {
    fn new(code: &str, cost: fn(&str) -> f64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("app.py"), code).unwrap();
        Self { dir, cost, tries: Vec::new() }
    }

    fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(self.dir.path()).unwrap()
    }

    /// One try; its cost. `None` where nothing is left.
    fn once(&mut self, knobs: &mut Knobs, session: &str) -> Option<f64> {
        let path = self.root().join("app.py");
        let before = fs::read_to_string(&path).unwrap();
        let base = (self.cost)(&before);
        let tries =
            self.tries.iter().map(|(asi, level)| Past { asi, before: 0.0, level: Some(*level) }).collect();
        knobs.learn(&History { session, level: 0.0, tries });
        let copy = self.root().to_owned();
        let asked = Asked {
            brief: "",
            goes_on: None,
            copy: &copy,
            out: &copy,
            sandbox: None,
            blobs: &NoBlobs,
            usd_left: None,
        };
        let Proposal::Edit(note) = knobs.propose(&asked).unwrap() else { return None };
        let cost = (self.cost)(&fs::read_to_string(&path).unwrap());
        fs::write(&path, before).unwrap();
        self.tries.push((note.asi, (base / cost).ln()));
        Some(cost)
    }
}

/// The value after `name = ` in a code.
fn value(code: &str, name: &str) -> String {
    let line = code.lines().find(|line| line.starts_with(name)).unwrap();
    line.split(" = ").nth(1).unwrap().to_owned()
}

/// How many of twenty sessions come to `best` within 25 tries.
fn sessions_that_find(best: f64, code: &str, knobs: &[Knob], cost: fn(&str) -> f64) -> usize {
    let finds = |n: &usize| {
        let mut bench = Bench::new(code, cost);
        let mut tuner = Knobs::open(knobs, bench.root()).unwrap();
        let session = format!("01ARZ3NDEKTSV4RRFFQ69G{n:02}AV");
        let costs: Vec<f64> = (0..25).map_while(|_| bench.once(&mut tuner, &session)).collect();
        costs.iter().copied().fold(f64::INFINITY, f64::min) <= best
    };
    (0..20).filter(finds).count()
}

/// Work in blocks of 64, and a cache that holds eight of them.
fn blocks(code: &str) -> f64 {
    let blocks = (value(code, "CHUNK").parse::<f64>().unwrap() / 64.0).ceil();
    1000.0 + (blocks / 8.0).log2().abs() * 100.0
}

/// Best at 37 and with `fifo`.
fn two(code: &str) -> f64 {
    let chunk: f64 = value(code, "CHUNK").parse().unwrap();
    let mode = if value(code, "MODE") == "\"fifo\"" { 0.0 } else { 300.0 };
    1000.0 + (chunk - 37.0).abs() * 10.0 + mode
}

const TWO: &str = "CHUNK = 8\nMODE = \"lru\"\n";

fn two_knobs() -> [Knob; 2] {
    let chunk = Domain::Whole { low: 1, high: 64, log: false };
    [knob("CHUNK", "app.py", chunk), knob("MODE", "app.py", one_of(&["\"lru\"", "\"fifo\"", "\"none\""]))]
}

#[test]
fn the_known_best_is_found_within_25_tries() {
    let chunk = [knob("CHUNK", "app.py", Domain::Whole { low: 16, high: 4096, log: true })];
    assert_eq!(sessions_that_find(1000.0, "CHUNK = 16\n", &chunk, blocks), 20);
    let exactly = sessions_that_find(1000.0, TWO, &two_knobs(), two);
    let beside = sessions_that_find(1010.0, TWO, &two_knobs(), two);
    assert!(
        exactly >= 16 && beside == 20,
        "{exactly} find the best of 192, and {beside} it or the next to it"
    );
}

#[test]
fn every_point_of_a_small_space_is_tried_once_and_then_there_is_nothing_left() {
    let knobs = [
        knob("A", "app.py", Domain::Whole { low: 0, high: 3, log: false }),
        knob("B", "app.py", one_of(&["true", "false"])),
    ];
    let mut bench = Bench::new("A = 0x1\nB = true\n", |_| 1.0);
    let mut tuner = Knobs::open(&knobs, bench.root()).unwrap();
    while bench.once(&mut tuner, "s").is_some() {}
    let mut tried: Vec<String> = bench.tries.iter().map(|(asi, _)| asi[KEY].to_string()).collect();
    tried.sort();
    tried.dedup();
    assert_eq!((tried.len(), bench.tries.len()), (7, 7), "all but what the code is already: {tried:?}");
}

#[test]
fn a_resumed_session_goes_on_as_it_would_have() {
    let tries = |resume_at: usize| {
        let mut bench = Bench::new(TWO, two);
        let mut tuner = Knobs::open(&two_knobs(), bench.root()).unwrap();
        for at in 0..15 {
            if at == resume_at {
                tuner = Knobs::open(&two_knobs(), bench.root()).unwrap();
            }
            bench.once(&mut tuner, "01ARZ3NDEKTSV4RRFFQ69G5FAV").unwrap();
        }
        bench.tries
    };
    assert_eq!(tries(7), tries(100));
    assert_eq!(tries(11), tries(100));
}

#[test]
fn a_real_number_keeps_its_point_and_its_scale() {
    let rate = |low, high, log| Space::of([Domain::Real { low, high, log }].iter());
    let literals = |space: &Space, step| space.literals(&vec![step]).remove(0);
    let linear = rate(0.0, 2.0, false);
    assert_eq!([0, 1, 500, 1000].map(|step| literals(&linear, step)), ["0.0", "0.002", "1.0", "2.0"]);
    let log = rate(1e-5, 0.1, true);
    assert_eq!([0, 250, 500, 1000].map(|step| literals(&log, step)), ["1e-5", "0.0001", "0.001", "0.1"]);
    for step in 0..=1000 {
        assert_eq!(log.point([Some(literals(&log, step).as_str())]), Some(vec![step]));
    }
    assert_eq!(log.point([Some("0.2")]), None);
}

#[test]
fn the_widest_ranges_have_a_next_point() {
    let all = [
        Domain::Whole { low: i64::MIN, high: i64::MAX, log: false },
        Domain::Whole { low: 1, high: i64::MAX, log: true },
        Domain::Real { low: -1e300, high: 1e300, log: false },
    ];
    let space = Space::of(all.iter());
    let mut tried = BTreeMap::new();
    for n in 0..20 {
        let point = space.next("s", &tried).unwrap();
        space.literals(&point);
        assert!(tried.insert(point, (n % 3 == 0).then_some(f64::from(n))).is_none());
    }
}

#[test]
fn what_cannot_be_turned_is_told_with_its_place_before_anything_is_measured() {
    let chunk = |file: &str| [knob("CHUNK", file, Domain::Whole { low: 1, high: 9, log: false })];
    let bench = Bench::new("import os\nCHUNK = 1\nCHUNK = 2\n", |_| 1.0);
    let told = |knobs: &[Knob]| Knobs::open(knobs, bench.root()).unwrap_err().to_string();
    insta::assert_snapshot!(told(&chunk("app.py")), @r"
    app.py:2: `CHUNK` is set more than once, in the lines 2, 3
      a knob has one place in its file: NAME = value, const NAME: T = value; or NAME: value
    ");
    insta::assert_snapshot!(told(&[]), @r"
    the spec names no knobs to turn
      add a section to it:
      ## Knobs
      - CHUNK in core/scoring.py: 16..4096, log
    ");
    assert!(told(&chunk("none.py")).contains("No such file"));
    fs::write(bench.root().join("real.py"), "CHUNK = 1\n").unwrap();
    symlink("real.py", bench.root().join("link.py")).unwrap();
    assert!(told(&chunk("link.py")).contains("is a link"));
}
