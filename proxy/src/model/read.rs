//! From a request's bytes to what is asked, and back to the bytes for the provider.

use super::{Models, Passing, line, recorded_dialect};
use crate::caller::Caller;
use crate::config::{self, Agent, ModelUpstream};
use crate::credentials::{presented_key, without_key};
use crate::dialect::{self, Dialect, Route, model_in_path, read_request};
use crate::gate::{Ask, Content};
use crate::json;
use crate::problem::{ErrorCode, Problem};
use crate::upstream::forwarded;
use bytes::Bytes;
use events::Operation;
use http::{HeaderValue, Request, header, request::Parts};
use http_body_util::Full;
use std::sync::Arc;

/// Headers in which clients name their own session.
const SESSION_HEADERS: [&str; 4] =
    ["x-claude-code-session-id", "x-session-id", "session_id", "session-id"];

/// A request as read; borrows its body.
pub(super) struct ReadRequest<'a> {
    request: dialect::Request<'a>,
    route: Route,
    method: Arc<str>,
    model: Option<Arc<str>>,
    upstream: Arc<str>,
    cuts: Vec<usize>,
    claimed_session: Option<String>,
    trace: Option<String>,
    listed: bool,
}

impl<'a> ReadRequest<'a> {
    fn new(
        request: dialect::Request<'a>,
        model: Option<Arc<str>>,
        agent: &Agent,
        passing: &Passing,
        provider: &ModelUpstream,
    ) -> Self {
        let head = &passing.head;
        let listed = match &model {
            Some(model) => agent.may_ask(model),
            None => !agent.models.is_empty(),
        };
        Self {
            cuts: cuts(&request),
            request,
            route: passing.route,
            method: method(head),
            model,
            upstream: provider.name.as_str().into(),
            claimed_session: SESSION_HEADERS.iter().find_map(|name| text(head, name)),
            trace: text(head, "traceparent"),
            listed,
        }
    }

    /// The question to the gate.
    pub(super) fn ask<'b>(&'b self, caller: &'b Caller, body: &'b [u8]) -> Ask<'b> {
        Ask {
            caller,
            dialect: recorded_dialect(self.route),
            operation: operation(self.route),
            method: Arc::clone(&self.method),
            model: self.model.clone(),
            target: None,
            upstream: Arc::clone(&self.upstream),
            stream: self.request.stream,
            trace: self.trace.as_deref(),
            body,
            cuts: &self.cuts,
            object: match &self.model {
                Some(model) => format!("model `{model}`"),
                None => "list models".into(),
            },
            listed: self.listed,
            content: match operation(self.route) {
                Operation::Chat => Content::Model {
                    request: &self.request,
                    claimed_session: self.claimed_session.as_deref(),
                },
                Operation::Embeddings
                | Operation::ExecuteTool
                | Operation::Retrieval
                | Operation::ListModels
                | Operation::ListTools
                | Operation::Other => Content::Other { arguments: None, protocol_session: None },
            },
        }
    }
}

impl Models {
    /// Understands a request strictly, and finds who serves it.
    pub(super) fn read<'a>(
        &self,
        agent: &Agent,
        passing: &Passing,
        body: &'a Bytes,
    ) -> Result<(ReadRequest<'a>, &ModelUpstream), Problem> {
        let request = self.parse(passing.route, body)?;
        let named = named(&request, &passing.head);
        let provider = self.provider(passing.route, agent, named.as_deref())?;
        Ok((ReadRequest::new(request, named, agent, passing, provider), provider))
    }

    /// Understands a request that goes to this provider, whatever model it names.
    pub(super) fn read_for<'a>(
        &self,
        agent: &Agent,
        passing: &Passing,
        body: &'a Bytes,
        provider: &ModelUpstream,
    ) -> Result<ReadRequest<'a>, Problem> {
        let request = self.parse(passing.route, body)?;
        let named = named(&request, &passing.head);
        Ok(ReadRequest::new(request, named, agent, passing, provider))
    }

    fn parse<'a>(&self, route: Route, body: &'a Bytes) -> Result<dialect::Request<'a>, Problem> {
        if route.has_body() {
            let limits = json::Limits { depth_max: self.config.limits.json_depth_max };
            json::check(body, limits)
                .map_err(|fault| malformed(format!("the body is not acceptable JSON: {fault}")))?;
        }
        read_request(route, body).map_err(|error| malformed(error.to_string()))
    }

    fn provider(
        &self,
        route: Route,
        agent: &Agent,
        model: Option<&str>,
    ) -> Result<&ModelUpstream, Problem> {
        let dialect = match route.dialect() {
            Dialect::OpenAi => config::Dialect::OpenAi,
            Dialect::Anthropic => config::Dialect::Anthropic,
        };
        let found = match model {
            Some(model) => self.config.model_upstream(dialect, model),
            None => self.config.models.iter().find(|provider| provider.dialect == dialect),
        };
        found.ok_or_else(|| {
            let message = match model {
                // An agent without the right learns no more than that.
                Some(model) if !agent.may_ask(model) => {
                    format!("agent `{}` has no right to model `{model}`", agent.name)
                }
                Some(model) => format!("no provider serves model `{model}`"),
                None => "no provider of this dialect is configured".into(),
            };
            Problem::new(ErrorCode::ModelNotFound, message)
        })
    }

    /// The request as the provider gets it: the same bytes, with its own credentials.
    pub(super) fn request(
        passing: &Passing,
        provider: &ModelUpstream,
        body: Bytes,
    ) -> Result<Request<Full<Bytes>>, Problem> {
        let path = passing.head.uri.path_and_query().map_or("/", |path| path.as_str());
        let path = path.strip_prefix("/v1").unwrap_or(path);
        let key = presented_key(&passing.head.headers).unwrap_or_default();
        let uri = provider.url.join(&without_key(path, key)).map_err(|error| {
            malformed(format!("the path `{path}` cannot be sent to `{}`: {error}", provider.name))
        })?;
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = passing.head.method.clone();
        *request.uri_mut() = uri;
        *request.headers_mut() = forwarded(&passing.head.headers);
        if let Some(key) = &provider.key {
            let (name, value) = match provider.dialect {
                config::Dialect::OpenAi => {
                    (header::AUTHORIZATION, format!("Bearer {}", key.expose()))
                }
                config::Dialect::Anthropic => {
                    (header::HeaderName::from_static("x-api-key"), key.expose().to_owned())
                }
            };
            let mut value = HeaderValue::from_str(&value).map_err(|_| {
                let message = format!("the key of `{}` cannot stand in a header", provider.name);
                Problem::new(ErrorCode::Internal, message)
            })?;
            value.set_sensitive(true);
            request.headers_mut().insert(name, value);
        }
        Ok(request)
    }
}

fn named(request: &dialect::Request<'_>, head: &Parts) -> Option<Arc<str>> {
    match &*request.model {
        "" => model_in_path(head.uri.path()).map(Into::into),
        name => Some(Arc::from(name)),
    }
}

/// The ends of the turns, where the next request of the conversation will have the same bytes.
fn cuts(request: &dialect::Request<'_>) -> Vec<usize> {
    let mut cuts: Vec<usize> = request.turns.iter().map(|turn| turn.range.end).collect();
    cuts.sort_unstable();
    cuts
}

fn operation(route: Route) -> Operation {
    match route {
        Route::OpenAiChat | Route::OpenAiResponses | Route::AnthropicMessages => Operation::Chat,
        Route::OpenAiEmbeddings => Operation::Embeddings,
        Route::OpenAiModels | Route::AnthropicModels => Operation::ListModels,
        Route::OpenAiModel | Route::AnthropicModel | Route::AnthropicCountTokens => {
            Operation::Other
        }
    }
}

fn method(head: &Parts) -> Arc<str> {
    line(head).into()
}

fn text(head: &Parts, name: &str) -> Option<String> {
    head.headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn malformed(message: String) -> Problem {
    Problem::new(ErrorCode::MalformedRequest, message)
}
