//! The launcher: the process that builds a jail around itself and then becomes the program.

use std::convert::Infallible;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode};

use landlock::RulesetCreated;
use rustix::io::Errno;
use rustix::process::geteuid;

use crate::bubblewrap::{self, Inside};
use crate::channel::Channel;
use crate::grants::Grants;
use crate::places::Places;
use crate::plan::{Address, Plan, Refusal, Step, Wall, Word};
use crate::system_calls::{self, Sockets};
use crate::{Limits, Tier, clock, family, grants, network, privileges, probe, root};

/// The name of the hidden command of Sprag's binary by which it becomes a launcher.
pub const COMMAND: &str = "__jail";

/// What [`COMMAND`] runs; `args` are its own arguments, without the name of that command.
/// It comes back only where no program could be started, and Sprag was told why by then.
///
/// The process must have one thread: the kernel lets no other into a user namespace.
pub fn launch(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let mut args = args.into_iter();
    let (first, rest): (Option<OsString>, Vec<OsString>) = (args.next(), args.collect());
    if let Some(probe) = first.as_deref().and_then(|first| probe::named(first)) {
        return probe(&rest);
    }
    let address = first.as_deref().and_then(OsStr::to_str).map(serde_json::from_str::<Address>);
    let (Some(Ok(address)), Some((program, args))) = (address, rest.split_first()) else {
        eprintln!("this command is for sprag itself: it starts what is measured in a jail");
        return ExitCode::from(2);
    };
    let argv = Argv { program, args };
    let done = match address {
        Address::Door(door) => {
            let closed = inherited(None).map(close);
            Channel::connect(&door).and_then(|channel| match channel.receive()? {
                Some((Word::Build(plan), _)) => start(channel, closed, &plan, argv),
                _ => Err(io::ErrorKind::ConnectionAborted.into()),
            })
        }
        Address::Inherited(socket) => inherited(Some(socket)).and_then(|others| {
            close(others);
            go_on(bubblewrap::inherited(socket), argv)
        }),
    };
    if let Err(error) = done {
        eprintln!("sprag's launcher lost its parent: {error}");
    }
    ExitCode::from(family::FAILED)
}

/// The program, and its arguments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Argv<'a> {
    pub(crate) program: &'a OsStr,
    pub(crate) args: &'a [OsString],
}

/// Comes back where something was refused, and then that was said; or as an error where nobody is there to be told.
fn start(channel: Channel, closed: io::Result<()>, plan: &Plan, argv: Argv<'_>) -> io::Result<()> {
    let tier = plan.confinement.as_ref().map(|confinement| confinement.tier);
    let closed = closed.map_err(Refusal::of(Step::Descriptors));
    let descended = match (closed, tier, &plan.bubblewrap) {
        (Err(refusal), ..) => Err((channel, refusal)),
        (Ok(()), Some(Tier::Enforced), Some(program)) => {
            Err(bubblewrap::descend(channel, program, plan, argv))
        }
        (Ok(()), Some(Tier::Enforced), None) => match family::separate(plan.open_network) {
            Ok(()) => family::descend(channel),
            Err(refusal) => Err((channel, refusal)),
        },
        (Ok(()), ..) => Ok(channel),
    };
    finish(descended, plan, None, argv)
}

/// The same in the process that bubblewrap started, from where the launcher outside has left off.
fn go_on(socket: OwnedFd, argv: Argv<'_>) -> io::Result<()> {
    let (channel, report, inside) = bubblewrap::take_up(socket)?;
    let folder = &inside.folder;
    let here = std::env::set_current_dir(folder).map_err(Refusal::of(Step::about(Step::Folder, folder)));
    let descended = match here {
        Ok(()) => family::be_first(channel, report),
        Err(refusal) => Err((channel, refusal)),
    };
    finish(descended, &inside.plan, Some(&inside), argv)
}

fn finish(
    descended: Result<Channel, (Channel, Refusal)>,
    plan: &Plan,
    inside: Option<&Inside>,
    argv: Argv<'_>,
) -> io::Result<()> {
    let (channel, refusal) = match descended {
        Ok(channel) => match become_program(&channel, plan, inside, argv) {
            Ok(Ok(never)) => match never {},
            Ok(Err(refusal)) => (channel, refusal),
            Err(error) => return Err(error),
        },
        Err(refused) => refused,
    };
    channel.send(&Word::Refused(refusal), &[])
}

/// What stands around the program, and what is handed out.
struct Built {
    wall: Wall,
    /// The listeners, and then the callers.
    sockets: Vec<OwnedFd>,
    clock: Option<OwnedFd>,
    lost: Vec<Refusal>,
}

/// What was refused; or as an error where nobody is there to be told.
fn become_program(
    channel: &Channel,
    plan: &Plan,
    inside: Option<&Inside>,
    Argv { program, args }: Argv<'_>,
) -> io::Result<Result<Infallible, Refusal>> {
    let built = match build(plan, inside.map(|inside| &inside.places)) {
        Ok(built) => built,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let Built { wall, sockets, clock, lost } = built;
    let descriptors: Vec<BorrowedFd<'_>> = sockets.iter().chain(&clock).map(AsFd::as_fd).collect();
    channel.send(&Word::Ready { wall, clock: clock.is_some(), lost }, &descriptors)?;
    let mut command = Command::new(program);
    command.args(args);
    if let Some(inside) = inside {
        command.env_clear().envs(inside.environment.iter().cloned());
    }
    match channel.receive()? {
        Some((Word::Go, _)) => {}
        _ => return Err(io::ErrorKind::ConnectionAborted.into()),
    }
    // The channel and our copies of the sockets are closed by the kernel in the moment of the exec.
    let error = command.exec();
    Ok(Err(Refusal::of(Step::about(Step::Program, program.as_ref()))(error)))
}

/// `made` are the places of a root that bubblewrap has made.
fn build(plan: &Plan, made: Option<&Places>) -> Result<Built, Refusal> {
    let Some(confinement) = &plan.confinement else {
        let wall = if plan.open_network { Wall::Open } else { network::enter()? };
        return Ok(Built { wall, sockets: sockets(plan)?, clock: None, lost: Vec::new() });
    };
    let (wall, sockets) = connect(plan, confinement.tier, made.is_some())?;
    let mut lost = Vec::new();
    let rules = match confinement.tier {
        Tier::None => None,
        Tier::Reduced => {
            let grants = Grants::in_place(&Places::of(confinement, plan.open_network)?);
            let grants = if wall == Wall::Ports { grants.only_ports(&plan.listen) } else { grants };
            Some(grants.rules(true).map_err(Refusal::of(Step::Landlock))?)
        }
        Tier::Enforced => {
            let grants = match made {
                Some(places) => {
                    // Its /proc is read-only from the start. Who is not root is limited in any case.
                    lost.extend(geteuid().is_root().then(|| Refusal::of(Step::Processes)(Errno::ROFS)));
                    Grants::in_own_root(places)
                }
                None => {
                    let places = Places::of(confinement, plan.open_network)?;
                    lost.extend(root::enter(&places, &confinement.limits)?);
                    Grants::in_own_root(&places)
                }
            };
            kept(grants.rules(false), Step::Landlock, &mut lost)
        }
    };
    let clock = kept(clock::open(), Step::Clock, &mut lost);
    limit(&confinement.limits, confinement.tier, &mut lost)?;
    if confinement.tier > Tier::None {
        lock(wall, confinement.tier, rules, &mut lost)?;
    }
    Ok(Built { wall, sockets, clock, lost })
}

/// What there is; or it goes to what was lost.
fn kept<T>(tried: io::Result<T>, step: Step, lost: &mut Vec<Refusal>) -> Option<T> {
    tried.map_err(Refusal::of(step)).map_err(|refusal| lost.push(refusal)).ok()
}

/// The network that was asked for, or that which comes next to it.
fn connect(plan: &Plan, tier: Tier, made: bool) -> Result<(Wall, Vec<OwnedFd>), Refusal> {
    let wall = match tier {
        _ if plan.open_network => Wall::Open,
        Tier::None => network::enter()?,
        // Bubblewrap has brought the loopback up.
        Tier::Enforced if made => Wall::ForAll,
        Tier::Enforced => {
            network::loopback_up().map_err(Refusal::of(Step::Loopback))?;
            Wall::ForAll
        }
        Tier::Reduced => match network::enter() {
            // The right to go back is given up below, by root too.
            Ok(_) => Wall::ForAll,
            // A program that shall be called listens on a port that nobody has named.
            Err(_) if !plan.call && grants::version() >= grants::WITH_PORTS => Wall::Ports,
            Err(refusal) => return Err(refusal),
        },
    };
    Ok((wall, sockets(plan)?))
}

/// The listeners, and then the callers.
fn sockets(plan: &Plan) -> Result<Vec<OwnedFd>, Refusal> {
    let mut sockets = Vec::new();
    for &port in &plan.listen {
        sockets.push(network::listen(port)?.into());
    }
    if plan.call {
        sockets.extend(network::callers()?);
    }
    Ok(sockets)
}

fn limit(limits: &Limits, tier: Tier, lost: &mut Vec<Refusal>) -> Result<(), Refusal> {
    let limited = privileges::default_signals().and_then(|()| privileges::limit(limits));
    limited.map_err(Refusal::of(Step::Limit))?;
    if tier < Tier::Enforced {
        privileges::leave_terminal();
    }
    // How many are counted besides those of the program.
    let others = match tier {
        // The launcher and the first process.
        Tier::Enforced if root::kernel() >= root::COUNTS_IN_NAMESPACES => Ok(2),
        // The processes of root are limited by their namespace, or not at all.
        Tier::None | Tier::Reduced if geteuid().is_root() => Err(Errno::PERM.into()),
        _ => privileges::others_on_this_machine(),
    };
    let processes = others.and_then(|others| privileges::limit_processes(limits, others));
    kept(processes, Step::Processes, lost);
    Ok(())
}

/// From here on nothing can be undone.
fn lock(
    wall: Wall,
    tier: Tier,
    rules: Option<RulesetCreated>,
    lost: &mut Vec<Refusal>,
) -> Result<(), Refusal> {
    let sockets = if wall == Wall::Ports { Sockets::Tcp } else { Sockets::Ip };
    let filters = system_calls::filters(sockets).map_err(Refusal::of(Step::SystemCalls))?;
    privileges::give_up().map_err(Refusal::of(Step::Privileges))?;
    if let Some(rules) = rules {
        match (grants::hold(rules), tier) {
            (Err(error), Tier::Reduced) => return Err(Refusal::of(Step::Landlock)(error)),
            (held, _) => kept(held, Step::Landlock, lost),
        };
    }
    system_calls::install(&filters).map_err(Refusal::of(Step::SystemCalls))
}

/// The numbers of what was open when this process started, but for the three streams, and for one that is kept.
fn inherited(kept: Option<i32>) -> io::Result<Vec<i32>> {
    let mut numbers = Vec::new();
    for entry in fs::read_dir("/proc/self/fd")? {
        let number = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok());
        numbers.extend(number.filter(|&number| number > 2 && Some(number) != kept));
    }
    Ok(numbers)
}

/// What the shell around Sprag had open is none of the program's, nor of anybody inside.
fn close(inherited: Vec<i32>) {
    for number in inherited {
        #[expect(unsafe_code, reason = "a descriptor that was inherited has no owner that closes it")]
        // SAFETY: it was open before this process opened anything that it keeps, so nobody here holds it. The one that
        // read the list is in it, and was closed since: closing it once more closes nothing.
        unsafe {
            libc::close(number);
        }
    }
}
