//! A load generator: a closed loop over connections that stay open, with requests that were built beforehand. One thread
//! serves all connections, so that what it takes itself is the same for every server that it asks.

mod talk;
mod wire;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustls::ClientConfig;

pub use talk::Talk;

use crate::Result;
use talk::Session;
use wire::Wire;

/// How long an answer may take, in seconds.
const PATIENCE: i64 = 30;

/// A server, and what it is asked.
#[derive(Debug, Clone)]
pub struct Target {
    /// Where it listens.
    pub at: SocketAddr,
    /// What it speaks.
    pub talk: Talk,
    /// Under TLS, as `localhost`.
    pub tls: Option<Arc<ClientConfig>>,
    /// What is asked, again and again in this order. See [`Talk::request`].
    pub requests: Arc<[Vec<u8>]>,
    /// What each answer must hold.
    pub answers: Arc<[Vec<u8>]>,
}

/// When the loop ends.
#[derive(Debug, Clone, Copy)]
pub enum Until {
    /// After so long.
    Time(Duration),
    /// Once each request was answered.
    Each,
}

/// What was seen.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    /// Answers a second.
    pub rate: f64,
    /// The median time from a request to the end of its answer, in microseconds.
    pub p50: f64,
    /// How many answers.
    pub count: usize,
}

struct Line {
    wire: Wire,
    session: Session,
    unread: Vec<u8>,
    asked: Option<(usize, Instant)>,
}

/// Asks over so many connections at once.
///
/// # Errors
/// A server that closes, takes too long, or answers otherwise than it should.
pub fn run(target: &Target, connections: usize, until: Until) -> Result<Load> {
    let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
    let mut lines = Vec::with_capacity(connections);
    for nth in 0..connections {
        let mut wire = Wire::connect(target.at, target.tls.clone())?;
        let mut session = Session::new(target.talk);
        let mut unread = Vec::new();
        session.open(&mut wire, &mut unread)?;
        wire.stop_waiting()?;
        epoll::add(&epoll, &wire, epoll::EventData::new_u64(nth as u64), epoll::EventFlags::IN)?;
        lines.push(Line { wire, session, unread, asked: None });
    }
    let mut next = 0;
    let mut times: Vec<u32> = Vec::with_capacity(1 << 16);
    let begun = Instant::now();
    let ask = |line: &mut Line, next: &mut usize| -> Result<bool> {
        let goes_on = match until {
            Until::Time(time) => begun.elapsed() < time,
            Until::Each => *next < target.requests.len(),
        };
        if goes_on {
            let nth = *next % target.requests.len();
            *next += 1;
            line.asked = Some((nth, Instant::now()));
            line.wire.send(line.session.request(&target.requests[nth]))?;
        }
        Ok(goes_on)
    };
    let mut under_way = 0;
    for line in &mut lines {
        under_way += usize::from(ask(line, &mut next)?);
    }
    let mut events = Vec::with_capacity(connections);
    while under_way > 0 {
        events.clear();
        let patience = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
        if epoll::wait(&epoll, spare_capacity(&mut events), Some(&patience))? == 0 {
            return Err(format!("{} has not answered for {PATIENCE} s", target.at).into());
        }
        for event in &events {
            let line = &mut lines[event.data.u64() as usize];
            let came = line.wire.receive(&mut line.unread)?;
            // TLS has messages of its own.
            if came == 0 {
                continue;
            }
            let Some((nth, since)) = line.asked else {
                return Err(format!("{} answers what it was not asked", target.at).into());
            };
            if line.session.answered(&mut line.wire, &mut line.unread, &target.answers[nth])? {
                times.push(u32::try_from(since.elapsed().as_nanos()).unwrap_or(u32::MAX));
                line.asked = None;
                under_way -= usize::from(!ask(line, &mut next)?);
            }
        }
    }
    let rate = times.len() as f64 / begun.elapsed().as_secs_f64();
    let middle = times.len() / 2;
    let p50 = f64::from(*times.select_nth_unstable(middle).1) / 1e3;
    Ok(Load { rate, p50, count: times.len() })
}

/// Does something on one CPU: threads and processes that it starts stay there. Back on any CPU that the process had,
/// where it can.
///
/// # Errors
/// There is no such CPU.
pub fn on_cpu<T>(cpu: usize, act: impl FnOnce() -> Result<T>) -> Result<T> {
    let before = rustix::thread::sched_getaffinity(None)?;
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set)?;
    let done = act();
    sched_setaffinity(None, &before)?;
    done
}
