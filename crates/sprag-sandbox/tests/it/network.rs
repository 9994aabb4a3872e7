//! What a confined program may reach.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;
use std::time::Duration;

use sprag_sandbox::Wall;

use crate::ground::{Ground, PATIENCE, User, all_said, printed};

#[test]
fn listeners_and_callers_work_for_a_confined_program() {
    let program = "import socket
db = socket.create_connection(('127.0.0.1', 5432))
db.sendall(b'hello\\n')
said = db.recv(100)
server = socket.create_server(('127.0.0.1', 8000))
client, _ = server.accept()
client.sendall(b'db said ' + said)";
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let jail = user.jail(&ground.confinement(tier)).listen("db", 5432).call();
        let mut jailed = ground.start(&jail, &["python3", "-c", program]);
        assert_eq!(jailed.ready.wall(), Wall::ForAll);
        let (listeners, caller) = (jailed.ready.take_listeners(), jailed.ready.take_caller().unwrap());
        let _group = jailed.ready.go().unwrap();
        let (mut stream, _) = listeners[0].1.accept().unwrap();
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap()).read_line(&mut line).unwrap();
        stream.write_all(b"hi").unwrap();
        let mut answer = loop {
            match caller.connect(8000, PATIENCE) {
                Ok(stream) => break stream,
                Err(_) => std::thread::sleep(Duration::from_millis(5)),
            }
        };
        let mut said = String::new();
        answer.read_to_string(&mut said).unwrap();
        assert_eq!((line.as_str(), said.as_str()), ("hello\n", "db said hi"), "{user:?} {tier}");
        let output = jailed.child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", all_said(&output));
    }
}

#[test]
fn only_an_open_network_leads_out() {
    let outside = TcpListener::bind("127.0.0.1:0").unwrap();
    let script = format!("exec 3<>/dev/tcp/127.0.0.1/{} && echo out", outside.local_addr().unwrap().port());
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let jail = user.jail(&ground.confinement(tier));
        let output = ground.start(&jail, &["bash", "-c", &script]).run();
        assert_eq!(printed(&output), "", "{user:?} {tier}");
        let jailed = ground.start(&jail.open_network(), &["bash", "-c", &script]);
        assert_eq!(jailed.ready.wall(), Wall::Open);
        assert_eq!(printed(&jailed.run()), "out", "{user:?} {tier}");
    }
}

#[test]
fn sockets_beyond_those_of_streams_and_names_are_refused() {
    let program = "import socket
for family, kind, protocol in [(2, 3, 1), (17, 3, 0), (40, 1, 0), (38, 5, 0), (16, 3, 9)]:
    try: socket.socket(family, kind, protocol); print('open', family)
    except PermissionError: pass
socket.socketpair(); socket.socket(2, 1); socket.socket(10, 2); socket.getaddrinfo('localhost', 80)";
    for (user, tier) in User::with_each_tier() {
        let ground = Ground::new(&[]);
        let output = ground.start(&user.jail(&ground.confinement(tier)), &["python3", "-c", program]).run();
        assert!(
            output.status.success() && printed(&output).is_empty(),
            "{user:?} {tier}: {}",
            all_said(&output)
        );
    }
}
