//! Follows the events that concern people in another process's ledger.

use super::peer::{Peer, PeerError};
use super::serving::{END, NEXT};
use events::{Envelope, ParseError};
use http::{HeaderMap, StatusCode};
use std::sync::Arc;
use std::time::Duration;

/// How long the other process may keep an answer back, in seconds.
const WAIT_S: u64 = 20;

/// How long an answer may take beside that.
const PATIENCE: Duration = Duration::from_secs(15);

/// Where following has got to.
#[derive(Debug)]
pub struct Follower {
    peer: Arc<Peer>,
    from: u64,
    has_caught_up: bool,
}

/// Some events, in order.
#[derive(Debug)]
pub struct Portion {
    /// The events; those of kinds that are not known here are left out.
    pub events: Vec<Envelope>,
    /// Whether these were all that there were.
    pub is_last: bool,
    next: u64,
}

impl Follower {
    /// Follows a process's ledger from its beginning.
    pub const fn new(peer: Arc<Peer>) -> Self {
        Self { peer, from: 0, has_caught_up: false }
    }

    /// The next events; the same again until [`Follower::advance`]. Once all were read it waits for
    /// a while for more, and gives none if there are none.
    pub async fn read(&mut self) -> Result<Portion, PeerError> {
        let wait = if self.has_caught_up { WAIT_S } else { 0 };
        let path = format!("/api/v1/feed?from={}&wait={wait}", self.from);
        let answer = self.peer.get(&path, PATIENCE + Duration::from_secs(wait)).await?;
        if answer.status == StatusCode::CONFLICT {
            // It has another ledger now.
            (self.from, self.has_caught_up) = (0, false);
        }
        if answer.status != StatusCode::OK {
            return Err(self.peer.refused(&answer));
        }
        let number = |name| number(&answer.headers, name);
        let (Some(next), Some(end)) = (number(NEXT), number(END)) else {
            return Err(self.peer.refused(&answer));
        };
        let lines = answer.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let mut events = Vec::new();
        for line in lines {
            match Envelope::parse(line) {
                Ok(envelope) => events.push(envelope),
                Err(error @ ParseError::Unknown { .. }) => {
                    tracing::warn!(%error, peer = self.peer.name(), "an event is passed over");
                }
                Err(error) => {
                    tracing::error!(%error, peer = self.peer.name(), "what it told is no event");
                    return Err(self.peer.refused(&answer));
                }
            }
        }
        Ok(Portion { events, is_last: end <= next, next })
    }

    /// Goes on behind a portion.
    pub const fn advance(&mut self, portion: &Portion) {
        self.from = portion.next;
        self.has_caught_up |= portion.is_last;
    }
}

fn number(headers: &HeaderMap, name: &str) -> Option<u64> {
    headers.get(name)?.to_str().ok()?.parse().ok()
}
