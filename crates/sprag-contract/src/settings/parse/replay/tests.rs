//! Mistakes in `[replay]`, as they are told.

use crate::{Diagnostic, Settings, Source};

fn told(text: &str) -> String {
    let list = match Settings::parse(&Source::new("sprag.toml", text)) {
        Ok((_, list)) | Err(list) => list,
    };
    let line = |d: &Diagnostic| {
        let place = d.position().map_or("-".to_owned(), |p| format!("{}:{}", p.line, p.column));
        format!("{place} {} | {}", d.message, d.help.as_deref().unwrap_or("-"))
    };
    list.iter().map(line).collect::<Vec<_>>().join("\n")
}

const WHOLE: &str = r#"
[replay]
cassette = "./benchmark/fixtures/"
timing = { uniform = ["2ms", "9ms"] }
roots = "/etc/ssl/extra.pem"
[[replay.port]]
name = "db"
upstream = "postgres://127.0.0.1:5432"
listen = 5432
env = { PGPORT = "{port}", PGHOST = "{host}" }
[[replay.class]]
name = "embedder_calls"
match = { host = "api.example.com", path = "/v1/embeddings", method = "POST" }
items = "$.input.length()"
repeat = "sequence-then-last"
headers = ["x-model"]
[[replay.class]]
name = "db_calls"
match = { port = "db", statement = "SELECT *" }
[[replay.volatile]]
json = "$.request_id"
class = "embedder_calls"
[[replay.volatile]]
path = '^/users/([^/]+)'
[[replay.redact]]
body = 'sk-\w+'
[[replay.pass]]
host = "telemetry.example.com"
"#;

#[test]
fn the_whole_table_is_read_and_survives_the_ledger() {
    assert_eq!(told(WHOLE), "");
    let (settings, _) = Settings::parse(&Source::new("sprag.toml", WHOLE)).unwrap();
    let replay = settings.replay.as_ref().unwrap();
    assert_eq!(replay.cassette, "benchmark/fixtures");
    assert_eq!(replay.class[0].matches.method.as_deref(), Some("POST"));
    let json = serde_json::to_string(&settings).unwrap();
    assert_eq!(serde_json::from_str::<Settings>(&json).unwrap(), settings);
    for timing in ["\"instant\"", "\"recorded\"", "{ fixed = \"5ms\" }"] {
        assert_eq!(told(&format!("[replay]\ncassette = 'x'\ntiming = {timing}\n")), "");
    }
}

#[test]
fn without_the_table_the_settings_are_as_before() {
    let (settings, _) = Settings::parse(&Source::new("sprag.toml", "")).unwrap();
    assert!(!serde_json::to_string(&settings).unwrap().contains("replay"));
}

#[test]
fn mistakes_have_their_place_and_a_suggestion() {
    insta::assert_snapshot!(told("[replay]\n"), @"1:1 missing field `cassette` | add `cassette = …`");
    insta::assert_snapshot!(told("[replay]\ncassette = '../x'\ntiming = 'instnat'\n"), @"3:10 unknown value `instnat` | did you mean `instant`?");
    insta::assert_snapshot!(told("[replay]\ncassette = '../x'\ntiming = { uniform = ['9ms', '2ms'] }\n"), @"
    2:12 `../x` is no folder in the repository | write it relative to the top of the repository, with `/`
    3:1 the first duration is longer than the second | swap the two
    ");
    insta::assert_snapshot!(told("[replay]\ncassette = 'x'\ntiming = { fixed = '5' }\n"), @r#"3:10 `5` is no duration: write a number with its unit, such as "90s", "10m" or "1h30m" | -"#);
    insta::assert_snapshot!(told("[replay]\ncassette = 'x'\n[[replay.clas]]\n"), @"3:10 unknown key `clas` | did you mean `class`?");
    insta::assert_snapshot!(told(r#"
[replay]
cassette = "x"
[[service]]
name = "Db"
command = "x"
[[replay.port]]
name = "db"
upstream = "postgres://me:secret@db/x"
listen = 0
env = { "A B" = "{prt}", SPRAG_X = "{host}" }
[[replay.port]]
name = "d-b"
upstream = "db:5432"
listen = 7
[[replay.port]]
name = "api"
upstream = "https://api.example.com/v1"
listen = 7
[[replay.port]]
name = "web"
upstream = "https://api.example.com"
"#), @"
    8:8 two ports or services are called `db` | give each a name of its own
    9:12 an upstream with a user or a password | leave them out: the application brings its own, and they are not recorded
    10:10 there is no port 0 | write another, or leave it out
    11:17 `A B` is no name of a variable | use letters, digits and `_`
    11:17 `{prt}` stands for nothing | did you mean `{port}`?
    11:36 `SPRAG_X` is one of Sprag's own variables | choose another name
    13:8 a port is called `d-b` | use letters, digits and `_`: the application finds it by that name
    14:12 `db:5432` does not start with http://, https://, postgres://, redis:// or tcp:// | write a URL such as `https://api.example.com` or `tcp://127.0.0.1:9000`
    18:12 `https://api.example.com/v1` has more than a host and a port | end it after the port: the path is part of each request
    19:10 `d-b` and `api` both listen on 7 | give each a port of its own, or leave it out
    ");
    insta::assert_snapshot!(told(r#"
[replay]
cassette = "x"
[[replay.port]]
name = "db"
upstream = "postgres://db"
[[replay.port]]
name = "web"
upstream = "http://web"
[[replay.class]]
name = "embedder calls"
match = { host = "" }
[[replay.class]]
name = "a_calls"
match = {}
items = "$.x.size()"
headers = ["x y", "Content-Type", "grpc-timeout"]
[[replay.class]]
name = "a_items"
match = { host = "x", path = "/", statement = "SELECT" }
[[replay.class]]
name = "other_calls"
match = { port = "dv" }
[[replay.class]]
name = "b_calls"
match = { port = "db", path = "/*" }
[[replay.class]]
name = "c_calls"
match = { port = "web", statement = "*" }
items = "$.x"
"#), @r#"
    11:8 `embedder calls` is no name of a metric | use letters, digits, `_` and `.`, as in `embedder_calls`
    15:1 `a_calls` matches everything | write `match = { host = "api.example.com" }`
    16:9 `$.x.size()` is no path of this kind: `$.a.b[0]`, `$.rows[*].id`, `$.*`, `$..id`, `$['odd name']` | write a path such as `$.input.length()`
    17:12 `x y` is no name of a header | write a name such as `x-model`
    17:19 the media type is part of every request's key | remove `content-type`
    17:35 `grpc-timeout` is never part of a key: it tells how much time is left | remove it
    19:8 `a_items` is a number of the class `a_calls` already | choose another name
    20:1 a request has a path and a method, or it is a statement | keep what fits the upstream
    22:8 `other_calls` is a number of all requests together already | choose another name
    23:18 no port is called `dv` | did you mean `db`?
    26:18 `db` speaks postgres, which has no paths and methods | write `statement` in place of `path` and `method`
    29:18 `web` speaks HTTP, which has no statements | write `path` and `method` in place of `statement`
    30:9 `items` is read from JSON, and this class is of statements | remove it: a statement is one thing
    "#);
    insta::assert_snapshot!(told(r#"
[replay]
cassette = "x"
[[replay.class]]
name = "a_calls"
match = { host = "x" }
[[replay.volatile]]
[[replay.volatile]]
json = "$.a"
header = "b"
[[replay.volatile]]
json = "a"
class = "a_cals"
[[replay.volatile]]
header = "x y"
[[replay.redact]]
query = ""
class = "b"
[[replay.redact]]
path = '^/users/[^/]+'
[[replay.redact]]
path = '(a'
[[replay.redact]]
body = ''
[[replay.pass]]
host = " "
"#), @"
    7:1 a rule of `[[replay.volatile]]` needs exactly one place | write one of `json`, `header`, `query`, `path` and `body`
    8:1 a rule of `[[replay.volatile]]` needs exactly one place | write one of `json`, `header`, `query`, `path` and `body`
    12:8 `a` is no path of this kind: `$.a.b[0]`, `$.rows[*].id`, `$.*`, `$..id`, `$['odd name']` | write a path such as `$.request_id`
    13:9 no class is called `a_cals` | did you mean `a_calls`?
    15:10 `x y` is no name of a header | write a name such as `x-request-id`
    17:9 a parameter without a name | write its name
    18:9 no class is called `b` | name one of `[[replay.class]]`, or leave it out to mean all
    20:8 the expression has 0 groups, and needs one | put brackets around the part that is meant, as in `^/users/([^/]+)`; `(?:…)` is no group
    22:8 this is no regular expression: unclosed group | write it in single quotes, so that backslashes stay, and escape `.` `(` `[` `{` that are meant
    24:8 an empty expression matches nothing | write what is meant
    26:8 an empty glob matches nothing | write a text in which `*` stands for any characters
    ");
}
