//! Calls of legacy sessions that wait for their responses, which may come on another stream than
//! the one they were asked on. Not the calls of the modern era, which end with their streams.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::clerk::Call;

/// Server, session and request id.
pub(crate) type Key = (String, String, String);

/// Open calls by server, session and request id. There is one for each request under way, so the
/// gateway's bound on connections bounds them, and the idle timeout what outlives its connection.
#[derive(Default)]
pub(crate) struct OpenCalls(Mutex<HashMap<Key, Call>>);

impl OpenCalls {
    /// Adds a call; gives it back if another with the same id waits already.
    pub(crate) fn add(&self, key: Key, call: Call) -> Option<Call> {
        let mut calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.contains_key(&key) {
            return Some(call);
        }
        calls.insert(key, call);
        None
    }

    /// Takes a call out, to give it its outcome. Whoever takes it first does that.
    pub(crate) fn take(&self, key: &Key) -> Option<Call> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }
}
