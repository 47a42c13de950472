//! Keeps a runtime going while an append blocks one of its threads for long; a short block it does
//! not notice.
//!
//! The thread that an append blocks may be the very one that would have waited for timers and
//! sockets, while all others rest. Then nothing would happen until the disk answers, not even the
//! refusal of calls. So a thread outside of the runtime looks at each append that is under way, and
//! when one takes long it gives the runtime an empty task: that wakes a resting thread, which
//! then waits for timers and sockets in place of the blocked one.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often the thread looks, and how long an append may take before it does something.
const LOOK: Duration = Duration::from_millis(10);

/// After so many looks without an append the thread rests until the next one.
const IDLE_LOOKS: u32 = 100;

/// Watches over the appends of one writer.
pub(crate) struct StallWatch {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
    watcher: Thread,
}

#[derive(Debug)]
struct Shared {
    start: Instant,
    /// When the append under way began, in nanoseconds after `start`; 0 when there is none.
    began: AtomicU64,
    resting: AtomicBool,
    closed: AtomicBool,
}

/// How the appends of one writer stand.
#[derive(Clone, Debug)]
pub(crate) struct Appends(Arc<Shared>);

impl Appends {
    /// How long the append under way has taken so far.
    pub(crate) fn under_way(&self) -> Option<Duration> {
        self.0.under_way()
    }
}

/// An append is under way until this is dropped.
pub(crate) struct UnderWay<'a>(&'a Shared);

impl StallWatch {
    /// Watches on behalf of `runtime`.
    pub(crate) fn start(runtime: Handle) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            start: Instant::now(),
            began: AtomicU64::new(0),
            resting: AtomicBool::new(false),
            closed: AtomicBool::new(false),
        });
        let seen = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("ledger-stall".into())
            .spawn(move || watch(&seen, &runtime))?;
        let watcher = thread.thread().clone();
        Ok(Self { shared, thread: Some(thread), watcher })
    }

    /// How the appends stand, for others.
    pub(crate) fn appends(&self) -> Appends {
        Appends(Arc::clone(&self.shared))
    }

    /// Takes note that an append begins.
    pub(crate) fn append(&self) -> UnderWay<'_> {
        let nanos = self.shared.start.elapsed().as_nanos();
        // Either the watcher sees this before it rests, or it is seen here that it rests.
        self.shared.began.store(u64::try_from(nanos).unwrap_or(u64::MAX).max(1), Ordering::SeqCst);
        if self.shared.resting.load(Ordering::SeqCst) {
            self.watcher.unpark();
        }
        UnderWay(&self.shared)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.began.store(0, Ordering::SeqCst);
    }
}

impl Drop for StallWatch {
    fn drop(&mut self) {
        self.shared.closed.store(true, Ordering::SeqCst);
        self.watcher.unpark();
        if let Some(thread) = self.thread.take() {
            // It has nothing to say, and cannot fail.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn under_way(&self) -> Option<Duration> {
        let began = Some(self.began.load(Ordering::SeqCst)).filter(|began| *began > 0)?;
        Some(self.start.elapsed().saturating_sub(Duration::from_nanos(began)))
    }
}

fn watch(shared: &Shared, runtime: &Handle) {
    let mut idle = 0;
    while !shared.closed.load(Ordering::SeqCst) {
        match shared.under_way() {
            Some(took) if LOOK < took => {
                drop(runtime.spawn(async {}));
                idle = 0;
            }
            Some(_) => idle = 0,
            None => idle += 1,
        }
        if idle < IDLE_LOOKS {
            std::thread::park_timeout(LOOK);
            continue;
        }
        shared.resting.store(true, Ordering::SeqCst);
        while shared.under_way().is_none() && !shared.closed.load(Ordering::SeqCst) {
            std::thread::park();
        }
        shared.resting.store(false, Ordering::SeqCst);
        idle = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn timers_fire_while_an_append_blocks_the_thread_that_waited_for_them() {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        let runtime = runtime.unwrap();
        let watch = StallWatch::start(runtime.handle().clone()).unwrap();
        for _ in 0..20 {
            let (fired, firing) = mpsc::channel();
            runtime.spawn(async move {
                tokio::time::sleep(Duration::from_millis(1)).await;
                fired.send(()).unwrap();
            });
            // Blocks as an append does, until the other task has run.
            let under_way = watch.append();
            let blocked = runtime.spawn(async move { firing.recv() });
            runtime.block_on(blocked).unwrap().unwrap();
            drop(under_way);
        }
    }
}
