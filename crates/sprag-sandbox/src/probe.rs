//! Tries the empty network: is there no way out, and do listeners inside work?

use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use crate::{Jail, JailError, Lack, Wall, examine};

/// Stands where the launcher's plan would, in the launcher that is the program inside.
const PROBE: &str = "probe";

/// Addresses that are nobody's, of the blocks for documentation. Where they have a route, so has the internet.
const OUTSIDE: [&str; 2] = ["192.0.2.1:9", "[2001:db8::1]:9"];
/// The port of the listener inside, one that outside only root may have.
const INSIDE: u16 = 7;
/// How long one step may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// Whether a program can be run in an empty network on this machine, and whom it holds: builds one and looks around in it. `launcher` is
/// the command of [`Jail::new`].
///
/// # Errors
/// What is missing, in plain words, and what mends it.
pub fn network<S: AsRef<OsStr>>(launcher: &[S]) -> Result<Wall, Lack> {
    let launcher: Vec<OsString> = launcher.iter().map(|word| word.as_ref().to_owned()).collect();
    match attempt(&launcher) {
        Ok((wall, None)) => Ok(wall),
        Ok((_, Some(leak))) => Err(Lack {
            what: format!("the network of a jail is not what it should be: {leak}"),
            remedy: "this is a fault of sprag or of this kernel: please report it".to_owned(),
        }),
        Err(error) => {
            Err(Lack::of(&error, launcher.first().map_or(OsStr::new("sprag"), OsString::as_os_str)))
        }
    }
}

/// Whom the network holds, and what is wrong with it inside, where one could be made.
fn attempt(launcher: &[OsString]) -> Result<(Wall, Option<String>), JailError> {
    // Held until the probe has tried to reach it.
    let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(system("listen on the loopback"))?;
    let port = outside.local_addr().map_err(system("listen on the loopback"))?.port().to_string();
    let mut program = launcher.to_vec();
    program.extend([PROBE.into(), port.into(), INSIDE.to_string().into()]);
    let (command, door) = Jail::new(launcher).listen("probe", INSIDE).prepare(&program)?;

    let (first, args) = command.split_first().unwrap_or((&program[0], &[]));
    let mut command = Command::new(first);
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut probe = Ended(command.spawn().map_err(system("start the launcher of a jail"))?);
    let mut ready = door.open(&probe.0, PATIENCE)?;
    let (wall, listeners) = (ready.wall(), ready.take_listeners());
    let _group = ready.go()?;

    let mut leak = String::new();
    if let Some(stdout) = probe.0.stdout.take() {
        stdout.take(1000).read_to_string(&mut leak).map_err(system("read from a probe"))?;
    }
    let status = probe.0.wait().map_err(system("wait for a probe"))?;
    let leak = match status.success() {
        true => listeners.iter().find_map(|(_, listener)| unheard(listener).err()).map(|e| e.to_string()),
        false if leak.is_empty() => Some(format!("the probe ended with {status}")),
        false => Some(leak.trim().to_owned()),
    };
    Ok((wall, leak))
}

/// The probe has connected and gone: its byte is waiting.
fn unheard(listener: &TcpListener) -> io::Result<()> {
    listener.set_nonblocking(true)?;
    let (mut stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.read_exact(&mut [0])
}

/// The probe of this name, where there is one.
pub(crate) fn named(name: &OsStr) -> Option<fn(&[OsString]) -> ExitCode> {
    match name.to_str()? {
        PROBE => Some(inside),
        examine::ACTS => Some(examine::inside),
        examine::STAND => Some(examine::stand),
        _ => None,
    }
}

/// The probe's own part: `args` are the port of a listener outside, and that of one inside.
fn inside(args: &[OsString]) -> ExitCode {
    let port = |index: usize| args.get(index)?.to_str()?.parse::<u16>().ok();
    let (Some(outside), Some(inside)) = (port(0), port(1)) else { return ExitCode::from(2) };
    match look_around(outside, inside) {
        Ok(()) => ExitCode::SUCCESS,
        Err(what) => {
            // Nobody may be listening any more; then nobody wants to know.
            let _ = writeln!(io::stdout(), "{what}");
            ExitCode::FAILURE
        }
    }
}

fn look_around(outside: u16, inside: u16) -> Result<(), String> {
    if let Some(address) = route() {
        return Err(format!("there is a route to {address}"));
    }
    let connect = |port: u16| {
        TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), Duration::from_secs(1))
    };
    if connect(outside).is_ok() {
        return Err(format!("port {outside} of the loopback outside can be reached"));
    }
    let hello = connect(inside).and_then(|mut stream| stream.write_all(b"!"));
    hello.map_err(|error| format!("a listener inside can't be reached: {error}"))
}

/// An address outside to which there is a way.
pub(crate) fn route() -> Option<&'static str> {
    OUTSIDE.into_iter().find(|address| has_route(address))
}

/// Asks the kernel; connecting a datagram socket sends nothing.
fn has_route(address: &str) -> bool {
    let any = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    UdpSocket::bind(any).and_then(|socket| socket.connect(address)).is_ok()
}

pub(crate) fn system(doing: &'static str) -> impl FnOnce(io::Error) -> JailError {
    move |source| JailError::System { doing, source }
}

/// A child that does not outlive this.
pub(crate) struct Ended(pub(crate) Child);

impl Ended {
    /// What it prints until its end, within reason.
    pub(crate) fn printed(mut self) -> io::Result<Vec<u8>> {
        let mut printed = Vec::new();
        if let Some(stdout) = self.0.stdout.take() {
            stdout.take(100_000).read_to_end(&mut printed)?;
        }
        self.0.wait()?;
        Ok(printed)
    }
}

impl Drop for Ended {
    fn drop(&mut self) {
        // Both fail only where it has ended and been waited for.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outside_of_a_jail_the_probe_finds_what_it_should_not() {
        let open = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = open.local_addr().unwrap().port();
        let found = look_around(port, port).unwrap_err();
        assert!(found.contains("route") || found.contains("can be reached"), "{found}");
    }
}
