//! How every driver starts a process of a side.

use std::time::{Duration, Instant};

use camino::Utf8PathBuf;
use rand::Rng as _;
use sprag_contract::settings::{Service, Settings};
use sprag_judge::Provenance;
use sprag_sandbox::Jail;

use super::beside::Beside;
use super::crash_of;
use crate::draw::{Purpose, draw};
use crate::process::{self, Disk, Ended, Invocation, OUTPUT_LIMIT, Program};
use crate::relay::SERVICE;
use crate::replay::Outside;
use crate::sandbox::{Profile, Sandbox};
use crate::service::Services;
use crate::{CpuSet, Interrupt, MeasureError, Plan, Run, Side, environment};

/// What all processes of a driver have in common.
#[derive(Debug, Clone)]
pub(crate) struct Launch {
    pub(crate) interrupt: Interrupt,
    pub(crate) timeout: Duration,
    pub(crate) cpus: Option<CpuSet>,
    services: Vec<Service>,
    outside: Option<Outside>,
    sandbox: Option<Sandbox>,
    harness: Utf8PathBuf,
    passed: Vec<String>,
}

impl Launch {
    pub(crate) fn new(settings: &Settings, setup: &super::Setup) -> Result<Self, MeasureError> {
        Ok(Self {
            interrupt: setup.interrupt.clone(),
            timeout: settings.run.timeout.measure,
            cpus: CpuSet::measured(settings)?,
            services: settings.service.clone(),
            outside: Outside::of(settings, setup),
            sandbox: setup.sandbox.clone(),
            harness: setup.harness.clone(),
            passed: settings.sandbox.env.clone(),
        })
    }

    /// The same, for a stand-in that asks nobody.
    pub(crate) fn alone(&self) -> Self {
        Self { services: Vec::new(), outside: None, ..self.clone() }
    }

    /// Where a number comes from that is counted beside the processes.
    pub(crate) fn provenance(&self, metric: &str) -> Option<Provenance> {
        self.outside.as_ref().filter(|outside| outside.counts(metric)).map(|_| Provenance::Observed)
    }

    /// What a reader of the numbers should know of how they came about.
    pub(crate) fn caveats(&self) -> impl Iterator<Item = String> {
        let outside = self.outside.as_ref().and_then(Outside::caveat);
        outside.into_iter().chain(self.sandbox.iter().flat_map(Sandbox::caveats))
    }

    /// Services and recorded answers for one side and repetition. Where the side has only some of the CPUs services get
    /// the others.
    pub(crate) fn beside(&self, side: &Side<'_>, repetition: u32) -> Result<Beside, MeasureError> {
        let others = CpuSet::beside(self.cpus.as_ref())?;
        let interrupt = &self.interrupt;
        let services =
            Services::start(&self.services, &self.harness, side, repetition, others.as_ref(), interrupt)?;
        Beside::new(services, self.outside.as_ref().map(Outside::replayed).transpose()?)
    }

    /// One run of a command with all that belongs beside it. `read` takes the numbers where the command ended well.
    pub(crate) fn run_command(
        &self,
        command: &str,
        side: &Side<'_>,
        plan: &Plan,
        read: impl FnOnce(&Ended, &mut Run) -> Result<(), MeasureError>,
    ) -> Result<Run, MeasureError> {
        let start = Instant::now();
        let beside = self.beside(side, 0)?;
        let program = Program::Shell(command.to_owned());
        let invocation = self.invocation(program, side, plan, 0, &beside)?;
        let ended = process::run(&invocation, &self.interrupt)?;
        let counted = beside.counted()?;
        let finding = beside.blame(crash_of(command, &ended, &invocation))?;
        drop(beside);

        let mut run = Run { logs: vec![ended.stdout.clone(), ended.stderr.clone()], ..Run::default() };
        run.note_leftovers(ended.leftovers);
        run.notes.extend(self.caveats());
        match finding {
            Some(finding) => run.fail(finding.reason, finding.detail),
            None => {
                counted.put(&mut run);
                read(&ended, &mut run)?;
            }
        }
        run.wall = start.elapsed();
        Ok(run)
    }

    /// One process of a side. Its folders and logs are named by the repetition.
    pub(crate) fn invocation(
        &self,
        program: Program,
        side: &Side<'_>,
        plan: &Plan,
        repetition: u32,
        beside: &Beside,
    ) -> Result<Invocation, MeasureError> {
        let folders = Self::folders(side, repetition);
        let mut padding = draw(plan.seed, Purpose::Padding(side.role), repetition);
        let mut env = environment::of_process(side, &folders, &self.passed, &mut padding)?;
        let shared = draw(plan.seed, Purpose::SharedSeed, repetition).next_u64();
        env.insert("SPRAG_SEED".to_owned(), shared.to_string());
        env.extend(beside.env());
        let [stdout, stderr] = Self::logs(side, repetition);
        let replayed = beside.replayed();
        let around = replayed.and_then(|replayed| replayed.jail());
        let jail = match (&self.sandbox, around, replayed) {
            (None, around, _) => around,
            (Some(sandbox), Some(around), Some(replayed)) => {
                Some(sandbox.confine(around, Profile::Measure, side, &folders, &[replayed.trusted()])?)
            }
            (Some(sandbox), ..) => Some(sandbox.jail(Profile::Measure, side, &folders)?),
        };
        let jail = jail.map(|jail| {
            let inside = |jail: Jail, (name, port)| jail.listen(format!("{SERVICE}{name}"), port);
            if jail.is_open() { jail } else { beside.services().fold(jail, inside) }
        });
        Ok(Invocation {
            program,
            dir: side.dir.to_owned(),
            env,
            timeout: self.timeout,
            stdout,
            stderr,
            stdin: None,
            cpus: self.cpus.clone(),
            output_limit: OUTPUT_LIMIT,
            disk: Some(Disk::usual(vec![crate::sandbox::top(self.sandbox.as_ref(), side), folders])),
            replayed: replayed.filter(|_| jail.is_some()).cloned(),
            jail,
        })
    }

    /// Where a process of a side finds HOME, TMPDIR and XDG_CACHE_HOME.
    pub(crate) fn folders(side: &Side<'_>, repetition: u32) -> Utf8PathBuf {
        side.tmp.join(format!("r{repetition}"))
    }

    /// Where a process of a side prints: stdout, stderr.
    pub(crate) fn logs(side: &Side<'_>, repetition: u32) -> [Utf8PathBuf; 2] {
        let log = |stream: &str| side.out.join(format!("{}-r{repetition}.{stream}", side.role.name()));
        [log("stdout"), log("stderr")]
    }
}
