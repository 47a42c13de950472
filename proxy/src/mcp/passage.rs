//! `/mcp/{server}` for a server over HTTP: everything passes unaltered, both ways, and on record
//! first. Not the merged endpoint, and not servers that are processes.

use std::sync::Arc;

use bytes::Bytes;
use events::{FailureReason, Relay};
use http::{HeaderMap, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use crate::json::Limits;

use super::bound_session::BoundSessions;
use super::clerk::{Answered, Call, Failure, Talk, is_unsuccessful};
use super::envelope::{Kind, Message};
use super::headers::{SESSION, downward, single, upward};
use super::http_server::HttpServer;
use super::open_calls::Key;
use super::pump::{Awaited, Bench, Place, Pump, shown};
use super::reading::Reading;
use super::reply::{Body, Refusal, response_with};

/// The way through to one server.
#[derive(Clone)]
pub(crate) struct Passage {
    pub(crate) bench: Bench,
    pub(crate) server: HttpServer,
    pub(crate) sessions: Arc<BoundSessions>,
}

/// What an agent sent, checked.
pub(crate) struct Sent {
    pub(crate) talk: Talk,
    pub(crate) method: Method,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) modern: bool,
}

impl Passage {
    /// Passes one request on and its answer back. The exchange runs in a task of its own, because in
    /// the legacy era it goes on when the agent has gone.
    pub(crate) async fn pass(self, sent: Sent) -> Result<Response<Body>, Refusal> {
        if let Some(session) = &sent.talk.session
            && !self.sessions.belongs(&sent.talk.server, session, &sent.talk.agent.name)
        {
            return Err(Refusal::no_session());
        }
        let (answer, answered) = oneshot::channel();
        tokio::spawn(self.exchange(sent, answer));
        answered.await.unwrap_or_else(|_| Err(Refusal::upstream("the exchange was given up")))
    }

    async fn exchange(self, sent: Sent, mut answer: oneshot::Sender<Result<Response<Body>, Refusal>>) {
        let limits = Limits { depth_max: self.bench.limits.json_depth_max };
        let body = sent.body.clone();
        let message = match sent.method {
            Method::POST => Message::read(&body, limits).ok(),
            _ => None,
        };
        let modern = sent.modern;
        if let Some(message) = message.filter(|message| matches!(message.kind, Kind::Request { .. })) {
            let asked = self.ask(sent, &message, &mut answer).await;
            if let Some(response) = asked {
                self.hand_over(response, answer);
            }
            return;
        }
        let passing = self.pass_on(&sent);
        let response = tokio::select! {
            response = passing => response,
            () = answer.closed(), if modern => return,
        };
        self.hand_over(response, answer);
    }

    #[expect(clippy::unused_self, reason = "one place for what happens to an unheard answer")]
    fn hand_over(
        &self,
        response: Result<Response<Body>, Refusal>,
        answer: oneshot::Sender<Result<Response<Body>, Refusal>>,
    ) {
        if answer.send(response).is_err() {
            tracing::debug!("an answer came when its agent had gone; it is on record");
        }
    }

    /// A request: a call. `None` when the agent gave up before the answer began.
    async fn ask(
        &self,
        sent: Sent,
        message: &Message<'_>,
        answer: &mut oneshot::Sender<Result<Response<Body>, Refusal>>,
    ) -> Option<Result<Response<Body>, Refusal>> {
        let begun = self.bench.clerk.begin(&sent.talk, message, sent.body.clone()).await;
        let (permit, call) = match begun {
            Ok(begun) => begun,
            Err(refusal) => return Some(Err(refusal)),
        };
        let (up, body) = (upward(&sent.headers), sent.body.clone());
        let sending = self.server.send(permit, Method::POST, up, body);
        let response = tokio::select! {
            response = sending => response,
            () = answer.closed(), if sent.modern => {
                call.cancel("the agent closed the request", &[]).await;
                return None;
            }
        };
        let response = match response {
            Ok(response) => response,
            Err(failure) => return Some(Err(failed(call, failure, &[]).await)),
        };
        if is_event_stream(response.headers()) {
            return Some(self.stream(sent, Some((message, call)), response));
        }
        self.whole(&sent, (message, call), response, answer).await
    }

    /// An answer that is one body.
    async fn whole(
        &self,
        sent: &Sent,
        (message, call): (&Message<'_>, Call),
        response: Response<Incoming>,
        answer: &mut oneshot::Sender<Result<Response<Body>, Refusal>>,
    ) -> Option<Result<Response<Body>, Refusal>> {
        let (head, body) = response.into_parts();
        let limits = &self.bench.limits;
        let reading = Reading::new(body, limits.upstream_idle_timeout).all(limits.answer_bytes_max);
        let all = tokio::select! {
            all = reading => all,
            () = answer.closed(), if sent.modern => {
                call.cancel("the agent closed the request", &[]).await;
                return None;
            }
        };
        let bytes = match all {
            Ok(bytes) => bytes,
            Err((failure, kept)) => return Some(Err(failed(call, failure, &kept).await)),
        };
        let status = head.status.as_u16();
        let depth = Limits { depth_max: limits.json_depth_max };
        let read = Message::read(&bytes, depth);
        let right = |read: &Message<'_>| match read.kind {
            Kind::Response { id, .. } => id.is_none() || id == message.id(),
            Kind::Request { .. } | Kind::Notification { .. } => false,
        };
        let unsuccessful = match &read {
            Ok(read) if right(read) => is_unsuccessful(read) || !head.status.is_success(),
            _ if !head.status.is_success() => true,
            _ => {
                let detail = "the upstream's answer is not the response to this request";
                let failure = Failure::after_sending(FailureReason::Garbled, detail);
                return Some(Err(failed(call, failure, &bytes).await));
            }
        };
        let session = self.bind(sent, message, head.status, &head.headers);
        if let Err(refusal) = call.complete(Answered { status, unsuccessful }, &bytes).await {
            return Some(Err(refusal));
        }
        if let Err(refusal) = session {
            return Some(Err(refusal));
        }
        let list = Awaited::new(message, Place::Done)?.list();
        let text = match &read {
            Ok(read) => shown(&self.bench, &sent.talk, list, read).await.map(Bytes::from),
            Err(_) => None,
        };
        let body = Body::whole(text.unwrap_or_else(|| bytes.clone()));
        Some(Ok(response_with(head.status, downward(&head.headers), body)))
    }

    /// An answer that is an event stream.
    fn stream(
        &self,
        sent: Sent,
        asked: Option<(&Message<'_>, Call)>,
        response: Response<Incoming>,
    ) -> Result<Response<Body>, Refusal> {
        let (head, body) = response.into_parts();
        if let Some((message, _)) = &asked {
            self.bind(&sent, message, head.status, &head.headers)?;
        }
        let awaited = asked.and_then(|(message, call)| {
            Awaited::new(message, self.place(&sent, message, call))
        });
        let (pieces, outgoing) = Body::stream();
        let pump = Pump {
            bench: self.bench.clone(),
            talk: sent.talk,
            status: head.status.as_u16(),
            awaited,
            modern: sent.modern,
            pieces,
            kept: Vec::new(),
            heard: true,
            resumable: false,
        };
        tokio::spawn(pump.run(Reading::new(body, self.bench.limits.upstream_idle_timeout)));
        Ok(response_with(head.status, downward(&head.headers), outgoing))
    }

    /// Where the call of a request waits for its response.
    fn place(&self, sent: &Sent, message: &Message<'_>, call: Call) -> Place {
        let (Some(session), false) = (&sent.talk.session, sent.modern) else {
            return Place::Held(call);
        };
        let id = message.id().unwrap_or_default().to_owned();
        let key: Key = (sent.talk.server.to_string(), session.to_string(), id);
        match self.bench.calls.add(key.clone(), call) {
            None => Place::Shared(key),
            Some(call) => Place::Held(call),
        }
    }

    /// Binds the session that an `initialize` has opened to its agent.
    fn bind(
        &self,
        sent: &Sent,
        message: &Message<'_>,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let Some(session) = headers.get(SESSION).filter(|_| status.is_success()) else {
            return Ok(());
        };
        if !message.asks("initialize") {
            return Ok(());
        }
        let bound = session.to_str().is_ok_and(|session| {
            self.sessions.bind(&sent.talk.server, session, &sent.talk.agent.name)
        });
        if bound {
            return Ok(());
        }
        Err(Refusal::upstream("the upstream opened a session under an id that cannot be used"))
    }

    /// Everything that is no request: notifications, responses, GET and DELETE.
    async fn pass_on(&self, sent: &Sent) -> Result<Response<Body>, Refusal> {
        let limits = Limits { depth_max: self.bench.limits.json_depth_max };
        let message = Message::read(&sent.body, limits).ok();
        let name = message.as_ref().map_or(sent.method.as_str(), Message::method);
        let said = (name, &*sent.body);
        let permit = self.bench.clerk.relay(&sent.talk, Relay::ToUpstream, None, said).await?;
        let (up, body) = (upward(&sent.headers), sent.body.clone());
        let response = self.server.send(permit, sent.method.clone(), up, body).await;
        let response = response.map_err(|failure| Refusal::upstream(failure.detail))?;
        if sent.method == Method::DELETE
            && response.status().is_success()
            && let Some(session) = single(&sent.headers, &SESSION)
        {
            self.sessions.forget(&sent.talk.server, session);
        }
        if is_event_stream(response.headers()) {
            let sent = Sent {
                talk: sent.talk.clone(),
                method: sent.method.clone(),
                headers: HeaderMap::new(),
                body: Bytes::new(),
                modern: sent.modern,
            };
            return self.stream(sent, None, response);
        }
        let (head, body) = response.into_parts();
        let limits = &self.bench.limits;
        let reading = Reading::new(body, limits.upstream_idle_timeout).all(limits.answer_bytes_max);
        let bytes = reading.await.map_err(|(failure, _)| Refusal::upstream(failure.detail))?;
        Ok(response_with(head.status, downward(&head.headers), Body::whole(bytes)))
    }
}

async fn failed(call: Call, failure: Failure, answer: &[u8]) -> Refusal {
    let refusal = match failure.reason {
        FailureReason::TimedOut => Refusal::new(
            StatusCode::GATEWAY_TIMEOUT,
            1504,
            "upstream_timed_out",
            failure.detail.clone(),
        ),
        FailureReason::AnswerTooLarge
        | FailureReason::Unreachable
        | FailureReason::Broken
        | FailureReason::Garbled
        | FailureReason::Truncated
        | FailureReason::Exited => Refusal::upstream(failure.detail.clone()),
    };
    call.fail(failure, answer).await;
    refusal
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("text/event-stream")
    })
}
