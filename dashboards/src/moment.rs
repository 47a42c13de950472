//! Moments as pages say them: absolute, in UTC, and beside that how far away they are.

use events::Timestamp;
use serde::Serialize;

/// A moment as a page says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// For programs: RFC 3339.
    pub machine: String,
    /// For people: `2026-11-26 14:03:20 UTC`.
    pub said: String,
}

impl Moment {
    /// Says this moment.
    pub fn of(time: Timestamp) -> Self {
        let machine = time.to_string();
        let to_seconds = machine.get(..19).unwrap_or_default();
        Self { said: format!("{} UTC", to_seconds.replace('T', " ")), machine }
    }
}

/// How far `moment` is from `now`: `in 4 min`, `12 s ago`.
pub fn distance(now: Timestamp, moment: Timestamp) -> String {
    let seconds = now.micros().abs_diff(moment.micros()) / 1_000_000;
    let amount = match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    };
    if moment > now { format!("in {amount}") } else { format!("{amount} ago") }
}

#[cfg(test)]
mod tests {
    use super::{Moment, distance};
    use events::Timestamp;

    #[test]
    fn moments_are_said_in_utc_and_as_a_distance() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let noon = at("2026-11-26T12:00:00Z");
        assert_eq!(Moment::of(noon).said, "2026-11-26 12:00:00 UTC");
        assert_eq!(distance(noon, at("2026-11-26T12:01:59Z")), "in 119 s");
        assert_eq!(distance(noon, at("2026-11-26T11:30:00Z")), "30 min ago");
        assert_eq!(distance(noon, at("2026-11-23T12:00:00Z")), "3 days ago");
    }
}
