//! The ways to speak to a side, and how each starts it.

use sprag_contract::settings::{CompareKind, Port, Serve};

use super::each::Each;
use super::http::Server;
use super::stdio::Stdio;
use super::worker::Worker;
use crate::draw::{Purpose, draw};
use crate::drivers::beside::Beside;
use crate::drivers::launch::Launch;
use crate::process::Program;
use crate::{CpuSet, MeasureError, Plan, Side, port};

/// How a side's code is started and spoken to.
#[derive(Clone)]
pub(super) enum Way {
    /// Line by line on standard input and output.
    Stdio(Program),
    /// As an HTTP server.
    Http(Listening),
    /// One process a case.
    Each(Program),
}

/// A server to be.
#[derive(Clone)]
pub(super) struct Listening {
    program: Program,
    port: Port,
    ready: Option<String>,
    compare: CompareKind,
}

impl Way {
    /// What the settings say. How outputs are compared decides how an HTTP answer is written down.
    pub(super) fn of(serve: &Serve, compare: CompareKind) -> Self {
        let shell = |command: &String| Program::Shell(command.clone());
        match serve {
            Serve::Stdio(command) => Way::Stdio(shell(command)),
            Serve::Http(http) => Way::Http(Listening {
                program: shell(&http.command),
                port: http.port,
                ready: http.ready_path().map(str::to_owned),
                compare,
            }),
            Serve::Each(command) => Way::Each(shell(command)),
        }
    }

    /// The same way to a stand-in that does nothing: `argv` runs it when it is told the way.
    pub(super) fn echo(&self, mut argv: Vec<String>) -> Self {
        let mut program = |words: &[&str]| {
            argv.extend(words.iter().map(|word| (*word).to_owned()));
            Program::Argv(std::mem::take(&mut argv))
        };
        match self {
            Way::Stdio(_) => Way::Stdio(program(&["stdio"])),
            Way::Http(server) => {
                Way::Http(Listening { program: program(&["http", "{port}"]), ready: None, ..server.clone() })
            }
            Way::Each(_) => Way::Each(program(&["each"])),
        }
    }

    /// Whether both sides can be up at once.
    pub(super) fn goes_side_by_side(&self) -> bool {
        !matches!(self, Way::Http(Listening { port: Port::Fixed(_), .. }))
    }

    /// Starts a side on `cpus`.
    pub(super) fn start(
        &self,
        launch: &Launch,
        side: &Side<'_>,
        plan: &Plan,
        repetition: u32,
        beside: &Beside,
        cpus: Option<&CpuSet>,
    ) -> Result<Box<dyn Worker>, MeasureError> {
        let invocation = |program: Program| {
            let mut invocation = launch.invocation(program, side, plan, repetition, beside)?;
            invocation.cpus = cpus.cloned();
            Ok::<_, MeasureError>(invocation)
        };
        let interrupt = &launch.interrupt;
        Ok(match self {
            Way::Stdio(program) => Box::new(Stdio::start(invocation(program.clone())?, interrupt)?),
            Way::Each(program) => {
                let folders = Launch::folders(side, repetition);
                let padding = draw(plan.seed, Purpose::Padding(side.role), repetition);
                Box::new(Each::new(invocation(program.clone())?, interrupt, folders, padding))
            }
            Way::Http(server) => {
                let port = match server.port {
                    Port::Free => port::free()?,
                    Port::Fixed(port) => port::insist_on(port).map(|()| port)?,
                };
                let program = match &server.program {
                    Program::Shell(line) => Program::Shell(port::fill_in(line, port)),
                    Program::Argv(argv) => {
                        Program::Argv(argv.iter().map(|word| port::fill_in(word, port)).collect())
                    }
                };
                let mut invocation = invocation(program)?;
                invocation.env.insert("PORT".to_owned(), port.to_string());
                Box::new(Server::start(invocation, interrupt, port, server.ready.clone(), server.compare)?)
            }
        })
    }
}
