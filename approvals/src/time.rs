//! Sums of moments and times, which do not overflow.

use events::Timestamp;
use std::time::Duration;

/// The moment so long after another.
pub(crate) fn after(moment: Timestamp, time: Duration) -> Timestamp {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Timestamp::from_micros(moment.micros().saturating_add(micros))
}

/// How long it is from one moment to a later one; nothing where it is not later.
pub(crate) fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_micros(to.micros().saturating_sub(from.micros()))
}
