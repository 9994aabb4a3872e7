//! How often each rule keeps a candidate with a known effect, and with how many runs: the table of the manual.
//!
//! `cargo run --release -p sprag-judge --example operating_characteristics`
//! `    [-- --trace FILE --column N] [--repetitions K]`
//!
//! Models of noise: `gauss2` is normal with 2 %; `heavy` the same with an exponential outlier of mean +50 % in every
//! twentieth run; `drift` is lognormal with 5 %, half of its variance an AR(1) process with φ = .8, and a linear drift.
//! A trace is a JSON array of rows, one a run, in time order; the column is counted from 0. A candidate that is E
//! better has its value multiplied by 1 − E. Seeds are fixed: the same arguments print the same table.

use std::{error::Error, fs};

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sprag_judge::{
    Direction, EffectScale, JudgeSettings, Next, Noise, Order, Pair, Policy, Reason, Trial, peers,
};

const EFFECTS: [f64; 7] = [-0.005, 0.0, 0.01, 0.02, 0.05, 0.2, 0.9];
const HEADINGS: [&str; 7] = ["−.5 %", "none", "+1 %", "+2 %", "+5 %", "+20 %", "10×"];
const CALIBRATION_PAIRS: usize = 8;
/// The runs that a score in median absolute deviations is taken from: the baseline first, the candidate last.
const SESSION_RUNS: usize = 10;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let mut models = vec![Model::Gauss2, Model::Heavy, Model::Drift];
    for (file, column) in &arguments.traces {
        models.push(Model::read(file, *column)?);
    }
    println!("| noise | rule | {} |", HEADINGS.join(" | "));
    println!("| --- | --- |{}", " --- |".repeat(HEADINGS.len()));
    for model in &models {
        for rule in RULES {
            let cells: Vec<String> =
                EFFECTS.iter().map(|effect| cell(model, rule, *effect, arguments.repetitions)).collect();
            println!("| {} | {} | {} |", model.name(), rule.name(), cells.join(" | "));
        }
    }
    Ok(())
}

struct Arguments {
    traces: Vec<(String, usize)>,
    repetitions: u32,
}

impl Arguments {
    fn read(mut words: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut arguments = Self { traces: Vec::new(), repetitions: 2000 };
        while let Some(word) = words.next() {
            let value = words.next().ok_or(format!("{word} needs a value"))?;
            match word.as_str() {
                "--trace" => arguments.traces.push((value, 1)),
                "--column" => {
                    arguments.traces.last_mut().ok_or("--column follows a --trace")?.1 = value.parse()?
                }
                "--repetitions" => arguments.repetitions = value.parse::<u32>()?.max(1),
                _ => return Err(format!("unknown argument {word}").into()),
            }
        }
        Ok(arguments)
    }
}

enum Model {
    Gauss2,
    Heavy,
    Drift,
    Trace { name: String, logs: Vec<f64> },
}

impl Model {
    fn read(file: &str, column: usize) -> Result<Self, Box<dyn Error>> {
        let rows: Vec<Vec<f64>> = serde_json::from_str(&fs::read_to_string(file)?)?;
        let values: Option<Vec<f64>> = rows.iter().map(|row| row.get(column).copied()).collect();
        let values = values.ok_or(format!("{file}: a row has no column {column}"))?;
        if values.len() <= 64 || values.iter().any(|value| *value <= 0.0) {
            return Err(
                format!("{file}: column {column} needs more than 64 rows, all of them positive").into()
            );
        }
        Ok(Model::Trace { name: format!("{file}#{column}"), logs: values.iter().map(|v| v.ln()).collect() })
    }

    fn name(&self) -> &str {
        match self {
            Model::Gauss2 => "gauss2",
            Model::Heavy => "heavy",
            Model::Drift => "drift",
            Model::Trace { name, .. } => name,
        }
    }

    /// The logarithms of `n` consecutive runs of unchanged code.
    fn runs(&self, rng: &mut ChaCha8Rng, n: usize) -> Vec<f64> {
        match self {
            Model::Gauss2 => (0..n).map(|_| gauss2(rng)).collect(),
            Model::Heavy => (0..n)
                .map(|_| gauss2(rng) + if rng.random::<f64>() < 0.05 { 0.5 * exponential(rng) } else { 0.0 })
                .collect(),
            Model::Drift => {
                let (mut carried, slope, sd) = (normal(rng), 0.001 * normal(rng), 0.05 / 2f64.sqrt());
                (0..n)
                    .map(|i| {
                        carried = 0.8 * carried + 0.6 * normal(rng);
                        sd * carried + sd * normal(rng) + slope * i as f64
                    })
                    .collect()
            }
            Model::Trace { logs, .. } => {
                let start = rng.random_range(0..logs.len() - n);
                logs[start..start + n].to_vec()
            }
        }
    }

    /// A/A pairs. In a trace from random places: a session's pool is older than the candidate.
    fn noise(&self, rng: &mut ChaCha8Rng) -> Vec<[f64; 2]> {
        let runs: Vec<f64> = match self {
            Model::Trace { .. } => (0..CALIBRATION_PAIRS).flat_map(|_| self.runs(rng, 2)).collect(),
            _ => self.runs(rng, 2 * CALIBRATION_PAIRS),
        };
        runs.chunks_exact(2).map(|two| [two[0].exp(), two[1].exp()]).collect()
    }
}

fn normal(rng: &mut ChaCha8Rng) -> f64 {
    (2.0 * exponential(rng)).sqrt() * (std::f64::consts::TAU * rng.random::<f64>()).cos()
}

fn exponential(rng: &mut ChaCha8Rng) -> f64 {
    -(1.0 - rng.random::<f64>()).ln()
}

fn gauss2(rng: &mut ChaCha8Rng) -> f64 {
    (1.0 + 0.02 * normal(rng)).max(0.5).ln()
}

#[derive(Clone, Copy)]
enum Keeper {
    OneRun,
    MadGate,
    Welch,
    Ours(Policy),
}

const RULES: [Keeper; 5] = [
    Keeper::OneRun,
    Keeper::MadGate,
    Keeper::Welch,
    Keeper::Ours(Policy::Paired),
    Keeper::Ours(Policy::Strict),
];

impl Keeper {
    fn name(self) -> &'static str {
        match self {
            Keeper::OneRun => "one run better",
            Keeper::MadGate => "MAD score ≥ 2 as a gate",
            Keeper::Welch => "Welch 10+10",
            Keeper::Ours(Policy::Strict) => "strict",
            Keeper::Ours(_) => "paired",
        }
    }

    /// One candidate whose log-value is lowered by `gain`: whether it is kept, and the runs it took.
    fn judge(self, model: &Model, gain: f64, rng: &mut ChaCha8Rng) -> (bool, usize) {
        match self {
            Keeper::OneRun => {
                let runs = model.runs(rng, 2);
                (peers::one_run_better(Direction::Lower, runs[0].exp(), (runs[1] - gain).exp()), 1)
            }
            Keeper::MadGate => {
                let mut runs = model.runs(rng, SESSION_RUNS);
                runs[SESSION_RUNS - 1] -= gain;
                let values: Vec<f64> = runs.iter().map(|log| log.exp()).collect();
                (peers::mad_gate(Direction::Lower, &values, values[0], values[SESSION_RUNS - 1]), 1)
            }
            Keeper::Welch => {
                let runs = model.runs(rng, 20);
                // On logarithms, so that a rare slow run does not drown the test that it is compared with.
                let after: Vec<f64> = runs[10..].iter().map(|log| log - gain).collect();
                (peers::welch_better(Direction::Lower, &runs[..10], &after), 20)
            }
            Keeper::Ours(mode) => ours(model, mode, gain, rng),
        }
    }
}

fn ours(model: &Model, mode: Policy, gain: f64, rng: &mut ChaCha8Rng) -> (bool, usize) {
    let settings = JudgeSettings { mode, ..JudgeSettings::default() };
    let pairs = model.noise(rng);
    let noise = Noise::new(&settings, EffectScale::default(), false, &pairs, settings.min_effect);
    let rule = noise.rule(&settings, "ms");
    let mut trial = Trial::new(rule).expect("the settings' defaults make a valid rule");
    let mut next = trial.first([("ms".to_owned(), 1.0)].into(), false);
    let runs = model.runs(rng, 2 * settings.max_pairs as usize);
    for two in runs.chunks_exact(2) {
        if next != Next::Pair {
            break;
        }
        let heads = rng.random::<bool>();
        let (order, a, b) = if heads { (Order::Ab, two[0], two[1]) } else { (Order::Ba, two[1], two[0]) };
        let values = [("ms".to_owned(), [a.exp(), (b - gain).exp()])].into();
        next = trial.push(Pair { order, layout: None, values });
    }
    let kept = matches!(next, Next::Decided(verdict) if verdict.reason == Reason::Improved);
    (kept, 1 + 2 * trial.n())
}

fn cell(model: &Model, rule: Keeper, effect: f64, repetitions: u32) -> String {
    let label = format!("{}|{}|{effect}", model.name(), rule.name());
    let mut rng = ChaCha8Rng::seed_from_u64(fnv1a(&label));
    let (mut kept, mut runs) = (0.0, 0);
    for _ in 0..repetitions {
        let (keep, used) = rule.judge(model, -(-effect).ln_1p(), &mut rng);
        kept += f64::from(u8::from(keep));
        runs += used;
    }
    let (share, mean) = (100.0 * kept / f64::from(repetitions), runs as f64 / f64::from(repetitions));
    let digits = usize::from(share < 9.95);
    match rule {
        Keeper::Ours(_) => format!("{share:.digits$} ({mean:.0})"),
        _ => format!("{share:.digits$}"),
    }
}

fn fnv1a(text: &str) -> u64 {
    text.bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3))
}
