//! Waiting for conditions, with a deadline; nothing here waits for time to pass.

use std::time::{Duration, Instant};

/// How long a condition may take to become true before a suite gives up.
pub const PATIENCE: Duration = Duration::from_mins(1);

/// How long to rest between two looks.
const REST: Duration = Duration::from_millis(5);

/// Looks until `look` finds something; fails with `what` when it never does.
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {PATIENCE:?} in vain: {what}");
        std::thread::park_timeout(REST);
    }
}
