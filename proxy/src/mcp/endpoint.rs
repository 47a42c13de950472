//! Where agents reach tool servers: checks each request and sends it on its way; `/mcp/{server}` is
//! one server, `/mcp` is all of them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use events::Dialect;
use http::{HeaderMap, Method, Request, StatusCode, header, request::Parts};
use hyper::body::Incoming;
use tokio::sync::watch;

use crate::body::{Bounds, receive};
use crate::caller::Caller;
use crate::config::{Config, ToolUpstream};
use crate::credentials::presented_key;
use crate::gate::{Gate, Refused};
use crate::json::Limits;
use crate::memory::{Held, Memory};
use crate::model::receive_problem;
use crate::problem::ErrorCode;
use crate::standing::Recipient;
use crate::upstream::Upstream;

use super::bound_session::BoundSessions;
use super::clerk::{Clerk, Talk, may_reach};
use super::envelope::{INVALID_REQUEST, Message};
use super::headers::{self, HEADER_MISMATCH, SESSION, is_modern, single};
use super::host::{Host, Member, Way};
use super::http_server::HttpServer;
use super::open_calls::OpenCalls;
use super::passage::{Passage, Sent};
use super::process::Launcher;
use super::pump::Bench;
use super::reply::{Refusal, Reply, json_reply};
use super::request_state::States;

/// All tool servers.
pub struct Mcp {
    bench: Bench,
    sessions: Arc<BoundSessions>,
    servers: BTreeMap<String, Server>,
    merged: Arc<Host>,
}

enum Server {
    Http(Box<HttpServer>),
    Stdio(Arc<Host>),
}

/// What is known of a request while it is looked at, for the record of a refusal.
struct Sender {
    head: Parts,
    peer: SocketAddr,
    caller: Option<Arc<Caller>>,
    id: Option<String>,
    is_tool: bool,
    /// Whether the answer is a stream for news.
    listens: bool,
    modern: bool,
    bytes: usize,
}

impl Mcp {
    /// The tool servers of this configuration. When `stopping` becomes true, streams end that
    /// nothing is awaited on. Fails without a source of randomness.
    pub fn new(
        config: &Config,
        gate: Arc<Gate>,
        upstream: &Upstream,
        memory: Memory,
        stopping: watch::Receiver<bool>,
    ) -> Result<Self, getrandom::Error> {
        let catalogue = Arc::clone(gate.rules().catalogue());
        let bench = Bench {
            clerk: Clerk::new(gate, States::new()?, config.approvals.hold),
            calls: Arc::new(OpenCalls::default()),
            catalogue,
            limits: Arc::new(config.limits.clone()),
            memory,
            stopping,
        };
        let way = |tools: &ToolUpstream| {
            let http = HttpServer::new(tools, upstream.clone()).map(Box::new).map(Way::Http);
            let launcher = Launcher::new(tools, &bench);
            let way = http.or_else(|| launcher.map(Way::Stdio))?;
            Some(Member { name: tools.name.as_str().into(), prefix: tools.prefix.clone(), way })
        };
        let rule = config.mcp.prefix;
        let servers = config.tools.iter().filter_map(|tools| {
            let member = way(tools)?;
            let scope = Arc::clone(&member.name);
            let server = match member.way {
                Way::Http(server) => Server::Http(server),
                Way::Stdio(_) => {
                    Server::Stdio(Arc::new(Host::new(bench.clone(), vec![member], rule, scope)))
                }
            };
            Some((tools.name.clone(), server))
        });
        let servers = servers.collect();
        let members = config.tools.iter().filter_map(way).collect();
        let merged = Arc::new(Host::new(bench.clone(), members, rule, "*".into()));
        Ok(Self { bench, sessions: Arc::new(BoundSessions::default()), servers, merged })
    }

    /// Answers one request to `/mcp` or `/mcp/{server}`.
    pub async fn serve(self: Arc<Self>, request: Request<Incoming>, peer: SocketAddr) -> Reply {
        let (head, body) = request.into_parts();
        let listens = head.method == Method::GET;
        let mut sender = Sender {
            head,
            peer,
            caller: None,
            id: None,
            is_tool: false,
            listens,
            modern: false,
            bytes: 0,
        };
        let admitted = self.admit(&mut sender, body).await;
        let to = sender.caller.clone().map(|caller| Recipient { caller, listens: sender.listens });
        let mut reply = match admitted {
            Ok(reply) => reply,
            Err(refusal) => self.refuse(refusal, sender).await,
        };
        to.map(|to| reply.extensions_mut().insert(to));
        reply
    }

    /// Puts a refusal on record, unless it is there already, and into words.
    async fn refuse(&self, mut refusal: Refusal, sender: Sender) -> Reply {
        let Sender { head, peer, caller, id, is_tool, modern, bytes, .. } = sender;
        let status = refusal.status().as_u16();
        // The model is to read it, so that it can do something else.
        if let Some(text) = refusal.for_the_model(id.as_deref().unwrap_or("null"), is_tool, modern)
        {
            return json_reply(StatusCode::OK, text);
        }
        match (refusal.problem.code, &refusal.problem.id) {
            (_, Some(_)) | (ErrorCode::LedgerUnavailable | ErrorCode::OutcomeUnrecorded, None) => {}
            (_, None) => {
                let refused = Refused {
                    problem: refusal.problem,
                    dialect: Some(Dialect::Mcp),
                    method: Some(format!("{} {}", head.method, head.uri.path())),
                    caller: caller.as_deref(),
                    bytes,
                    peer: Some(peer),
                };
                refusal.problem = self.bench.clerk.gate().refuse_as(refused, status).await;
            }
        }
        let mut reply = refusal.reply(id.as_deref());
        let asked = (head.uri.path(), presented_key(&head.headers).is_some());
        let tokens = self.bench.clerk.gate().tokens();
        tokens.challenge_in(&mut reply, &refusal.problem, asked, refusal.scope());
        reply
    }

    /// The order of a request, up to where its way depends on the server.
    async fn admit(&self, sender: &mut Sender, body: Incoming) -> Result<Reply, Refusal> {
        let path = sender.head.uri.path().to_owned();
        let gate = self.bench.clerk.gate();
        let caller = gate.identify(&sender.head.headers, &path).await?; // who asks
        sender.caller = Some(Arc::clone(&caller));
        let name = path.strip_prefix("/mcp/").unwrap_or_default().trim_end_matches('/');
        let server = self.servers.get(name);
        if server.is_none() && !name.is_empty() {
            return Err(Refusal::no_server(name));
        }
        let reaches = |name: &String| may_reach(&caller.agent, name);
        if server
            .map_or_else(|| !self.servers.keys().any(reaches), |_| !may_reach(&caller.agent, name))
        {
            let message = format!("`{}` may call no tool of `{path}`", caller.name());
            return Err(Refusal::new(ErrorCode::PolicyDenied, message));
        }
        let (body, held) = self.receive(sender, body).await?; // all of it, within bounds
        let message = self.read(sender, &body)?; // what is asked
        let headers = &sender.head.headers;
        if let (true, Some(message)) = (sender.modern, &message) {
            headers::check(headers, message)
                .map_err(|detail| Refusal::malformed(HEADER_MISMATCH, detail))?;
        }
        let session = session(headers, sender.modern)?;
        let scope = server.map_or("*", |_| name);
        let talk = Talk { caller, server: name.into(), session, scope: scope.into() };
        let sent = Sent {
            talk,
            method: sender.head.method.clone(),
            headers: headers.clone(),
            body: body.clone(),
            held,
            modern: sender.modern,
        };
        match server {
            None => Arc::clone(&self.merged).serve(sent).await,
            Some(Server::Stdio(host)) => Arc::clone(host).serve(sent).await,
            Some(Server::Http(server)) => {
                let (bench, sessions) = (self.bench.clone(), Arc::clone(&self.sessions));
                Passage { bench, server: (**server).clone(), sessions }.pass(sent).await
            }
        }
    }

    async fn receive(&self, sender: &mut Sender, body: Incoming) -> Result<(Bytes, Held), Refusal> {
        let limits = &self.bench.limits;
        let encoded = sender.head.headers.get(header::CONTENT_ENCODING);
        if encoded.is_some_and(|encoding| encoding != "identity") {
            let message = "the body's content encoding cannot be read; send it as it is";
            return Err(Refusal::new(ErrorCode::UnsupportedEncoding, message));
        }
        let bounds = Bounds { bytes_max: limits.body_bytes_max, timeout: limits.body_timeout };
        let mut held = self.bench.memory.hold();
        let received = receive(body, &mut held, bounds).await;
        let bytes = received.map_err(|(error, bytes)| {
            sender.bytes = bytes;
            receive_problem(&error)
        })?;
        sender.bytes = bytes.len();
        Ok((bytes, held))
    }

    /// Reads the message of a POST; other methods have none.
    fn read<'b>(
        &self,
        sender: &mut Sender,
        body: &'b Bytes,
    ) -> Result<Option<Message<'b>>, Refusal> {
        sender.modern = is_modern(&sender.head.headers, None);
        match sender.head.method {
            Method::GET | Method::DELETE if body.is_empty() => return Ok(None),
            Method::GET | Method::DELETE => {
                let detail = format!("a {} has no body", sender.head.method);
                return Err(Refusal::malformed(INVALID_REQUEST, detail));
            }
            Method::POST => {}
            _ => {
                let message = "tool servers are reached by POST, GET and DELETE alone";
                return Err(Refusal::new(ErrorCode::MethodNotAllowed, message));
            }
        }
        let limits = Limits { depth_max: self.bench.limits.json_depth_max };
        let message = Message::read(body, limits).map_err(|malformed| {
            sender.id.clone_from(&malformed.id);
            Refusal::malformed(malformed.code, malformed.detail)
        })?;
        sender.id = message.id().map(str::to_owned);
        sender.is_tool = message.asks("tools/call");
        sender.listens = message.asks("subscriptions/listen");
        sender.modern = is_modern(&sender.head.headers, Some(&message));
        Ok(Some(message))
    }
}

/// The legacy session that a request names; the modern era has none.
fn session(headers: &HeaderMap, modern: bool) -> Result<Option<Arc<str>>, Refusal> {
    match single(headers, &SESSION).filter(|_| !modern) {
        Some(session) => Ok(Some(session.into())),
        None if modern || !headers.contains_key(SESSION) => Ok(None),
        None => Err(Refusal::no_session()),
    }
}
