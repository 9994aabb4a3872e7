//! A PostgreSQL of the test's own.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, geteuid, kill_process};

/// Its superuser.
pub(crate) const USER: &str = "postgres";
/// Who runs it where the test is run by root, whom PostgreSQL does not obey: nobody.
const NOBODY: u32 = 65_534;

/// A server on loopback. Dropped, it is gone.
pub(crate) struct Cluster {
    pub(crate) port: u16,
    child: Child,
    _folder: tempfile::TempDir,
}

impl Cluster {
    /// Lets everybody in, or who knows the password. `None`, with a word about it, where no PostgreSQL is installed.
    pub(crate) fn start(password: Option<&str>) -> Option<Self> {
        let Some(programs) = programs() else {
            eprintln!("skipped: PostgreSQL is not installed");
            return None;
        };
        let folder = tempfile::Builder::new().prefix("sprag-pg").tempdir().unwrap();
        let data = folder.path().join("data");
        let secret = folder.path().join("password");
        let root = geteuid().is_root();
        if root {
            chown(folder.path(), Some(NOBODY), Some(NOBODY)).unwrap();
        }
        let command = |program: &str| {
            let mut command = Command::new(programs.join(program));
            if root {
                command.uid(NOBODY).gid(NOBODY);
            }
            command.current_dir(folder.path()).stdin(Stdio::null()).stdout(Stdio::null());
            command
        };
        let mut made = command("initdb");
        made.args(["--no-sync", "--no-instructions", "--encoding=UTF8", "--locale=C", "--username", USER]);
        made.arg("--pgdata").arg(&data);
        match password {
            None => made.arg("--auth=trust"),
            Some(password) => {
                fs::write(&secret, password).unwrap();
                made.arg("--auth=scram-sha-256").arg("--pwfile").arg(&secret)
            }
        };
        assert!(made.status().unwrap().success(), "initdb failed");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let mut server = command("postgres");
        server.arg("-D").arg(&data).args(["-p", &port.to_string()]);
        for setting in
            ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=30"]
        {
            server.args(["-c", setting]);
        }
        let child = server.stderr(Stdio::null()).spawn().unwrap();
        let mut cluster = Self { port, child, _folder: folder };
        // It listens before it lets anybody in.
        let mut asks = Command::new(programs.join("pg_isready"));
        asks.args(["--quiet", "--host=127.0.0.1", "--port", &port.to_string()]);
        let patience = Instant::now() + Duration::from_secs(60);
        while !asks.status().unwrap().success() {
            assert!(cluster.child.try_wait().unwrap().is_none(), "PostgreSQL has ended");
            assert!(Instant::now() < patience, "PostgreSQL does not start");
            thread::sleep(Duration::from_millis(20));
        }
        Some(cluster)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        // At once, but with all its processes.
        _ = kill_process(Pid::from_child(&self.child), Signal::QUIT);
        _ = self.child.wait();
    }
}

/// Where the server's programs are: Debian does not put them where a shell looks.
fn programs() -> Option<PathBuf> {
    let is_there = |folder: &PathBuf| folder.join("initdb").exists() && folder.join("postgres").exists();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions.map(|entry| entry.path().join("bin")).filter(is_there).collect();
    found.sort();
    let path = std::env::var_os("PATH").unwrap_or_default();
    found.pop().or_else(|| std::env::split_paths(&path).find(is_there))
}
