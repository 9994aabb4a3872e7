//! Builds and runs a side, and measures it from outside.
//!
//! Processes, clocks and files: everything here blocks, on std threads. Process control and clocks are synchronous,
//! and an executor's own wake-ups would be noise in what is measured.
//!
//! Nothing here decides. A [`Run`] carries numbers and at most one [`Finding`](sprag_judge::Finding) against the code
//! that ran; a [`MeasureError`] is the fault of the host, the harness or Sprag, and nobody's verdict.

pub mod build;
mod cpus;
mod draw;
pub mod drivers;
mod environment;
mod error;
mod gate;
pub mod golden;
pub mod host;
mod interrupt;
mod port;
pub mod process;
mod readers;
mod relay;
mod replay;
mod run;
pub mod sandbox;
pub mod service;
mod side;

pub use cpus::CpuSet;
pub use drivers::{Driver, Setup};
pub use environment::{ALWAYS_PASSED, toolchains};
pub use error::MeasureError;
pub use interrupt::Interrupt;
pub use replay::{Replayed, cpus_beside};
pub use run::{CaseOutput, Floor, Run};
pub use sandbox::{AgentSandbox, Sandbox};
pub use side::{PairPlan, Plan, Role, Side};
pub use sprag_sandbox::Jail;
