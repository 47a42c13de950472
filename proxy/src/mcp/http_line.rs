//! Messages to and from one HTTP tool server on behalf of the gateway's own sessions: every request
//! gets an id of the line's own, whatever its asker called it. Not the unaltered passage.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use events::FailureReason;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, header};
use hyper::body::Incoming;

use crate::json::{self, Limits};
use crate::sse::{Fields, Parser};
use crate::upstream::Permit;

use super::clerk::Failure;
use super::envelope::{Kind, META_VERSION, Message, target_key};
use super::headers::{LAST_EVENT, METHOD, MODERN, NAME, SESSION, VERSION, encoded};
use super::http_server::HttpServer;
use super::line_link::SUBSCRIPTION;
use super::pump::Bench;
use super::reading::{Reading, too_large};

/// How a line speaks to its server.
#[derive(Clone, Debug)]
pub(crate) enum Era {
    /// Nothing is agreed yet.
    Unknown,
    /// A session, if the server gave it an id, of this version.
    Legacy {
        /// The server's id for it.
        session: Option<HeaderValue>,
        /// The version agreed on.
        version: String,
    },
    /// Every request by itself.
    Modern,
}

/// A way to one server.
pub(crate) struct HttpLine {
    bench: Bench,
    server: HttpServer,
    pub(crate) era: Era,
    next: AtomicU64,
}

/// A request that the server works on.
pub(crate) struct HttpAsking {
    /// The HTTP status of the answer.
    pub(crate) status: u16,
    /// The session that the answer opens.
    pub(crate) session: Option<HeaderValue>,
    id: String,
    /// The request's id on this line.
    pub(crate) own: String,
    source: Source,
    waiting: VecDeque<String>,
    bytes_max: usize,
    /// The last event's id, from which the stream can be resumed.
    last_event: Option<String>,
    retry: Duration,
}

/// How long to wait before a stream is resumed, where the server does not say; and at most.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_LEAST: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(30);

enum Source {
    Stream(Box<(Reading, Parser)>),
    Done,
}

impl HttpLine {
    pub(crate) fn new(bench: Bench, server: HttpServer) -> Self {
        Self { bench, server, era: Era::Unknown, next: AtomicU64::new(1) }
    }

    /// A number by which the server will know one request.
    pub(crate) fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a request by this number. `extra` are headers of the agent that the server should see.
    pub(crate) async fn ask(
        &self,
        permit: Permit,
        number: u64,
        message: &Message<'_>,
        extra: &HeaderMap,
    ) -> Result<HttpAsking, Failure> {
        let own = number.to_string();
        let text = json::set(message.text, &["id"], &own)
            .map_err(|error| Failure::new(FailureReason::Unreachable, error.to_string()))?;
        let response = self.post(permit, message, text, extra).await?;
        let id = message.id().unwrap_or("null").to_owned();
        self.asking(response, id, own).await
    }

    /// Sends a notification or a response.
    pub(crate) async fn tell(&self, permit: Permit, message: &Message<'_>) -> Result<(), Failure> {
        let text = message.text.to_owned();
        let response = self.post(permit, message, text, &HeaderMap::new()).await?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let detail = format!("it answered a {} with {status}", message.method());
        Err(Failure {
            status: Some(status.as_u16()),
            ..Failure::new(FailureReason::Garbled, detail)
        })
    }

    /// Opens the stream of what the server says unasked, behind this event if it is to go on;
    /// `None` if it has none. A failure has the status 404 when the session is gone.
    pub(crate) async fn listen(
        &self,
        permit: Permit,
        last_event: Option<&str>,
    ) -> Result<Option<HttpAsking>, Failure> {
        let mut headers = self.headers(None);
        if let Some(last) = last_event.and_then(|id| HeaderValue::from_str(id).ok()) {
            headers.insert(LAST_EVENT, last);
        }
        let response = self.server.send(permit, Method::GET, headers, Bytes::new()).await?;
        let status = response.status();
        let gone = status == StatusCode::NOT_FOUND && self.has_session();
        // It may not have noticed the end of the last one.
        let soon = [StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS].contains(&status);
        if status.is_server_error() || soon || gone {
            let detail = format!("it answered {status} where its stream was wanted");
            let failure = Failure::new(FailureReason::Broken, detail);
            return Err(Failure { status: Some(status.as_u16()), ..failure });
        }
        let streams = head_is_stream(response.headers());
        if !status.is_success() || !streams {
            return Ok(None);
        }
        self.asking(response, String::new(), String::new()).await.map(Some)
    }

    /// Goes on with an answer whose stream has ended before the response, where that is possible.
    pub(crate) async fn resume(
        &self,
        permit: Permit,
        asking: &mut HttpAsking,
    ) -> Result<(), Failure> {
        let mut headers = self.headers(None);
        let last = asking.last_event.as_deref().and_then(|id| HeaderValue::from_str(id).ok());
        if let Some(last) = last {
            headers.insert(LAST_EVENT, last);
        }
        let response = self.server.send(permit, Method::GET, headers, Bytes::new()).await?;
        if !response.status().is_success() {
            let detail =
                format!("its answer broke off, and it resumes nothing: {}", response.status());
            return Err(Failure::new(FailureReason::Truncated, detail));
        }
        let limits = &self.bench.limits;
        let reading = Reading::new(response.into_body(), limits.upstream_idle_timeout);
        let parser = Parser::new(limits.answer_bytes_max);
        asking.source = Source::Stream(Box::new((reading, parser)));
        // A stream that brings no event is not resumed again, or that could go on for ever.
        asking.last_event = None;
        Ok(())
    }

    /// Ends the session at the server.
    pub(crate) async fn end(&self, permit: Permit) {
        drop(self.server.send(permit, Method::DELETE, self.headers(None), Bytes::new()).await);
    }

    /// Whether there is a session to end.
    pub(crate) fn has_session(&self) -> bool {
        matches!(self.era, Era::Legacy { session: Some(_), .. })
    }

    async fn post(
        &self,
        permit: Permit,
        message: &Message<'_>,
        text: String,
        extra: &HeaderMap,
    ) -> Result<Response<Incoming>, Failure> {
        let mut headers = self.headers(Some(message));
        for (name, value) in extra {
            headers.insert(name.clone(), value.clone());
        }
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        self.server.send(permit, Method::POST, headers, Bytes::from(text)).await
    }

    fn headers(&self, message: Option<&Message<'_>>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        let both = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(header::ACCEPT, both);
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let mut put = |name: HeaderName, value: &str| {
            if let Some(value) = encoded(value) {
                headers.insert(name, value);
            }
        };
        let modern = message.filter(|message| {
            matches!(self.era, Era::Modern)
                || message.value(&["params", "_meta", META_VERSION]).is_some()
        });
        if let Some(message) = modern {
            put(VERSION, message.meta_version().as_deref().unwrap_or(MODERN));
            put(METHOD, message.method());
            if let Some(target) = target_key(message.method()).and_then(|_| message.target()) {
                put(NAME, &target);
            }
        } else if let Era::Legacy { session, version } = &self.era {
            put(VERSION, version);
            if let Some(session) = session {
                headers.insert(SESSION, session.clone());
            }
        }
        headers
    }

    async fn asking(
        &self,
        response: Response<Incoming>,
        id: String,
        own: String,
    ) -> Result<HttpAsking, Failure> {
        let (head, body) = response.into_parts();
        let limits = &self.bench.limits;
        let bytes_max = limits.answer_bytes_max;
        let status = head.status.as_u16();
        if head.status == StatusCode::NOT_FOUND && self.has_session() {
            let detail = "it has forgotten the session";
            return Err(Failure {
                status: Some(status),
                ..Failure::new(FailureReason::Unreachable, detail)
            });
        }
        let reading = Reading::new(body, limits.upstream_idle_timeout);
        let mut asking = HttpAsking {
            status,
            session: head.headers.get(SESSION).cloned(),
            id,
            own,
            source: Source::Done,
            waiting: VecDeque::new(),
            bytes_max,
            last_event: None,
            retry: RETRY,
        };
        if head_is_stream(&head.headers) {
            asking.source = Source::Stream(Box::new((reading, Parser::new(bytes_max))));
            return Ok(asking);
        }
        let mut room = self.bench.memory.hold_answer();
        let all = reading.all(bytes_max, &mut room).await.map_err(|(failure, _)| failure)?;
        let depth = Limits { depth_max: limits.json_depth_max };
        match Message::read(&all, depth) {
            Ok(message) => asking.waiting.push_back(asking.restored(&message)?),
            Err(malformed) => {
                let detail =
                    format!("it answered {} with what is no message: {malformed}", head.status);
                let failure = Failure::new(FailureReason::Garbled, detail);
                return Err(Failure { status: Some(status), ..failure });
            }
        }
        Ok(asking)
    }
}

fn head_is_stream(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    kind.is_some_and(|kind| kind.starts_with("text/event-stream"))
}

impl HttpAsking {
    /// The last event's id, and how long to wait before the stream is opened behind it.
    pub(crate) fn last(&self) -> (Option<String>, Duration) {
        (self.last_event.clone(), self.retry)
    }

    /// How long to wait before the stream is resumed; `None` when it cannot be.
    pub(crate) fn resumable(&self) -> Option<Duration> {
        self.last_event.as_ref().map(|_| self.retry)
    }

    /// The next message; `None` when no more will come.
    pub(crate) async fn next(&mut self, limits: Limits) -> Result<Option<String>, Failure> {
        loop {
            if let Some(message) = self.waiting.pop_front() {
                return Ok(Some(message));
            }
            let Source::Stream(stream) = &mut self.source else { return Ok(None) };
            let (reading, parser) = &mut **stream;
            let bytes_max = self.bytes_max;
            if let Some(frame) = parser.next_frame().map_err(|_| too_large(bytes_max))? {
                self.take(frame.fields, limits)?;
                continue;
            }
            match reading.next().await? {
                Some(piece) => parser.feed(&piece),
                None => self.source = Source::Done,
            }
        }
    }

    /// Takes what one frame says.
    fn take(&mut self, fields: Fields, limits: Limits) -> Result<(), Failure> {
        if let Some(id) = fields.id {
            self.last_event = Some(id).filter(|id| !id.is_empty());
        }
        let retry = fields.retry.map(Duration::from_millis);
        self.retry = retry.map_or(self.retry, |retry| retry.clamp(RETRY_LEAST, RETRY_MAX));
        let Some(data) = fields.data.filter(|data| !data.is_empty()) else { return Ok(()) };
        let message = Message::read(data.as_bytes(), limits).map_err(|malformed| {
            let detail = format!("it sent what is no message: {malformed}");
            Failure::new(FailureReason::Garbled, detail)
        })?;
        let restored = self.restored(&message)?;
        self.waiting.push_back(restored);
        Ok(())
    }

    /// A message with the id that its asker knows. The response to another request than the one
    /// that was asked here is of no use to anybody; but servers that refuse a request before they
    /// have read it do not know its id.
    fn restored(&self, message: &Message<'_>) -> Result<String, Failure> {
        let unchanged = || message.text.to_owned();
        if self.own.is_empty() {
            return Ok(unchanged());
        }
        let path: &[&str] = match message.kind {
            Kind::Response { id, .. } if id.is_none_or(|id| id == self.own) => &["id"],
            Kind::Response { error: true, .. } if self.status >= 400 => &["id"],
            Kind::Response { .. } => {
                let detail = "it gave the response to another request";
                return Err(Failure::new(FailureReason::Garbled, detail));
            }
            Kind::Request { .. } | Kind::Notification { .. } => {
                let subscription = message.value(&SUBSCRIPTION).map(|id| id.trim_matches('"'));
                if subscription != Some(&self.own) {
                    return Ok(unchanged());
                }
                &SUBSCRIPTION
            }
        };
        Ok(json::set(message.text, path, &self.id).unwrap_or_else(|_| unchanged()))
    }
}
