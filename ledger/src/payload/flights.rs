//! What is packed and not yet recorded, and which erasures are on their way: an erasure must find
//! nothing on its way that builds on what it destroys.

use crate::log::Scope;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Notify;
use tokio::sync::futures::Notified;

const PENDING: u8 = 0;
const HELD: u8 = 1;
const FAILED: u8 = 2;

/// That the payloads of a scope will have been erased when what was packed on it is recorded.
#[derive(Clone, Debug)]
pub(crate) struct Premise(Arc<AtomicU8>);

impl Premise {
    /// Whether the erasure did not happen: what was packed on it must not be recorded.
    pub(crate) fn failed(&self) -> bool {
        self.0.load(Ordering::Acquire) == FAILED
    }

    fn is_pending(&self) -> bool {
        self.0.load(Ordering::Acquire) == PENDING
    }
}

/// An erasure that was queued. If this is dropped before it has happened, it failed.
#[derive(Debug)]
pub(crate) struct Hold(Premise);

impl Hold {
    /// Takes note that the payloads are erased.
    pub(crate) fn erased(self) {
        self.0.0.store(HELD, Ordering::Release);
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let (set, get) = (Ordering::AcqRel, Ordering::Acquire);
        let _unless_erased = self.0.0.compare_exchange(PENDING, FAILED, set, get);
    }
}

/// Counts what is on its way, by scope.
#[derive(Debug, Default)]
pub(super) struct Flights(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    landed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Bounded by what callers hold: each scope has a [`Flight`].
    flying: BTreeMap<Scope, usize>,
    /// Bounded by the queue: those that ended are removed with the next one.
    erasing: BTreeMap<Scope, Premise>,
}

/// Something of a scope is on its way until this is dropped.
#[derive(Debug)]
pub(super) struct Flight {
    shared: Arc<Shared>,
    scope: Scope,
    /// What it is packed on, when an erasure of the scope stands before it in the queue.
    pub(super) premise: Option<Premise>,
}

impl Flights {
    /// Takes note that something of `scope` is being packed.
    pub(super) fn enter(&self, scope: Scope) -> Flight {
        let mut state = self.0.lock();
        *state.flying.entry(scope).or_default() += 1;
        let premise = state.erasing.get(&scope).filter(|premise| premise.is_pending()).cloned();
        drop(state);
        Flight { shared: Arc::clone(&self.0), scope, premise }
    }

    /// Runs `queue` while nothing of these scopes is on its way, and nothing can begin to be;
    /// false when something is.
    pub(super) fn begin(&self, scopes: &[Scope], queue: impl FnOnce(Hold)) -> bool {
        let mut state = self.0.lock();
        if scopes.iter().any(|scope| state.flying.contains_key(scope)) {
            return false;
        }
        let premise = Premise(Arc::default());
        state.erasing.retain(|_, other| other.is_pending());
        state.erasing.extend(scopes.iter().map(|scope| (*scope, premise.clone())));
        queue(Hold(premise));
        true
    }

    /// Ends when something on its way has come to its end after this was called.
    pub(super) fn landing(&self) -> Notified<'_> {
        self.0.landed.notified()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        if let Some(count) = state.flying.get_mut(&self.scope) {
            *count -= 1;
            if *count == 0 {
                state.flying.remove(&self.scope);
            }
        }
        drop(state);
        self.shared.landed.notify_waiters();
    }
}
