//! `sprag-scripted-model PORT SCRIPT.json LOG`: the server for real agents; each request is a line of the log.

use std::fs::{self, File};
use std::process::ExitCode;

use sprag_scripted_model::{Script, Server};

fn main() -> ExitCode {
    match start() {
        Ok(server) => {
            println!("{}", server.url());
            loop {
                std::thread::park();
            }
        }
        Err(why) => {
            eprintln!("sprag-scripted-model: {why}");
            ExitCode::FAILURE
        }
    }
}

fn start() -> Result<Server, String> {
    let [port, script, log] =
        std::env::args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| {
            "usage: sprag-scripted-model PORT SCRIPT.json LOG (port 0: a free one)".to_owned()
        })?;
    let port = port.parse().map_err(|_| format!("`{port}` is no port"))?;
    let text = fs::read_to_string(&script).map_err(|error| format!("{script}: {error}"))?;
    let parsed = Script::parse(&text).map_err(|error| format!("{script}: {error}"))?;
    let file = File::create(&log).map_err(|error| format!("{log}: {error}"))?;
    Server::start_at(port, parsed, Some(Box::new(file))).map_err(|error| format!("port {port}: {error}"))
}
