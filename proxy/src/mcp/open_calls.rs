//! Calls of legacy sessions that wait for their responses, which may come on another stream than
//! the one they were asked on. Not the calls of the modern era, which end with their streams.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::clerk::Call;

/// Server, session and request id.
pub(crate) type Key = (String, String, String);

/// Open calls by server, session and request id. There is one for each request under way, so the
/// gateway's bound on connections bounds them, and the idle timeout what outlives its connection.
#[derive(Default)]
pub(crate) struct OpenCalls(Mutex<HashMap<Key, (Call, Arc<Notify>)>>);

impl OpenCalls {
    /// Adds a call; says where it is told that it was cancelled. Gives the call back if another
    /// with the same id waits already.
    pub(crate) fn add(&self, key: Key, call: Call) -> Result<Arc<Notify>, Call> {
        let mut calls = self.calls();
        if calls.contains_key(&key) {
            return Err(call);
        }
        let cancelled = Arc::new(Notify::new());
        calls.insert(key, (call, Arc::clone(&cancelled)));
        Ok(cancelled)
    }

    /// Takes a call out, to give it its outcome. Whoever takes it first does that.
    pub(crate) fn take(&self, key: &Key) -> Option<Call> {
        self.calls().remove(key).map(|(call, _)| call)
    }

    /// As [`OpenCalls::take`], for a call that its agent has cancelled: whoever waits for the
    /// response learns that none need come.
    pub(crate) fn cancel(&self, key: &Key) -> Option<Call> {
        let (call, cancelled) = self.calls().remove(key)?;
        cancelled.notify_one();
        Some(call)
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<Key, (Call, Arc<Notify>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
