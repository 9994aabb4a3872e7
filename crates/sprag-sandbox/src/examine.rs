//! The self-test: builds a jail, tries from inside what must fail in it and what must work, and says what it is worth.

use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use rustix::io::Errno;

use crate::acts::Act;
use crate::plan::{Refusal, Step, Wall};
use crate::probe::{Ended, PATIENCE, system};
use crate::report::{Layer, LayerReport, Report, State};
use crate::{Backend, Confinement, Jail, JailError, Lack, Tier, grants};

/// Stands where the launcher's address would, in the launcher that is the program inside.
pub(crate) const ACTS: &str = "acts";
/// And in one outside, that is there to be found.
pub(crate) const STAND: &str = "stand";

/// What a jail that is tried may have of memory, and what is taken.
const MEMORY: [usize; 2] = [64 << 20, 128 << 20];

/// What is tried, and what must come of it.
struct Trial {
    layer: Layer,
    act: Act,
    works: bool,
}

/// What came of it: the number of the error, where it was refused.
type Outcome = Option<i32>;

/// What was seen in one jail.
struct Seen {
    wall: Wall,
    lost: Vec<Refusal>,
    tried: Vec<(Trial, Outcome)>,
    /// What the clock says of the probe.
    clock: Option<Duration>,
}

/// Finds the strongest tier that this machine has for the user. `launcher` is the command of [`Jail::new`].
pub fn examine<S: AsRef<OsStr>>(launcher: &[S]) -> Report {
    examine_up_to(launcher, Tier::Enforced)
}

/// The same for the strongest tier up to `most`: one that is weaker than what the machine has is tried as well.
pub fn examine_up_to<S: AsRef<OsStr>>(launcher: &[S], most: Tier) -> Report {
    let launcher: Vec<OsString> = launcher.iter().map(|word| word.as_ref().to_owned()).collect();
    let name = launcher.first().map_or(OsStr::new("sprag"), OsString::as_os_str);
    let lack = |error: &JailError| Lack::of(error, name);
    let namespaces = if most < Tier::Enforced {
        let remedy = "write `tier = \"enforced\"` under [sandbox]".to_owned();
        Lack { what: "namespaces were not asked for".to_owned(), remedy }
    } else {
        match enforced(&launcher, name) {
            Ok(report) => return report,
            Err(lack) => lack,
        }
    };
    let mut network = None;
    let by = Backend::Own;
    let reduced = attempt(&launcher, Tier::Reduced, by, false).or_else(|error| {
        network = Some(lack(&error));
        attempt(&launcher, Tier::Reduced, by, true)
    });
    match reduced.as_ref().map(|seen| (seen, wrong(seen))) {
        Ok((seen, None)) => report(Tier::Reduced, by, seen, Some(namespaces), network, name),
        Ok((seen, Some(_))) => report(Tier::None, by, seen, Some(namespaces), network, name),
        Err(error) => {
            let layer = match error {
                JailError::Refused(Refusal { step: Step::SystemCalls, .. }) => Layer::SystemCalls,
                JailError::Refused(Refusal { step: Step::Landlock, .. }) => Layer::Landlock,
                _ => Layer::Privileges,
            };
            let missing = [(Layer::Namespaces, namespaces), (layer, lack(error))];
            let layers = missing.map(|(layer, lack)| LayerReport::missing(layer, lack));
            Report { tier: Tier::None, backend: by, wall: Wall::Open, layers: layers.into() }
        }
    }
}

/// The strongest tier by one backend alone.
///
/// # Errors
/// What is missing, in plain words, and what mends it.
pub fn examine_by<S: AsRef<OsStr>>(launcher: &[S], backend: Backend) -> Result<Report, Lack> {
    let launcher: Vec<OsString> = launcher.iter().map(|word| word.as_ref().to_owned()).collect();
    let name = launcher.first().map_or(OsStr::new("sprag"), OsString::as_os_str);
    enforced_by(&launcher, backend, name).unwrap_or_else(|error| Err(Lack::of(&error, name)))
}

/// By the launcher itself or, where it is refused namespaces, by bubblewrap.
fn enforced(launcher: &[OsString], name: &OsStr) -> Result<Report, Lack> {
    let refusal = match enforced_by(launcher, Backend::Own, name) {
        Ok(found) => return found,
        Err(JailError::Refused(refusal)) if refusal.step.is_of_namespaces() => refusal,
        Err(error) => return Err(Lack::of(&error, name)),
    };
    enforced_by(launcher, Backend::Bubblewrap, name)
        .unwrap_or_else(|error| Err(Lack::of_both(&refusal, &error, name)))
}

fn enforced_by(
    launcher: &[OsString],
    backend: Backend,
    name: &OsStr,
) -> Result<Result<Report, Lack>, JailError> {
    let seen = attempt(launcher, Tier::Enforced, backend, false)?;
    Ok(wrong(&seen).map_or_else(|| Ok(report(Tier::Enforced, backend, &seen, None, None, name)), Err))
}

/// The first trial that did not come out as it must. No tier depends on memory.
fn wrong(seen: &Seen) -> Option<Lack> {
    let mut of_a_tier = seen.tried.iter().filter(|(trial, _)| trial.layer != Layer::Memory);
    of_a_tier.find_map(|(trial, outcome)| fault(trial, *outcome))
}

fn fault(trial: &Trial, outcome: Outcome) -> Option<Lack> {
    let Trial { act, works, .. } = trial;
    let what = match (works, outcome) {
        (true, Some(errno)) => {
            format!("a program inside can't {act}: {}", io::Error::from_raw_os_error(errno))
        }
        (false, None) => format!("a program inside can {act}"),
        _ => return None,
    };
    Some(Lack { what, remedy: "this is a fault of sprag or of this kernel: please report it".to_owned() })
}

/// In words, of what came out as it must.
fn in_words((trial, outcome): &(Trial, Outcome)) -> String {
    match outcome {
        None => format!("{}: works", trial.act),
        Some(errno) => format!("{}: {}", trial.act, io::Error::from_raw_os_error(*errno)),
    }
}

fn report(
    tier: Tier,
    backend: Backend,
    seen: &Seen,
    namespaces: Option<Lack>,
    network: Option<Lack>,
    name: &OsStr,
) -> Report {
    let lost = |step: &Step| {
        let refusal = seen.lost.iter().find(|refusal| refusal.step == *step)?;
        Some(Lack::of(&refusal.clone().into(), name))
    };
    let signals = || {
        let lacks = tier < Tier::Enforced && grants::version() < grants::WITH_SIGNALS;
        lacks.then(Lack::of_signals)
    };
    let lack_of = |layer| match layer {
        Layer::Privileges | Layer::SystemCalls => None,
        Layer::Namespaces => namespaces.clone(),
        Layer::Network => network.clone(),
        Layer::Landlock => lost(&Step::Landlock),
        Layer::Signals => signals(),
        Layer::Processes => lost(&Step::Processes),
        Layer::Memory => lost(&Step::Memory),
        Layer::CpuClock => lost(&Step::Clock).or_else(|| seen.clock.is_none().then(Lack::of_clock)),
    };
    let layers = Layer::ALL.map(|layer| {
        let tried: Vec<&(Trial, Outcome)> =
            seen.tried.iter().filter(|(trial, _)| trial.layer == layer).collect();
        let fault = tried.iter().find_map(|(trial, outcome)| fault(trial, *outcome));
        let state = lack_of(layer).or(fault).map_or(State::Held, State::Missing);
        LayerReport { layer, state, tried: tried.into_iter().map(in_words).collect() }
    });
    Report { tier, backend, wall: seen.wall, layers: layers.into() }
}

/// Of the loopback.
struct Ports {
    /// That of a listener of the machine.
    outside: u16,
    /// That of one of the jail; `None` where its network is open.
    inside: Option<u16>,
}

fn trials(tier: Tier, ground: &Path, ports: Ports, bystander: &Child) -> Vec<Trial> {
    // Who holds the files, and the processes.
    let holder = if tier == Tier::Enforced { Layer::Namespaces } else { Layer::Landlock };
    let works = |layer, act| Trial { layer, act, works: true };
    let fails = |layer, act| Trial { layer, act, works: false };
    let mut trials = vec![
        works(holder, Act::Write(ground.join("work/file"))),
        works(holder, Act::Write(ground.join("scratch/file"))),
        works(Layer::Privileges, Act::Execute),
        fails(holder, Act::Write(ground.join("outside/file"))),
        fails(holder, Act::Read(ground.join("read/hidden/file"))),
    ];
    if tier == Tier::Enforced {
        trials.push(fails(Layer::Namespaces, Act::See));
    }
    if tier == Tier::Enforced || grants::version() >= grants::WITH_SIGNALS {
        let process = i32::try_from(bystander.id()).unwrap_or(i32::MAX);
        trials.push(fails(Layer::Signals, Act::Signal(process)));
    }
    if let Some(inside) = ports.inside {
        trials.push(works(Layer::Network, Act::Inside(inside)));
        trials.push(fails(Layer::Network, Act::Connect(ports.outside)));
        trials.push(fails(Layer::Network, Act::Route));
    }
    trials.push(fails(Layer::Memory, Act::Fill(MEMORY[1])));
    let acts = [Act::RawSocket, Act::Trace, Act::Mount(ground.join("scratch")), Act::Unshare];
    trials.extend(acts.map(|act| fails(Layer::SystemCalls, act)));
    trials
}

/// Builds a jail of this tier by this backend and tries all in it.
fn attempt(
    launcher: &[OsString],
    tier: Tier,
    backend: Backend,
    open_network: bool,
) -> Result<Seen, JailError> {
    let folder = tempfile::tempdir().map_err(system("make a folder"))?;
    let ground = fs::canonicalize(folder.path()).map_err(system("find a folder"))?;
    furnish(&ground).map_err(system("write into a folder"))?;
    let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(system("listen on the loopback"))?;
    let port = outside.local_addr().map_err(system("listen on the loopback"))?.port();
    let inside = free_port().map_err(system("listen on the loopback"))?;
    let bystander = spawn(launcher.iter().cloned().chain([STAND.into()]), Stdio::piped(), Stdio::null())?;
    let ports = Ports { outside: port, inside: (!open_network).then_some(inside) };
    let trials = trials(tier, &ground, ports, &bystander.0);

    let acts: Vec<&Act> = trials.iter().map(|trial| &trial.act).collect();
    let acts = serde_json::to_string(&acts).map_err(io::Error::from).map_err(system("write a plan"))?;
    // What stands before the binary itself may become another user, which can be done once.
    let itself = launcher.iter().rposition(|word| Path::new(word).is_file()).unwrap_or(0);
    let program: Vec<OsString> =
        launcher[itself..].iter().cloned().chain([ACTS.into(), acts.into()]).collect();
    let mut confinement = Confinement::new(tier);
    confinement.limits.memory_bytes = Some(MEMORY[0] as u64);
    // Wherever it lies, it is started inside once more.
    confinement.read = launcher.get(itself).map(Into::into).into_iter().collect();
    confinement.read.push(ground.join("read"));
    confinement.hide = vec![ground.join("read/hidden")];
    confinement.write = vec![ground.join("work")];
    confinement.scratch = vec![ground.join("scratch")];
    let mut jail = Jail::new(launcher).confine(confinement).by(backend);
    jail = if open_network { jail.open_network() } else { jail.listen("probe", inside) };
    let (command, door) = jail.prepare(&program)?;

    let probe = spawn(command, Stdio::null(), Stdio::piped())?;
    let mut ready = door.open(&probe.0, PATIENCE)?;
    let (wall, lost, clock) = (ready.wall(), ready.lost().to_vec(), ready.take_clock());
    // Held until all has been tried.
    let _listeners = ready.take_listeners();
    let _group = ready.go()?;
    let outcomes = probe.printed().map_err(system("read from a probe"))?;
    let outcomes: Vec<Outcome> =
        serde_json::from_slice(&outcomes).map_err(io::Error::from).map_err(system("read from a probe"))?;
    if outcomes.len() != trials.len() {
        return Err(system("read from a probe")(Errno::NODATA.into()));
    }
    let clock = clock.and_then(|clock| clock.read().ok()).filter(|time| !time.is_zero());
    Ok(Seen { wall, lost, tried: trials.into_iter().zip(outcomes).collect(), clock })
}

/// One that is free on the machine too, where a jail may have no loopback of its own.
fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The folders and files that are tried, for whichever user the launcher becomes.
fn furnish(ground: &Path) -> io::Result<()> {
    fs::set_permissions(ground, Permissions::from_mode(0o755))?;
    for name in ["work", "scratch", "outside"] {
        fs::create_dir(ground.join(name))?;
        fs::set_permissions(ground.join(name), Permissions::from_mode(0o777))?;
    }
    fs::create_dir_all(ground.join("read/hidden"))?;
    fs::write(ground.join("read/hidden/file"), "hidden")
}

fn spawn(
    command: impl IntoIterator<Item = OsString>,
    stdin: Stdio,
    stdout: Stdio,
) -> Result<Ended, JailError> {
    let mut words = command.into_iter();
    let mut command = Command::new(words.next().unwrap_or_default());
    command.args(words).current_dir("/").stdin(stdin).stdout(stdout).stderr(Stdio::null());
    command.spawn().map(Ended).map_err(system("start the launcher of a jail"))
}

/// The part inside: tries the acts that its argument names, and prints what came of each.
pub(crate) fn inside(args: &[OsString]) -> ExitCode {
    let acts = args.first().and_then(|arg| arg.to_str()).map(serde_json::from_str::<Vec<Act>>);
    let Some(Ok(acts)) = acts else { return ExitCode::from(2) };
    let errno = |error: io::Error| error.raw_os_error().unwrap_or(Errno::IO.raw_os_error());
    let outcomes: Vec<Outcome> = acts.iter().map(|act| act.attempt().err().map(errno)).collect();
    let printed = serde_json::to_string(&outcomes).map_err(io::Error::from);
    match printed.and_then(|text| io::stdout().write_all(text.as_bytes())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

/// The part outside: is there until nobody waits for it.
pub(crate) fn stand(_: &[OsString]) -> ExitCode {
    // All that it is for is to be there.
    let _ = io::copy(&mut io::stdin(), &mut io::sink());
    ExitCode::SUCCESS
}
