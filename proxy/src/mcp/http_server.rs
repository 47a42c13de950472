//! One tool server over Streamable HTTP: where it is and what the gateway shows it; every request
//! to it leaves here.

use std::sync::Arc;

use bytes::Bytes;
use events::FailureReason;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;

use crate::config::{ToolUpstream, Transport};
use crate::upstream::{Permit, SendError, Upstream};

use super::clerk::Failure;

/// A tool server that is reached over HTTP.
#[derive(Clone)]
pub(crate) struct HttpServer {
    uri: http::Uri,
    own_headers: Arc<HeaderMap>,
    upstream: Upstream,
}

impl HttpServer {
    /// The server that the configuration describes; `None` if it is a process, or if a header value
    /// cannot be sent, which is logged.
    pub(crate) fn new(tools: &ToolUpstream, upstream: Upstream) -> Option<Self> {
        let Transport::Http { url, key, headers } = &tools.transport else { return None };
        let mut own = HeaderMap::new();
        let key = key.as_ref().map(|key| format!("Bearer {}", key.expose()));
        let key = key.iter().map(|value| (header::AUTHORIZATION, value.as_str()));
        let set = headers.iter().map(|(name, value)| (name.clone(), value.expose()));
        for (name, value) in key.chain(set) {
            own.insert(name.clone(), sensitive(&tools.name, &name, value)?);
        }
        let uri = url.join("").inspect_err(|error| {
            tracing::error!(server = tools.name, "its address cannot be used: {error}");
        });
        Some(Self { uri: uri.ok()?, own_headers: Arc::new(own), upstream })
    }

    /// Sends one request. The gateway's own headers replace the agent's of the same name.
    pub(crate) async fn send(
        &self,
        permit: Permit,
        method: Method,
        mut headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, Failure> {
        for (name, value) in self.own_headers.iter() {
            headers.insert(name.clone(), value.clone());
        }
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = method;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = headers;
        self.upstream.send(permit, request).await.map_err(|error| {
            let reason = match error {
                SendError::Unreachable(_) => FailureReason::Unreachable,
                SendError::Broken(_) => FailureReason::Broken,
                SendError::TimedOut(_) => FailureReason::TimedOut,
            };
            Failure::new(reason, error.to_string())
        })
    }
}

fn sensitive(server: &str, name: &HeaderName, value: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(value)
        .inspect_err(|_| tracing::error!(server, "the header `{name}` cannot be sent: its value"))
        .ok()?;
    value.set_sensitive(true);
    Some(value)
}
