//! Reads an upstream's answer piece by piece, within the limits; what the pieces mean is the
//! reader's matter.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use events::FailureReason;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::time::timeout;

use crate::memory::Held;

use super::clerk::Failure;

/// The body of an answer that is still coming.
#[derive(Debug)]
pub(crate) struct Reading {
    body: Incoming,
    /// How long no byte may come.
    idle: Duration,
}

impl Reading {
    pub(crate) fn new(body: Incoming, idle: Duration) -> Self {
        Self { body, idle }
    }

    /// The next piece; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        loop {
            let next = timeout(self.idle, self.body.frame()).await;
            let frame = next.map_err(|_| {
                let detail = format!("the upstream sent nothing for {:?}", self.idle);
                Failure::new(FailureReason::TimedOut, detail)
            })?;
            match frame {
                None => return Ok(None),
                Some(Err(error)) => {
                    let detail = format!("the connection to the upstream broke: {error}");
                    return Err(Failure::new(FailureReason::Broken, detail));
                }
                // Trailers are of no use to anybody here.
                Some(Ok(frame)) if frame.is_trailers() => {}
                Some(Ok(frame)) => return Ok(frame.into_data().ok()),
            }
        }
    }

    /// All of it, up to `bytes_max`; on a failure also what had come.
    pub(crate) async fn all(
        mut self,
        bytes_max: usize,
        held: &mut Held,
    ) -> Result<Bytes, (Failure, Bytes)> {
        let mut all = BytesMut::new();
        loop {
            let piece = match self.next().await {
                Ok(None) => return Ok(all.freeze()),
                Ok(Some(piece)) => piece,
                Err(failure) => return Err((failure, all.freeze())),
            };
            let total = all.len() + piece.len();
            if let Err(failure) = reserve(held, total, bytes_max).await {
                return Err((failure, all.freeze()));
            }
            all.extend_from_slice(&piece);
        }
    }
}

/// Makes room for an answer of so many bytes.
pub(crate) async fn reserve(
    held: &mut Held,
    bytes: usize,
    bytes_max: usize,
) -> Result<(), Failure> {
    if bytes > bytes_max {
        return Err(too_large(bytes_max));
    }
    let reserved = held.reserve(bytes).await;
    reserved.map_err(|error| Failure::new(FailureReason::AnswerTooLarge, error.to_string()))
}

/// The answer is over the limit.
pub(crate) fn too_large(bytes_max: usize) -> Failure {
    let detail = format!("the answer is longer than {bytes_max} bytes (`limits.answer_bytes_max`)");
    Failure::new(FailureReason::AnswerTooLarge, detail)
}
