//! What of the gateway a token can be for, and how clients find out (RFC 8707, RFC 9728).

use std::collections::{BTreeMap, BTreeSet};

use http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use identity::challenge::{ResourceMetadata, metadata_url};

use crate::body::Outgoing;
use crate::config::{Config, Pattern};

/// Where all of this is described; below it stands the path of what is described.
const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

/// How long clients may keep a description, in words of HTTP.
const KEPT: HeaderValue = HeaderValue::from_static("max-age=300");

/// Everything that a token can be for.
#[derive(Debug)]
pub struct Resources {
    /// How agents reach the gateway, without a `/` at the end.
    base: String,
    /// The paths of all: the gateway, all tool servers together, and each; with the scopes that
    /// every tool there needs.
    paths: BTreeMap<String, BTreeSet<String>>,
    issuers: Vec<String>,
}

impl Resources {
    pub(super) fn new(config: &Config, base: &str) -> Self {
        let mut paths = BTreeMap::new();
        for tool in &config.tools {
            let needed = tool.scopes.iter().filter(|(pattern, _)| *pattern == Pattern::any());
            let needed = needed.flat_map(|(_, scopes)| scopes).map(ToString::to_string);
            let needed: BTreeSet<String> = needed.collect();
            for path in ["", "/mcp"] {
                paths.entry(path.to_owned()).or_insert_with(BTreeSet::new).extend(needed.clone());
            }
            paths.insert(format!("/mcp/{}", tool.name), needed);
        }
        for path in ["", "/mcp"] {
            paths.entry(path.to_owned()).or_default();
        }
        let issuers = config.issuers.iter().map(|issuer| issuer.url.clone()).collect();
        Self { base: as_clients_write(base), paths, issuers }
    }

    /// What tokens can be for, as clients write it: some put a `/` behind a host.
    pub(super) fn names(&self) -> impl Iterator<Item = String> {
        let all = self.paths.keys().map(|path| format!("{}{path}", self.base));
        all.chain([format!("{}/", self.base)])
    }

    /// Whether a token for this resource is good for a path: for itself, and all below it.
    pub(super) fn opens(&self, resource: &str, path: &str) -> bool {
        let Some(own) = resource.strip_prefix(&self.base) else { return false };
        let own = own.trim_end_matches('/');
        let rest = path.strip_prefix(own).filter(|_| self.paths.contains_key(own));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// Where what the path belongs to is described.
    pub fn metadata_url(&self, path: &str) -> Option<String> {
        let of_tools = path == "/mcp" || path.starts_with("/mcp/");
        let known = if of_tools { path.trim_end_matches('/') } else { "" };
        // Nobody learns from an address which servers there are.
        metadata_url(&format!("{}{known}", self.base))
    }

    /// Answers a request for a description, if it is one, and if tokens are taken at all. Anybody
    /// may ask, and pages of any origin: it says nothing but where to get a token.
    pub fn describe(&self, method: &Method, path: &str) -> Option<Response<Outgoing>> {
        let own = path.strip_prefix(WELL_KNOWN)?.trim_end_matches('/');
        let scopes = self.paths.get(own).filter(|_| !self.issuers.is_empty())?;
        let mut reply = match *method {
            Method::GET | Method::HEAD => self.described(own, scopes),
            Method::OPTIONS => {
                let mut reply = status(StatusCode::NO_CONTENT);
                let allowed = HeaderValue::from_static("GET, HEAD, OPTIONS");
                reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_METHODS, allowed);
                let allowed = HeaderValue::from_static("mcp-protocol-version");
                reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_HEADERS, allowed);
                reply.headers_mut().insert(header::ACCESS_CONTROL_MAX_AGE, 300.into());
                reply
            }
            _ => {
                let mut reply = status(StatusCode::METHOD_NOT_ALLOWED);
                let allowed = HeaderValue::from_static("GET, HEAD, OPTIONS");
                reply.headers_mut().insert(header::ALLOW, allowed);
                reply
            }
        };
        let anybody = HeaderValue::from_static("*");
        reply.headers_mut().insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anybody);
        Some(reply)
    }

    fn described(&self, own: &str, scopes: &BTreeSet<String>) -> Response<Outgoing> {
        let resource = format!("{}{own}", self.base);
        // Clients begin with what every tool needs, and ask for more when a tool needs that.
        let metadata = ResourceMetadata::new(resource, self.issuers.clone(), scopes.clone());
        let mut reply = Response::new(Outgoing::from(metadata.json()));
        let headers: &mut HeaderMap = reply.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(header::CACHE_CONTROL, KEPT);
        reply
    }
}

/// An address as clients write it when they have read it: hosts in lower case, and no port where it
/// is the scheme's own.
fn as_clients_write(base: &str) -> String {
    let base = base.to_ascii_lowercase();
    let port = if base.starts_with("https:") { ":443" } else { ":80" };
    base.strip_suffix(port).unwrap_or(&base).to_owned()
}

fn status(status: StatusCode) -> Response<Outgoing> {
    let mut reply = Response::new(Outgoing::empty());
    *reply.status_mut() = status;
    reply
}
