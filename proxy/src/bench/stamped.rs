//! A provider whose streams say in each chunk when it was sent, so that the way of each chunk can
//! be timed; both ends read the same clock.

use crate::body::{Outgoing, stream};
use crate::clock;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, header};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// How many chunks of a stream carry a time.
pub const CHUNKS: usize = 50;

/// The time between two chunks.
const GAP: Duration = Duration::from_millis(2);

/// What stands before the time.
const BEFORE: &[u8] = b"\"content\":\"";

/// Serves until the program ends, and returns where.
pub async fn start() -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(connection(stream));
        }
    });
    Ok(address)
}

async fn connection(stream: TcpStream) {
    if stream.set_nodelay(true).is_ok() {
        let io = TokioIo::new(stream);
        // The measurement sees it if a connection breaks.
        drop(http1::Builder::new().serve_connection(io, service_fn(answer)).await);
    }
}

async fn answer(request: Request<Incoming>) -> Result<Response<Outgoing>, Infallible> {
    drop(request.into_body().collect().await);
    let (pieces, body) = stream();
    tokio::spawn(async move {
        for _ in 0..CHUNKS {
            let chunk = chunk(&clock::now().micros().to_string(), "null");
            if pieces.send(chunk).await.is_err() {
                return;
            }
            tokio::time::sleep(GAP).await;
        }
        let end = [chunk("", "\"stop\""), Bytes::from_static(b"data: [DONE]\n\n")].concat();
        // Whoever left does not miss the end.
        drop(pieces.send(end.into()).await);
        pieces.end();
    });
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("text/event-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

fn chunk(content: &str, finish: &str) -> Bytes {
    let data = format!(
        "data: {{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\
         \"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{content}\"}},\
         \"finish_reason\":{finish}}}]}}\n\n"
    );
    data.into()
}

/// How many microseconds ago the first chunk in `piece` was sent; nothing if none says so.
pub fn age_us(piece: &[u8]) -> Option<u32> {
    let at = piece.windows(BEFORE.len()).position(|window| window == BEFORE)?;
    let rest = piece.get(at + BEFORE.len()..)?;
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let sent: u64 = str::from_utf8(rest.get(..digits)?).ok()?.parse().ok()?;
    u32::try_from(clock::now().micros().saturating_sub(sent)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_says_how_old_it_is() {
        let sent = clock::now().micros() - 1000;
        let age = age_us(&chunk(&sent.to_string(), "null")).unwrap();
        assert!((1000..60_000_000).contains(&age));
        assert_eq!(age_us(b"data: [DONE]\n\n"), None);
    }
}
