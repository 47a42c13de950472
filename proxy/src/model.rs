//! Model calls: what goes on between an agent's HTTP request and the provider's answer.
//!
//! [`Models::serve`] is the door; `Models::pass` shows the order of a call.

mod local;

mod watch;

mod answer;

mod read;

mod listing;

mod stream;

use crate::body::{Bounds, Outgoing, ReceiveError, receive};
use crate::caller::Caller;
use crate::config::Config;
use crate::credentials::presented_key;
use crate::dialect::{NoRoute, Refusal, Route, error_body};
use crate::gate::{Admitted, Ask, Dispatched, Gate, Refused, pending};
use crate::memory::{Held, Memory};
use crate::problem::{ErrorCode, Problem};
use crate::standing::Recipient;
use crate::upstream::Upstream;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header, request::Parts};
use hyper::body::Incoming;
use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use tokio::sync::oneshot;

/// What an agent is answered.
pub type Reply = Response<Outgoing>;

/// Serves the model APIs.
pub struct Models {
    gate: Arc<Gate>,
    upstream: Upstream,
    config: Arc<Config>,
    memory: Memory,
}

/// One request on its way, with what is known of it.
struct Passing {
    route: Route,
    head: Parts,
    peer: SocketAddr,
    /// Who asks, once that is known.
    caller: Arc<OnceLock<Arc<Caller>>>,
    bytes: usize,
    memory: Held,
}

impl Models {
    /// Serves the providers of `config`.
    pub fn new(gate: Arc<Gate>, upstream: Upstream, config: Arc<Config>, memory: Memory) -> Self {
        Self { gate, upstream, config, memory }
    }

    /// Answers one request. The call goes on to its recorded outcome even if the agent leaves.
    pub async fn serve(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Reply {
        let (head, body) = request.into_parts();
        let anthropic = head.headers.contains_key("anthropic-version");
        let route = match Route::find(&head.method, head.uri.path(), anthropic) {
            Ok(route) => route,
            Err(error) => return self.lost(&head, peer, error).await,
        };
        let (reply, answer) = oneshot::channel();
        let models = Arc::clone(&self);
        let memory = self.memory.hold();
        let caller = Arc::new(OnceLock::new());
        let to = Arc::clone(&caller);
        let passing = Passing { route, head, peer, caller, bytes: 0, memory };
        self.gate.tasks.spawn(async move { models.run(passing, body, reply).await });
        let mut reply = answer.await.unwrap_or_else(|_| {
            let problem = Problem::new(ErrorCode::Internal, "the call ended without an answer");
            problem_reply(route, &problem)
        });
        if let Some(caller) = to.get() {
            let caller = Arc::clone(caller);
            reply.extensions_mut().insert(Recipient { caller, listens: false });
        }
        reply
    }

    async fn run(&self, mut passing: Passing, body: Incoming, reply: oneshot::Sender<Reply>) {
        let mut reply = Some(reply);
        if let Err(problem) = self.pass(&mut passing, body, &mut reply).await {
            // If nobody listens any more, the refusal is on record all the same.
            answer::answer(&mut reply, self.refused(&passing, problem).await);
        }
    }

    /// The order of a call. Each step is on record before the next begins.
    async fn pass(
        &self,
        passing: &mut Passing,
        body: Incoming,
        reply: &mut Option<oneshot::Sender<Reply>>,
    ) -> Result<(), Problem> {
        let head = &passing.head;
        let caller = self.gate.identify(&head.headers, head.uri.path()).await?; // who asks
        let caller = Arc::clone(passing.caller.get_or_init(|| caller));
        let body = self.receive(passing, body).await?; // all of it, within bounds
        if !self.listed_together(passing.route).is_empty() {
            return self.list(passing, &caller, reply).await; // the same order, provider by provider
        }
        let (ask, provider) = self.read(&caller.agent, passing, &body)?; // what is asked
        let asked = ask.ask(&caller, &body);
        let Some(dispatched) = self.admit(&asked, reply).await? else { return Ok(()) }; // on record
        let request = Self::request(passing, provider, body)?;
        let answer = self.upstream.send(dispatched.permit, request); // the only door out
        self.release(passing, dispatched.call, answer, reply).await // on record; then released
    }

    /// Has a call decided on, by people where the policy says so; nothing if nobody waits any more.
    async fn admit(
        &self,
        ask: &Ask<'_>,
        reply: &mut Option<oneshot::Sender<Reply>>,
    ) -> Result<Option<Dispatched>, Problem> {
        let mut held = match self.gate.admit(ask).await? {
            Admitted::Sent(dispatched) => return Ok(Some(*dispatched)),
            Admitted::Waits(held) => *held,
        };
        let Some(to_agent) = reply.as_mut() else { return Ok(None) };
        let decided = tokio::select! {
            decided = held.decided() => decided,
            () = tokio::time::sleep(self.config.approvals.hold_models) => {
                let problem = pending(held.call(), &held.expires().to_string());
                held.leave("the agent was told to ask again");
                return Err(problem);
            }
            () = to_agent.closed() => {
                held.leave("the agent hung up");
                return Ok(None);
            }
        };
        self.gate.settle(ask, held, decided).await.map(Some)
    }

    async fn receive(&self, passing: &mut Passing, body: Incoming) -> Result<Bytes, Problem> {
        let limits = &self.config.limits;
        let encoded = passing.head.headers.get(header::CONTENT_ENCODING);
        if encoded.is_some_and(|encoding| encoding != "identity") {
            let message = "the body's content encoding cannot be read; send it as it is";
            return Err(Problem::new(ErrorCode::UnsupportedEncoding, message));
        }
        let bounds = Bounds { bytes_max: limits.body_bytes_max, timeout: limits.body_timeout };
        let received = receive(body, &mut passing.memory, bounds).await;
        let bytes = received.map_err(|(error, bytes)| {
            passing.bytes = bytes;
            receive_problem(&error)
        })?;
        passing.bytes = bytes.len();
        Ok(bytes)
    }

    async fn refused(&self, passing: &Passing, problem: Problem) -> Reply {
        // What the gate answered is on record already, or cannot be put there.
        let problem = match (problem.code, &problem.id) {
            (_, Some(_)) | (ErrorCode::LedgerUnavailable | ErrorCode::OutcomeUnrecorded, None) => {
                problem
            }
            (_, None) => self.refuse(passing, problem).await,
        };
        let mut reply = problem_reply(passing.route, &problem);
        self.challenge(&mut reply, &problem, &passing.head);
        reply
    }

    /// Says how one is let in, to whom that would help.
    fn challenge(&self, reply: &mut Reply, problem: &Problem, head: &Parts) {
        let asked = (head.uri.path(), presented_key(&head.headers).is_some());
        self.gate.tokens().challenge_in(reply, problem, asked, None);
    }

    async fn refuse(&self, passing: &Passing, problem: Problem) -> Problem {
        let refused = Refused {
            problem,
            dialect: Some(recorded_dialect(passing.route)),
            method: Some(line(&passing.head)),
            caller: passing.caller.get().map(|caller| &**caller),
            bytes: passing.bytes,
            peer: Some(passing.peer),
        };
        self.gate.refuse(refused).await
    }

    async fn lost(&self, head: &Parts, peer: SocketAddr, error: NoRoute) -> Reply {
        let code = match error {
            NoRoute::Path => ErrorCode::NotFound,
            NoRoute::Method { .. } => ErrorCode::MethodNotAllowed,
        };
        let problem = Problem::new(code, format!("{}: {error}", line(head)));
        let caller = self.gate.identify(&head.headers, head.uri.path()).await.ok();
        let refused = Refused {
            problem,
            dialect: None,
            method: Some(line(head)),
            caller: caller.as_deref(),
            bytes: 0,
            peer: Some(peer),
        };
        let problem = self.gate.refuse(refused).await;
        let mut reply = problem_reply(Route::OpenAiChat, &problem);
        if let NoRoute::Method { allow } = error {
            reply.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allow));
        }
        reply
    }
}

/// What went wrong while receiving, as the caller learns it.
pub fn receive_problem(error: &ReceiveError) -> Problem {
    let code = match error {
        ReceiveError::TooLarge(_) => ErrorCode::BodyTooLarge,
        ReceiveError::TooSlow(_) | ReceiveError::Broken(_) => ErrorCode::BodyTooSlow,
        ReceiveError::Memory(_) => ErrorCode::Busy,
    };
    Problem::new(code, error.to_string())
}

/// A problem as the clients of this route's dialect understand it.
pub fn problem_reply(route: Route, problem: &Problem) -> Reply {
    let (status, body) = error_body(route, &refusal(problem));
    let mut reply = Response::new(Outgoing::from(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(id) = problem.id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.insert("x-request-id", id.clone());
        headers.insert("request-id", id);
    }
    if problem.code.is_retryable() {
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    } else if problem.code.may_have_acted() {
        // The SDKs of both dialects repeat what fails with a 5xx unless told not to.
        headers.insert("x-should-retry", HeaderValue::from_static("false"));
    }
    reply
}

fn refusal(problem: &Problem) -> Refusal {
    Refusal {
        status: problem.code.status(),
        code: problem.code.text(),
        message: problem.message.clone(),
        request_id: problem.id.clone().unwrap_or_default(),
    }
}

fn recorded_dialect(route: Route) -> events::Dialect {
    match route.dialect() {
        crate::dialect::Dialect::OpenAi => events::Dialect::Openai,
        crate::dialect::Dialect::Anthropic => events::Dialect::Anthropic,
    }
}

fn line(head: &Parts) -> String {
    format!("{} {}", head.method, head.uri.path())
}
