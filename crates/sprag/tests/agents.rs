//! `sprag run --agent`: coding agents, played by stand-ins that print what the real ones printed.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;
use std::path::{Path, PathBuf};

use repo::{Done, Repo, SPEC, lines};
use serde_json::Value;

/// The agents, each with the version that its stand-in says.
const AGENTS: [(&str, &str, &str); 4] = [
    ("claude", "2.1.331 (Claude Code)", "2.1.331"),
    ("codex", "codex-cli 0.169.0", "0.169.0"),
    ("pi", "0.87.0", "0.87.0"),
    ("opencode", "1.18.33", "1.18.33"),
];

/// A repository and the folder of the stand-ins.
struct Bench {
    repo: Repo,
    bin: PathBuf,
}

/// Where it is recorded what agents print.
fn streams() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../sprag-agent/tests/streams").canonicalize().unwrap()
}

/// What was recorded of an agent.
fn stream(agent: &str, case: &str) -> String {
    format!("cat '{}'", streams().join(format!("{agent}.{case}.jsonl")).display())
}

/// A line of the shell that leaves `n` lines of ten bytes in `path`.
fn edit(path: &str, n: usize) -> String {
    format!("printf '%s' '{}' > {path}", lines("x", n))
}

impl Bench {
    /// The session ends after so many experiments.
    fn new(experiments: usize) -> Self {
        let repo = Repo::new();
        let rule = format!("after {experiments} experiments");
        repo.write(".auto/prompt.md", &SPEC.replace("after 50 experiments", &rule));
        let bin = repo.beside("bin");
        fs::create_dir(&bin).unwrap();
        let bench = Self { repo, bin };
        bench.settings("");
        bench
    }

    /// These keys of `[agent]`, and leave for the stand-ins to read what they print, and to write down what they are told.
    fn settings(&self, keys: &str) {
        let (read, write) = (streams(), &self.bin);
        let text = format!("[agent]\nread = [{read:?}]\nwrite = [{write:?}]\n{keys}");
        self.repo.write(".auto/sprag.toml", &text);
        self.repo.commit("settings");
    }

    /// A stand-in: the first time that it is called it runs the first line of `turns`, and so on; then nothing.
    fn stand_in(&self, agent: &str, turns: &[String]) {
        let version = AGENTS.iter().find(|(name, ..)| *name == agent).map_or("1.0", |(_, said, _)| *said);
        let folder = self.bin.display();
        let cases: String =
            turns.iter().enumerate().map(|(at, turn)| format!("{}) {turn} ;;\n", at + 1)).collect();
        let script = format!(
            "#!/bin/sh\n[ \"$1\" = --version ] && {{ echo '{version}'; exit; }}\n\
             n=$(( $(cat '{folder}/count' 2>/dev/null || echo 0) + 1 )); echo $n > '{folder}/count'\n\
             cat > '{folder}/brief.'$n; env > '{folder}/env.'$n; echo \"$@\" > '{folder}/args.'$n\n\
             case $n in\n{cases}esac\n"
        );
        let path = self.bin.join(agent);
        fs::write(&path, script).unwrap();
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn run(&self, args: &[&str]) -> Done {
        self.run_with(args, &[])
    }

    fn run_with(&self, args: &[&str], env: &[(&str, &str)]) -> Done {
        let path = format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap());
        let mut command = self.repo.command(args);
        command.env("PATH", path).env_remove("ANTHROPIC_API_KEY").envs(env.iter().copied());
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Done { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// How often the stand-in was called.
    fn calls(&self) -> usize {
        self.noted("count").trim().parse().unwrap_or(0)
    }

    /// What the stand-in wrote down.
    fn noted(&self, name: &str) -> String {
        fs::read_to_string(self.bin.join(name)).unwrap_or_default()
    }

    /// The rows of experiments.
    fn rows(&self) -> Vec<Value> {
        self.repo.rows().into_iter().filter(|row| row["kind"] == "experiment").collect()
    }

    /// `status reason` of each.
    fn verdicts(&self) -> Vec<String> {
        self.rows().iter().map(|row| format!("{} {}", text(row, "status"), text(row, "reason"))).collect()
    }

    /// `event: detail` of each try that came to no row.
    fn events(&self) -> Vec<String> {
        self.repo
            .of_type("event")
            .iter()
            .map(|e| format!("{}: {}", text(e, "event"), text(e, "detail")))
            .collect()
    }
}

fn text(row: &Value, key: &str) -> String {
    row[key].as_str().unwrap_or("-").to_owned()
}

#[test]
fn a_gain_of_each_agent_is_kept_with_its_last_words_and_its_bill() {
    for (agent, _, version) in AGENTS {
        let bench = Bench::new(1);
        bench.stand_in(agent, &[format!("{}; {}", edit("src/a.txt", 5), stream(agent, "edit"))]);
        bench.run(&["run", "--agent", agent]).expect(0).says(&["Done: closed form."]);
        assert_eq!(bench.verdicts(), ["keep improved"], "{agent}");
        let row = &bench.rows()[0];
        assert_eq!(text(row, "agent"), format!("{agent} {version}"));
        assert_eq!(text(row, "description"), "Done: closed form.");
        let usage = &row["usage"];
        // Codex needed two answers, the others four.
        let answers = if agent == "codex" { 2 } else { 4 };
        let expected = [1200 * answers, 300 * answers, 80 * answers];
        assert_eq!(
            ["input", "cached", "output"].map(|key| usage[key].as_u64().unwrap()),
            expected,
            "{agent}"
        );
        assert_eq!(usage["usd"].is_null(), agent == "codex", "{agent}: {usage}");
        let brief = bench.noted("brief.1");
        assert!(brief.contains("Fewer bytes in src.") && brief.contains(".sprag/proposal.json"), "{brief}");
    }
}

#[test]
fn a_try_without_an_edit_is_no_experiment_and_costs_what_it_costs() {
    let bench = Bench::new(1);
    let gain = format!("{}; {}", edit("src/a.txt", 5), stream("codex", "edit"));
    bench.stand_in("codex", &[stream("codex", "noedit"), gain]);
    bench.run(&["run", "--agent", "codex"]).expect(0).says(&["There is nothing left to gain."]);
    assert_eq!(
        (bench.verdicts(), bench.events()),
        (vec!["keep improved".to_owned()], vec!["no_edit: nothing was changed".to_owned()])
    );
    assert_eq!(bench.repo.of_type("event")[0]["usage"]["input"], 1200);
}

#[test]
fn an_edit_out_of_scope_is_refused_whatever_the_agent_says() {
    let bench = Bench::new(2);
    let done = stream("pi", "edit");
    let cheats = [
        format!("{}; echo 'echo METRIC bytes=1' > .auto/measure.sh; {done}", edit("src/a.txt", 5)),
        format!("{}; git commit -qam done; rm -rf .git; {done}", edit("README", 1)),
    ];
    bench.stand_in("pi", &cheats);
    bench.run(&["run", "--agent", "pi"]).expect(0);
    assert_eq!(bench.verdicts(), ["checks_failed scope", "checks_failed scope"]);
    assert_eq!(bench.repo.read("README"), "a repository\n");
}

#[test]
fn a_number_a_status_and_a_commit_that_an_agent_claims_decide_nothing() {
    let bench = Bench::new(1);
    let lie = r#"{"description":"1000 times smaller","hypothesis":"trust me","bytes":0.3,"status":"keep","commit":"abc"}"#;
    let turn = format!(
        "{}; echo '{lie}' > .sprag/proposal.json; {}",
        edit("src/b.txt", 20),
        stream("claude", "edit")
    );
    bench.stand_in("claude", &[turn]);
    bench.run(&["run", "--agent", "claude"]).expect(0).says(&["1000 times smaller"]);
    let row = &bench.rows()[0];
    assert_eq!(text(row, "status"), "discard");
    assert_eq!(row["metric"].as_f64(), Some(435.0), "what was measured");
    assert_eq!(row["asi"]["hypothesis"], "trust me");
    assert_ne!(row["commit"], "abc");
}

#[test]
fn a_half_made_edit_of_an_agent_that_died_is_not_judged() {
    let bench = Bench::new(1);
    let died = format!("{}; echo 'segmentation fault' >&2; kill -9 $$", edit("src/a.txt", 1));
    let failed = format!("{}; {}", edit("src/a.txt", 2), stream("claude", "refuse"));
    let gain = format!("{}; {}", edit("src/b.txt", 5), stream("claude", "edit"));
    bench.stand_in("claude", &[died, failed, gain]);
    bench.run(&["run", "--agent", "claude"]).expect(0);
    let events = bench.events();
    assert!(events[0].starts_with("skipped: it ended without an answer: killed by signal 9"), "{events:?}");
    assert!(events[0].contains("segmentation fault"), "{events:?}");
    assert!(events[1].starts_with("skipped: the model could not go on"), "{events:?}");
    assert_eq!(bench.rows()[0]["metric"].as_f64(), Some(285.0), "the edits of the others are gone");
}

#[test]
fn a_key_that_is_not_accepted_stops_the_session_at_once_and_is_no_experiment() {
    for agent in ["claude", "codex", "pi", "opencode"] {
        let bench = Bench::new(1);
        let turn = format!("{}; {}", edit("src/a.txt", 5), stream(agent, "auth"));
        let gain = format!("{}; {}", edit("src/a.txt", 5), stream(agent, "edit"));
        bench.stand_in(agent, &[turn, gain]);
        bench.run(&["run", "--agent", agent]).expect(1).says(&[agent, "does not accept the key"]);
        assert_eq!((bench.calls(), bench.verdicts()), (1, vec![]), "{agent}");
        assert!(bench.events()[0].starts_with("infrastructure: "), "{:?}", bench.events());
        assert_eq!(text(&bench.repo.of_type("stop")[0], "reason"), "failed");
        // The person has mended it.
        bench.run(&["run", "--agent", agent]).expect(0);
        assert_eq!(bench.verdicts(), ["keep improved"], "{agent}");
    }
}

#[test]
fn a_rate_limit_and_an_outage_are_waited_for_and_then_end_the_session() {
    let bench = Bench::new(1);
    bench.settings("use = 'opencode'\nretry = ['1ms', '1ms']\n");
    let gain = format!("{}; {}", edit("src/a.txt", 5), stream("opencode", "edit"));
    bench.stand_in("opencode", &[stream("opencode", "rate"), stream("opencode", "outage"), gain]);
    bench.run(&["run"]).expect(0).says(&["allows no more for now: slow down", "is asked again in 1ms"]);
    assert_eq!((bench.calls(), bench.verdicts()), (3, vec!["keep improved".to_owned()]));
    let bench = Bench::new(1);
    bench.settings("retry = ['1ms', '1ms']\n");
    bench.stand_in("pi", &vec![stream("pi", "outage"); 9]);
    bench.run(&["run", "--agent", "pi"]).expect(1).says(&["cannot be reached", "overloaded"]);
    assert_eq!((bench.calls(), bench.verdicts()), (3, vec![]));
}

#[test]
fn an_agent_that_is_not_there_is_told_before_anything_is_measured() {
    let bench = Bench::new(1);
    let mut command = bench.repo.command(&["run", "--agent", "codex"]);
    let git = bench.repo.beside("only-git");
    fs::create_dir(&git).unwrap();
    let found = std::process::Command::new("sh").args(["-c", "command -v git"]).output().unwrap();
    std::os::unix::fs::symlink(String::from_utf8(found.stdout).unwrap().trim(), git.join("git")).unwrap();
    let output = command.env("PATH", &git).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(
        said.contains("`codex` cannot be called") && said.contains("npm install -g @openai/codex"),
        "{said}"
    );
    assert!(!bench.repo.root().join(".auto/log.jsonl").exists());
    bench.run(&["run", "--agent", "cluade"]).expect(1).says(&["did you mean `claude`?"]);
}

#[test]
fn any_command_can_propose_and_a_key_reaches_it_and_no_file() {
    let bench = Bench::new(1);
    bench.settings("env = ['MY_AGENT_KEY']\nusage = { usd = 'cost \\$([0-9.]+)' }\n");
    let turn = format!(
        "{}; echo \"with $MY_AGENT_KEY\"; echo 'cost $0.25'; echo 'Fewer lines'",
        edit("src/a.txt", 5)
    );
    bench.stand_in("my-agent", &[turn]);
    let secret = "sk-very-secret-0123";
    let env = [("MY_AGENT_KEY", secret), ("ANOTHER_KEY", "not-passed-on")];
    bench.run_with(&["run", "--agent", "command:my-agent --file {prompt_file}"], &env).expect(0);
    let row = &bench.rows()[0];
    assert_eq!(
        (text(row, "agent"), text(row, "description")),
        ("command".to_owned(), "Fewer lines".to_owned())
    );
    assert_eq!(row["usage"], serde_json::json!({ "usd": 0.25 }), "what it did not say is unknown");
    assert!(bench.noted("env.1").contains(secret) && !bench.noted("env.1").contains("not-passed-on"));
    let file = bench.noted("args.1").trim().strip_prefix("--file ").map(PathBuf::from).unwrap();
    assert_eq!(fs::read_to_string(&file).unwrap(), bench.noted("brief.1"));
    let kept = fs::read_to_string(file.with_file_name("transcript.jsonl")).unwrap();
    assert!(kept.contains("with [MY_AGENT_KEY]"), "{kept}");
    let grep =
        std::process::Command::new("grep").args(["-rlaF", secret]).arg(bench.repo.state()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&grep.stdout), "", "a key stands in no file of Sprag's");
}

const LOGIN: &str = r#"{"tokens":{"access_token":"old-login"}}"#;

#[test]
fn a_login_that_was_made_another_one_is_not_taken_back_and_its_words_are_secrets() {
    let bench = Bench::new(2);
    let home = bench.repo.beside("home");
    let login = r#"{"tokens":{"access_token":"a-token-of-more-than-twenty-characters"}}"#;
    repo::write(&home.join(".codex/auth.json"), login.as_bytes());
    let edited = edit("src/a.txt", 5);
    let planted = format!(
        "echo '{{\"key\":\"!touch x\"}}' > ~/.codex/auth.json; {edited}; {}",
        stream("codex", "edit")
    );
    let leaked = format!("cat ~/.codex/auth.json > src/b.txt; {}", stream("codex", "edit"));
    bench.stand_in("codex", &[planted, leaked]);
    let home_variable = [("HOME", home.to_str().unwrap()), ("CODEX_HOME", "")];
    bench.run_with(&["run", "--agent", "codex"], &home_variable);
    assert_eq!(fs::read_to_string(home.join(".codex/auth.json")).unwrap(), login);
    assert!(bench.rows()[0]["asi"]["not_taken_back"].to_string().contains("auth.json"));
    let skipped = bench.repo.of_type("event").into_iter().find(|event| event["event"] == "skipped").unwrap();
    assert!(skipped["detail"].as_str().unwrap().contains("a login in .codex/auth.json"), "{skipped}");
}

#[test]
fn an_agent_sees_its_copy_and_what_it_was_given_and_nothing_else() {
    let bench = Bench::new(1);
    let (home, root, state) = (bench.repo.beside("home"), bench.repo.root().to_owned(), bench.repo.state());
    for (path, text) in
        [(".codex/auth.json", LOGIN), (".codex/config.toml", "model = 'x'"), ("private.txt", "mine")]
    {
        repo::write(&home.join(path), text.as_bytes());
    }
    let note = bench.bin.display();
    let look = format!(
        "for d in {home} {root} {state} /etc; do touch $d/by-an-agent; done; \
         cat {home}/private.txt {root}/README {state}/sprag/*/sessions/*/ledger.jsonl > {note}/outside; \
         cat README ~/.codex/auth.json > {note}/inside; \
         sed s/old-login/new-login/ ~/.codex/auth.json > ~/.codex/new && mv ~/.codex/new ~/.codex/auth.json; \
         echo 'hooks' > ~/.codex/hooks.json; ln -s {home} ~/.codex/rules; \
         echo 'x' >> ~/.codex/config.toml; touch ~/lost $TMPDIR/lost",
        home = home.display(),
        root = root.display(),
        state = state.display()
    );
    let turn = format!("{{ {look}; }} 2>/dev/null; {}; {}", edit("src/a.txt", 5), stream("codex", "edit"));
    bench.stand_in("codex", &[turn]);
    let home_variable = [("HOME", home.to_str().unwrap()), ("CODEX_HOME", "")];
    bench.run_with(&["run", "--agent", "codex"], &home_variable).expect(0);
    assert_eq!(
        (bench.noted("outside").as_str(), bench.noted("inside").as_str()),
        ("", format!("a repository\n{LOGIN}").as_str())
    );
    for folder in [&home, &root, &state, Path::new("/etc")] {
        assert!(!folder.join("by-an-agent").exists(), "{}", folder.display());
    }
    let kept = |name: &str| fs::read_to_string(home.join(".codex").join(name)).ok();
    let renewed = LOGIN.replace("old-login", "new-login");
    assert_eq!(kept("auth.json").as_deref(), Some(renewed.as_str()), "a login that was renewed inside stays");
    assert_eq!(kept("config.toml").as_deref(), Some("model = 'x'"), "what steers it is only read");
    let mut names: Vec<_> =
        fs::read_dir(home.join(".codex")).unwrap().map(|e| e.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["auth.json", "config.toml"], "and nothing new is there, to be obeyed outside");
    assert!(!home.join("lost").exists());
    assert!(
        bench.noted("args.1").contains("-s danger-full-access"),
        "a sandbox of its own has no place in ours"
    );
}

#[test]
fn without_a_sandbox_it_is_said_that_an_agent_has_the_rights_of_a_person() {
    let bench = Bench::new(1);
    let settings = format!("{}[agent]\nuse = 'codex'\n", repo::UNLOCKED);
    bench.repo.write(".auto/sprag.toml", &settings);
    bench.repo.commit("settings");
    bench.stand_in("codex", &[format!("{}; {}", edit("src/a.txt", 5), stream("codex", "edit"))]);
    bench.run(&["run"]).expect(0).says(&["codex 0.169.0 runs with your rights: [sandbox] tier is none"]);
    assert!(bench.noted("args.1").contains("-s workspace-write"), "its own sandbox is all that holds it");
}

#[test]
fn what_is_private_is_not_opened_to_an_agent() {
    let bench = Bench::new(1);
    bench.stand_in("pi", &[]);
    for place in [bench.repo.root().to_owned(), bench.repo.state(), bench.repo.root().join("src")] {
        bench.repo.write(".auto/sprag.toml", &format!("[agent]\nread = [{place:?}]\n"));
        bench.repo.commit("settings");
        bench.run(&["run", "--agent", "pi"]).expect(1).says(&["[agent] read names", "a copy of the code"]);
    }
    assert_eq!(bench.calls(), 0);
}

#[test]
fn a_change_that_holds_a_key_is_not_judged_and_its_bytes_go_nowhere() {
    let bench = Bench::new(1);
    let leak = format!("echo $OPENAI_API_KEY > src/a.txt; {}", stream("codex", "edit"));
    bench.stand_in("codex", &[leak, format!("{}; {}", edit("src/b.txt", 5), stream("codex", "edit"))]);
    let secret = "sk-very-secret-0123";
    bench.run_with(&["run", "--agent", "codex"], &[("OPENAI_API_KEY", secret)]).expect(0);
    let told = "skipped: the change holds the value of OPENAI_API_KEY, in src/a.txt";
    assert_eq!((bench.events(), bench.verdicts()), (vec![told.to_owned()], vec!["keep improved".to_owned()]));
}

#[test]
fn the_doctor_asks_each_agent_in_the_sandbox_too() {
    let bench = Bench::new(1);
    bench.stand_in("pi", &[]);
    let elsewhere = bench.repo.beside("elsewhere");
    repo::write(&elsewhere.join("real"), b"echo 1.18.33");
    bench.stand_in("opencode", &[]);
    fs::write(bench.bin.join("opencode"), format!("#!/bin/sh\n. {}/real\n", elsewhere.display())).unwrap();
    let report = bench.run(&["doctor", "--json"]).expect(0).json();
    let line = |name: &str| {
        report["machine"].as_array().unwrap().iter().find(|l| l["what"] == name).unwrap().clone()
    };
    assert_eq!(line("pi")["detail"], "0.87.0, a coding agent; it starts in the sandbox");
    let shut_out = text(&line("opencode"), "detail");
    assert!(shut_out.starts_with("1.18.33, a coding agent that does not start in the sandbox"), "{shut_out}");
    assert_eq!(line("opencode")["remedy"], "name the folder that it is installed in under `[agent] read`");
}

#[test]
fn the_doctor_asks_one_agent_for_a_word_and_says_what_came_of_it() {
    let bench = Bench::new(1);
    bench.stand_in("codex", &[stream("codex", "noedit"), stream("codex", "auth"), stream("codex", "noedit")]);
    let ask = ["doctor", "--agent", "codex"];
    let used = "used: 1200 input, 300 cached, 80 output";
    bench.run(&ask).expect(0).says(&[
        "ok codex 0.169.0",
        "in the sandbox, tier enforced: There is nothing",
        used,
    ]);
    bench.run(&ask).expect(1).says(&["failed codex 0.169.0", "does not accept the key", "used: unknown"]);
    let told = bench.run(&["doctor", "--agent", "codex", "--json"]).expect(0).json();
    assert_eq!((&told["tier"], &told["failure"]), (&"enforced".into(), &Value::Null), "{told}");
    for name in ["playbook:x", "knobs"] {
        let why = format!("{name} asks no model, so there is nothing to ask: name claude");
        bench.run(&["doctor", "--agent", name]).expect(1).says(&[&why]);
    }
    bench.run(&["doctor", "--agent", "builtin"]).expect(1).says(&["write `model` under `[agent]`"]);
}

#[test]
fn an_agent_reaches_the_hosts_that_are_named_and_no_other() {
    let bench = Bench::new(1);
    let [named, other] = [(); 2].map(|()| std::net::TcpListener::bind("127.0.0.1:0").unwrap());
    let [port, closed] = [&named, &other].map(|listener| listener.local_addr().unwrap().port());
    bench.settings(&format!("network = ['127.0.0.1:{port}', 'api.example.com']\n"));
    let script = format!(
        "for p in {port} {closed}; do (exec 3<>/dev/tcp/127.0.0.1/$p) && echo $p; done\n\
         exec 3<>/dev/tcp/127.0.0.1/${{HTTPS_PROXY##*:}}\n\
         printf 'CONNECT example.com:443 HTTP/1.1\\r\\n\\r\\n' >&3; head -1 <&3\n"
    );
    repo::write(&bench.bin.join("ask"), script.as_bytes());
    let (ask, reached) = (bench.bin.join("ask"), bench.bin.join("reached"));
    let look = format!("bash {} > {} 2>/dev/null", ask.display(), reached.display());
    bench.stand_in("pi", &[format!("{look}; {}; {}", edit("src/a.txt", 5), stream("pi", "edit"))]);
    let told = "pi 0.87.0 asked for example.com, which it does not reach: add \"example.com\"";
    bench.run(&["run", "--agent", "pi"]).expect(0).says(&[told]);
    assert_eq!(bench.noted("reached").trim(), format!("{port}\nHTTP/1.1 502 Bad Gateway"));
}

#[test]
fn another_agent_goes_on_with_the_same_baseline() {
    let bench = Bench::new(2);
    bench.stand_in("pi", &[format!("{}; {}", edit("src/a.txt", 5), stream("pi", "edit"))]);
    bench.repo.write(".auto/prompt.md", &SPEC.replace("after 50 experiments", "after 1 experiments"));
    bench.run(&["run", "--agent", "pi"]).expect(0);
    bench.repo.write(".auto/prompt.md", &SPEC.replace("after 50 experiments", "after 2 experiments"));
    bench.settings("use = 'codex'\nmodel = 'm'\n");
    fs::remove_file(bench.bin.join("count")).unwrap();
    bench.stand_in("codex", &[format!("{}; {}", edit("src/b.txt", 5), stream("codex", "edit"))]);
    bench.run(&["run"]).expect(0);
    assert_eq!(bench.verdicts(), ["keep improved", "keep improved"]);
    assert_eq!(bench.repo.of_type("config").len(), 1, "who proposes is no part of the contract");
    assert!(bench.noted("args.1").contains("-m m"));
    bench.repo.run(&["audit"]).expect(0);
}
