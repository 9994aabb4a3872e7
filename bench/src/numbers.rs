//! The few statistics of a report, and the state of the machine it was made on.

use sprag_judge::stats::median;

/// The median and the 90th percentile (nearest rank), in the unit of the values.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The middle.
    pub median: f64,
    /// Nine of ten are not above it.
    pub p90: f64,
    /// How many values.
    pub count: usize,
}

impl Spread {
    /// Of at least one value; all NaN where there is none.
    pub fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        let rank = (sorted.len() * 9).div_ceil(10).max(1) - 1;
        let p90 = sorted.get(rank).copied().unwrap_or(f64::NAN);
        let median = if sorted.is_empty() { f64::NAN } else { median(&sorted) };
        Self { median, p90, count: sorted.len() }
    }
}

/// Mean and standard deviation (n − 1).
pub fn mean_and_sd(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    (mean, (squares / (n - 1.0)).sqrt())
}

/// What a target and a figure amount to, in words.
pub fn verdict(figure: f64, target: f64) -> &'static str {
    if figure <= target { "met" } else { "MISSED" }
}

/// The one-minute load and the number of processors: a figure without them says little.
pub fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or("unknown").to_owned();
    let cpus = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    format!("{cpus} processors, load {load} at the start")
}

/// The processor time that the threads of a process and of its children have taken, in microseconds: those of one name,
/// where it is given. 0 where the kernel does not say.
pub fn processor_time(pid: u32, name: Option<&str>) -> f64 {
    let Ok(threads) = std::fs::read_dir(format!("/proc/{pid}/task")) else { return 0.0 };
    let of_thread = |thread: std::fs::DirEntry| {
        let read = |file: &str| std::fs::read_to_string(thread.path().join(file)).unwrap_or_default();
        if name.is_some_and(|name| read("comm").trim() != name) {
            return 0.0;
        }
        let children = read("children");
        let children = children.split_whitespace().filter_map(|pid| pid.parse().ok());
        let own = read("schedstat").split(' ').next().and_then(|ns| ns.parse::<f64>().ok()).unwrap_or(0.0);
        own / 1e3 + children.map(|pid| processor_time(pid, name)).sum::<f64>()
    };
    threads.flatten().map(of_thread).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_90th_percentile_is_a_value_that_was_seen() {
        let values: Vec<f64> = (1..=10).map(f64::from).collect();
        assert_eq!(Spread::of(&values), Spread { median: 5.5, p90: 9.0, count: 10 });
        assert!(Spread::of(&[]).median.is_nan());
        assert_eq!(mean_and_sd(&[1.0, 2.0, 3.0]), (2.0, 1.0));
    }
}
