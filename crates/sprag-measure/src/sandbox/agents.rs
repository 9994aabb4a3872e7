//! The sandbox of those who edit: a coding agent writes its copy and what it keeps for itself, and finds nothing of Sprag's.

use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use sprag_contract::settings::{AgentNetwork, Host, Settings, Tier};
use sprag_sandbox::{Confinement, Jail, Limits, Report};

use super::{from_home, limits, secrets};
use crate::MeasureError;
use crate::environment::{installation, programs};
use crate::gate::Gate;
use crate::relay::SERVICE;

/// The sandbox of a session's coding agents. What one call needs besides is said with [`AgentSandbox::jail`].
#[derive(Debug, Clone)]
pub struct AgentSandbox {
    launcher: Vec<OsString>,
    tier: Tier,
    /// Programs, and what they are installed in.
    programs: Vec<Utf8PathBuf>,
    /// What `[agent]` names.
    read: Vec<Utf8PathBuf>,
    write: Vec<Utf8PathBuf>,
    hide: Vec<Utf8PathBuf>,
    limits: Limits,
    found: Option<Report>,
    /// Folders of which nothing may be seen.
    private: Vec<Utf8PathBuf>,
    /// The way out of its empty network; `None` where it has that of the machine.
    way_out: Option<WayOut>,
}

/// What an agent reaches from an empty network.
#[derive(Debug, Clone)]
struct WayOut {
    /// Ports of this machine, each of which is there inside as well.
    local: Vec<u16>,
    /// For all other hosts.
    gate: Arc<Gate>,
}

impl AgentSandbox {
    /// What the settings ask for; `None` where nothing is to be locked in. `launcher` is the command of [`Jail::new`],
    /// `found` what the self-test of it said. `private` are folders of which nothing may be seen: Sprag's own state,
    /// and the person's repository.
    ///
    /// # Errors
    /// [`MeasureError::Harness`] where `[agent]` names what is not there, or what is private.
    pub fn of(
        settings: &Settings,
        launcher: &[String],
        found: Option<&Report>,
        private: &[Utf8PathBuf],
    ) -> Result<Option<Self>, MeasureError> {
        let tier = settings.sandbox.tier;
        if tier == Tier::None {
            return Ok(None);
        }
        let named = |key: &str, paths: &[String]| -> Result<Vec<Utf8PathBuf>, MeasureError> {
            paths.iter().map(|path| open_to_agents(key, path, private)).collect()
        };
        let read = named("[agent] read", &settings.agent.read)?;
        let write = named("[agent] write", &settings.agent.write)?;
        let mut programs = programs();
        // What `#!/usr/bin/env node` calls.
        programs.extend(installation("node"));
        // A Python environment in PATH is more than its folder of programs.
        let environments = programs.iter().filter_map(|place| place.parent()).map(Utf8Path::to_owned);
        let environments: Vec<_> = environments.filter(|place| place.join("pyvenv.cfg").is_file()).collect();
        programs.extend(environments);
        programs.retain(|place| !is_private(place, private));
        programs.extend(launcher.first().map(Utf8PathBuf::from));
        Ok(Some(Self {
            launcher: launcher.iter().map(OsString::from).collect(),
            tier,
            programs,
            read,
            write,
            hide: secrets(),
            limits: limits(settings),
            found: found.cloned(),
            private: private.to_vec(),
            way_out: WayOut::of(settings, launcher)?,
        }))
    }

    /// What `[agent]` names, to be read or to be written.
    pub fn named(&self) -> impl Iterator<Item = &Utf8Path> {
        self.read.iter().chain(&self.write).map(Utf8PathBuf::as_path)
    }

    /// Whether a place is, holds or lies in what an agent may not see, by whatever links it is named.
    pub fn hides(&self, place: &Utf8Path) -> bool {
        is_private(place, &self.private)
    }

    /// What tells an agent of its way out, in the words of the environment; nothing where it needs none.
    pub fn variables(&self) -> Vec<(String, String)> {
        let Some(way) = &self.way_out else { return Vec::new() };
        let proxy = format!("http://127.0.0.1:{}", way.gate.port());
        let direct = "localhost,127.0.0.1";
        let proxies = ["ALL_PROXY", "HTTPS_PROXY", "HTTP_PROXY"].map(|name| (name, proxy.as_str()));
        let both = proxies.into_iter().chain([("NO_PROXY", direct)]);
        let both = both.flat_map(|(name, value)| [(name.to_owned(), value), (name.to_lowercase(), value)]);
        let node = ("NODE_USE_ENV_PROXY".to_owned(), "1");
        both.chain([node]).map(|(name, value)| (name, value.to_owned())).collect()
    }

    /// Hosts that an agent asked for and `[agent] network` does not name, since the last time.
    pub fn refused(&self) -> Vec<Host> {
        self.way_out.as_ref().map(|way| way.gate.refused()).unwrap_or_default()
    }

    /// The jail of one call of `program`, which is looked up in PATH; `None` for a line of the shell. It may read `read`
    /// and write `write` besides what all may.
    pub fn jail(&self, program: Option<&str>, read: &[Utf8PathBuf], write: &[Utf8PathBuf]) -> Jail {
        let all = |places: &[Utf8PathBuf], more: &[Utf8PathBuf]| -> Vec<PathBuf> {
            places.iter().chain(more).map(PathBuf::from).collect()
        };
        let installed = program.and_then(installation).filter(|place| !self.hides(place));
        let mut readable = all(&self.read, read);
        readable.extend(self.programs.iter().chain(&installed).map(PathBuf::from));
        let jail = Jail::new(&self.launcher);
        let jail = match &self.way_out {
            None => jail.open_network(),
            Some(way) => {
                let ports = way.local.iter().copied().chain([way.gate.port()]);
                ports.fold(jail, |jail, port| jail.listen(format!("{SERVICE}{port}"), port))
            }
        };
        let jail = match &self.found {
            Some(found) => jail.no_weaker_than(found),
            None => jail,
        };
        jail.confine(Confinement {
            tier: self.tier,
            read: readable,
            write: all(&self.write, write),
            hide: self.hide.iter().map(PathBuf::from).collect(),
            scratch: Vec::new(),
            limits: self.limits,
        })
    }
}

impl WayOut {
    fn of(settings: &Settings, launcher: &[String]) -> Result<Option<Self>, MeasureError> {
        let AgentNetwork::Hosts(hosts) = &settings.agent.network else { return Ok(None) };
        // Landlock alone holds ports, and lets nobody listen.
        if settings.sandbox.tier < Tier::Enforced
            && let Err(lack) = sprag_sandbox::network(launcher)
        {
            let what = format!("[agent] network names hosts, and here is no empty network: {lack}");
            return Err(MeasureError::harness(what, "write `network = \"open\"`"));
        }
        let (local, far): (Vec<Host>, Vec<Host>) = hosts.iter().cloned().partition(Host::is_local);
        let mut local: Vec<u16> = local.into_iter().map(|host| host.port).collect();
        local.sort_unstable();
        local.dedup();
        Ok(Some(Self { local, gate: Arc::new(Gate::open(far)?) }))
    }
}

/// A path that `[agent]` names under `key`.
fn open_to_agents(key: &str, path: &str, private: &[Utf8PathBuf]) -> Result<Utf8PathBuf, MeasureError> {
    let place = from_home(key, path)?;
    if is_private(&place, private) {
        let what =
            format!("{key} names {path}, which is, holds or lies in your repository or Sprag's own state");
        return Err(MeasureError::harness(what, "name what lies elsewhere: an agent has a copy of the code"));
    }
    Ok(place)
}

/// Whether a place lies in what is private, or around it, by whatever links it is named.
fn is_private(place: &Utf8Path, private: &[Utf8PathBuf]) -> bool {
    let real = |path: &Utf8Path| path.canonicalize_utf8().unwrap_or_else(|_| path.to_owned());
    let place = real(place);
    private.iter().map(|path| real(path)).any(|path| path.starts_with(&place) || place.starts_with(&path))
}
