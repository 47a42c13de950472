//! Calls of legacy sessions that wait for their responses, which may come on another stream than
//! the one they were asked on. Not the calls of the modern era, which end with their streams.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::clerk::Call;
use super::envelope::Message;
use super::parts::{Parts, Repeated};

/// Server, session and request id.
pub(crate) type Key = (String, String, String);

/// Open calls by server, session and request id. There is one for each request under way, so the
/// gateway's bound on connections bounds them, and the idle timeout what outlives its connection.
#[derive(Default)]
pub(crate) struct OpenCalls(Mutex<HashMap<Key, Open>>);

struct Open {
    call: Call,
    wanted: Wanted,
    parts: Arc<Parts>,
    /// Dropped with the call, which tells its streams that no response need come on them.
    over: watch::Sender<()>,
    /// How many streams may bring the response now.
    streams: usize,
    /// How many there have been.
    begun: u64,
}

/// What a request is after, as far as its response needs it.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    /// Its id, as written.
    pub(crate) id: String,
    /// Its method.
    pub(crate) method: String,
    /// Whether it asks for a later page of a list.
    pub(crate) paged: bool,
}

/// What of a server's list of tools a response is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// Nothing of it.
    None,
    /// Perhaps a part.
    Page,
    /// All of it, if it names no further page.
    Whole,
}

/// What one stream has to do with an open call.
pub(crate) struct Share {
    pub(crate) key: Key,
    pub(crate) wanted: Wanted,
    pub(crate) parts: Arc<Parts>,
    /// Fails when the call has its outcome.
    pub(crate) over: watch::Receiver<()>,
    /// What the stream may repeat.
    pub(crate) repeated: Repeated,
}

impl Wanted {
    /// What this message is after; `None` if it is no request.
    pub(crate) fn of(message: &Message<'_>) -> Option<Self> {
        Some(Self {
            id: message.id()?.to_owned(),
            method: message.method().to_owned(),
            paged: message.value(&["params", "cursor"]).is_some(),
        })
    }

    /// What of a list of tools the response is.
    pub(crate) fn list(&self) -> List {
        match (self.method.as_str(), self.paged) {
            ("tools/list", false) => List::Whole,
            ("tools/list", true) => List::Page,
            _ => List::None,
        }
    }
}

impl OpenCalls {
    /// Adds a call that one stream should answer. Gives it back if another with the same id waits
    /// already.
    pub(crate) fn add(
        &self,
        key: Key,
        (call, wanted): (Call, Wanted),
        parts: &Arc<Parts>,
    ) -> Result<Share, Box<Call>> {
        let mut calls = self.calls();
        if calls.contains_key(&key) {
            return Err(Box::new(call));
        }
        let (over, parts) = (watch::Sender::new(()), Arc::clone(parts));
        let open = Open { call, wanted, parts, over, streams: 1, begun: 1 };
        let share = open.share(&key, None);
        calls.insert(key, open);
        Ok(share)
    }

    /// The call of this session whose answer goes on when a stream is resumed behind this event.
    pub(crate) fn resume(&self, server: &str, session: &str, event: &str) -> Option<Share> {
        let mut calls = self.calls();
        let mut own = calls.iter_mut().filter(|(key, _)| key.0 == server && key.1 == session);
        let (key, at, open) =
            own.find_map(|(key, open)| Some((key, open.parts.behind(event)?, open)))?;
        open.streams += 1;
        open.begun += 1;
        Some(open.share(key, Some(at)))
    }

    /// Takes a call out, to give it its outcome, with what has come of its answer. Whoever takes it
    /// first does that; its other streams learn that they need not bring it.
    pub(crate) fn take(&self, key: &Key) -> Option<(Call, Wanted, Arc<Parts>)> {
        self.calls().remove(key).map(|open| (open.call, open.wanted, open.parts))
    }

    /// Takes note that a stream of this call has ended without the response. Says how many there
    /// have been if it was the last that could have brought it.
    pub(crate) fn leave(&self, key: &Key) -> Option<u64> {
        let mut calls = self.calls();
        let open = calls.get_mut(key)?;
        open.streams = open.streams.saturating_sub(1);
        (open.streams == 0).then_some(open.begun)
    }

    /// As [`OpenCalls::take`], if there has been no further stream.
    pub(crate) fn take_left(&self, key: &Key, begun: u64) -> Option<(Call, Wanted, Arc<Parts>)> {
        let left = self.calls().get(key).is_some_and(|open| open.begun == begun);
        if left { self.take(key) } else { None }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<Key, Open>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    fn share(&self, key: &Key, repeated: Repeated) -> Share {
        Share {
            key: key.clone(),
            wanted: self.wanted.clone(),
            parts: Arc::clone(&self.parts),
            over: self.over.subscribe(),
            repeated,
        }
    }
}
