//! The fixed answers of a benchmark: made once, sent to every request, at the least cost.

use std::sync::Arc;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;

use super::{
    answer::{Answer, Usage},
    chat,
};
use crate::standin::{
    body::{Body, Cut, Pace},
    conversation::{Role, Turn},
    server::response,
};

/// How large the fixed answers are.
#[derive(Clone, Copy, Debug)]
pub struct Fixed {
    /// The size of the body of a plain answer; the smallest possible one has about 650 bytes.
    pub answer_bytes: usize,
    /// The number of chunks of a streamed answer that carry text.
    pub chunk_count: usize,
}

/// How much of the beginning and of the end of a request is looked at.
const EDGE_BYTES: usize = 512;

/// The bodies, ready to send.
pub(super) struct FixedBodies {
    whole: Bytes,
    stream: Arc<[Bytes]>,
    pace: Pace,
}

impl FixedBodies {
    pub(super) fn new(fixed: Fixed, pace: Pace) -> Self {
        let mut answer = Answer {
            id: "f".repeat(64),
            model: "gpt-4o".into(),
            turn: Turn::said(Role::Assistant, "a"),
            usage: Usage { input: 256, cached: 0, output: fixed.chunk_count },
            chunk_count: Some(fixed.chunk_count),
        };
        let least = chat::whole(&answer).to_string().len();
        answer.turn.text = "a".repeat(1 + fixed.answer_bytes.saturating_sub(least));
        let whole = Bytes::from(chat::whole(&answer).to_string());
        answer.turn.text = " tok".repeat(fixed.chunk_count);
        Self { whole, stream: chat::stream(&answer, true).into(), pace }
    }

    /// Reads the request to its end and answers without looking into it further than needed.
    pub(super) async fn answer(&self, request: Request<Incoming>) -> Result<Response<Body>, Cut> {
        if wants_stream(request.into_body()).await? {
            let body = Body::pieces(Arc::clone(&self.stream), self.pace);
            return Ok(response(StatusCode::OK, "text/event-stream; charset=utf-8", body));
        }
        Ok(response(StatusCode::OK, "application/json", Body::whole(self.whole.clone())))
    }
}

/// Whether `"stream":true` stands near the beginning or the end of a body, where the SDKs and our
/// load put it. A value that is split between two reads of the socket is not seen, so a load
/// that streams should send bodies that are small or say it at the beginning.
async fn wants_stream(mut body: Incoming) -> Result<bool, Cut> {
    let mut found = false;
    let mut first = true;
    let mut last = Bytes::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(|_| Cut::Drop)?.into_data() {
            if std::mem::take(&mut first) {
                found = says_stream(data.get(..EDGE_BYTES).unwrap_or(&data));
            }
            last = data;
        }
    }
    let tail = last.len().saturating_sub(EDGE_BYTES);
    Ok(found || says_stream(last.get(tail..).unwrap_or_default()))
}

fn says_stream(bytes: &[u8]) -> bool {
    const KEY: &[u8] = b"\"stream\":";
    let after = bytes.windows(KEY.len()).position(|window| window == KEY);
    let value = after.and_then(|at| bytes.get(at + KEY.len()..)).unwrap_or_default();
    value.trim_ascii_start().starts_with(b"true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_answer_has_exactly_the_size_asked_for() {
        let fixed = FixedBodies::new(Fixed { answer_bytes: 1024, chunk_count: 200 }, Pace::Burst);
        assert_eq!(fixed.whole.len(), 1024);
        // The role, 200 texts, the finish, the usage, the end.
        assert_eq!(fixed.stream.len(), 204);
        assert!(says_stream(b"{\"model\":\"m\",\"stream\": true}"));
        assert!(!says_stream(b"{\"model\":\"m\",\"stream\":false}"));
    }
}
