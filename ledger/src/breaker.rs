//! Whether the log keeps somebody waiting too long: then everybody else is refused at once, instead
//! of waiting as long to find out, until it answers again.

use crate::stall::Appends;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// Open while the log does not answer in time.
#[derive(Debug)]
pub(crate) struct Breaker {
    appends: Appends,
    timeout: Duration,
    /// Whether somebody has waited too long since the last answer.
    late: AtomicBool,
}

impl Breaker {
    /// Opens when somebody waits longer than `timeout`.
    pub(crate) fn new(appends: Appends, timeout: Duration) -> Self {
        Self { appends, timeout, late: AtomicBool::new(false) }
    }

    /// Whether nobody should begin to wait.
    pub(crate) fn is_open(&self) -> bool {
        self.late.load(Ordering::SeqCst)
            || self.appends.under_way().is_some_and(|took| self.timeout < took)
    }

    /// Takes note that somebody has waited too long. Who says so must look once more afterwards
    /// whether the answer has come, and take this back by [`Breaker::note_answer`] then.
    pub(crate) fn note_late(&self) {
        self.late.store(true, Ordering::SeqCst);
    }

    /// Takes note of an answer, after whoever waited for it was told.
    pub(crate) fn note_answer(&self) {
        self.late.store(false, Ordering::SeqCst);
    }
}
