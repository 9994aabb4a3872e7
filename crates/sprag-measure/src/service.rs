//! Services of the harness: processes that run beside a side, outside its group.
//!
//! One instance for each side and repetition, so that neither can see or warm what belongs to the other. They are not
//! frozen with their side, and what they do wrong is nobody's verdict.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpStream};
use std::time::{Duration, Instant};

use camino::{Utf8Path, Utf8PathBuf};
use serde_json::Value;
use sprag_contract::settings::Service;
use sprag_judge::Metrics;

use crate::process::{Group, Invocation, OUTPUT_LIMIT, Program, output_file};
use crate::{CpuSet, Interrupt, MeasureError, Side, environment, port};

/// How long a service may take to be ready.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(10);
/// The largest answer that is read.
const BODY: u64 = 1 << 20;

/// The running services of one side and repetition. Dropped, they are killed.
#[derive(Debug)]
pub struct Services {
    running: Vec<Running>,
    agent: ureq::Agent,
}

#[derive(Debug)]
struct Running {
    settings: Service,
    port: u16,
    group: Group,
    log: Utf8PathBuf,
}

impl Services {
    /// Starts one instance of each on a free port, in the folder of the harness, and waits until all are ready.
    ///
    /// # Errors
    /// A service that does not start, or not within a minute.
    pub fn start(
        settings: &[Service],
        harness: &Utf8Path,
        side: &Side<'_>,
        repetition: u32,
        cpus: Option<&CpuSet>,
        interrupt: &Interrupt,
    ) -> Result<Self, MeasureError> {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER))
            .http_status_as_error(false)
            // A proxy of the user's must not come between Sprag and its own services.
            .proxy(None)
            .build();
        let mut services = Self { running: Vec::new(), agent: config.into() };
        for service in settings {
            let running = Running::start(service, harness, side, repetition, cpus)?;
            services.running.push(running);
        }
        for running in &services.running {
            running.wait_until_ready(&services.agent, interrupt)?;
        }
        Ok(services)
    }

    /// `SPRAG_<NAME>_URL` of each.
    pub fn env(&self) -> BTreeMap<String, String> {
        let url = |running: &Running| {
            let name: String = (running.settings.name.chars())
                .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
                .collect();
            (format!("SPRAG_{name}_URL"), format!("http://127.0.0.1:{}", running.port))
        };
        self.running.iter().map(url).collect()
    }

    /// The name and the port of each.
    pub(crate) fn ports(&self) -> impl Iterator<Item = (&str, u16)> {
        self.running.iter().map(|running| (running.settings.name.as_str(), running.port))
    }

    /// The counters of all services now.
    ///
    /// # Errors
    /// A service that died, does not answer, or answers something else than an object of finite numbers.
    pub fn counters(&self) -> Result<Metrics, MeasureError> {
        let mut all = Metrics::new();
        for running in &self.running {
            for (name, count) in running.counters(&self.agent)? {
                if all.insert(name.clone(), count).is_some() {
                    return Err(running.error(format!("counts `{name}`, and so does another service")));
                }
            }
        }
        Ok(all)
    }

    /// What was counted since `before`.
    ///
    /// # Errors
    /// As [`counters`](Self::counters); and a counter that appeared or vanished in between.
    pub fn counters_since(&self, before: &Metrics) -> Result<Metrics, MeasureError> {
        let now = self.counters()?;
        match (now.len() == before.len(), self.running.first()) {
            (false, Some(running)) => Err(running.error("changed the names of its counters".to_owned())),
            _ => Ok(now
                .into_iter()
                .filter_map(|(name, n)| Some((name.clone(), n - before.get(&name)?)))
                .collect()),
        }
    }

    /// Whether all are still alive.
    ///
    /// # Errors
    /// The first that died.
    pub fn check(&self) -> Result<(), MeasureError> {
        match self.running.iter().find(|running| running.group.ends_within(Duration::ZERO)) {
            Some(dead) => Err(dead.error("died".to_owned())),
            None => Ok(()),
        }
    }
}

impl Running {
    fn start(
        service: &Service,
        harness: &Utf8Path,
        side: &Side<'_>,
        repetition: u32,
        cpus: Option<&CpuSet>,
    ) -> Result<Self, MeasureError> {
        let port = port::free()?;
        let slot = format!("service-{}-r{repetition}", service.name);
        let log = side.out.join(format!("{}-{slot}.log", side.role.name()));
        let mut env = environment::of_service(side.tmp, &slot)?;
        // No bytecode beside the harness's files: they are locked.
        env.insert("PYTHONDONTWRITEBYTECODE".to_owned(), "1".to_owned());
        let invocation = Invocation {
            program: Program::Shell(port::fill_in(&service.command, port)),
            dir: harness.to_owned(),
            env,
            timeout: Duration::MAX,
            stdout: log.clone(),
            stderr: log.clone(),
            stdin: None,
            cpus: cpus.cloned(),
            output_limit: OUTPUT_LIMIT,
            disk: None,
            jail: None,
            replayed: None,
        };
        let out = output_file(&log)?;
        let err = out.try_clone().map_err(MeasureError::system("duplicate a file descriptor"))?;
        let (group, _) = Group::spawn(&invocation, std::process::Stdio::null(), out.into(), err.into())?;
        Ok(Self { settings: service.clone(), port, group, log })
    }

    fn wait_until_ready(&self, agent: &ureq::Agent, interrupt: &Interrupt) -> Result<(), MeasureError> {
        let start = Instant::now();
        loop {
            interrupt.check()?;
            if self.is_ready(agent) {
                return Ok(());
            }
            if self.group.ends_within(Duration::from_millis(5)) {
                return Err(self.error("ended before it was ready".to_owned()));
            }
            if start.elapsed() > PATIENCE {
                return Err(self.error(format!("was not ready within {PATIENCE:?}")));
            }
        }
    }

    fn is_ready(&self, agent: &ureq::Agent) -> bool {
        match &self.settings.ready {
            Some(url) => agent
                .get(port::fill_in(url, self.port))
                .call()
                .is_ok_and(|answer| answer.status().is_success()),
            None => TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).is_ok(),
        }
    }

    fn counters(&self, agent: &ureq::Agent) -> Result<Metrics, MeasureError> {
        let Some(url) = &self.settings.counters else { return Ok(Metrics::new()) };
        if self.group.ends_within(Duration::ZERO) {
            return Err(self.error("died".to_owned()));
        }
        let url = port::fill_in(url, self.port);
        let fetch = || -> Result<Vec<u8>, ureq::Error> {
            let mut answer = agent.get(&url).call()?;
            match answer.status().is_success() {
                true => answer.body_mut().with_config().limit(BODY).read_to_vec(),
                false => Err(ureq::Error::StatusCode(answer.status().as_u16())),
            }
        };
        let body =
            fetch().map_err(|error| self.error(format!("does not give its counters at {url}: {error}")))?;
        let numbers = match serde_json::from_slice(&body) {
            Ok(Value::Object(fields)) => fields
                .into_iter()
                .map(|(name, value)| Some((name, value.as_f64().filter(|number| number.is_finite())?)))
                .collect::<Option<Metrics>>(),
            _ => None,
        };
        numbers.ok_or_else(|| {
            self.error(format!("answered {url} with something else than an object of numbers"))
        })
    }

    fn error(&self, what: String) -> MeasureError {
        MeasureError::Service { name: self.settings.name.clone(), what, log: self.log.clone() }
    }
}
