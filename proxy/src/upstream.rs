//! The only door out: HTTP to model providers and tool servers, for calls that hold a permit.

use crate::credentials::{holds_key, is_credential, presented_key};
use bytes::Bytes;
use events::{CallDispatched, Decision, MessageRelayed};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, header};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use ledger::{Recorded, Sequence};
use std::time::Duration;

/// How many idle connections are kept to each upstream.
const IDLE_CONNECTIONS_MAX: usize = 512;

/// How long a connection may stay idle; below what servers commonly allow.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// Evidence that a recorded verdict allows one call, or that one message is on record; used up by
/// sending it.
///
/// ```compile_fail
/// fn forge(sequence: ledger::Sequence) -> proxy::upstream::Permit {
///     proxy::upstream::Permit { sequence }
/// }
/// ```
#[derive(Debug)]
pub struct Permit {
    sequence: Sequence,
}

impl Permit {
    /// A permit, if what was recorded allows the call.
    pub fn from_dispatched(dispatched: &Recorded<CallDispatched>) -> Option<Self> {
        let fact = dispatched.fact();
        let allows = match fact.verdict.decision {
            Decision::Allow => true,
            Decision::Hold => fact.grant.is_some(),
            Decision::Deny => false,
        };
        allows.then(|| Self { sequence: dispatched.sequence() })
    }

    /// A permit to pass on the message that was recorded, and nothing else.
    pub const fn from_relayed(relayed: &Recorded<MessageRelayed>) -> Self {
        Self { sequence: relayed.sequence() }
    }

    /// Where the dispatch stands in the ledger.
    pub const fn sequence(&self) -> Sequence {
        self.sequence
    }
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum SendError {
    /// No connection could be made: nothing was sent.
    #[error("cannot connect: {0}")]
    Unreachable(String),
    /// The connection broke after the request may have been sent.
    #[error("the connection broke: {0}")]
    Broken(String),
    /// No answer began in time.
    #[error("no answer began within {0:?}")]
    TimedOut(Duration),
}

/// Connections to upstreams, pooled; cheap to clone.
#[derive(Clone, Debug)]
pub struct Upstream {
    client: Client<HttpsConnector<HttpConnector>, Full<Bytes>>,
    timeout: Duration,
}

/// The system's trusted certificates cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up TLS to upstreams: {0}; the system needs a list of trusted certificates")]
pub struct TlsError(String);

impl Upstream {
    /// A pool that connects within `connect_timeout`, and whose answers begin within `timeout`.
    pub fn new(connect_timeout: Duration, timeout: Duration) -> Result<Self, TlsError> {
        let connector = connector(connect_timeout)?;
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_TIMEOUT)
            .pool_max_idle_per_host(IDLE_CONNECTIONS_MAX)
            .build(connector);
        Ok(Self { client, timeout })
    }

    /// Sends one request. The permit is used up whatever happens.
    pub async fn send(
        &self,
        permit: Permit,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, SendError> {
        let Permit { sequence: _ } = permit;
        tokio::time::timeout(self.timeout, self.client.request(request))
            .await
            .map_err(|_| SendError::TimedOut(self.timeout))?
            .map_err(|error| {
                let text = with_causes(&error);
                if error.is_connect() {
                    SendError::Unreachable(text)
                } else {
                    SendError::Broken(text)
                }
            })
    }
}

/// Makes connections, within `connect_timeout`, that trust the certificates that the system trusts.
pub(crate) fn connector(
    connect_timeout: Duration,
) -> Result<HttpsConnector<HttpConnector>, TlsError> {
    let mut http = HttpConnector::new();
    http.set_connect_timeout(Some(connect_timeout));
    http.set_nodelay(true);
    http.enforce_http(false);
    let tls = tls().map_err(|error| TlsError(error.to_string()))?;
    let builder = hyper_rustls::HttpsConnectorBuilder::new().with_tls_config(tls);
    Ok(builder.https_or_http().enable_http1().wrap_connector(http))
}

fn tls() -> Result<rustls::ClientConfig, rustls::Error> {
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?;
    // A machine without certificates can still reach upstreams over plain HTTP.
    match builder.clone().with_native_roots() {
        Ok(builder) => Ok(builder.with_no_client_auth()),
        Err(error) => {
            tracing::warn!(%error, "no trusted certificates: upstreams over https will fail");
            Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth())
        }
    }
}

/// An error with what caused it, on one line.
pub fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The caller's headers without its credentials and without what concerns its connection.
pub fn forwarded(headers: &HeaderMap) -> HeaderMap {
    let key = presented_key(headers);
    let mut forwarded = end_to_end(headers, |name, value| {
        is_of_this_hop(name) || is_credential(name) || key.is_some_and(|key| holds_key(value, key))
    });
    // What is compressed could not be read, and so not be recorded as what it is.
    forwarded.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    forwarded
}

/// An upstream's headers as the agent may see them.
pub fn returned(headers: &HeaderMap) -> HeaderMap {
    end_to_end(headers, |name, _| matches!(name.as_str(), "www-authenticate" | "set-cookie"))
}

/// The headers that concern more than one connection (RFC 9110 §7.6.1), but for those that are
/// withheld for another reason.
fn end_to_end(
    headers: &HeaderMap,
    is_withheld: impl Fn(&HeaderName, &HeaderValue) -> bool,
) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(headers.len() + OWN_HEADERS);
    for (name, value) in headers {
        if !is_hop_by_hop(headers, name) && !is_withheld(name, value) {
            kept.append(name.clone(), value.clone());
        }
    }
    kept
}

/// How many headers of its own the gateway adds, about.
const OWN_HEADERS: usize = 4;

fn is_hop_by_hop(headers: &HeaderMap, name: &HeaderName) -> bool {
    let known = matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "content-length"
    );
    known || {
        let named = headers.get_all(header::CONNECTION).iter().filter_map(|it| it.to_str().ok());
        let mut named = named.flat_map(|value| value.split(','));
        named.any(|named| named.trim().eq_ignore_ascii_case(name.as_str()))
    }
}

/// Whether a header is about the way to the gateway, not the way on from it.
fn is_of_this_hop(name: &HeaderName) -> bool {
    matches!(name.as_str(), "host" | "expect" | "accept-encoding")
}
