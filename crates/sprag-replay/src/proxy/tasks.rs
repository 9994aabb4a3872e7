//! The tasks of a scope: what is started for it ends with it, and stands still when the scope does.

use std::future::poll_fn;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use hyper::rt::Executor;
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Tasks that take no step for so long, and while what waits for the network was [looked at](Echo), have done all that was
/// asked of them.
const QUIET: Duration = Duration::from_micros(500);
/// Whoever has asked for more than can be done by then has to wait for it.
const PATIENCE: Duration = Duration::from_millis(100);

/// Starts tasks, and ends all of them at once. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Tasks {
    runtime: Handle,
    /// `None` once they were ended.
    set: Arc<Mutex<Option<JoinSet<()>>>>,
    gate: Arc<Gate>,
    echo: Arc<Mutex<Echo>>,
}

/// A byte that goes to the tasks' threads and comes back. On a busy machine these may not have run at all in any given
/// time; but what reached a socket before the byte was sent is found no later than the byte.
#[derive(Debug)]
struct Echo {
    near: UnixStream,
    /// What was sent last: one that comes late is not taken for another.
    last: u8,
}

impl Echo {
    fn start(runtime: &Handle) -> io::Result<Self> {
        let (near, far) = UnixStream::pair()?;
        near.set_read_timeout(Some(PATIENCE))?;
        far.set_nonblocking(true)?;
        let _inside = runtime.enter();
        let mut far = tokio::net::UnixStream::from_std(far)?;
        runtime.spawn(async move {
            let (mut from, mut to) = far.split();
            // It ends when the near end is dropped.
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        Ok(Self { near, last: 0 })
    }

    /// Sends the byte and waits for it. That it does not come back means that it took longer than [`PATIENCE`], or that
    /// the threads are gone: neither can be waited for.
    fn wait(&mut self) {
        self.last = self.last.wrapping_add(1);
        let mut came = [self.last];
        let mut is_there = self.near.write_all(&came).is_ok();
        while is_there {
            is_there = self.near.read_exact(&mut came).is_ok() && came != [self.last];
        }
    }
}

/// What every task passes before each of its steps.
#[derive(Debug, Default)]
struct Gate {
    /// Read as long as a step takes.
    is_closed: RwLock<bool>,
    /// Who found it closed.
    waiting: Mutex<Vec<Waker>>,
    /// How many steps were taken.
    steps: AtomicU64,
}

impl Gate {
    fn step<T>(&self, task: Pin<&mut impl Future<Output = T>>, cx: &mut Context<'_>) -> Poll<T> {
        let is_closed = self.is_closed.read().unwrap_or_else(PoisonError::into_inner);
        if *is_closed {
            // Still under the lock, so that it is not opened between the look and this.
            self.waiting.lock().unwrap_or_else(PoisonError::into_inner).push(cx.waker().clone());
            return Poll::Pending;
        }
        self.steps.fetch_add(1, Ordering::Relaxed);
        task.poll(cx)
    }

    fn set(&self, closed: bool) {
        *self.is_closed.write().unwrap_or_else(PoisonError::into_inner) = closed;
    }
}

impl Tasks {
    /// # Errors
    /// This process can open no more files.
    pub(crate) fn new(runtime: Handle) -> io::Result<Self> {
        let echo = Arc::new(Mutex::new(Echo::start(&runtime)?));
        Ok(Self { runtime, set: Arc::new(Mutex::new(Some(JoinSet::new()))), gate: Arc::default(), echo })
    }

    /// Starts one. Where the scope has ended it is dropped instead.
    pub(crate) fn spawn<T>(&self, task: impl Future<Output = T> + Send + 'static) {
        let mut set = self.set.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(set) = set.as_mut() {
            // Those that have ended are forgotten here, so that the set is no larger than what runs.
            while set.try_join_next().is_some() {}
            let gate = self.gate.clone();
            let unit = async move {
                let mut task = pin!(task);
                poll_fn(|cx| gate.step(task.as_mut(), cx)).await;
            };
            set.spawn_on(unit, &self.runtime);
        }
    }

    /// Waits until they have done what was asked of them; but only for so long.
    pub(crate) fn settle(&self) {
        let since = Instant::now();
        let mut steps = self.gate.steps.load(Ordering::Relaxed);
        loop {
            std::thread::sleep(QUIET);
            self.echo.lock().unwrap_or_else(PoisonError::into_inner).wait();
            // Steps that are under way end first.
            drop(self.gate.is_closed.write());
            let now = self.gate.steps.load(Ordering::Relaxed);
            if now == steps || since.elapsed() > PATIENCE {
                break;
            }
            steps = now;
        }
    }

    /// None takes another step until they are [thawed](Self::thaw). What was asked of them is done before, as it belongs to
    /// the case that is under way.
    pub(crate) fn freeze(&self) {
        self.settle();
        // Waits for the steps under way.
        self.gate.set(true);
    }

    /// They go on.
    pub(crate) fn thaw(&self) {
        self.gate.set(false);
        let waiting = std::mem::take(&mut *self.gate.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
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
