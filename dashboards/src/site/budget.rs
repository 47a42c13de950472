//! How much of what strangers can cause is put on record: so much within an hour; pure.

use events::Timestamp;

/// So many records within an hour.
const PER_HOUR: u32 = 500;

const HOUR_MICROS: u64 = 3_600_000_000;

/// What is left of an hour's records.
#[derive(Debug, Default)]
pub(super) struct Budget {
    began: Timestamp,
    used: u32,
}

impl Budget {
    /// Whether another record may be made now; if so it is counted.
    pub(super) fn take(&mut self, now: Timestamp) -> bool {
        if now.micros().saturating_sub(self.began.micros()) >= HOUR_MICROS {
            *self = Self { began: now, used: 0 };
        }
        let is_left = self.used < PER_HOUR;
        self.used += u32::from(is_left);
        is_left
    }
}

#[cfg(test)]
mod tests {
    use super::{Budget, PER_HOUR};
    use events::Timestamp;

    #[test]
    fn whoever_tries_for_hours_fills_no_ledger() {
        let hour = |hour: u64| Timestamp::from_micros(hour * 3_600_000_000);
        let mut budget = Budget::default();
        let taken =
            |budget: &mut Budget, now| (0..2 * PER_HOUR).filter(|_| budget.take(now)).count();
        assert_eq!(taken(&mut budget, hour(1)), 500);
        assert!(!budget.take(hour(1)));
        assert!(budget.take(hour(2)));
    }
}
