//! The listener of a witness: tlog-witness over HTTP, for strangers, within limits.

use super::cosign::{AddError, Added, Witness};
use super::store::StoreError;
use crate::clock;
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tlog::{AddCheckpoint, Decision, SIZE_MEDIA_TYPE};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, watch};

/// How many connections may be open at once; more wait in the system's own queue.
const CONNECTIONS_MAX: usize = 256;

/// How large a request may be: a checkpoint with some dozens of signatures, and its proof.
const BODY_BYTES_MAX: usize = 128 << 10;

/// The most bytes of headers that are held for a connection.
const HEAD_BYTES_MAX: usize = 16 << 10;

/// How long a connection may rest, and how long the headers of a request may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long the body of a request may take.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection may be used, so that nobody takes a place for ever.
const CONNECTION_TIMEOUT: Duration = Duration::from_mins(10);

/// How long nothing is accepted after the system could not.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

const TEXT: &str = "text/plain; charset=utf-8";

type Answer = Response<Full<Bytes>>;

/// Serves until told to stop, or until it is not known any more what is durable; then says why.
pub async fn serve(
    witness: Arc<Witness>,
    listener: TcpListener,
    mut stop: watch::Receiver<bool>,
) -> Result<(), String> {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let (failing, mut failed) = watch::channel(None::<String>);
    let failing = Arc::new(failing);
    loop {
        let accepted = tokio::select! {
            // If the sender is gone, so is whoever wanted this.
            _ = stop.wait_for(|stop| *stop) => return Ok(()),
            Ok(reason) = failed.wait_for(Option::is_some) => {
                return Err(reason.clone().unwrap_or_default());
            }
            accepted = accept(&listener, &places) => accepted,
        };
        let Some((stream, place)) = accepted else { continue };
        let service = Service { witness: Arc::clone(&witness), failing: Arc::clone(&failing) };
        tokio::spawn(async move {
            connection(stream, service).await;
            drop(place);
        });
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> Option<(TcpStream, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    match listener.accept().await {
        Ok((stream, _)) => Some((stream, place)),
        Err(error) => {
            tracing::warn!(%error, "a connection could not be accepted");
            // Out of file descriptors, most likely: let some go first.
            tokio::time::sleep(ACCEPT_PAUSE).await;
            None
        }
    }
}

async fn connection(stream: TcpStream, service: Service) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let answer = service_fn(move |request| {
        let service = service.clone();
        async move { Ok::<_, Infallible>(service.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .half_close(false)
        .serve_connection(TokioIo::new(stream), answer);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => Ok(ended),
        () = tokio::time::sleep(CONNECTION_TIMEOUT) => {
            connection.as_mut().graceful_shutdown();
            tokio::time::timeout(BODY_TIMEOUT, connection).await
        }
    };
    if let Ok(Err(error)) = ended {
        tracing::debug!(%error, "a connection ended before its time");
    }
}

/// Answers requests.
#[derive(Clone)]
struct Service {
    witness: Arc<Witness>,
    failing: Arc<watch::Sender<Option<String>>>,
}

impl Service {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        let known = path == "/add-checkpoint";
        match *request.method() {
            Method::POST if known => self.add_checkpoint(request).await,
            Method::GET if !known => self.look(path),
            _ => {
                let mut answer = told(StatusCode::METHOD_NOT_ALLOWED, "no such method here");
                let allowed = if known { "POST" } else { "GET" };
                answer.headers_mut().insert(header::ALLOW, HeaderValue::from_static(allowed));
                answer
            }
        }
    }

    fn look(&self, path: &str) -> Answer {
        let digest = path.strip_prefix('/').and_then(|path| path.strip_suffix("/checkpoint"));
        let found = match path {
            "/healthz" => Some(Bytes::from_static(b"ok\n")),
            "/vkey" => Some(format!("{}\n", self.witness.key()).into()),
            _ => digest
                .and_then(|digest| self.witness.latest(digest))
                .map(|note| Bytes::copy_from_slice(note.as_bytes())),
        };
        match found {
            Some(body) => answer(StatusCode::OK, TEXT, body),
            None => told(StatusCode::NOT_FOUND, "nothing is here: no such path, or no such log"),
        }
    }

    async fn add_checkpoint(&self, request: Request<Incoming>) -> Answer {
        let body = Limited::new(request.into_body(), BODY_BYTES_MAX).collect();
        let body = match tokio::time::timeout(BODY_TIMEOUT, body).await {
            Ok(Ok(body)) => body.to_bytes(),
            Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return told(StatusCode::PAYLOAD_TOO_LARGE, "the request has more than 128 KiB");
            }
            Ok(Err(_)) => return told(StatusCode::BAD_REQUEST, "the body broke off"),
            Err(_) => return told(StatusCode::REQUEST_TIMEOUT, "the body did not come in time"),
        };
        let request = match AddCheckpoint::parse(&body) {
            Ok(request) => request,
            Err(error) => return told(StatusCode::BAD_REQUEST, &error.to_string()),
        };
        let witness = Arc::clone(&self.witness);
        let now = clock::now().micros() / 1_000_000;
        match tokio::task::spawn_blocking(move || witness.add(&request, now)).await {
            Ok(Ok(added)) => say(added),
            Ok(Err(error)) => {
                tracing::error!(%error, "a checkpoint was not cosigned");
                if let AddError::Store(StoreError::Unknown { .. }) = &error {
                    self.failing.send_replace(Some(error.to_string()));
                }
                told(StatusCode::INTERNAL_SERVER_ERROR, "the checkpoint could not be kept")
            }
            Err(_) => told(StatusCode::INTERNAL_SERVER_ERROR, "the witness failed"),
        }
    }
}

fn say(added: Added) -> Answer {
    let refused = match added {
        Added::Cosigned(signature) => {
            return answer(StatusCode::OK, TEXT, signature.to_string().into());
        }
        Added::Refused(refused) => refused,
    };
    let why = match refused {
        Decision::Conflict(size) => {
            return answer(StatusCode::CONFLICT, SIZE_MEDIA_TYPE, format!("{size}\n").into());
        }
        Decision::BadRequest => "the old size is larger than the checkpoint's",
        Decision::Forbidden => "no signature is by a key that is known for this log",
        Decision::NotFound => "the log is not known here",
        Decision::Unprocessable => {
            "the proof does not prove that this tree goes on from the old one"
        }
        Decision::Cosign(_) => "the checkpoint was not kept",
    };
    let status = StatusCode::from_u16(refused.status());
    told(status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), why)
}

fn told(status: StatusCode, why: &str) -> Answer {
    answer(status, TEXT, format!("{why}\n").into())
}

fn answer(status: StatusCode, media_type: &'static str, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(media_type));
    answer
}
