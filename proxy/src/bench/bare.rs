//! The limit: a reverse proxy of the gateway's own HTTP stack that neither parses nor records.

use bytes::Bytes;
use http::uri::{Authority, Scheme};
use http::{Request, Response, Uri, header};
use http_body_util::{BodyExt as _, Empty, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Where tool calls are told from model calls.
const TOOLS_PATH: &str = "/mcp";

type Pool = Client<HttpConnector, Incoming>;

/// Where things go.
struct Bare {
    pool: Pool,
    provider: Option<Authority>,
    tools: Option<Authority>,
}

/// Serves until the program ends, and returns where.
pub async fn start(provider: SocketAddr, tools: SocketAddr) -> std::io::Result<SocketAddr> {
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let pool = Client::builder(TokioExecutor::new()).build(connector);
    let authority = |address: SocketAddr| address.to_string().parse().ok();
    let bare = Bare { pool, provider: authority(provider), tools: authority(tools) };
    let bare = Arc::new(bare);
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let bare = Arc::clone(&bare);
            tokio::spawn(async move {
                if stream.set_nodelay(true).is_ok() {
                    let service = service_fn(move |request| Arc::clone(&bare).pass(request));
                    let io = TokioIo::new(stream);
                    // The measurement sees it if a connection breaks.
                    drop(http1::Builder::new().serve_connection(io, service).await);
                }
            });
        }
    });
    Ok(address)
}

impl Bare {
    async fn pass(
        self: Arc<Self>,
        mut request: Request<Incoming>,
    ) -> Result<Response<BoxBody<Bytes, hyper::Error>>, Infallible> {
        let is_tools = request.uri().path().starts_with(TOOLS_PATH);
        let mut parts = std::mem::take(request.uri_mut()).into_parts();
        parts.scheme = Some(Scheme::HTTP);
        parts.authority = if is_tools { self.tools.clone() } else { self.provider.clone() };
        *request.uri_mut() = Uri::from_parts(parts).unwrap_or_default();
        request.headers_mut().remove(header::HOST);
        if let Ok(response) = self.pool.request(request).await {
            return Ok(response.map(BoxBody::new));
        }
        let nothing = Empty::new().map_err(|never| match never {});
        let mut failed = Response::new(BoxBody::new(nothing));
        *failed.status_mut() = http::StatusCode::BAD_GATEWAY;
        Ok(failed)
    }
}
