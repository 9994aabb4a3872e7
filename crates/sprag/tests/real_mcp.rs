//! Real coding agents as clients of `sprag mcp`, asked by a model that plays a script. `cargo xtask agents` installs them and
//! runs this; no test here runs by itself, as they are hundreds of megabytes.
#![allow(clippy::unwrap_used, reason = "a failed test may panic anywhere")]

mod repo;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use repo::{Repo, lines};
use serde_json::{Value, json};
use sprag_scripted_model::{Script, Server};

/// What the model is asked with.
const KEY: &str = "sk-scripted-0123456789";
/// What a server needs of the environment, which not every agent passes on.
const PASSED: [&str; 4] = ["XDG_STATE_HOME", "SPRAG_LOCK_DIR", "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM"];

/// Where `cargo xtask agents` installed them.
fn installed() -> PathBuf {
    let folder = std::env::var_os("SPRAG_AGENTS").expect("`cargo xtask agents` says where the agents are");
    PathBuf::from(folder).join("node_modules/.bin")
}

/// A repository, a model with these turns, and the agent that is to be asked by it.
struct Scene {
    repo: Repo,
    server: Server,
    /// The copy that the model edits.
    folder: PathBuf,
}

impl Scene {
    fn new(turns: impl FnOnce(&Path) -> Value) -> Self {
        let repo = Repo::new();
        let folder = PathBuf::from(repo.run(&["mcp", "--print-folder"]).expect(0).stdout.trim());
        let script = json!({ "steps": turns(&folder) }).to_string();
        let server = Server::start(Script::parse(&script).unwrap()).unwrap();
        fs::create_dir_all(repo.beside("home/tmp")).unwrap();
        Self { repo, server, folder }
    }

    /// The environment of the server, as an agent's settings name it.
    fn environment(&self) -> serde_json::Map<String, Value> {
        let command = self.repo.command(&[]);
        let set = command.get_envs().filter_map(|(name, value)| Some((name.to_str()?, value?.to_str()?)));
        set.filter(|(name, _)| PASSED.contains(name))
            .map(|(name, value)| (name.to_owned(), value.into()))
            .collect()
    }

    fn agent(&self, name: &str) -> Command {
        let home = self.repo.beside("home");
        let path = format!("{}:{}", installed().display(), std::env::var("PATH").unwrap());
        let mut command = Command::new(installed().join(name));
        command.current_dir(self.repo.root()).stdin(Stdio::null()).env("PATH", path);
        command.env("HOME", &home).env("TMPDIR", home.join("tmp")).env("SCRIPTED_KEY", KEY);
        command
    }

    /// The agent did it all: the edit is kept, under its name, and the model was told so.
    fn was_kept_for(self, command: &mut Command, name: &str) {
        let output = command.output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let printed = format!("{}\n{}", text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{printed}");
        let asked = self.server.asked();
        assert!(self.repo.home().join("current").exists(), "{printed}\noffered: {}", asked[0].body["tools"]);
        let rows = self.repo.rows();
        assert_eq!(rows.len(), 2, "{printed}");
        let row = &rows[1];
        assert_eq!(
            (row["status"].as_str(), row["reason"].as_str()),
            (Some("keep"), Some("improved")),
            "{row}"
        );
        assert_eq!(row["description"], "half of a");
        assert!(row["agent"].as_str().unwrap().starts_with(name), "{}", row["agent"]);
        assert_eq!(fs::read_to_string(self.folder.join("src/a.txt")).unwrap(), lines("a", 5));
        assert!(printed.contains("bytes went from 335 to 285"), "the agent was told: {printed}");
        eprintln!("{}: {} of {} turns", row["agent"], row["status"], self.server.asked().len());
        self.repo.run(&["audit"]).expect(0);
    }
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn claude_code_begins_edits_submits_and_reads_the_verdict() {
    let scene = Scene::new(|folder| {
        let path = folder.join("src/a.txt");
        let edit = json!({ "file_path": path, "old_string": lines("a", 10), "new_string": lines("a", 5) });
        json!([
            { "tools": [{ "tool": "mcp__sprag__begin_experiment", "args": {} }] },
            { "tools": [{ "tool": "Read", "args": { "file_path": path } }] },
            { "tools": [{ "tool": "Edit", "args": edit }] },
            { "tools": [{ "tool": "mcp__sprag__submit_experiment", "args": { "description": "half of a" } }] },
            { "text": "It was kept." },
        ])
    });
    let server =
        json!({ "command": env!("CARGO_BIN_EXE_sprag"), "args": ["mcp"], "env": scene.environment() });
    let config = scene.repo.beside("home/mcp.json");
    repo::write(&config, json!({ "mcpServers": { "sprag": server } }).to_string().as_bytes());
    let mut command = scene.agent("claude");
    command.env("ANTHROPIC_BASE_URL", scene.server.url()).env("ANTHROPIC_API_KEY", KEY);
    command.env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1");
    command.args(["-p", "Make it smaller.", "--bare", "--verbose", "--output-format", "stream-json"]);
    command.args(["--no-session-persistence", "--strict-mcp-config", "--permission-mode", "acceptEdits"]);
    command.arg("--mcp-config").arg(config).arg("--add-dir").arg(&scene.folder);
    command.args(["--allowedTools", "mcp__sprag__begin_experiment", "mcp__sprag__submit_experiment"]);
    scene.was_kept_for(&mut command, "mcp: claude-code");
}

#[test]
#[ignore = "needs the real agents: cargo xtask agents"]
fn codex_begins_edits_submits_and_reads_the_verdict() {
    let scene = Scene::new(|folder| {
        let cut = format!("sed -i '6,$d' {}", folder.join("src/a.txt").display());
        json!([
            { "tools": [{ "tool": "mcp__sprag.begin_experiment", "args": {} }] },
            { "tools": [{ "tool": "exec_command", "args": { "cmd": cut } }] },
            { "tools": [{ "tool": "mcp__sprag.submit_experiment", "args": { "description": "half of a" } }] },
            { "text": "It was kept." },
        ])
    });
    let environment: Vec<String> =
        scene.environment().iter().map(|(name, value)| format!("{name} = {value}")).collect();
    let config = format!(
        "model = 'm'\nmodel_provider = 'scripted'\napproval_policy = 'never'\nsandbox_mode = 'workspace-write'\n\
         [sandbox_workspace_write]\nwritable_roots = ['{folder}']\n\
         [model_providers.scripted]\nname = 'scripted'\nenv_key = 'SCRIPTED_KEY'\nwire_api = 'responses'\nbase_url = '{url}/v1'\n\
         [mcp_servers.sprag]\ncommand = '{sprag}'\nargs = ['mcp']\ntool_timeout_sec = 3600\n\
         default_tools_approval_mode = 'approve'\n[mcp_servers.sprag.env]\n{environment}\n",
        folder = scene.folder.display(),
        url = scene.server.url(),
        sprag = env!("CARGO_BIN_EXE_sprag"),
        environment = environment.join("\n"),
    );
    let home = scene.repo.beside("home/codex");
    repo::write(&home.join("config.toml"), config.as_bytes());
    let mut command = scene.agent("codex");
    command.env("CODEX_HOME", home);
    command.args(["exec", "--json", "--ephemeral", "--skip-git-repo-check", "Make it smaller."]);
    scene.was_kept_for(&mut command, "mcp: codex");
}
