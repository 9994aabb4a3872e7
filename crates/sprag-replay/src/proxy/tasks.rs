//! The tasks of a scope: what is started for it ends with it.

use std::sync::{Arc, Mutex, PoisonError};

use hyper::rt::Executor;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Starts tasks, and ends all of them at once. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    /// `None` once they were ended.
    set: Arc<Mutex<Option<JoinSet<()>>>>,
}

impl Tasks {
    pub(crate) fn new(runtime: Handle) -> Self {
        Self { runtime, set: Arc::new(Mutex::new(Some(JoinSet::new()))) }
    }

    /// Starts one. Where the scope has ended it is dropped instead.
    pub(crate) fn spawn<T>(&self, task: impl Future<Output = T> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = set.as_mut() {
            // Those that have ended are forgotten here, so that the set is no larger than what runs.
            while set.try_join_next().is_some() {}
            let unit = async move {
                task.await;
            };
            set.spawn_on(unit, &self.runtime);
        }
    }

    /// Ends all, waits until they are gone, and starts no more.
    pub(crate) async fn end(&self) {
        let set = self.set.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut set) = set {
            set.shutdown().await;
        }
    }
}

/// Streams of HTTP/2.
impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}
