//! A log's sessions and segments, and what each of them is compared with.

use serde::Serialize;
use sprag_judge::{Direction, Status};

use super::{Log, Record, Totals};
use crate::{Config, Entry, Final, RedTeam, Run, RunKind, StopEntry, Usage};

/// One effort, from its first baseline on. Another tool's log is one session.
#[derive(Debug, Clone, Copy)]
pub struct Session<'a> {
    /// Its lines.
    pub records: &'a [Record],
}

/// A part of a session in which all runs can be compared: one contract, one baseline.
#[derive(Debug, Clone, Copy)]
pub struct Segment<'a> {
    /// From 0 in its session.
    pub index: usize,
    /// How it was announced; `None` where a log has runs before any config line.
    pub config: Option<&'a Config>,
    /// Its lines, the config line among them.
    pub records: &'a [Record],
}

impl Log {
    /// The sessions, in the order of the file. Empty for an empty log.
    pub fn sessions(&self) -> Vec<Session<'_>> {
        let mut id: Option<&str> = None;
        split(&self.records, |record| match &record.entry {
            Entry::Config(config) => {
                let first = record.stamp.is_some_and(|stamp| stamp.seq == 0);
                let other = config.session.as_deref().is_some_and(|session| id != Some(session));
                id = config.session.as_deref().or(id);
                first || other
            }
            _ => record.stamp.is_some_and(|stamp| stamp.seq == 0),
        })
        .map(|records| Session { records })
        .collect()
    }

    /// The last session: the one that people mean. Without lines for an empty log.
    pub fn session(&self) -> Session<'_> {
        self.sessions().pop().unwrap_or(Session { records: &[] })
    }
}

/// Cuts before every record for which `starts` holds.
fn split<'a>(
    records: &'a [Record],
    mut starts: impl FnMut(&'a Record) -> bool,
) -> impl Iterator<Item = &'a [Record]> {
    let mut cuts: Vec<usize> =
        records.iter().enumerate().filter(|(_, r)| starts(r)).map(|(i, _)| i).collect();
    if cuts.first() != Some(&0) {
        cuts.insert(0, 0);
    }
    cuts.push(records.len());
    let parts: Vec<&[Record]> = cuts.windows(2).map(|pair| &records[pair[0]..pair[1]]).collect();
    parts.into_iter().filter(|part| !part.is_empty())
}

impl<'a> Session<'a> {
    /// Its segments: one begins at every config line, whatever number its writer gave it.
    pub fn segments(&self) -> Vec<Segment<'a>> {
        split(self.records, |record| matches!(record.entry, Entry::Config(_)))
            .enumerate()
            .map(|(index, records)| {
                let config = match &records[0].entry {
                    Entry::Config(config) => Some(config.as_ref()),
                    _ => None,
                };
                Segment { index, config, records }
            })
            .collect()
    }

    /// The last segment; one without lines for a session without any.
    pub fn segment(&self) -> Segment<'a> {
        self.segments().pop().unwrap_or(Segment { index: 0, config: None, records: &[] })
    }

    /// All runs.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &'a Run> + use<'a> {
        self.records.iter().filter_map(|record| record.entry.as_run())
    }

    /// Run `number`, in the segment it stands in: the last one of that number where another tool counted anew.
    pub fn run(&self, number: u64) -> Option<(Segment<'a>, &'a Record)> {
        self.segments().into_iter().rev().find_map(|segment| {
            let is_it = |record: &&Record| record.entry.as_run().is_some_and(|run| run.run == number);
            segment.records.iter().rfind(is_it).map(|record| (segment, record))
        })
    }

    /// The first config line: what the session was started for.
    pub fn config(&self) -> Option<&'a Config> {
        self.segments().into_iter().find_map(|segment| segment.config)
    }

    /// The measured result, where there is one: the last.
    pub fn result(&self) -> Option<&'a Final> {
        self.records.iter().rev().find_map(|record| match &record.entry {
            Entry::Final(result) => Some(result.as_ref()),
            _ => None,
        })
    }

    /// What `sprag redteam` found last.
    pub fn red_team(&self) -> Option<&'a RedTeam> {
        self.records.iter().rev().find_map(|record| match &record.entry {
            Entry::RedTeam(tried) => Some(tried),
            _ => None,
        })
    }

    /// Why it ended, unless something was done after that.
    pub fn stop(&self) -> Option<&'a StopEntry> {
        match &self.records.last()?.entry {
            Entry::Stop(stop) => Some(stop),
            _ => None,
        }
    }

    /// Every try, with what it used and whether it was kept: experiments, and what came to no row.
    pub fn tries(&self) -> Vec<(&'a Usage, bool)> {
        let of = |segment: Segment<'a>| {
            let baseline = segment.baseline();
            segment.records.iter().filter_map(move |record| match &record.entry {
                Entry::Run(run) => {
                    let is_baseline = baseline.is_some_and(|base| std::ptr::eq(base, run.as_ref()));
                    (run.is_experiment() && !is_baseline).then(|| (&run.usage, run.is_keep()))
                }
                Entry::Event(event) => event.is_billed().then_some((&event.usage, false)),
                _ => None,
            })
        };
        self.segments().into_iter().flat_map(of).collect()
    }

    /// Counts and sums.
    pub fn totals(&self) -> Totals {
        Totals::of(self)
    }
}

/// A run's metric and how it compares.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// The run.
    pub run: u64,
    /// Its primary metric.
    pub metric: f64,
}

impl<'a> Segment<'a> {
    /// All runs.
    pub fn runs(&self) -> impl DoubleEndedIterator<Item = &'a Run> + use<'a> {
        self.records.iter().filter_map(|record| record.entry.as_run())
    }

    /// Which way is better; `None` where no config line says.
    pub fn direction(&self) -> Option<Direction> {
        self.config.map(|config| config.direction)
    }

    /// The baseline: the run called so, or in logs that do not say the first run, if it was kept.
    pub fn baseline(&self) -> Option<&'a Run> {
        self.runs()
            .find(|run| run.kind == Some(RunKind::Baseline))
            .or_else(|| self.runs().next().filter(|run| run.kind.is_none() && run.is_keep()))
    }

    /// The last run that was kept, or the baseline: what the next candidate is judged against.
    pub fn incumbent(&self) -> Option<&'a Run> {
        self.runs().rfind(|run| run.is_keep() && run.is_experiment()).or_else(|| self.baseline())
    }

    /// The best kept run, the baseline among them. `None` where the direction or every number is unknown.
    pub fn best(&self) -> Option<Point> {
        let direction = self.direction()?;
        let baseline = self.baseline();
        self.runs()
            .filter(|run| {
                (run.is_keep() && run.is_experiment())
                    || baseline.is_some_and(|base| std::ptr::eq(base, *run))
            })
            .filter_map(|run| run.metric.map(|metric| Point { run: run.run, metric }))
            .reduce(|best, next| if direction.better(next.metric, best.metric) { next } else { best })
    }

    /// The change from the baseline as a fraction, −0.1 for ten percent less; `None` where either is unknown or the
    /// baseline is 0.
    pub fn delta(&self, metric: f64) -> Option<f64> {
        relative(metric, self.baseline()?.metric?)
    }

    /// Experiments since the last keep.
    pub fn consecutive_discards(&self) -> u64 {
        let baseline = self.baseline();
        self.runs()
            .rev()
            .filter(|run| run.is_experiment() && !baseline.is_some_and(|base| std::ptr::eq(base, *run)))
            .take_while(|run| run.status != Status::Keep)
            .count() as u64
    }
}

/// (value − base) / |base|.
pub(crate) fn relative(value: f64, base: f64) -> Option<f64> {
    (base != 0.0).then(|| (value - base) / base.abs()).filter(|change| change.is_finite())
}
