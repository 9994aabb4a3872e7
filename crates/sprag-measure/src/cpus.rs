//! Sets of CPUs, and running on them.

use std::fmt;

use rustix::process::Pid;
use rustix::thread::{sched_getaffinity, sched_setaffinity};
use sprag_contract::settings::{Cpus, DriverKind, Settings};

use crate::MeasureError;

/// A non-empty set of logical CPUs, written `2-5,7`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CpuSet(Vec<usize>);

impl CpuSet {
    /// The most CPUs the kernel interface here can name.
    const MAX: usize = rustix::thread::CpuSet::MAX_CPU;

    /// These CPUs; `None` for an empty or impossible set.
    pub fn new(cpus: impl IntoIterator<Item = usize>) -> Option<Self> {
        let mut cpus: Vec<usize> = cpus.into_iter().collect();
        cpus.sort_unstable();
        cpus.dedup();
        let valid = !cpus.is_empty() && cpus.iter().all(|&cpu| cpu < Self::MAX);
        valid.then_some(Self(cpus))
    }

    /// The CPUs that this thread may use.
    pub fn allowed() -> Result<Self, MeasureError> {
        let set = sched_getaffinity(None).map_err(MeasureError::system("read the CPU affinity"))?;
        Self::new((0..Self::MAX).filter(|&cpu| set.is_set(cpu))).ok_or_else(|| {
            MeasureError::harness("no CPU is allowed to this process", "check its affinity and cpuset")
        })
    }

    /// The last CPU of the set: what `one` means. CPU 0 takes most of the interrupts on most machines.
    pub fn last(&self) -> Self {
        Self(self.0.last().copied().into_iter().collect())
    }

    /// The set without `other`; `None` where nothing is left.
    pub fn without(&self, other: &Self) -> Option<Self> {
        Self::new(self.0.iter().copied().filter(|cpu| !other.0.contains(cpu)))
    }

    /// Their numbers, in order.
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }

    /// Those of measured processes, as the settings or their driver want it; `None` for all.
    pub(crate) fn measured(settings: &Settings) -> Result<Option<Self>, MeasureError> {
        let by_default = match settings.measure.driver {
            DriverKind::Cases => Cpus::One,
            DriverKind::Script | DriverKind::Command => Cpus::All,
        };
        Self::of(settings.measure.cpus.as_ref().unwrap_or(&by_default))
    }

    /// Those for what runs beside measured processes; `None` where these have all.
    pub(crate) fn beside(measured: Option<&Self>) -> Result<Option<Self>, MeasureError> {
        Ok(match measured {
            Some(measured) => Self::allowed()?.without(measured),
            None => None,
        })
    }

    /// Those that the settings mean; `None` for all.
    fn of(cpus: &Cpus) -> Result<Option<Self>, MeasureError> {
        match cpus {
            Cpus::All => Ok(None),
            Cpus::One => Ok(Some(Self::allowed()?.last())),
            Cpus::List(list) => Self::new(list.iter().copied()).map(Some).ok_or_else(|| {
                MeasureError::harness(
                    "measure.cpus names no CPU of this machine",
                    "write numbers such as \"2-5\"",
                )
            }),
        }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    fn kernel_set(&self) -> rustix::thread::CpuSet {
        let mut set = rustix::thread::CpuSet::new();
        self.0.iter().for_each(|&cpu| set.set(cpu));
        set
    }

    /// Runs `f` with this thread on these CPUs. A process spawned inside inherits them from its first instruction.
    pub(crate) fn during<T>(&self, f: impl FnOnce() -> T) -> Result<T, MeasureError> {
        let before = sched_getaffinity(None).map_err(MeasureError::system("read the CPU affinity"))?;
        sched_setaffinity(None, &self.kernel_set())
            .map_err(MeasureError::system("set the CPU affinity (are these CPUs online and allowed?)"))?;
        let result = f();
        sched_setaffinity(None, &before).map_err(MeasureError::system("restore the CPU affinity"))?;
        Ok(result)
    }

    /// Moves one thread there. Threads that are gone by now are no error.
    pub(crate) fn pin_thread(&self, thread: Pid) -> Result<(), MeasureError> {
        match sched_setaffinity(Some(thread), &self.kernel_set()) {
            Ok(()) | Err(rustix::io::Errno::SRCH) => Ok(()),
            Err(source) => Err(MeasureError::system("pin a worker to a CPU")(source)),
        }
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0.as_slice();
        let mut separator = "";
        while let Some(&first) = rest.first() {
            let run = rest.iter().enumerate().take_while(|&(i, &cpu)| cpu == first + i).count();
            match run {
                1 => write!(f, "{separator}{first}")?,
                _ => write!(f, "{separator}{first}-{}", first + run - 1)?,
            }
            rest = &rest[run..];
            separator = ",";
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_printed_as_people_write_it() {
        let set = CpuSet::new([7, 2, 3, 4, 5, 2]).unwrap();
        assert_eq!(set.to_string(), "2-5,7");
        assert_eq!(set.count(), 5);
        assert_eq!(set.last().to_string(), "7");
        assert_eq!(CpuSet::new([]), None);
        assert_eq!(CpuSet::new([usize::MAX]), None);
    }

    #[test]
    fn affinity_is_restored() {
        let before = CpuSet::allowed().unwrap();
        let inside = before.last().during(CpuSet::allowed).unwrap().unwrap();
        assert_eq!(inside, before.last());
        assert_eq!(CpuSet::allowed().unwrap(), before);
    }
}
