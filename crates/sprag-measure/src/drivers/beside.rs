//! What runs beside one side and repetition, out of its reach: services, and the recorded answers of the outside.

use std::collections::BTreeMap;
use std::sync::Arc;

use sprag_judge::{Finding, Metrics, Provenance};

use crate::replay::Replayed;
use crate::service::Services;
use crate::{MeasureError, Run};

/// Dropped, all of it has ended.
#[derive(Debug)]
pub(crate) struct Beside {
    services: Services,
    replayed: Option<Arc<Replayed>>,
    /// What the services had counted when counting began.
    before: Metrics,
}

/// What was counted out of the reach of the code that ran.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Counted {
    /// By services of the harness.
    pub(crate) attested: Metrics,
    /// By Sprag's own proxy.
    pub(crate) observed: Metrics,
    /// Which requests to the outside differ from those of the recording, in words.
    pub(crate) changed: Option<String>,
}

impl Beside {
    /// Counting begins now, too.
    pub(crate) fn new(services: Services, replayed: Option<Replayed>) -> Result<Self, MeasureError> {
        let before = services.counters()?;
        Ok(Self { services, replayed: replayed.map(Arc::new), before })
    }

    /// What a process is told of it.
    pub(crate) fn env(&self) -> BTreeMap<String, String> {
        let mut env = self.services.env();
        env.extend(self.replayed.iter().flat_map(|replayed| replayed.env().clone()));
        env
    }

    /// The services, with the port of each on the loopback of this machine.
    pub(crate) fn services(&self) -> impl Iterator<Item = (&str, u16)> {
        self.services.ports()
    }

    /// Where a process finds recorded answers.
    pub(crate) fn replayed(&self) -> Option<&Arc<Replayed>> {
        self.replayed.as_ref()
    }

    /// What is asked from now on belongs to this case.
    pub(crate) fn enter(&self, case: &str) {
        if let Some(replayed) = &self.replayed {
            replayed.enter(case);
        }
    }

    /// What was counted until now was warm-up.
    pub(crate) fn start_counting(&mut self) -> Result<(), MeasureError> {
        self.before = self.services.counters()?;
        if let Some(replayed) = &self.replayed {
            replayed.start_counting();
        }
        Ok(())
    }

    /// The side is stopped: its recorded answers are, too, so that the other side has the proxy's threads for itself.
    pub(crate) fn freeze(&self) {
        if let Some(replayed) = &self.replayed {
            replayed.freeze();
        }
    }

    /// The side goes on.
    pub(crate) fn thaw(&self) {
        if let Some(replayed) = &self.replayed {
            replayed.thaw();
        }
    }

    /// What was counted since.
    pub(crate) fn counted(&self) -> Result<Counted, MeasureError> {
        let attested = self.services.counters_since(&self.before)?;
        let Some(replayed) = &self.replayed else { return Ok(Counted { attested, ..Counted::default() }) };
        replayed.settle();
        Ok(Counted { attested, observed: replayed.counts(), changed: replayed.changed()? })
    }

    /// What is held against the code that ran, which by itself gave `finding`: a request that nobody answered comes
    /// first, as the rest may follow from it.
    ///
    /// # Errors
    /// Where a service has died or the cassette cannot be read, the code cannot be blamed for what followed.
    pub(crate) fn blame(&self, finding: Option<Finding>) -> Result<Option<Finding>, MeasureError> {
        self.services.check()?;
        let Some(replayed) = &self.replayed else { return Ok(finding) };
        Ok(replayed.finding()?.or(finding))
    }
}

impl Counted {
    /// By name, with where each came from; beside them, why some may be what they are.
    pub(crate) fn put(self, run: &mut Run) {
        run.notes.extend(self.changed);
        self.attested.into_iter().for_each(|(name, count)| run.put(name, count, Provenance::Attested));
        self.observed.into_iter().for_each(|(name, count)| run.put(name, count, Provenance::Observed));
    }
}
