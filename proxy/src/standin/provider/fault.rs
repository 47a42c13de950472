//! The ways in which a stand-in provider fails on demand, chosen by the model's name.

use std::future::pending;

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

use crate::standin::{
    body::{Body, Cut, Pace},
    server::{json, response},
};

/// How long the answer of `fault-huge` is.
pub const HUGE_BYTES: usize = 100 << 20;

/// Its text comes in pieces of this size.
const HUGE_PIECE_BYTES: usize = 64 << 10;

/// A failure that a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// `fault-hang`: no answer ever.
    Hang,
    /// `fault-reset`: the connection is reset before an answer.
    Reset,
    /// `fault-garbage`: success, with bytes that are no JSON, no UTF-8, and no events.
    Garbage,
    /// `fault-huge`: an answer of [`HUGE_BYTES`].
    Huge,
    /// `fault-drop`: the connection ends in the middle of the answer.
    Drop,
    /// `fault-busy`: 429 with `retry-after: 1`.
    Busy,
}

impl Fault {
    /// The fault that a model's name asks for.
    pub(super) fn named(model: &str) -> Option<Self> {
        match model {
            "fault-hang" => Some(Self::Hang),
            "fault-reset" => Some(Self::Reset),
            "fault-garbage" => Some(Self::Garbage),
            "fault-huge" => Some(Self::Huge),
            "fault-drop" => Some(Self::Drop),
            "fault-busy" => Some(Self::Busy),
            _ => None,
        }
    }

    /// Fails. `frames` is what a faultless answer would be; `fault-drop` sends half of them.
    pub(super) async fn answer(
        self,
        content_type: &'static str,
        frames: Vec<Bytes>,
    ) -> Result<Response<Body>, Cut> {
        match self {
            Self::Hang => pending().await,
            Self::Reset => Err(Cut::Reset),
            Self::Garbage => {
                let garbage = Bytes::from_static(b"\xff\xfe{\"choices\": [\x00\n\ndata: {\n\n");
                Ok(response(StatusCode::OK, content_type, Body::whole(garbage)))
            }
            Self::Huge => Ok(response(StatusCode::OK, content_type, huge(content_type))),
            Self::Drop => Ok(response(StatusCode::OK, content_type, half(frames))),
            Self::Busy => {
                let error = json!({"error": {"message": "the model is busy", "param": null,
                    "type": "rate_limit_error", "code": "rate_limit_exceeded"}});
                let mut busy = json(StatusCode::TOO_MANY_REQUESTS, &error);
                busy.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
                Ok(busy)
            }
        }
    }
}

/// One answer, valid but for its size; every piece shares the same memory.
fn huge(content_type: &str) -> Body {
    let (opening, closing) = if content_type == "application/json" {
        let opening = "{\"object\":\"chat.completion\",\"choices\":[{\"index\":0,\"message\":\
            {\"role\":\"assistant\",\"content\":\"";
        (opening, "\"},\"finish_reason\":\"stop\"}]}")
    } else {
        let opening = "data: {\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\
            \"delta\":{\"content\":\"";
        (opening, "\"},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
    };
    let piece = Bytes::from(vec![b'a'; HUGE_PIECE_BYTES]);
    let mut frames = vec![Bytes::from(opening)];
    frames.extend((0..HUGE_BYTES / HUGE_PIECE_BYTES).map(|_| piece.clone()));
    frames.push(Bytes::from(closing));
    Body::pieces(frames, Pace::Burst)
}

fn half(mut frames: Vec<Bytes>) -> Body {
    match frames.as_slice() {
        [only] => frames = vec![only.slice(..only.len() / 2)],
        several => frames.truncate(several.len().div_ceil(2)),
    }
    Body::cut(frames, Cut::Drop)
}
