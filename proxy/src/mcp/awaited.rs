//! The response that one stream should bring: of which call, where that is kept, and what has come
//! of it. It reads no stream.

use std::sync::Arc;

use tokio::sync::watch;

use crate::sse::Frame;

use super::clerk::{Call, Failure};
use super::open_calls::{Key, OpenCalls, Share, Wanted};
use super::parts::{Parts, Repeated};

/// The request whose response a stream should bring.
pub(crate) struct Awaited {
    pub(crate) wanted: Wanted,
    /// Where its call is.
    pub(crate) place: Place,
    /// What has come of the answer.
    pub(crate) parts: Arc<Parts>,
    repeated: Repeated,
}

/// Where the call of an awaited response is kept.
pub(crate) enum Place {
    /// Here: it ends with its stream.
    Held(Call),
    /// With the session's calls: its response may come on another stream.
    Shared(Key, watch::Receiver<()>),
    /// Nowhere: it has its outcome.
    Done,
}

impl Awaited {
    /// A response that comes on this stream or never.
    pub(crate) fn here(wanted: Wanted, call: Call, parts: Arc<Parts>) -> Self {
        Self { wanted, place: Place::Held(call), parts, repeated: None }
    }

    /// A response that may come on another stream.
    pub(crate) fn shared(share: Share) -> Self {
        let Share { key, wanted, parts, over, repeated } = share;
        Self { wanted, place: Place::Shared(key, over), parts, repeated }
    }

    /// Whether it is a subscription: a stream without end, of messages that are each on record.
    pub(crate) fn is_listening(&self) -> bool {
        self.wanted.method == "subscriptions/listen"
    }

    /// The call, if it ends with its stream.
    pub(crate) fn held(&self) -> Option<&Call> {
        match &self.place {
            Place::Held(call) => Some(call),
            Place::Shared(..) | Place::Done => None,
        }
    }

    /// Takes the call, to give it its outcome, if nobody else has.
    pub(crate) fn take(&mut self, calls: &OpenCalls) -> Option<Call> {
        match std::mem::replace(&mut self.place, Place::Done) {
            Place::Held(call) => Some(call),
            Place::Shared(key, _) => calls.take(&key).map(|(call, ..)| call),
            Place::Done => None,
        }
    }

    /// Keeps a frame as a part of the answer.
    pub(crate) async fn keep(&mut self, frame: &Frame, bytes_max: usize) -> Result<(), Failure> {
        self.parts.add(frame, &mut self.repeated, bytes_max).await
    }

    /// Returns when the call has got its outcome elsewhere: the agent has cancelled it, or another
    /// stream has brought the response.
    pub(crate) async fn over(&self) {
        match &self.place {
            Place::Shared(_, over) => drop(over.clone().changed().await),
            Place::Held(_) | Place::Done => std::future::pending().await,
        }
    }
}
