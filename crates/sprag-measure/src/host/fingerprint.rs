//! What a machine is, as far as it moves a measurement.

use std::fs;

use serde::{Deserialize, Serialize};

/// What stays the same for as long as numbers may be compared. A changed one starts a new segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fingerprint {
    /// The CPU's model name; `unknown` where the kernel does not say.
    pub cpu: String,
    /// Logical CPUs that Sprag may use.
    pub cpus: usize,
    /// Kernel name, release and machine: `Linux 6.18.0 x86_64`.
    pub kernel: String,
    /// Total memory in MiB.
    pub memory_mb: u64,
    /// The frequency governor of CPU 0; `None` where it cannot be read, as in most virtual machines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub governor: Option<String>,
    /// The CPU says that a hypervisor is below it.
    pub virtualized: bool,
}

impl Fingerprint {
    /// Of this machine.
    pub fn read() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let field = |text: &str, name: &str| {
            text.lines()
                .find_map(|line| line.split_once(':').filter(|(key, _)| key.trim() == name))
                .map(|(_, value)| value.trim().to_owned())
        };
        let uname = rustix::system::uname();
        let memory = field(&fs::read_to_string("/proc/meminfo").unwrap_or_default(), "MemTotal");
        let kib = memory.and_then(|text| text.split(' ').next()?.parse::<u64>().ok());
        Self {
            cpu: field(&cpuinfo, "model name").unwrap_or_else(|| "unknown".to_owned()),
            cpus: crate::CpuSet::allowed().map_or(1, |cpus| cpus.count()),
            kernel: [uname.sysname(), uname.release(), uname.machine()]
                .map(|part| part.to_string_lossy().into_owned())
                .join(" "),
            memory_mb: kib.unwrap_or_default() / 1024,
            governor: fs::read_to_string("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
                .ok()
                .map(|text| text.trim().to_owned()),
            virtualized: field(&cpuinfo, "flags")
                .is_some_and(|flags| flags.split(' ').any(|flag| flag == "hypervisor")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_fingerprint_that_stays_and_survives_json() {
        let host = Fingerprint::read();
        assert!(host.cpus >= 1 && host.memory_mb > 0 && host.kernel.starts_with("Linux"), "{host:?}");
        assert_eq!(host, Fingerprint::read());
        let json = serde_json::to_string(&host).unwrap();
        assert_eq!(serde_json::from_str::<Fingerprint>(&json).unwrap(), host);
    }
}
