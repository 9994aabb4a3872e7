//! Secrets that an application says and hears are in no byte of the cassette.

use sprag_replay::Mode;

use crate::bench::{Bench, beside, installed, python, said};
use crate::cluster::{Cluster, USER};
use crate::way::Way;

/// Each is in one place, and has this in it.
const PLANTED: &str = "planted";
const DATABASE: &str = "planted-in-the-start-of-a-session";

/// Says them by curl, one kind of place after the other, and hears some of them again.
const SAYS: &str = r#"
set -e
ask() { curl --silent --show-error --fail --max-time 60 --output /dev/null "$@"; }
for base in "$@"; do
    ask -H "Authorization: Bearer planted-bearer" -H "X-Api-Key: planted-header" "$base/item?n=1"
    ask -H "Proxy-Authorization: Basic planted-proxy" -H "Cookie: session=planted-cookie" "$base/item?n=2"
    ask --user "somebody:planted-basic" "$base/item?n=3"
    ask "$base/item?n=4&api_key=planted-query&X-Amz-Signature=planted-signature&access_token=planted%2Dcoded"
    ask --json '{"api_key": "planted-json", "deep": [{"password": "planted-deep"}], "n": 5}' "$base/echo"
    ask --data 'client_secret=planted-form&n=6&token=planted%2Dform' "$base/echo"
    ask --form 'password=planted-multipart' --form n=7 "$base/item"
    ask -H "Cookie: planted-answered" "$base/login?token=planted-token"
done
"#;

#[test]
fn planted_secrets_are_in_no_byte_of_the_cassette() {
    let Some(_) = installed("curl") else { return };
    let Some(cluster) = Cluster::start(Some(DATABASE)) else { return };
    let way = Way::to(cluster.port);
    let port = format!("[[port]]\nname = \"db\"\nupstream = \"postgres://127.0.0.1:{}\"", way.port);
    let Some(bench) = Bench::new(&port) else { return };
    let curl = ["sh", "-c", SAYS, "sh", &bench.upstream.url("http"), &bench.upstream.url("https")];
    let curl = curl.map(str::to_owned);
    let dsn = format!("postgres://{USER}:{DATABASE}@$SPRAG_DB_HOST:$SPRAG_DB_PORT/postgres");
    let script = format!("exec {} {} psycopg {dsn}", python().unwrap(), beside("ask.py"));
    let psycopg = ["sh", "-c", &script].map(str::to_owned);
    let talk = |mode| {
        bench.run(mode, |scope| {
            let heard = [&curl[..], &psycopg[..]].map(|client| said(&bench.ask(scope, client, "1")));
            assert_eq!(scope.troubles(), []);
            (heard, scope.counts())
        })
    };
    let recorded = talk(Mode::Record);
    let files = bench.written();
    assert!(files.iter().any(|(name, _)| name == "timings.jsonl"));
    for (name, bytes) in &files {
        // In base64, as curl says a name and a password, the word begins at any of three places.
        for word in [PLANTED, "cGxhbnRlZ", "BsYW50ZW", "wbGFudGVk"] {
            let at = bytes.windows(word.len()).position(|window| window == word.as_bytes());
            let around = |at: usize| String::from_utf8_lossy(&bytes[at.saturating_sub(300)..at + word.len()]);
            assert_eq!(at.map(around), None, "{name}");
        }
    }
    // What is not secret is there, and what was recorded is played.
    let interactions = &files.iter().find(|(name, _)| name == "interactions.jsonl").unwrap().1;
    for told in ["REDACTED", "bearer", "SELECT $1::int + 1"] {
        assert!(String::from_utf8_lossy(interactions).contains(told), "{told}");
    }
    way.close();
    drop(cluster);
    assert_eq!(talk(Mode::Replay), recorded);
}
