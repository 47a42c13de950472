//! The one place that asks the system for the time and for new identifiers.

use events::{CallId, EventId, SessionId, Timestamp};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ulid::Ulid;

/// Now, to the microsecond.
#[expect(clippy::disallowed_methods, reason = "this is the clock")]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_micros(micros(since))
}

/// A call's new id.
pub fn call_id() -> CallId {
    CallId::new(Ulid::generate())
}

/// An event's new id.
pub fn event_id() -> EventId {
    EventId::new(Ulid::generate())
}

/// A session's new id.
pub fn session_id() -> SessionId {
    SessionId::new(Ulid::generate())
}

/// Microseconds since `began`.
pub fn micros_since(began: Instant) -> u64 {
    micros(began.elapsed())
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
