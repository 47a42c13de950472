//! `/mcp/{server}` for a server over HTTP: everything passes unaltered, both ways, and on record
//! first. Not the merged endpoint, and not servers that are processes.

use std::sync::Arc;

use bytes::Bytes;
use events::{FailureReason, Relay};
use http::{HeaderMap, Method, Response, StatusCode, header};
use hyper::body::Incoming;
use tokio::sync::oneshot;

use crate::body::{Outgoing, stream};
use crate::json::Limits;
use crate::memory::Held;
use crate::upstream::returned;

use super::awaited::Awaited;
use super::bound_session::BoundSessions;
use super::clerk::{Begun, Call, Failure, NotBegun, Talk, Waits};
use super::envelope::{Kind, Message};
use super::headers::{LAST_EVENT, SESSION, single, upward};
use super::http_server::HttpServer;
use super::open_calls::{Key, Wanted};
use super::parts::Parts;
use super::pump::{Bench, Pump, shown};
use super::reading::Reading;
use super::reply::{Refusal, Reply, reply_with};

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
    /// The memory that the body takes.
    #[expect(dead_code, reason = "it is held for as long as the body is")]
    pub(crate) held: Held,
    pub(crate) modern: bool,
}

type Answer = oneshot::Sender<Result<Reply, Refusal>>;

impl Passage {
    /// Passes one request on and its answer back. The exchange runs in a task of its own, because
    /// in the legacy era it goes on when the agent has gone.
    pub(crate) async fn pass(self, sent: Sent) -> Result<Reply, Refusal> {
        if let Some(session) = &sent.talk.session
            && !self.sessions.belongs(&sent.talk.server, session, &sent.talk.caller.known_as)
        {
            return Err(Refusal::no_session());
        }
        let (answer, answered) = oneshot::channel();
        let tasks = self.bench.clerk.gate().tasks.clone();
        tasks.spawn(self.exchange(sent, answer));
        let given_up =
            || Failure::new(FailureReason::Broken, "the exchange was given up").refusal();
        answered.await.unwrap_or_else(|_| Err(given_up()))
    }

    async fn exchange(self, sent: Sent, mut answer: Answer) {
        let limits = Limits { depth_max: self.bench.limits.json_depth_max };
        let body = sent.body.clone();
        let message = match sent.method {
            Method::POST => Message::read(&body, limits).ok(),
            _ => None,
        };
        let request =
            message.as_ref().filter(|message| matches!(message.kind, Kind::Request { .. }));
        let reply = match request {
            Some(request) => self.ask(sent, request, &mut answer).await,
            None => self.pass_on(sent, message.as_ref(), &mut answer).await,
        };
        if reply.is_some_and(|reply| answer.send(reply).is_err()) {
            tracing::debug!("an answer came when its agent had gone; it is on record");
        }
    }

    /// A request: a call. `None` when the agent gave up before the answer began.
    async fn ask(
        &self,
        mut sent: Sent,
        message: &Message<'_>,
        answer: &mut Answer,
    ) -> Option<Result<Reply, Refusal>> {
        let waits = Waits { modern: sent.modern, gone: answer.closed() };
        let begun = self.bench.clerk.begin(&sent.talk, (message, None), waits).await;
        let Begun { permit, mut call, text } = match begun {
            Ok(begun) => begun,
            Err(NotBegun::Refused(refusal)) => return Some(Err(refusal)),
            Err(NotBegun::Gone) => return None,
        };
        if let Some(text) = text {
            sent.body = Bytes::from(text);
        }
        let sending =
            self.server.send(permit, Method::POST, upward(&sent.headers), sent.body.clone());
        let response = tokio::select! {
            response = sending => response,
            () = answer.closed(), if sent.modern => {
                call.cancel("the agent closed the request", &[]).await;
                return None;
            }
        };
        let response = match response {
            Ok(response) => response,
            Err(failure) => return Some(Err(call.fail(failure, &[]).await)),
        };
        call.first_byte();
        if is_event_stream(response.headers()) {
            return Some(self.stream(sent, Some((message, call)), response).await);
        }
        self.whole(&mut sent, (message, call), response, answer).await
    }

    /// An answer that is one body.
    async fn whole(
        &self,
        sent: &mut Sent,
        (message, call): (&Message<'_>, Call),
        response: Response<Incoming>,
        answer: &mut Answer,
    ) -> Option<Result<Reply, Refusal>> {
        let (head, body) = response.into_parts();
        let limits = &self.bench.limits;
        let mut room = self.bench.memory.hold_answer();
        let reading = Reading::new(body, limits.upstream_idle_timeout);
        let all = tokio::select! {
            all = reading.all(limits.answer_bytes_max, &mut room) => all,
            () = answer.closed(), if sent.modern => {
                call.cancel("the agent closed the request", &[]).await;
                return None;
            }
        };
        let bytes = match all {
            Ok(bytes) => bytes,
            Err((failure, kept)) => return Some(Err(call.fail(failure, &kept).await)),
        };
        let read = Message::read(&bytes, Limits { depth_max: limits.json_depth_max }).ok();
        let response = read.filter(|read| match read.kind {
            Kind::Response { id, .. } => id.is_none() || id == message.id(),
            Kind::Request { .. } | Kind::Notification { .. } => false,
        });
        if response.is_none() && head.status.is_success() {
            let detail = "its answer is not the response to this request";
            let failure = Failure::new(FailureReason::Garbled, detail);
            return Some(Err(call.fail(failure, &bytes).await));
        }
        let bound = self.bind(sent, message, head.status, &head.headers);
        let completed = call.complete(head.status.as_u16(), response.as_ref(), &bytes).await;
        let noted = match completed.and_then(|noted| bound.map(|()| noted)) {
            Ok(noted) => noted,
            Err(refusal) => return Some(Err(refusal)),
        };
        let list = Wanted::of(message)?.list();
        let text = match (noted, &response) {
            (Some(noted), _) => Some(noted),
            (None, Some(response)) => shown(&self.bench, &sent.talk, list, response).await,
            (None, None) => None,
        };
        let body = text.map_or_else(|| Outgoing::from(bytes.clone()), Outgoing::from);
        Some(Ok(reply_with(head.status, returned(&head.headers), body)))
    }

    /// An answer that is an event stream.
    async fn stream(
        &self,
        sent: Sent,
        asked: Option<(&Message<'_>, Call)>,
        response: Response<Incoming>,
    ) -> Result<Reply, Refusal> {
        let (head, body) = response.into_parts();
        let mut awaited = None;
        if let Some((message, call)) = asked {
            if let Err(refusal) = self.bind(&sent, message, head.status, &head.headers) {
                let detail = refusal.problem.message;
                return Err(call.fail(Failure::new(FailureReason::Garbled, detail), &[]).await);
            }
            awaited = self.awaited(&sent, message, call);
        } else if let (Some(session), Some(event)) = (&sent.talk.session, resumes(&sent)) {
            let resumed = self.bench.calls.resume(&sent.talk.server, session, event);
            awaited = resumed.map(Awaited::shared);
        }
        let (pieces, outgoing) = stream();
        let pump = Pump {
            bench: self.bench.clone(),
            status: head.status.as_u16(),
            modern: sent.modern,
            talk: sent.talk,
            awaited,
            pieces,
            heard: true,
        };
        let reading = Reading::new(body, self.bench.limits.upstream_idle_timeout);
        self.bench.clerk.gate().tasks.spawn(pump.run(reading));
        Ok(reply_with(head.status, returned(&head.headers), outgoing))
    }

    /// The response to a request, and where its call waits for it.
    fn awaited(&self, sent: &Sent, message: &Message<'_>, call: Call) -> Option<Awaited> {
        let (wanted, parts) = (Wanted::of(message)?, Arc::new(Parts::new(&self.bench.memory)));
        let (Some(session), false) = (&sent.talk.session, sent.modern) else {
            return Some(Awaited::here(wanted, call, parts));
        };
        let key: Key = (sent.talk.server.to_string(), session.to_string(), wanted.id.clone());
        Some(match self.bench.calls.add(key, (call, wanted.clone()), &parts) {
            Ok(share) => Awaited::shared(share),
            Err(call) => Awaited::here(wanted, *call, parts),
        })
    }

    /// Binds the session that an `initialize` has opened to its agent.
    fn bind(
        &self,
        sent: &Sent,
        message: &Message<'_>,
        status: StatusCode,
        headers: &HeaderMap,
    ) -> Result<(), Refusal> {
        let opened = headers.get(SESSION).filter(|_| status.is_success());
        let Some(session) = opened.filter(|_| message.asks("initialize")) else { return Ok(()) };
        let bound = session.to_str().is_ok_and(|session| {
            self.sessions.bind(&sent.talk.server, session, &sent.talk.caller.known_as)
        });
        if bound {
            return Ok(());
        }
        let detail = "it opened a session under an id that cannot be used";
        Err(Failure::new(FailureReason::Garbled, detail).refusal())
    }

    /// Everything that is no request: notifications, responses, GET and DELETE.
    async fn pass_on(
        &self,
        mut sent: Sent,
        message: Option<&Message<'_>>,
        answer: &mut Answer,
    ) -> Option<Result<Reply, Refusal>> {
        // What the agent says is on record, and reaches the server even if the agent does not wait.
        let waits = sent.method == Method::GET;
        let passing = self.pass_message(&mut sent, message);
        let response = tokio::select! {
            response = passing => response,
            () = answer.closed(), if waits => return None,
        };
        let response = match response {
            Ok(response) => response,
            Err(refusal) => return Some(Err(refusal)),
        };
        if is_event_stream(response.headers()) {
            return Some(self.stream(sent, None, response).await);
        }
        let (head, body) = response.into_parts();
        let limits = &self.bench.limits;
        let reading = Reading::new(body, limits.upstream_idle_timeout);
        let mut room = self.bench.memory.hold_answer();
        let all = reading.all(limits.answer_bytes_max, &mut room).await;
        Some(
            all.map_err(|(failure, _)| failure.refusal()).map(|bytes| {
                reply_with(head.status, returned(&head.headers), Outgoing::from(bytes))
            }),
        )
    }

    async fn pass_message(
        &self,
        sent: &mut Sent,
        message: Option<&Message<'_>>,
    ) -> Result<Response<Incoming>, Refusal> {
        let name = message.map_or(sent.method.as_str(), Message::method);
        let said = (name, &*sent.body);
        let permit = self.bench.clerk.relay(&sent.talk, Relay::ToUpstream, None, said).await?;
        let (up, body) = (upward(&sent.headers), sent.body.clone());
        let response = self.server.send(permit, sent.method.clone(), up, body).await;
        let response = response.map_err(|failure| failure.refusal())?;
        if let (Some(session), Some(id)) = (&sent.talk.session, message.and_then(cancels)) {
            let key: Key = (sent.talk.server.to_string(), session.to_string(), id.to_owned());
            if let Some((call, _, parts)) = self.bench.calls.take(&key) {
                call.cancel("the agent cancelled the request", &parts.take()).await;
            }
        }
        if sent.method == Method::DELETE
            && response.status().is_success()
            && let Some(session) = &sent.talk.session
        {
            self.sessions.forget(&sent.talk.server, session);
        }
        Ok(response)
    }
}

/// The event behind which a GET wants a stream to go on.
fn resumes(sent: &Sent) -> Option<&str> {
    single(&sent.headers, &LAST_EVENT).filter(|_| sent.method == Method::GET)
}

/// The id of the request that a message cancels.
fn cancels<'t>(message: &Message<'t>) -> Option<&'t str> {
    let notifies = matches!(message.kind, Kind::Notification { .. });
    let is_it = notifies && message.method() == "notifications/cancelled";
    message.value(&["params", "requestId"]).filter(|_| is_it)
}

fn is_event_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| {
        let essence = kind.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case("text/event-stream")
    })
}
