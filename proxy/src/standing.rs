//! Whether a caller is still let in: until its token ends, and until it or the person it acts for
//! is revoked. Then what it still hears breaks off, whatever it is.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use approvals::Desk;
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::body::{BrokenOff, Outgoing};
use crate::caller::Caller;
use crate::clock;
use crate::problem::{ErrorCode, Problem};

/// Whom an answer is for; it travels with the answer to the listener.
#[derive(Clone, Debug)]
pub struct Recipient {
    /// Who.
    pub caller: Arc<Caller>,
    /// Whether the answer is a stream for news, which lasts no longer than the caller's token. What
    /// answers a call was asked for in time.
    pub listens: bool,
}

/// Why a caller is not let in any more, if that is so.
pub fn revoked(desk: &Desk, caller: &Caller) -> Option<Problem> {
    let (agent, owner) = (caller.name(), &caller.principal.owner);
    let message = if desk.is_agent_revoked(agent) {
        format!("agent `{agent}` is revoked")
    } else if desk.is_person_revoked(owner) {
        format!("agent `{agent}` acts for `{owner}`, who is revoked")
    } else {
        return None;
    };
    let by_token = caller.token.is_some();
    let code = if by_token { ErrorCode::InvalidToken } else { ErrorCode::InvalidKey };
    Some(Problem::new(code, message))
}

/// How a stream ends that its caller may hear no longer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// In order: the token is over, and another opens the stream again.
    Expired,
    /// In the middle.
    Revoked,
}

async fn ending(desk: Desk, recipient: Recipient) -> Ending {
    let Recipient { caller, listens } = recipient;
    let mut changes = desk.changes();
    let ends = caller.token.as_ref().filter(|_| listens).map(|terms| terms.ends);
    let expiry = async {
        let Some(ends) = ends else { return std::future::pending().await };
        // The clock that tokens are compared with may be set while one waits.
        loop {
            let left = ends.micros().saturating_sub(clock::now().micros());
            if left == 0 {
                return;
            }
            tokio::time::sleep(Duration::from_micros(left).min(LOOK_AGAIN)).await;
        }
    };
    let revocation = async {
        while revoked(&desk, &caller).is_none() {
            if changes.changed().await.is_err() {
                // The desk has gone, and the gateway goes with it.
                return std::future::pending().await;
            }
        }
    };
    tokio::select! {
        () = expiry => Ending::Expired,
        () = revocation => Ending::Revoked,
    }
}

/// How long until the clock is looked at again.
const LOOK_AGAIN: Duration = Duration::from_mins(1);

/// A body that its caller gets only for as long as it is let in.
pub struct WhileIn {
    body: Option<Outgoing>,
    ending: Option<Pin<Box<dyn Future<Output = Ending> + Send>>>,
}

impl WhileIn {
    /// The body of an answer. One that is there as a whole is sent at once.
    pub fn new(body: Outgoing, recipient: Option<Recipient>, desk: &Desk) -> Self {
        let is_whole = matches!(body, Outgoing::Whole(_));
        let recipient = recipient.filter(|_| !is_whole);
        let ending = recipient.map(|recipient| Box::pin(ending(desk.clone(), recipient)) as _);
        Self { body: Some(body), ending }
    }
}

impl Body for WhileIn {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let this = self.get_mut();
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        let ended = this.ending.as_mut().map(|ending| ending.as_mut().poll(context));
        if let Some(Poll::Ready(ending)) = ended {
            // Whoever sends into it notices that nobody hears it any more.
            (this.body, this.ending) = (None, None);
            return Poll::Ready(match ending {
                Ending::Expired => None,
                Ending::Revoked => Some(Err(BrokenOff)),
            });
        }
        Pin::new(body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}
