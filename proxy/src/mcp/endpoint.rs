//! Where agents reach tool servers: checks each request and sends it on its way; `/mcp/{server}` is
//! one server, `/mcp` is all of them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};

use crate::config::{Agent, Config, Listen};
use crate::gate::Gate;
use crate::json::Limits;
use crate::upstream::Upstream;

use super::bound_session::BoundSessions;
use super::catalogue::Catalogue;
use super::clerk::{Clerk, Talk, refused};
use super::envelope::{INVALID_REQUEST, Message};
use super::guard;
use super::headers::{self, HEADER_MISMATCH, SESSION, is_modern, single};
use super::http_server::HttpServer;
use super::open_calls::OpenCalls;
use super::passage::{Passage, Sent};
use super::pump::Bench;
use super::reply::{Body, Refusal, denied_text, json_response};

/// All tool servers; cheap to clone.
#[derive(Clone)]
pub struct Mcp(Arc<Inner>);

struct Inner {
    bench: Bench,
    listen: Listen,
    sessions: Arc<BoundSessions>,
    servers: BTreeMap<String, Server>,
}

enum Server {
    Http(HttpServer),
}

/// Who sends what where, so far as it is known when something is wrong with it.
struct Sender<'r> {
    method: String,
    agent: Option<Arc<Agent>>,
    id: Option<String>,
    body: &'r Bytes,
}

impl Mcp {
    /// The tool servers of this configuration.
    pub fn new(config: &Config, gate: Gate, upstream: &Upstream) -> Self {
        let bench = Bench {
            clerk: Clerk::new(gate),
            calls: Arc::new(OpenCalls::default()),
            catalogue: Arc::new(Catalogue::default()),
            limits: Arc::new(config.limits.clone()),
        };
        let servers = config.tools.iter().filter_map(|tools| {
            let server = HttpServer::new(tools, upstream.clone())?;
            Some((tools.name.clone(), Server::Http(server)))
        });
        Self(Arc::new(Inner {
            bench,
            listen: config.listen.clone(),
            sessions: Arc::new(BoundSessions::default()),
            servers: servers.collect(),
        }))
    }

    /// Answers one request to `/mcp` or `/mcp/{server}`, whose body has been read within the limits.
    pub async fn serve(&self, request: Request<Bytes>) -> Response<Body> {
        let (head, body) = request.into_parts();
        let mut sender = Sender {
            method: format!("{} {}", head.method, head.uri.path()),
            agent: None,
            id: None,
            body: &body,
        };
        match self.admit(&head, &mut sender).await {
            Ok(response) => response,
            Err(refusal) => self.refuse(refusal, sender).await,
        }
    }

    /// Records a refusal and puts it into words.
    async fn refuse(&self, refusal: Refusal, sender: Sender<'_>) -> Response<Body> {
        let Sender { method, agent, id, body } = sender;
        let event = refused(&refusal, method, agent.as_deref(), body.len());
        self.0.bench.clerk.refuse(event).await;
        let mut response = refusal.response(id.as_deref());
        if refusal.status == StatusCode::UNAUTHORIZED {
            let bearer = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, bearer);
        }
        response
    }

    async fn admit(
        &self,
        head: &http::request::Parts,
        sender: &mut Sender<'_>,
    ) -> Result<Response<Body>, Refusal> {
        let inner = &self.0;
        guard::check(&head.headers, &inner.listen).map_err(Refusal::origin)?;
        let agent = inner.bench.clerk.identify(&head.headers)?;
        sender.agent = Some(Arc::clone(&agent));
        let name = head.uri.path().strip_prefix("/mcp/").unwrap_or_default().trim_end_matches('/');
        let server = inner.servers.get(name).ok_or_else(|| Refusal::no_server(name))?;
        if !agent.tools.iter().any(|pattern| pattern.server.matches(name)) {
            let detail = format!("`{}` may call no tool of `{name}`", agent.name);
            return Err(Refusal::forbidden(detail));
        }
        let message = self.read(head, sender)?;
        let modern = is_modern(&head.headers, message.as_ref());
        if let (true, Some(message)) = (modern, &message) {
            headers::check(&head.headers, message).map_err(|detail| {
                Refusal::new(StatusCode::BAD_REQUEST, HEADER_MISMATCH, "header_mismatch", detail)
            })?;
        }
        let session = single(&head.headers, &SESSION).filter(|_| !modern).map(Arc::from);
        if !modern && session.is_none() && head.headers.contains_key(SESSION) {
            return Err(Refusal::no_session());
        }
        let talk = Talk { agent, server: Arc::from(name), session };
        if let Some(message) = &message
            && let Some(denied) = self.deny(&talk, message, modern, sender.body).await?
        {
            return Ok(denied);
        }
        let sent = Sent {
            talk,
            method: head.method.clone(),
            headers: head.headers.clone(),
            body: sender.body.clone(),
            modern,
        };
        let Server::Http(server) = server;
        let (bench, sessions) = (inner.bench.clone(), Arc::clone(&inner.sessions));
        Passage { bench, server: server.clone(), sessions }.pass(sent).await
    }

    /// Reads the message of a POST; other methods have none.
    fn read<'b>(
        &self,
        head: &http::request::Parts,
        sender: &mut Sender<'b>,
    ) -> Result<Option<Message<'b>>, Refusal> {
        match head.method {
            Method::GET | Method::DELETE if sender.body.is_empty() => return Ok(None),
            Method::GET | Method::DELETE => {
                let detail = format!("a {} has no body", head.method);
                let status = StatusCode::BAD_REQUEST;
                return Err(Refusal::new(status, INVALID_REQUEST, "malformed", detail));
            }
            Method::POST => {}
            _ => return Err(Refusal::method()),
        }
        let limits = Limits { depth_max: self.0.bench.limits.json_depth_max };
        let message = Message::read(sender.body, limits).map_err(|malformed| {
            sender.id.clone_from(&malformed.id);
            Refusal::new(StatusCode::BAD_REQUEST, malformed.code, "malformed", malformed.detail)
        })?;
        sender.id = message.id().map(str::to_owned);
        Ok(Some(message))
    }

    /// The answer to a tool call that this agent may not make.
    async fn deny(
        &self,
        talk: &Talk,
        message: &Message<'_>,
        modern: bool,
        body: &Bytes,
    ) -> Result<Option<Response<Body>>, Refusal> {
        let (true, Some(id), Some(tool)) =
            (message.asks("tools/call"), message.id(), message.target())
        else {
            return Ok(None);
        };
        if talk.agent.may_call(&talk.server, &tool) {
            return Ok(None);
        }
        let reason = format!(
            "`{}` may not call the tool `{tool}` of `{}`: its configuration lists no pattern that \
             allows it",
            talk.agent.name, talk.server
        );
        self.0.bench.clerk.deny(talk, message, body.clone(), reason.clone()).await?;
        Ok(Some(json_response(StatusCode::OK, denied_text(id, &reason, modern))))
    }
}
