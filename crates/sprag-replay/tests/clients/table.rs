//! The table of `docs/clients.md` is what these tests show.

use std::collections::BTreeSet;
use std::fs;

use sprag_replay::{Listeners, Mode, Proxy};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn page() -> String {
    fs::read_to_string(format!("{ROOT}/../../docs/clients.md")).unwrap()
}

/// What stands in backticks.
fn code(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Variables: each list is enough for a client, or is not.
pub(crate) struct Variables {
    pub(crate) enough: Vec<Vec<String>>,
    pub(crate) not_enough: Vec<Vec<String>>,
}

/// By what the row of a test says that its client finds the proxy, and trusts it. By the first it must be told all,
/// by the second any. What stands after `; not` is not obeyed.
pub(crate) fn variables(test: &str) -> Variables {
    let page = page();
    let (mut found, mut trusted) = (String::new(), String::new());
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<&str> = line.trim_matches('|').split(" | ").collect();
        for (cell, last) in cells[1..].iter().zip([&mut found, &mut trusted]) {
            if !cell.trim().starts_with("the same") {
                *last = cell.replace("<NAME>", "API");
            }
        }
        if line.ends_with(&format!("| `rows::{test}` |")) {
            break;
        }
    }
    let halves = |cell: &str| -> [Vec<String>; 2] {
        let (obeyed, not) = cell.split_once("; not").unwrap_or((cell, ""));
        [obeyed, not].map(|half| {
            let names = code(half).filter(|name| name.chars().all(|c| c == '_' || c.is_ascii_alphabetic()));
            names.map(str::to_owned).collect()
        })
    };
    let [proxy, wrong_proxy] = halves(&found);
    let [mut trust, wrong_trust] = halves(&trusted);
    assert!(!proxy.is_empty(), "no row says how {test} finds the proxy");
    // In the clear there is nobody to trust.
    let all = |trust: &[String]| {
        let mut all = [&proxy[..], trust].concat();
        // Java has one for both.
        all.dedup();
        all
    };
    let enough = match &trust[..] {
        [] => vec![all(&[])],
        trust => trust.iter().map(|one| all(std::slice::from_ref(one))).collect(),
    };
    trust.truncate(1);
    let other_spelling = |wrong: String| {
        let mut all = all(&trust);
        let right = all.iter_mut().find(|name| name.eq_ignore_ascii_case(&wrong)).unwrap();
        *right = wrong;
        all
    };
    let not_enough = wrong_proxy.into_iter().map(other_spelling);
    let not_enough = not_enough.chain(wrong_trust.iter().map(|one| all(std::slice::from_ref(one))));
    Variables { enough, not_enough: not_enough.collect() }
}

/// The names of the tests in a source file of `tests/`.
fn tests(source: &str) -> Vec<String> {
    let text = fs::read_to_string(format!("{ROOT}/tests/{source}")).unwrap();
    let name = |part: &str| Some(part.split_once('(')?.0.to_owned());
    text.split("#[test]\nfn ").skip(1).filter_map(name).collect()
}

#[test]
fn every_row_of_the_manual_is_a_test_and_every_test_of_a_client_is_a_row() {
    let page = page();
    let last_cell = |line: &'_ str| line.trim_end_matches(['|', ' ']).rsplit('|').next().map(str::to_owned);
    let table = page.split("## Variables").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| ")).filter_map(last_cell);
    let told: Vec<String> = rows.filter_map(|cell| code(&cell).next().map(str::to_owned)).collect();
    let of_databases = |binary: &'static str| {
        let shown = tests(&format!("{binary}.rs")).into_iter();
        let shown = shown.filter(|name| name.ends_with("_as_from_the_server"));
        shown.map(move |name| format!("{binary}::{name}"))
    };
    let rows = tests("clients/rows.rs").into_iter().map(|name| format!("rows::{name}"));
    let shown: BTreeSet<String> = rows.chain(of_databases("postgres")).chain(of_databases("redis")).collect();
    assert_eq!(told.iter().cloned().collect::<BTreeSet<_>>(), shown);
    assert_eq!(told.len(), shown.len(), "a row stands twice");
}

#[test]
fn every_variable_that_an_application_is_told_is_in_the_manual_and_no_other() {
    let settings = toml::from_str(
        "cassette = \"cassette\"\nport = [{ name = \"name\", upstream = \"https://api.example.com\" }]",
    )
    .unwrap();
    let folder = tempfile::tempdir().unwrap();
    let proxy = Proxy::open(&settings, folder.path().try_into().unwrap(), Mode::Record, None).unwrap();
    let scope = proxy.scope(Listeners::bind(&settings).unwrap()).unwrap();
    let env = scope.env().into_keys().map(|name| name.replace("SPRAG_NAME_", "SPRAG_<NAME>_"));
    let env: BTreeSet<String> = env.collect();
    let page = page();
    let variables = page.split("## Variables").nth(1).unwrap();
    let variables = code(variables).filter(|name| !name.starts_with("[["));
    let told: BTreeSet<String> = variables.map(str::to_owned).collect();
    assert_eq!(told, env);
}
