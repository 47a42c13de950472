//! When a time is past an end.

use events::Timestamp;

/// By how much the time of an event may be past an end without a word: it is told before the event
/// is in line.
pub(super) const LATE_MICROS_MAX: u64 = 60_000_000;

/// Whether a time is past an end.
pub(super) const fn is_past(time: Timestamp, end: Timestamp) -> bool {
    time.micros() > end.micros().saturating_add(LATE_MICROS_MAX)
}
