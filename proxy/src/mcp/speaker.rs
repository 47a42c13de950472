//! One answer that the gateway itself composes: a JSON body if the response comes first, an event
//! stream from the first message that comes before it. What is said is the caller's matter.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use tokio::sync::{oneshot, watch};

use crate::body::{Pieces, stream};

use super::headers::SESSION;
use super::reply::{Refusal, Reply, empty_reply, event, json_reply, stream_reply};

/// Speaks to the agent that waits for one answer.
#[derive(Debug)]
pub(crate) struct Speaker {
    reply: Option<oneshot::Sender<Result<Reply, Refusal>>>,
    pieces: Option<Pieces>,
    part: Option<Part>,
    /// The session that the answer opens, if it does.
    pub(crate) session: Option<HeaderValue>,
}

/// What one server has to do with the acknowledgement of a subscription to many.
#[derive(Debug)]
pub(crate) struct Part {
    /// Used, or dropped, when this server will not delay the acknowledgement any more.
    pub(crate) acknowledged: Option<oneshot::Sender<()>>,
    /// Becomes true when the agent has the acknowledgement, which must come first.
    pub(crate) told: watch::Receiver<bool>,
}

impl Speaker {
    /// A speaker, and where its answer will be.
    pub(crate) fn new() -> (Self, oneshot::Receiver<Result<Reply, Refusal>>) {
        let (reply, answer) = oneshot::channel();
        (Self { reply: Some(reply), pieces: None, part: None, session: None }, answer)
    }

    /// Another that speaks for one server on the same stream, which must be open.
    pub(crate) fn fork(&self, part: Part) -> Self {
        Self { reply: None, pieces: self.pieces.clone(), part: Some(part), session: None }
    }

    /// Takes note that this server has acknowledged its part of a subscription, and waits until the
    /// agent has been told of the whole.
    pub(crate) async fn acknowledged(&mut self) {
        self.pass_over();
        let Some(part) = &mut self.part else { return };
        // If nobody is left to tell the agent, nothing is said to it any more either.
        drop(part.told.wait_for(|told| *told).await);
    }

    /// Takes note that this server does not delay the acknowledgement any more.
    pub(crate) fn pass_over(&mut self) {
        let acknowledged = self.part.as_mut().and_then(|part| part.acknowledged.take());
        // Nobody waits for it any more where it comes too late.
        let _late = acknowledged.map(|acknowledged| acknowledged.send(()));
    }

    /// Whether this server has acknowledged its part of a subscription.
    pub(crate) fn has_acknowledged(&self) -> bool {
        self.part.as_ref().is_some_and(|part| part.acknowledged.is_none())
    }

    /// Says something before the response. An agent that has gone hears nothing, which is no error:
    /// everything is on record.
    pub(crate) async fn say(&mut self, message: &str) {
        self.piece(event(message)).await;
    }

    /// Opens the stream, if it is not open, and keeps it alive.
    pub(crate) async fn comment(&mut self) {
        self.piece(Bytes::from_static(b": \n\n")).await;
    }

    async fn piece(&mut self, piece: Bytes) {
        if let Some(reply) = self.reply.take() {
            let (pieces, body) = stream();
            self.pieces = Some(pieces);
            drop(reply.send(Ok(self.opening(stream_reply(body)))));
        }
        if let Some(pieces) = &self.pieces
            && pieces.send(piece).await.is_err()
        {
            self.pieces = None;
        }
    }

    /// Says the response, with this status if nothing was said before.
    pub(crate) async fn finish(mut self, status: StatusCode, response: String) {
        match self.reply.take() {
            Some(reply) => drop(reply.send(Ok(self.opening(json_reply(status, response))))),
            None => self.say_last(&response).await,
        }
    }

    /// Refuses the request with this id, as an error message if the stream is open.
    pub(crate) async fn refuse(mut self, refusal: Refusal, id: &str) {
        match self.reply.take() {
            Some(reply) => drop(reply.send(Err(refusal))),
            None => self.say_last(&refusal.body(Some(id))).await,
        }
    }

    async fn say_last(mut self, message: &str) {
        self.say(message).await;
        self.end();
    }

    /// Ends without a response: to a request that its agent has cancelled, or where none is due. A
    /// speaker that is dropped instead breaks its stream off.
    pub(crate) fn end(mut self) {
        if let Some(reply) = self.reply.take() {
            drop(reply.send(Ok(empty_reply(StatusCode::ACCEPTED))));
        } else if let Some(pieces) = self.pieces {
            pieces.end();
        }
    }

    /// Returns when the agent has gone.
    pub(crate) async fn gone(&mut self) {
        match (&mut self.reply, &self.pieces) {
            (Some(reply), _) => reply.closed().await,
            (None, Some(pieces)) => pieces.closed().await,
            (None, None) => {}
        }
    }

    /// Returns when the agent that hears this stream has gone; not bound to the speaker.
    pub(crate) fn left(&self) -> impl Future<Output = ()> + use<> {
        let pieces = self.pieces.clone();
        async move {
            if let Some(pieces) = pieces {
                pieces.closed().await;
            }
        }
    }

    fn opening(&mut self, mut reply: Reply) -> Reply {
        if let Some(session) = self.session.take() {
            reply.headers_mut().insert(SESSION, session);
        }
        reply
    }
}
