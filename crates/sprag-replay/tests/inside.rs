//! What an application is told before its empty network is there.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

use std::net::TcpListener;

use sprag_contract::settings::replay::Replay;
use sprag_replay::{Listeners, Mode, Proxy};

#[test]
fn an_application_is_told_beforehand_what_its_scope_says_later() {
    let settings: Replay = toml::from_str(
        r#"
        cassette = "cassette"
        port = [
            { name = "db", upstream = "postgres://db:5432", listen = 20001, env = { PGPORT = "{port}" } },
            { name = "api", upstream = "https://api.example.com" },
        ]
        "#,
    )
    .unwrap();
    let inside = Listeners::inside(&settings);
    let named: Vec<(&str, u16)> = inside.iter().map(|(name, port)| (name.as_str(), *port)).collect();
    assert_eq!(named, [("", 20002), ("db", 20001), ("api", 20003)]);

    let root = tempfile::tempdir().unwrap();
    let proxy = Proxy::open(&settings, root.path().try_into().unwrap(), Mode::Record, None).unwrap();
    let told = proxy.env_inside().unwrap();
    assert_eq!(told["PGPORT"], "20001");
    assert_eq!(told["SPRAG_API_URL"], "http://127.0.0.1:20003");
    // Elsewhere than inside of a network of their own the ports are other ones, and the rest is the same.
    let sockets = inside.iter().map(|(name, _)| (name.clone(), TcpListener::bind("127.0.0.1:0").unwrap()));
    let scope = proxy.scope(Listeners::from_sockets(sockets.collect())).unwrap();
    assert!(told.keys().eq(scope.env().keys()));
}
