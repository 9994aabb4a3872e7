//! `script`: the person's benchmark prints the numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;

use regex::bytes::Regex;
use sprag_contract::settings::{Reader, Settings};
use sprag_judge::{Provenance, Reason};

use super::launch::Launch;
use super::{Driver, Setup, command_line};
use crate::process::Ended;
use crate::readers::{clear, read_file, read_lines};
use crate::{Floor, MeasureError, Plan, Run, Side};

pub(super) struct Script {
    launch: Launch,
    command: String,
    wanted: BTreeSet<String>,
    readers: BTreeMap<String, Reader>,
    expressions: BTreeMap<String, Regex>,
    trust: Provenance,
}

impl Script {
    pub(super) fn open(settings: &Settings, setup: Setup) -> Result<Self, MeasureError> {
        let expression = |(name, reader): (&String, &Reader)| {
            let Reader::Regex(text) = reader else { return None };
            let compiled = Regex::new(text).map_err(|error| {
                MeasureError::harness(format!("measure.read.{name}: {error}"), "write a regular expression")
            });
            Some(compiled.map(|expression| (name.clone(), expression)))
        };
        Ok(Self {
            launch: Launch::new(settings, &setup)?,
            command: command_line(settings, &setup)?,
            wanted: setup.wanted,
            expressions: settings.measure.read.iter().filter_map(expression).collect::<Result<_, _>>()?,
            readers: settings.measure.read.clone(),
            trust: settings.measure.trust.into(),
        })
    }

    /// Takes the numbers of a run that ended well. The complaint is the candidate's.
    fn read(
        &self,
        side: &Side<'_>,
        ended: &Ended,
        run: &mut Run,
    ) -> Result<Result<(), String>, MeasureError> {
        let stdout = File::open(&ended.stdout).map_err(MeasureError::file("read", ended.stdout.clone()))?;
        let lines = read_lines(BufReader::new(stdout), &self.expressions)
            .map_err(MeasureError::file("read", ended.stdout.clone()))?;
        let reading = match lines {
            Ok(reading) => reading,
            Err(complaint) => return Ok(Err(complaint)),
        };
        for (name, reader) in &self.readers {
            match read_file(reader, side.dir) {
                Ok(Some(_)) if reading.metrics.contains_key(name) => {
                    return Ok(Err(format!(
                        "{name} is printed as METRIC, and measure.read has another way to read it"
                    )));
                }
                Ok(Some(value)) => run.put(name, value, self.trust),
                Ok(None) => {}
                Err(complaint) => return Ok(Err(format!("{name}: {complaint}"))),
            }
        }
        for (name, value) in reading.metrics {
            match run.metrics.contains_key(&name) {
                true => run.notes.push(format!(
                    "{name} was printed, but a counter outside of the benchmark has that name"
                )),
                false => run.put(name, value, self.trust),
            }
        }
        let missing: Vec<&str> = (self.wanted.iter())
            .chain(self.readers.keys())
            .filter(|name| !run.metrics.contains_key(*name))
            .map(String::as_str)
            .collect();
        if missing.is_empty() {
            return Ok(Ok(()));
        }
        let nearly =
            reading.misfit.map(|line| format!("; a line that nearly fits: `{line}`")).unwrap_or_default();
        Ok(Err(format!(
            "no value for {}; wanted on stdout: `METRIC name=number`{nearly}",
            missing.join(", ")
        )))
    }
}

impl Driver for Script {
    fn measure(&mut self, side: &Side<'_>, plan: &Plan) -> Result<Run, MeasureError> {
        for reader in self.readers.values() {
            clear(reader, side.dir)?;
        }
        self.launch.run_command(&self.command, side, plan, |ended, run| {
            if let Err(complaint) = self.read(side, ended, run)? {
                run.fail(Reason::Metric, complaint);
            }
            Ok(())
        })
    }

    /// A script has no stand-in: what it does besides the candidate is its own.
    fn floor(&mut self, _side: &Side<'_>, _plan: &Plan) -> Result<Option<Floor>, MeasureError> {
        Ok(None)
    }

    fn provenance(&self, metric: &str) -> Provenance {
        self.launch.provenance(metric).unwrap_or(self.trust)
    }
}
