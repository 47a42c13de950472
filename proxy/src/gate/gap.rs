//! What was turned away while the ledger could not record, until the ledger has been told of it.

use crate::clock;
use events::{Draft, Event, LedgerGap, Timestamp};
use ledger::RecordError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Counts what is turned away without a record; cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Gap(Arc<Mutex<Option<Open>>>);

/// A gap of which the ledger does not know yet.
#[derive(Clone, Debug)]
struct Open {
    cause: String,
    from: Timestamp,
    refused: u64,
}

/// A gap on its way to the ledger, if there is one. It is as if it had never left unless the ledger
/// was [told](Carried::told).
#[derive(Debug)]
pub struct Carried {
    gap: Gap,
    open: Option<Open>,
}

impl Gap {
    /// One more was turned away, for this reason.
    pub fn count(&self, cause: &dyn std::fmt::Display) {
        let cause = || cause.to_string();
        let mut open = self.lock();
        let open =
            open.get_or_insert_with(|| Open { cause: cause(), from: clock::now(), refused: 0 });
        open.refused += 1;
    }

    /// Takes the gap along, to tell the ledger.
    pub fn carry(&self) -> Carried {
        Carried { gap: self.clone(), open: self.lock().take() }
    }

    /// Takes note of how something ended that carried the gap, and was turned away on an error.
    pub(super) fn settle(&self, error: Option<&RecordError>, carried: Carried) {
        match error {
            None => carried.told(),
            Some(error) => {
                drop(carried);
                self.count(error);
            }
        }
    }

    /// Says in the log what the ledger cannot be told any more.
    pub fn give_up(&self) {
        if let Some(Open { cause, from, refused }) = self.lock().take() {
            let from = from.to_string();
            tracing::error!(
                cause,
                from,
                refused,
                "calls and messages were turned away without a record, and that cannot be recorded"
            );
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Carried {
    /// The gap as it ends now.
    pub fn draft(&self) -> Option<Draft<LedgerGap>> {
        let Open { cause, from, refused } = self.open.clone()?;
        let time = clock::now();
        let fact = LedgerGap { cause, from, refused, to: time };
        Some(Draft { id: clock::event_id(), time, session: None, cause: None, call: None, fact })
    }

    /// The same, as one of several events.
    pub fn event(&self) -> Option<Draft<Event>> {
        let Draft { id, time, session, cause, call, fact } = self.draft()?;
        Some(Draft { id, time, session, cause, call, fact: fact.into() })
    }

    /// The ledger knows of it now.
    pub fn told(mut self) {
        if let Some(Open { cause, refused, .. }) = self.open.take() {
            tracing::warn!(cause, refused, "the ledger records again; what it missed is on record");
        }
    }
}

impl Drop for Carried {
    fn drop(&mut self) {
        let Some(carried) = self.open.take() else { return };
        let mut open = self.gap.lock();
        let since = open.take().map_or(0, |since| since.refused);
        *open = Some(Open { refused: carried.refused + since, ..carried });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_told_once_and_kept_until_then_with_its_first_cause() {
        let gap = Gap::default();
        assert!(gap.carry().draft().is_none());
        gap.count(&"the disk is full");
        let carried = gap.carry();
        gap.count(&"something else");
        drop(carried);
        let carried = gap.carry();
        let fact = carried.draft().unwrap().fact;
        assert_eq!((fact.cause.as_str(), fact.refused), ("the disk is full", 2));
        assert!(fact.from <= fact.to);
        carried.told();
        assert!(gap.carry().draft().is_none());
    }
}
