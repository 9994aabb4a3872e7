//! The jail as Sprag uses it: spawned, spoken to and ended from outside, as this user and, where this one is root, as
//! an ordinary one too.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

use std::ffi::OsString;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use sprag_sandbox::{COMMAND, Jail, JailError, Ready, Step, Wall};

const PATIENCE: Duration = Duration::from_secs(30);
const SPRAG: &str = env!("CARGO_BIN_EXE_sprag");
/// Becomes the user `nobody` and then the rest of the command, in the same process.
const AS_NOBODY: [&str; 4] = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];

/// The users to try it as: what stands before a launcher.
fn users() -> Vec<Vec<&'static str>> {
    if let Err(why) = sprag_sandbox::network(&[SPRAG, COMMAND]) {
        eprintln!("skipped: no empty network on this machine: {why}");
        return Vec::new();
    }
    let mut users = vec![Vec::new()];
    let other = Command::new(AS_NOBODY[0]).args(&AS_NOBODY[1..]).args([SPRAG, "--version"]).output();
    match other {
        Ok(output) if output.status.success() => users.push(AS_NOBODY.to_vec()),
        _ => eprintln!("skipped as nobody: this user can't become that one, or that one can't run {SPRAG}"),
    }
    users
}

fn jail(user: &[&str]) -> Jail {
    Jail::new(user.iter().copied().chain([SPRAG, COMMAND]))
}

/// A program in a jail whose launcher waits for a word.
struct Jailed {
    child: Child,
    ready: Ready,
}

impl Jailed {
    fn new(jail: &Jail, argv: &[&str]) -> Self {
        let (command, door) = jail.prepare(argv).unwrap();
        let child = spawn(&command);
        let ready = door.open(&child, PATIENCE).unwrap();
        Self { child, ready }
    }

    /// Lets it go and waits for its end.
    fn run(self) -> Output {
        self.ready.go().unwrap();
        self.child.wait_with_output().unwrap()
    }
}

fn spawn(command: &[OsString]) -> Child {
    let mut child = Command::new(&command[0]);
    child.args(&command[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    child.spawn().unwrap()
}

fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn a_direct_connection_gets_no_route() {
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = outside.local_addr().unwrap().port();
    for user in users() {
        for (address, refusal) in [("192.0.2.1/80", "unreachable"), (&format!("127.0.0.1/{port}"), "refused")]
        {
            let script = format!("exec 3<>/dev/tcp/{address}");
            let output = Jailed::new(&jail(&user), &["bash", "-c", &script]).run();
            let said = String::from_utf8_lossy(&output.stderr).to_lowercase();
            assert!(!output.status.success() && said.contains(refusal), "{user:?} {address}: {said}");
        }
    }
}

#[test]
fn listeners_inside_answer_from_a_socket_that_is_held_outside() {
    for user in users() {
        let jail = jail(&user).listen("db", 5432).listen("web", 80);
        let ask = "for port in 80 5432; do
            exec 3<>/dev/tcp/127.0.0.1/$port; echo hello >&3; read -r answer <&3; echo \"$answer\"
        done";
        // Two at once: each has a network of its own, with the same ports in it.
        let mut both = [(); 2].map(|()| Jailed::new(&jail, &["bash", "-c", ask]));
        let held = both.each_mut().map(|jailed| jailed.ready.take_listeners());
        let ended = both.map(|jailed| std::thread::spawn(|| jailed.run()));
        for (number, listeners) in held.into_iter().enumerate() {
            let names: Vec<&str> = listeners.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, ["db", "web"]);
            for (name, listener) in listeners.iter().rev() {
                let (mut stream, _) = listener.accept().unwrap();
                let mut line = String::new();
                BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
                writeln!(stream, "{name} {number} heard {}", line.trim()).unwrap();
            }
        }
        for (number, output) in ended.into_iter().map(|thread| thread.join().unwrap()).enumerate() {
            let expected = format!("web {number} heard hello\ndb {number} heard hello");
            assert_eq!(printed(&output), expected, "{user:?}");
        }
    }
}

#[test]
fn what_listens_inside_is_reached_from_outside_again_and_again() {
    let program = "import socket
server = socket.create_server(('127.0.0.1', 8000))
for n in range(3):
    client, _ = server.accept()
    client.sendall(b'hello %d' % n)
    client.close()";
    for user in users() {
        let mut jailed = Jailed::new(&jail(&user).listen("db", 5432).call(), &["python3", "-c", program]);
        let caller = jailed.ready.take_caller().unwrap();
        assert!(caller.connect(8000, PATIENCE).is_err(), "nobody listens yet");
        jailed.ready.go().unwrap();
        let connect = || loop {
            match caller.connect(8000, PATIENCE) {
                Ok(stream) => break stream,
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        for n in 0..3 {
            let mut said = String::new();
            connect().read_to_string(&mut said).unwrap();
            assert_eq!(said, format!("hello {n}"), "{user:?}");
        }
        assert!(jailed.child.wait().unwrap().success());
    }
}

#[test]
fn exit_codes_signals_and_the_process_id_pass_through() {
    for user in users() {
        let jail = jail(&user);
        let jailed = Jailed::new(&jail, &["sh", "-c", "echo $$; exit 7"]);
        let pid = jailed.child.id().to_string();
        let output = jailed.run();
        assert_eq!((output.status.code(), printed(&output)), (Some(7), pid));

        let output = Jailed::new(&jail, &["sh", "-c", "kill -TERM $$"]).run();
        assert_eq!(output.status.signal(), Some(15));

        // From outside too; and nothing is ignored that a program expects to end it.
        let ignored = "grep SigIgn /proc/$$/status";
        let expected = printed(&Command::new("sh").args(["-c", ignored]).output().unwrap());
        let mut jailed = Jailed::new(&jail, &["sh", "-c", &format!("{ignored}; exec sleep 60")]);
        jailed.ready.go().unwrap();
        let mut line = String::new();
        BufReader::new(jailed.child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line.trim(), expected);
        jailed.child.kill().unwrap();
        assert_eq!(jailed.child.wait().unwrap().signal(), Some(9));
    }
}

#[test]
fn the_user_keeps_its_own_id() {
    for user in users() {
        let ids = "id -u; id -g";
        let outside: Vec<&str> = user.iter().copied().chain(["sh", "-c", ids]).collect();
        let outside = Command::new(outside[0]).args(&outside[1..]).output().unwrap();
        let inside = Jailed::new(&jail(&user), &["sh", "-c", ids]).run();
        assert_eq!(printed(&inside), printed(&outside));
    }
}

#[test]
fn root_too_has_no_way_back_to_where_it_came_from() {
    let sprag = std::process::id();
    for user in users() {
        let jailed = Jailed::new(&jail(&user), &["sh", "-c", &format!("cat /proc/{sprag}/environ")]);
        assert_eq!(jailed.ready.wall(), Wall::ForAll);
        let output = jailed.run();
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{user:?} reads what only a debugger may"
        );

        if Command::new("nsenter").arg("--version").output().is_err() {
            eprintln!("skipped: there is no nsenter on PATH");
            continue;
        }
        let back = format!("nsenter --net=/proc/{sprag}/ns/net true || nsenter -t 1 -n true");
        let output = Jailed::new(&jail(&user), &["sh", "-c", &back]).run();
        assert!(!output.status.success(), "{user:?} went back");
    }
}

#[test]
fn where_root_is_refused_a_user_namespace_that_is_said() {
    if users().is_empty() {
        return;
    }
    // A root whose machine allows no more of them.
    let full = "echo 0 >/proc/sys/user/max_user_namespaces && exec \"$@\"";
    let launcher = ["unshare", "--user", "--map-root-user", "sh", "-c", full, "sh", SPRAG, COMMAND];
    match Command::new(launcher[0]).args(&launcher[1..7]).arg("true").output() {
        Ok(output) if output.status.success() => {}
        _ => return eprintln!("skipped: unshare can't make such a root here"),
    }
    assert_eq!(Jailed::new(&Jail::new(launcher), &["true"]).ready.wall(), Wall::NotForRoot);
}

#[test]
fn nothing_that_sprag_or_its_shell_had_open_reaches_the_program() {
    for user in users() {
        let leaky = ["sh", "-c", "exec 9</dev/null 5</dev/null; exec \"$@\"", "sh"];
        let jail = Jail::new(leaky.into_iter().chain(user).chain([SPRAG, COMMAND])).listen("db", 5432);
        let output = Jailed::new(&jail, &["sh", "-c", "echo /proc/$$/fd/*"]).run();
        let open: Vec<String> =
            printed(&output).split(' ').map(|path| path.rsplit('/').next().unwrap().to_owned()).collect();
        // A shell that lists a folder has it open for that moment.
        let kept: Vec<&str> = open.iter().map(String::as_str).filter(|number| *number != "3").collect();
        assert_eq!(kept, ["0", "1", "2"]);
    }
}

#[test]
fn what_cannot_be_started_is_told_and_not_run() {
    for user in users() {
        let jailed = Jailed::new(&jail(&user), &["/no/such/program"]);
        match jailed.ready.go() {
            Err(JailError::Refused(refusal)) => {
                assert_eq!(refusal.step, Step::Program("/no/such/program".to_owned()));
                assert_eq!(refusal.source().kind(), std::io::ErrorKind::NotFound);
            }
            other => panic!("{other:?}"),
        }
        assert_eq!(jailed.child.wait_with_output().unwrap().status.code(), Some(125));

        let (command, door) = jail(&user).listen("a", 5432).listen("b", 5432).prepare(&["true"]).unwrap();
        let child = spawn(&command);
        let refused = door.open(&child, PATIENCE).unwrap_err().to_string();
        assert!(refused.starts_with("failed to listen on port 5432 of an empty network"), "{refused}");
        assert_eq!(child.wait_with_output().unwrap().status.code(), Some(125));
    }
}

#[test]
fn a_launcher_without_its_parent_starts_nothing() {
    for user in users() {
        let Jailed { child, ready } = Jailed::new(&jail(&user), &["echo", "started"]);
        drop(ready);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), printed(&output)), (Some(125), String::new()));
    }
}

#[test]
fn what_is_no_launcher_is_not_waited_for() {
    let start = Instant::now();
    let (command, door) = Jail::new(["true"]).prepare(&["program"]).unwrap();
    let mut child = spawn(&command);
    let error = door.open(&child, PATIENCE).unwrap_err().to_string();
    assert!(error.contains("ended before it said anything"), "{error}");
    child.wait().unwrap();
    assert!(start.elapsed() < PATIENCE);

    let output = Command::new(SPRAG).args([COMMAND, "nonsense", "-C", "x"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("for sprag itself"));
}

#[test]
fn doctor_finds_the_empty_network_as_the_same_users() {
    for user in users() {
        let doctor: Vec<&str> = user.into_iter().chain([SPRAG, "doctor", "--json"]).collect();
        let output = Command::new(doctor[0]).args(&doctor[1..]).current_dir("/").output().unwrap();
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(report["machine"][1]["state"], "ok", "{report}");
    }
}
