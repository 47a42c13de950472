//! Calls of legacy sessions that wait for their responses, which may come on another stream than
//! the one they were asked on. Not the calls of the modern era, which end with their streams.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::clerk::Call;

/// Server, session and request id.
pub(crate) type Key = (String, String, String);

/// Open calls by server, session and request id. There is one for each request under way, so the
/// gateway's bound on connections bounds them, and the idle timeout what outlives its connection.
#[derive(Default)]
pub(crate) struct OpenCalls {
    calls: Mutex<HashMap<Key, Call>>,
    withdrawn: Notify,
}

impl OpenCalls {
    /// Adds a call; gives it back if another with the same id waits already.
    pub(crate) fn add(&self, key: Key, call: Call) -> Option<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if calls.contains_key(&key) {
            return Some(call);
        }
        calls.insert(key, call);
        None
    }

    /// Takes a call out, to give it its outcome. Whoever takes it first does that.
    pub(crate) fn take(&self, key: &Key) -> Option<Call> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).remove(key)
    }

    /// Whether a call waits.
    pub(crate) fn has(&self, key: &Key) -> bool {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).contains_key(key)
    }

    /// Takes a call out whose agent does not want its response any more, and tells the streams.
    pub(crate) fn withdraw(&self, key: &Key) -> Option<Call> {
        let call = self.take(key);
        self.withdrawn.notify_waiters();
        call
    }

    /// Takes out all calls of a session that has ended, and tells the streams.
    pub(crate) fn withdraw_all(&self, server: &str, session: &str) -> Vec<Call> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let ended = calls.extract_if(|key, _| key.0 == server && key.1 == session);
        let ended = ended.map(|(_, call)| call).collect();
        drop(calls);
        self.withdrawn.notify_waiters();
        ended
    }

    /// Returns when calls were withdrawn after this was asked.
    pub(crate) fn withdrawals(&self) -> Notified<'_> {
        self.withdrawn.notified()
    }
}
