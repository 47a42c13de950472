//! The agents' listener: connections, their limits, and the way to the right dialect.

use crate::caller::Caller;
use crate::config::{Limits, Listen};
use crate::dialect::{Refusal, Route, error_body};
use crate::explained::Explained;
use crate::gate::{Gate, Refused};
use crate::heard::{Heard, Listening};
use crate::mcp::{self, Mcp};
use crate::model::{Models, Reply, problem_reply};
use crate::patience::{Overdue, Patience};
use crate::problem::{ErrorCode, Problem};
use crate::standing::{Recipient, WhileIn, revoked};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, Uri, header};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// The most headers a request may have.
const HEADERS_MAX: usize = 128;

/// The most bytes of headers that are held for a connection.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long nothing is accepted after the system could not.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// What agents reach.
pub struct Agents {
    gate: Arc<Gate>,
    models: Arc<Models>,
    mcp: Arc<Mcp>,
    listen: Listen,
    limits: Limits,
    unread: Bytes,
}

impl Agents {
    /// Serves both kinds of call.
    pub fn new(
        gate: Arc<Gate>,
        models: Arc<Models>,
        mcp: Arc<Mcp>,
        listen: Listen,
        limits: Limits,
    ) -> Arc<Self> {
        Arc::new(Self { gate, models, mcp, listen, limits, unread: unread() })
    }

    /// Accepts connections until told to stop, then lets those that are open finish.
    pub async fn run(self: Arc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let places = Arc::new(Semaphore::new(self.limits.connections_max));
        loop {
            // While all places are taken, newcomers wait in the system's own queue.
            let place = tokio::select! {
                place = Arc::clone(&places).acquire_owned() => place,
                () = stopped(&mut stop) => return,
            };
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stopped(&mut stop) => return,
            };
            let (stream, peer) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    // Out of file descriptors, most likely: let some go first.
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            };
            let agents = Arc::clone(&self);
            let stop = stop.clone();
            self.gate.tasks.spawn(async move {
                agents.gate.metrics.connections.increment();
                agents.connection(stream, peer, stop).await;
                agents.gate.metrics.connections.decrement();
                drop(place);
            });
        }
    }

    async fn connection(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
        mut stop: watch::Receiver<bool>,
    ) {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "no TCP_NODELAY");
        }
        let agents = Arc::clone(self);
        let heard = Heard::default();
        let stream = Listening::new(stream, heard.clone());
        let stream = Explained::new(stream, heard.clone(), self.unread.clone());
        let Limits { header_timeout, idle_timeout, .. } = self.limits;
        let mut patience = Patience::new(heard.clone(), header_timeout, idle_timeout);
        let service = service_fn(move |request: Request<Incoming>| {
            let agents = Arc::clone(&agents);
            let (answering, heard) = (heard.asked(), heard.clone());
            async move {
                let reply = agents.answer(request, peer).await;
                if reply.status().is_success() {
                    heard.welcome();
                }
                Ok::<_, Infallible>(reply.map(|body| answering.until_end_of(body)))
            }
        });
        let connection = http1::Builder::new()
            // It counts from the end of the last answer, and so would cut what is merely idle.
            .header_read_timeout(None)
            .max_headers(HEADERS_MAX)
            .max_buf_size(HEAD_BYTES_MAX)
            .half_close(false)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let ended = tokio::select! {
            ended = patience.with(connection.as_mut()) => ended,
            () = stopped(&mut stop) => {
                connection.as_mut().graceful_shutdown();
                patience.with(connection.as_mut()).await
            }
        };
        match ended {
            Ok(Ok(())) | Err(Overdue::Silent) => {}
            Ok(Err(error)) => self.broken(&error, peer).await,
            Err(Overdue::Head) => {
                let message = format!("the headers were not complete within {header_timeout:?}");
                self.unread(ErrorCode::BodyTooSlow, message, 0, peer).await;
            }
        }
    }

    async fn broken(&self, error: &hyper::Error, peer: SocketAddr) {
        // The status is what hyper has answered by itself.
        let status = if error.is_parse_too_large() {
            431
        } else if error.is_parse() {
            400
        } else {
            // The agent left, and its calls have said so themselves; or it never asked anything.
            return;
        };
        let message = format!("not an acceptable HTTP/1.1 request: {error}");
        self.unread(ErrorCode::MalformedRequest, message, status, peer).await;
    }

    /// What was not even HTTP is on record as well.
    async fn unread(&self, code: ErrorCode, message: String, status: u16, peer: SocketAddr) {
        let refused = Refused {
            problem: Problem::new(code, message),
            dialect: None,
            method: None,
            caller: None,
            bytes: 0,
            peer: Some(peer),
        };
        self.gate.refuse_as(refused, status).await;
    }

    /// Answers one request. A chunked one is the last of its connection: it may have had a length
    /// as well, which hyper takes away unseen, and whoever stands before the gateway may then take
    /// what follows for another request than hyper does (RFC 9112 §6.1).
    async fn answer(
        self: Arc<Self>,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Response<WhileIn> {
        let chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
        let line = (request.method().clone(), request.uri().clone());
        let reply = Arc::clone(&self).route(request, peer).await;
        let mut reply = self.release(reply, line, peer).await;
        if chunked {
            reply.headers_mut().insert(header::CONNECTION, CLOSE);
        }
        reply
    }

    /// Lets an answer out to a caller that is still let in, and what is yet to come of it for as
    /// long as it is.
    async fn release(
        &self,
        mut reply: Reply,
        (method, uri): (Method, Uri),
        peer: SocketAddr,
    ) -> Response<WhileIn> {
        let desk = self.gate.desk();
        let recipient = reply.extensions_mut().remove::<Recipient>();
        let caller =
            recipient.as_ref().map(|to| &*to.caller).filter(|_| !reply.status().is_client_error());
        if let Some(problem) = caller.and_then(|caller| revoked(desk, caller)) {
            reply = self.turn_away((&method, &uri), (peer, caller), problem).await;
        }
        reply.map(|body| WhileIn::new(body, recipient, desk))
    }

    async fn route(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Reply {
        let line = (request.method(), request.uri());
        let resources = self.gate.tokens().resources();
        if let Err(problem) = self.hosted(request.headers(), request.uri()) {
            return self.turn_away(line, (peer, None), problem).await;
        }
        if let Some(described) = resources.describe(line.0, line.1.path()) {
            return described;
        }
        if let Err(problem) = self.addressed(request.headers()) {
            return self.turn_away(line, (peer, None), problem).await;
        }
        let path = request.uri().path();
        if path == "/mcp" || path.starts_with("/mcp/") {
            Arc::clone(&self.mcp).serve(request, peer).await
        } else {
            Arc::clone(&self.models).serve(request, peer).await
        }
    }

    /// Whether the request is meant for this gateway (DNS rebinding).
    fn hosted(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
        let host = uri
            .authority()
            .map(|authority| authority.as_str().to_owned())
            .or_else(|| headers.get(header::HOST)?.to_str().ok().map(str::to_owned));
        if let Some(host) = host.filter(|host| !self.answers_to(host)) {
            let message = format!(
                "`Host: {host}` is not a name of this gateway; add it to `listen.hosts` if it is"
            );
            return Err(Problem::new(ErrorCode::ForbiddenOrigin, message));
        }
        Ok(())
    }

    /// Whether it comes from no page, or from one that may call this gateway.
    fn addressed(&self, headers: &HeaderMap) -> Result<(), Problem> {
        let origin = headers.get(header::ORIGIN).map(|origin| origin.to_str().unwrap_or("?"));
        if let Some(origin) = origin.filter(|origin| !self.trusts(origin)) {
            let message = format!(
                "pages of `{origin}` may not call this gateway; add it to `listen.origins` if \
                 they should"
            );
            return Err(Problem::new(ErrorCode::ForbiddenOrigin, message));
        }
        Ok(())
    }

    fn answers_to(&self, host: &str) -> bool {
        let name = without_port(host);
        is_loopback(name)
            || name == self.listen.agents.ip().to_string()
            || self
                .listen
                .hosts
                .iter()
                .any(|known| known.eq_ignore_ascii_case(host) || known.eq_ignore_ascii_case(name))
    }

    fn trusts(&self, origin: &str) -> bool {
        let local = origin
            .split_once("://")
            .is_some_and(|(_, authority)| is_loopback(without_port(authority)));
        local || self.listen.origins.iter().any(|known| known.eq_ignore_ascii_case(origin))
    }

    async fn turn_away(
        &self,
        (method, uri): (&Method, &Uri),
        (peer, caller): (SocketAddr, Option<&Caller>),
        problem: Problem,
    ) -> Reply {
        let refused = Refused {
            problem,
            dialect: None,
            method: Some(format!("{method} {}", uri.path())),
            caller,
            bytes: 0,
            peer: Some(peer),
        };
        let problem = self.gate.refuse(refused).await;
        if uri.path().starts_with("/mcp") {
            mcp::problem_reply(problem)
        } else {
            problem_reply(Route::OpenAiChat, &problem)
        }
    }
}

/// What is told to whoever sends what is no HTTP.
fn unread() -> Bytes {
    let code = ErrorCode::MalformedRequest;
    let refusal = Refusal {
        status: code.status(),
        code: code.text(),
        message: format!(
            "this cannot be read as a request: it has to be plain HTTP/1.1, with at most \
             {HEADERS_MAX} headers and {HEAD_BYTES_MAX} bytes before its body"
        ),
        request_id: String::new(),
    };
    error_body(Route::OpenAiChat, &refusal).1
}

async fn stopped(stop: &mut watch::Receiver<bool>) {
    // If the sender is gone, so is the gateway.
    drop(stop.wait_for(|stop| *stop).await);
}

fn without_port(authority: &str) -> &str {
    match authority.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => authority,
    }
}

fn is_loopback(name: &str) -> bool {
    name.eq_ignore_ascii_case("localhost")
        || name == "[::1]"
        || name.parse::<std::net::Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
}
