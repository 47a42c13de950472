//! An HTTP/1.1 server on loopback for stand-ins; the gateway has its own.

use std::{
    error::Error as _,
    future::{Future, poll_fn},
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
    task::{JoinHandle, JoinSet},
    time::{sleep, timeout},
};

use super::body::{Body, Cut};

/// Connections served at a time; more wait in the backlog of the socket.
const CONNECTIONS_MAX: usize = 4096;

/// The longest request body that is read.
const REQUEST_BYTES_MAX: usize = 256 << 20;

/// How long a shutdown waits for answers under way.
const DRAIN_TIME_MAX: Duration = Duration::from_secs(1);

/// How long accepting rests after it failed, such as for want of file descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(10);

/// An answer being made.
pub type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Cut>> + Send>>;

/// What a stand-in does with a request; an `Err` breaks the connection.
pub trait Site: Send + Sync + 'static {
    /// Makes the answer to one request.
    fn answer(self: Arc<Self>, request: Request<Incoming>) -> Answering;
}

/// A stand-in that runs. Dropping the handle stops it at once; [`Handle::shutdown`] lets it finish.
pub struct Handle {
    addr: SocketAddr,
    requests: Arc<AtomicU64>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Handle {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// How many requests have arrived, refused ones too.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Stops accepting, gives answers under way one second, and cuts off the rest.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // It fails only if the task was cancelled, and then it has ended as well.
        drop((&mut self.task).await);
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Serves a site at `addr` (port 0 picks a free one) until its handle ends.
pub async fn serve(addr: SocketAddr, site: Arc<impl Site>) -> io::Result<Handle> {
    let listener = TcpListener::bind(addr).await?;
    let addr = listener.local_addr()?;
    let requests = Arc::new(AtomicU64::new(0));
    let (stop, stopping) = watch::channel(false);
    let task = tokio::spawn(accept(listener, site, Arc::clone(&requests), stopping));
    Ok(Handle { addr, requests, stop, task })
}

async fn accept(
    listener: TcpListener,
    site: Arc<impl Site>,
    requests: Arc<AtomicU64>,
    mut stopping: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            _ = stopping.changed() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                let Ok((stream, _)) = accepted else {
                    sleep(ACCEPT_REST).await;
                    continue;
                };
                let (site, requests) = (Arc::clone(&site), Arc::clone(&requests));
                connections.spawn(connection(stream, site, requests, stopping.clone()));
            }
        }
    }
    drop(listener);
    let drained =
        timeout(DRAIN_TIME_MAX, async { while connections.join_next().await.is_some() {} });
    if drained.await.is_err() {
        connections.shutdown().await;
    }
}

async fn connection(
    stream: TcpStream,
    site: Arc<impl Site>,
    requests: Arc<AtomicU64>,
    mut stopping: watch::Receiver<bool>,
) {
    if stream.set_nodelay(true).is_err() {
        return; // the other side has gone already
    }
    let service = service_fn(move |request| {
        requests.fetch_add(1, Ordering::Relaxed);
        Arc::clone(&site).answer(request)
    });
    let mut serving = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    let mut stopped = false;
    let ended = loop {
        tokio::select! {
            ended = poll_fn(|context| serving.poll_without_shutdown(context)) => break ended,
            _ = stopping.changed(), if !stopped => {
                stopped = true;
                Pin::new(&mut serving).graceful_shutdown();
            }
        }
    };
    let cause = ended.as_ref().err().and_then(|error| error.source());
    if cause.and_then(|cause| cause.downcast_ref()) == Some(&Cut::Reset) {
        // A socket that lingers for no time is reset when it is closed, which happens next.
        drop(serving.into_parts().io.into_inner().set_zero_linger());
    }
}

/// Reads the whole body of a request, which may be 256 MiB long.
pub async fn read(body: Incoming) -> Result<bytes::Bytes, Cut> {
    let body = pin!(Limited::new(body, REQUEST_BYTES_MAX));
    Ok(body.collect().await.map_err(|_| Cut::Drop)?.to_bytes())
}

/// An answer with a JSON body.
pub fn json(status: StatusCode, body: &Value) -> Response<Body> {
    response(status, "application/json", Body::whole(body.to_string()))
}

/// An answer of any type.
pub fn response(status: StatusCode, content_type: &'static str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// Whether a request carries this key as a bearer token; without a key, every request does.
pub fn bears(headers: &HeaderMap, key: Option<&str>) -> bool {
    key.is_none_or(|key| {
        let value = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        value.and_then(|value| value.strip_prefix("Bearer ")) == Some(key)
    })
}
