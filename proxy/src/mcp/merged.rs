//! Requests to the merged endpoint: what the gateway answers itself, what goes to which server, and
//! lists that are many servers' in one.

use std::sync::Arc;

use futures_util::future::join_all;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::json;

use super::carrier::NoResponse;
use super::connect::{LEGACY, Visitor, own_meta};
use super::envelope::{INVALID_PARAMS, METHOD_NOT_FOUND, Message, quoted};
use super::errand::status;
use super::headers::MODERN;
use super::host::{Host, lock};
use super::merged_text::{inward_uri, modernised, outward_result, union};
use super::names::{Exposed, Owner};
use super::reply::{Refusal, result_text};
use super::speaker::Speaker;

/// The versions with sessions that the gateway itself speaks to agents.
const SPOKEN: [&str; 3] = [LEGACY, "2025-06-18", "2025-03-26"];

/// Where a request goes, or what is answered at once.
enum Route {
    /// To this server, as this text; the name is the one that the agent used.
    Server(usize, String, Option<String>),
    /// A result.
    Result(String),
    /// A refusal, because nobody serves it.
    Error(i64, String),
}

impl Host {
    /// Answers a request to the merged endpoint.
    pub(crate) async fn merged(
        &self,
        visitor: &Visitor,
        message: &Message<'_>,
        mut speaker: Speaker,
    ) {
        let id = message.id().unwrap_or("null").to_owned();
        let modern = visitor.is_modern();
        let route = match message.method() {
            "initialize" => match self.greet(visitor, message, &mut speaker).await {
                Ok(result) => Ok(Route::Result(result)),
                Err(refusal) => Err(refusal),
            },
            "ping" if !modern => Ok(Route::Result("{}".to_owned())),
            "server/discover" if modern => Ok(Route::Result(self.discovered(visitor).await)),
            "subscriptions/listen" if modern => {
                return self.subscribe(visitor, message, speaker).await;
            }
            "tools/list" | "prompts/list" | "resources/list" | "resources/templates/list" => {
                self.list(visitor, message).await.map(Route::Result)
            }
            "logging/setLevel" if !modern => self.to_all(visitor, message).await,
            _ => self.route(visitor, message).await,
        };
        match route {
            Err(refusal) => speaker.refuse(refusal, &id).await,
            Ok(Route::Error(code, detail)) => {
                speaker.refuse(Refusal::unserved(code, detail, modern), &id).await;
            }
            Ok(Route::Result(result)) => {
                speaker.finish(StatusCode::OK, result_text(&id, &result)).await;
            }
            Ok(Route::Server(member, text, exposed)) => {
                self.forward(visitor, (member, &text, exposed.as_deref()), speaker).await;
            }
        }
    }

    /// Sends a request to its server, and its response to the agent. A session that the server has
    /// forgotten is opened anew, once.
    async fn forward(
        &self,
        visitor: &Visitor,
        (member, text, exposed): (usize, &str, Option<&str>),
        mut speaker: Speaker,
    ) {
        let Ok(message) = Message::read(text.as_bytes(), self.limits()) else { return };
        let id = message.id().unwrap_or("null");
        let carried =
            self.carry_open(visitor, (member, exposed), &message, Some(&mut speaker)).await;
        let carried = match carried {
            Ok(carried) => carried,
            Err(NoResponse::Cancelled) => return speaker.end(),
            Err(NoResponse::Refused(refusal) | NoResponse::SessionGone(refusal)) => {
                let is_tool = message.asks("tools/call");
                if let Some(text) = refusal.for_the_model(id, is_tool, visitor.is_modern()) {
                    return speaker.finish(StatusCode::OK, text).await;
                }
                return speaker.refuse(refusal, id).await;
            }
        };
        let Ok(response) = Message::read(carried.text.as_bytes(), self.limits()) else { return };
        let status = status(&response, visitor.is_modern(), carried.status);
        let text = match (response.value(&["result"]), self.members.get(member)) {
            (Some(result), Some(server)) => {
                let mut result = outward_result(result, &server.name);
                if visitor.is_modern() {
                    result = modernised(&result, message.asks("resources/read"));
                }
                json::set(&carried.text, &["result"], &result)
                    .unwrap_or_else(|_| carried.text.clone())
            }
            _ => carried.text.clone(),
        };
        speaker.finish(status, text).await;
    }

    /// The result of `initialize`: the session, and what all servers together can do.
    async fn greet(
        &self,
        visitor: &Visitor,
        message: &Message<'_>,
        speaker: &mut Speaker,
    ) -> Result<String, Refusal> {
        let Some(session) = &visitor.session else { return Err(Refusal::no_session()) };
        let capabilities = self.capabilities(visitor).await;
        let wanted = message.string(&["params", "protocolVersion"]).unwrap_or_default();
        let version = SPOKEN.into_iter().find(|version| *version == wanted).unwrap_or(LEGACY);
        speaker.session = HeaderValue::from_str(&session.id).ok();
        self.keep(Arc::clone(session));
        let result = json!({
            "protocolVersion": version,
            "capabilities": capabilities,
            "serverInfo": {"name": "countersign", "version": env!("CARGO_PKG_VERSION")},
        });
        Ok(result.to_string())
    }

    /// The result of `server/discover`.
    async fn discovered(&self, visitor: &Visitor) -> String {
        let capabilities = self.capabilities(visitor).await;
        let server = json!({"name": "countersign", "version": env!("CARGO_PKG_VERSION")});
        let result = json!({
            "supportedVersions": [MODERN],
            "capabilities": capabilities,
            "resultType": "complete",
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": {"io.modelcontextprotocol/serverInfo": server},
        });
        result.to_string()
    }

    /// What the servers that this agent may reach can do; one that is down can do nothing.
    async fn capabilities(&self, visitor: &Visitor) -> serde_json::Value {
        let opened = join_all(self.reachable(visitor).map(|member| self.connect(visitor, member)));
        let mut said = Vec::new();
        for (member, open) in self.reachable(visitor).zip(opened.await) {
            match open {
                Ok(open) => said.push(open.capabilities.clone()),
                Err(refusal) => self.log_absent(member, &refusal),
            }
        }
        union(&said)
    }

    /// Tells all servers that can log how much to log.
    async fn to_all(&self, visitor: &Visitor, message: &Message<'_>) -> Result<Route, Refusal> {
        for member in self.reachable(visitor) {
            let Ok(open) = self.connect(visitor, member).await else { continue };
            if json::find(&open.capabilities, &["logging"]).is_none() {
                continue;
            }
            let carried = self.carry_open(visitor, (member, None), message, None).await;
            if let Err(NoResponse::Refused(refusal)) = carried {
                return Err(refusal);
            }
        }
        Ok(Route::Result("{}".to_owned()))
    }

    /// Finds the server that a request is for.
    async fn route(&self, visitor: &Visitor, message: &Message<'_>) -> Result<Route, Refusal> {
        let (path, tools): (&[&str], bool) = match message.method() {
            "tools/call" => (&["params", "name"], true),
            "prompts/get" => (&["params", "name"], false),
            "resources/read" | "resources/subscribe" | "resources/unsubscribe" => {
                return Ok(self.route_uri(message, &["params", "uri"]));
            }
            "completion/complete" if message.value(&["params", "ref", "uri"]).is_some() => {
                return Ok(self.route_uri(message, &["params", "ref", "uri"]));
            }
            "completion/complete" => (&["params", "ref", "name"], false),
            other => {
                let detail = format!("`{other}` is not served where all tool servers are one");
                return Ok(Route::Error(METHOD_NOT_FOUND, detail));
            }
        };
        let name = message.string(path).unwrap_or_default();
        let exposed = self.exposed(visitor, tools).await?;
        Ok(match exposed.owner(&name) {
            Owner::Server(member, own) => {
                let text = json::set(message.text, path, &quoted(&own));
                Route::Server(member, text.unwrap_or_default(), Some(name.into_owned()))
            }
            Owner::Clash(members) => {
                let servers: Vec<&str> = members
                    .iter()
                    .filter_map(|member| self.members.get(*member))
                    .map(|member| &*member.name)
                    .collect();
                let detail = format!(
                    "`{name}` is offered by {}, so it is not clear whose is meant: set \
                     `mcp.prefix`, or use `/mcp/{{server}}`",
                    servers.join(" and ")
                );
                Route::Error(INVALID_PARAMS, detail)
            }
            Owner::Nobody => Route::Error(INVALID_PARAMS, format!("nobody offers `{name}`")),
        })
    }

    fn route_uri(&self, message: &Message<'_>, path: &[&str]) -> Route {
        let uri = message.string(path).unwrap_or_default();
        let found = inward_uri(&uri).and_then(|(server, own)| {
            let member = self.members.iter().position(|member| *member.name == *server)?;
            Some((member, json::set(message.text, path, &quoted(own)).ok()?))
        });
        match found {
            Some((member, text)) => Route::Server(member, text, None),
            None => {
                Route::Error(INVALID_PARAMS, format!("no tool server has the resource `{uri}`"))
            }
        }
    }

    /// The names of tools or prompts as last listed to this visitor; listed now if they never were.
    async fn exposed(&self, visitor: &Visitor, tools: bool) -> Result<Arc<Exposed>, Refusal> {
        let names = self.names(visitor);
        let known = lock(if tools { &names.tools } else { &names.prompts }).clone();
        if let Some(known) = known {
            return Ok(known);
        }
        let method = if tools { "tools/list" } else { "prompts/list" };
        let meta = if visitor.is_modern() { own_meta() } else { json!({}) };
        let text = json!({
            "jsonrpc": "2.0", "id": "countersign-list", "method": method, "params": {"_meta": meta},
        });
        let text = text.to_string();
        let message = Message::read(text.as_bytes(), self.limits())
            .map_err(|malformed| Refusal::malformed(malformed.code, malformed.detail))?;
        self.list(visitor, &message).await?;
        let names = self.names(visitor);
        let known = lock(if tools { &names.tools } else { &names.prompts }).clone();
        Ok(known.unwrap_or_default())
    }
}
