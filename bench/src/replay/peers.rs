//! Other servers, where they are installed.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustix::process::{Pid, Signal, kill_process};

use super::{PATH, Upstream, answer, mark, target};
use crate::Result;
use crate::load::{Talk, Target, Until, run};

/// How long a server may take to start or to stop.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that runs; dropped, it is ended.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    /// What it is asked.
    pub target: Target,
}

/// nginx with so many files. `None`: it is not installed.
///
/// # Errors
/// It does not start.
pub fn nginx(dir: &Utf8Path, files: usize) -> Result<Option<Peer>> {
    let root = dir.join("files");
    fs::create_dir_all(root.join("v1/embeddings"))?;
    for nth in 0..files {
        fs::write(root.join(format!("v1/embeddings/{nth}.json")), answer(nth))?;
    }
    let at = free()?;
    // Its workers are nobody else, who could not read the folder.
    let user = if rustix::process::geteuid().is_root() { "user root;" } else { "" };
    let conf = format!(
        "{user} daemon off; worker_processes 1; pid {dir}/pid;
        events {{ worker_connections 256; }}
        http {{
            access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000; keepalive_timeout 1h;
            client_body_temp_path {dir}/body; types {{ application/json json; }}
            server {{ listen {at}; root {root}; }}
        }}"
    );
    let conf_at = dir.join("nginx.conf");
    fs::write(&conf_at, conf)?;
    let request = |nth| Talk::Http1.request("localhost", &format!("{PATH}/{nth}.json"), "");
    let target = Target {
        at,
        talk: Talk::Http1,
        tls: None,
        requests: (0..files).map(request).collect(),
        answers: (0..files).map(|nth| mark(Talk::Http1, nth)).collect(),
    };
    // Debian has it where only root looks.
    for program in ["nginx", "/usr/sbin/nginx"] {
        let mut command = Command::new(program);
        command.args(["-c", conf_at.as_str(), "-e", dir.join("error").as_str()]);
        if let Some(child) = started(command, at)? {
            return Ok(Some(Peer { child, target }));
        }
    }
    Ok(None)
}

/// mitmdump, which recorded so many fixtures and plays them. `None`: it is not installed.
///
/// # Errors
/// It does not start.
pub fn mitmdump(dir: &Utf8Path, upstream: &Upstream, fixtures: usize) -> Result<Option<Peer>> {
    let flows = dir.join("flows");
    let command = |at: SocketAddr, more: &[&str]| {
        let mut command = Command::new("mitmdump");
        command.args(["-q", "--listen-host", "127.0.0.1", "-p", &at.port().to_string()]);
        command.args(["--mode", &format!("reverse:http://{}", upstream.http)]);
        command.args(["--set", &format!("confdir={dir}"), "--set", "connection_strategy=lazy"]).args(more);
        command
    };
    let at = free()?;
    let Some(mut child) = started(command(at, &["-w", flows.as_str()]), at)? else { return Ok(None) };
    let recorded = run(&target(at, Talk::Http1, 0..fixtures), 4, Until::Each);
    // It writes what it holds back.
    interrupt(&child);
    child.wait()?;
    recorded?;
    let at = free()?;
    let again = ["--set", "server_replay_reuse=true", "--set", "server_replay_extra=kill"];
    let command = command(at, &[&["-S", flows.as_str()][..], &again].concat());
    let child = started(command, at)?;
    Ok(child.map(|child| Peer { child, target: target(at, Talk::Http1, 0..fixtures) }))
}

impl Peer {
    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

fn free() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Starts a server and waits until it listens. `None`: there is no such program.
fn started(mut command: Command, at: SocketAddr) -> Result<Option<Child>> {
    let mut child = match command.stdin(Stdio::null()).stdout(Stdio::null()).spawn() {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let deadline = Instant::now() + PATIENCE;
    while TcpStream::connect(at).is_err() {
        if let Some(status) = child.try_wait()? {
            return Err(format!("{command:?} ended: {status}").into());
        }
        if Instant::now() > deadline {
            let _ = child.kill();
            return Err(format!("{command:?} does not listen at {at}").into());
        }
        sleep(Duration::from_millis(20));
    }
    Ok(Some(child))
}

fn interrupt(child: &Child) {
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        // An error means that it is gone.
        let _ = kill_process(pid, Signal::INT);
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // nginx takes its workers with it.
        interrupt(&self.child);
        let _ = self.child.wait();
    }
}
