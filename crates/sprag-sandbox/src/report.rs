//! What a jail on this machine is worth, layer by layer.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::plan::{Refusal, Step, Wall};
use crate::{Backend, Lack, Tier};

/// What the self-test found. It belongs into the ledger: a number is worth what held the program that it is of.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Report {
    /// The strongest tier in which all that must fail fails.
    pub tier: Tier,
    /// Who makes the namespaces of such a jail, where it has any.
    #[serde(default, skip_serializing_if = "Backend::is_own")]
    pub backend: Backend,
    /// Whom the network of such a jail holds.
    pub wall: Wall,
    /// Each layer that was tried.
    pub layers: Vec<LayerReport>,
}

impl Report {
    /// The same bytes for the same findings, to be hashed.
    pub fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("a report has no maps and no numbers that JSON lacks")
    }

    /// A layer that holds here, and does not in a jail that is asked for the same and says this of itself.
    pub(crate) fn loses(&self, wall: Wall, open_network: bool, lost: &[Refusal]) -> Option<Layer> {
        let network = (wall > self.wall && !open_network).then_some(Layer::Network);
        let lost = lost.iter().filter_map(|refusal| match refusal.step {
            Step::Landlock => Some(Layer::Landlock),
            Step::Processes => Some(Layer::Processes),
            Step::Memory => Some(Layer::Memory),
            Step::Clock => Some(Layer::CpuClock),
            _ => None,
        });
        let held = |layer: &Layer| self.layers.iter().any(|it| it.layer == *layer && it.state == State::Held);
        network.into_iter().chain(lost).find(held)
    }

    /// What is missing, and what mends it.
    pub fn lacks(&self) -> impl Iterator<Item = (Layer, &Lack)> {
        self.layers.iter().filter_map(|report| match &report.state {
            State::Held => None,
            State::Missing(lack) => Some((report.layer, lack)),
        })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.backend {
            Backend::Own => writeln!(f, "tier {}", self.tier)?,
            Backend::Bubblewrap => writeln!(f, "tier {}, by {}", self.tier, self.backend)?,
        }
        for LayerReport { layer, state, .. } in &self.layers {
            match state {
                State::Held => writeln!(f, "held     {layer:<13} {}", layer.meaning())?,
                State::Missing(Lack { what, remedy }) => {
                    writeln!(f, "missing  {layer:<13} {what}")?;
                    writeln!(f, "{:23}lost: {}", "", layer.lost())?;
                    writeln!(f, "{:23}remedy: {remedy}", "")?;
                }
            }
        }
        Ok(())
    }
}

/// What the self-test found of one layer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct LayerReport {
    /// Which.
    pub layer: Layer,
    /// Whether it holds.
    pub state: State,
    /// What was tried, and how it came out, in words.
    pub tried: Vec<String>,
}

impl LayerReport {
    pub(crate) fn missing(layer: Layer, lack: Lack) -> Self {
        Self { layer, state: State::Missing(lack), tried: Vec::new() }
    }
}

/// Whether a layer holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// All that it must stop was stopped.
    Held,
    /// It is not there, or does not stop what it must.
    Missing(Lack),
}

/// The layers of a jail, from the plainest on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Layer {
    /// Nothing inherited, no privilege, limits.
    Privileges,
    /// A root, and processes, of its own.
    Namespaces,
    /// An empty network.
    Network,
    /// The filter for system calls.
    SystemCalls,
    /// The rules for files.
    Landlock,
    /// Signals stay inside.
    Signals,
    /// The number of processes is limited.
    Processes,
    /// The memory of all processes together is limited.
    Memory,
    /// CPU time is counted, whoever waits for whom.
    CpuClock,
}

impl Layer {
    /// In the order in which they are shown.
    pub const ALL: [Self; 9] = [
        Self::Privileges,
        Self::Namespaces,
        Self::Network,
        Self::SystemCalls,
        Self::Landlock,
        Self::Signals,
        Self::Processes,
        Self::Memory,
        Self::CpuClock,
    ];

    /// In a word or two.
    pub fn name(self) -> &'static str {
        match self {
            Self::Privileges => "privileges",
            Self::Namespaces => "namespaces",
            Self::Network => "network",
            Self::SystemCalls => "system calls",
            Self::Landlock => "Landlock",
            Self::Signals => "signals",
            Self::Processes => "processes",
            Self::Memory => "memory",
            Self::CpuClock => "CPU clock",
        }
    }

    /// What it does where it holds.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Privileges => "nothing inherited but three streams, no privilege, limits",
            Self::Namespaces => "a root with what it was given, and no process of the machine in sight",
            Self::Network => "a program finds no way out, and reaches the listeners that Sprag holds",
            Self::SystemCalls => "no namespaces, mounts, tracing, keys or kernel programs",
            Self::Landlock => "files beyond those that it was given can't be opened",
            Self::Signals => "signals stay inside",
            Self::Processes => "the number of processes is limited",
            Self::Memory => "the memory of all processes together is limited",
            Self::CpuClock => "the CPU time of all that is started is counted, whoever waits for it",
        }
    }

    /// What is lost without it.
    pub fn lost(self) -> &'static str {
        match self {
            Self::Privileges | Self::SystemCalls | Self::Landlock => {
                "a program is not held: it reads and writes what its user may"
            }
            Self::Namespaces => {
                "a program sees the processes of the machine and what files there are, and can change modes and times \
                 of those of its user; what it leaves running has to be looked for"
            }
            Self::Network => "a program may reach the network of the machine",
            Self::Signals => "a program may stop or kill other processes of its user",
            Self::Processes => "a program that starts others without end can fill the machine",
            Self::Memory => "a program can fill the memory of the machine",
            Self::CpuClock => "a program can hide CPU time in children that it does not wait for",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_reads_what_holds_what_does_not_and_what_mends_it() {
        let held =
            |layer| LayerReport { layer, state: State::Held, tried: vec!["an act: refused".to_owned()] };
        let lack = Lack {
            what: "a seccomp filter forbids namespaces, as Docker's own does".to_owned(),
            remedy: "start the container with --cap-add SYS_ADMIN".to_owned(),
        };
        let layers = vec![
            held(Layer::Privileges),
            LayerReport::missing(Layer::Namespaces, lack),
            held(Layer::Landlock),
        ];
        let report = Report { tier: Tier::Reduced, backend: Backend::Own, wall: Wall::Ports, layers };
        insta::assert_snapshot!(report, @r"
        tier reduced
        held     privileges    nothing inherited but three streams, no privilege, limits
        missing  namespaces    a seccomp filter forbids namespaces, as Docker's own does
                               lost: a program sees the processes of the machine and what files there are, and can change modes and times of those of its user; what it leaves running has to be looked for
                               remedy: start the container with --cap-add SYS_ADMIN
        held     Landlock      files beyond those that it was given can't be opened
        ");
    }
}
