//! The roster where every request asks for it: nobody who only looks waits for the desk's table.

use crate::roster::Roster;
use events::Envelope;
use std::ops::Deref;
use std::sync::{Arc, PoisonError, RwLock};

/// The roster as it is now; cheap to clone.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown(Arc<RwLock<Arc<Roster>>>);

/// The roster as the table has it, which shows every change at once.
#[derive(Debug, Default)]
pub(super) struct Kept {
    roster: Arc<Roster>,
    shown: Shown,
}

impl Shown {
    /// As it is now.
    pub(super) fn now(&self) -> Arc<Roster> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Deref for Kept {
    type Target = Roster;

    fn deref(&self) -> &Roster {
        &self.roster
    }
}

impl Kept {
    /// Where it is shown.
    pub(super) fn shown(&self) -> Shown {
        self.shown.clone()
    }

    /// Takes notice of an event on record. Whoever looks afterwards sees what it changed.
    pub(super) fn apply(&mut self, envelope: &Envelope) {
        if !Roster::concerns(&envelope.event) {
            return;
        }
        let mut shown = self.shown.0.write().unwrap_or_else(PoisonError::into_inner);
        // Let go of first, so that it need not be copied; nobody can look meanwhile.
        *shown = Arc::default();
        Arc::make_mut(&mut self.roster).apply(envelope);
        *shown = Arc::clone(&self.roster);
    }
}
