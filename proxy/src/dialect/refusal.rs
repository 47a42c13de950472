//! Writes the gateway's own refusals as the errors that clients of each dialect understand.
//!
//! Source: the error references of both APIs, and the classes that their SDKs raise by status.

use super::route::{Dialect, Route};
use bytes::Bytes;
use http::StatusCode;
use serde::Serialize;

/// Why the gateway itself refuses or breaks off a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// A stable code, such as `policy_denied`.
    pub code: &'static str,
    /// What was refused, why, and what to do.
    pub message: String,
    /// The id under which the gateway recorded the request; `OpenAI`'s shape has it in a header
    /// alone.
    pub request_id: String,
}

/// A refusal as the whole answer: its status and its JSON body.
pub fn error_body(route: Route, refusal: &Refusal) -> (StatusCode, Bytes) {
    let body = match route.dialect() {
        Dialect::OpenAi => json(&OpenAiBody { error: openai(refusal) }),
        Dialect::Anthropic => json(&anthropic(refusal)),
    };
    (refusal.status, Bytes::from(body))
}

/// A refusal as the last event of a stream that has begun: the whole frame, its empty line
/// included.
///
/// `sequence_number` is the number of the event in a stream of the Responses API
/// ([`StreamReader::next_number`](super::StreamReader::next_number)); others have none.
pub fn error_frame(route: Route, refusal: &Refusal, sequence_number: u64) -> Bytes {
    let frame = match (route, route.dialect()) {
        (Route::OpenAiResponses, _) => {
            let event = ResponsesEvent {
                kind: "error",
                code: refusal.code,
                message: &refusal.message,
                param: None,
                sequence_number,
            };
            format!("event: error\ndata: {}\n\n", json(&event))
        }
        (_, Dialect::OpenAi) => {
            format!("data: {}\n\n", json(&OpenAiBody { error: openai(refusal) }))
        }
        (_, Dialect::Anthropic) => {
            format!("event: error\ndata: {}\n\n", json(&anthropic(refusal)))
        }
    };
    Bytes::from(frame)
}

#[derive(Serialize)]
struct OpenAiBody<'r> {
    error: OpenAiError<'r>,
}

#[derive(Serialize)]
struct OpenAiError<'r> {
    message: &'r str,
    #[serde(rename = "type")]
    kind: &'static str,
    param: Option<&'static str>,
    code: &'static str,
}

#[derive(Serialize)]
struct ResponsesEvent<'r> {
    #[serde(rename = "type")]
    kind: &'static str,
    code: &'static str,
    message: &'r str,
    param: Option<&'static str>,
    sequence_number: u64,
}

#[derive(Serialize)]
struct AnthropicBody<'r> {
    #[serde(rename = "type")]
    kind: &'static str,
    error: AnthropicError<'r>,
    request_id: &'r str,
}

#[derive(Serialize)]
struct AnthropicError<'r> {
    #[serde(rename = "type")]
    kind: &'static str,
    message: &'r str,
}

fn openai(refusal: &Refusal) -> OpenAiError<'_> {
    OpenAiError {
        message: &refusal.message,
        kind: match refusal.status.as_u16() {
            429 => "rate_limit_error",
            500.. => "server_error",
            _ => "invalid_request_error",
        },
        param: None,
        code: refusal.code,
    }
}

fn anthropic(refusal: &Refusal) -> AnthropicBody<'_> {
    let kind = match refusal.status.as_u16() {
        401 => "authentication_error",
        402 => "billing_error",
        403 => "permission_error",
        404 => "not_found_error",
        413 => "request_too_large",
        429 => "rate_limit_error",
        504 => "timeout_error",
        529 => "overloaded_error",
        500.. => "api_error",
        _ => "invalid_request_error",
    };
    let error = AnthropicError { kind, message: &refusal.message };
    AnthropicBody { kind: "error", error, request_id: &refusal.request_id }
}

/// Strings and numbers alone are written here, and those cannot fail.
fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::super::{StreamReader, read_answer};
    use super::*;

    fn refusal(status: u16) -> Refusal {
        Refusal {
            status: StatusCode::from_u16(status).unwrap(),
            code: "policy_denied",
            message: "the policy `no \"refunds\"` denies this call".to_owned(),
            request_id: "req_1".to_owned(),
        }
    }

    #[test]
    fn a_refusal_has_the_shape_of_its_dialect() {
        let (status, body) = error_body(Route::OpenAiChat, &refusal(403));
        assert_eq!(status, 403);
        assert_eq!(
            body,
            r#"{"error":{"message":"the policy `no \"refunds\"` denies this call","type":"invalid_request_error","param":null,"code":"policy_denied"}}"#
        );
        let (_, body) = error_body(Route::AnthropicModels, &refusal(401));
        assert_eq!(
            body,
            r#"{"type":"error","error":{"type":"authentication_error","message":"the policy `no \"refunds\"` denies this call"},"request_id":"req_1"}"#
        );
    }

    #[test]
    fn the_error_type_follows_the_status() {
        let table = [
            (400, "invalid_request_error", "invalid_request_error"),
            (401, "invalid_request_error", "authentication_error"),
            (403, "invalid_request_error", "permission_error"),
            (404, "invalid_request_error", "not_found_error"),
            (413, "invalid_request_error", "request_too_large"),
            (429, "rate_limit_error", "rate_limit_error"),
            (500, "server_error", "api_error"),
            (503, "server_error", "api_error"),
            (504, "server_error", "timeout_error"),
            (529, "server_error", "overloaded_error"),
        ];
        for (status, openai, anthropic) in table {
            let kind = |route| {
                let (_, body) = error_body(route, &refusal(status));
                read_answer(route, &body).error.unwrap().kind.unwrap()
            };
            assert_eq!(kind(Route::OpenAiChat), openai, "{status}");
            assert_eq!(kind(Route::OpenAiResponses), openai, "{status}");
            assert_eq!(kind(Route::OpenAiEmbeddings), openai, "{status}");
            assert_eq!(kind(Route::AnthropicMessages), anthropic, "{status}");
        }
    }

    #[test]
    fn a_refusal_inside_a_stream_is_one_frame_that_readers_take_as_the_end() {
        for route in [Route::OpenAiChat, Route::OpenAiResponses, Route::AnthropicMessages] {
            let frame = error_frame(route, &refusal(503), 7);
            let frame = std::str::from_utf8(&frame).unwrap().strip_suffix("\n\n").unwrap();
            let (event, data) = match frame.split_once('\n') {
                Some((event, data)) => (event.strip_prefix("event: "), data),
                None => (None, frame),
            };
            let mut reader = StreamReader::new(route, 1 << 16);
            let step = reader.read(event, data.strip_prefix("data: ").unwrap());
            assert_eq!(step, super::super::Step::Terminal, "{route:?}");
            let answer = reader.finish();
            assert_eq!(answer.error.unwrap().message.unwrap(), refusal(503).message);
            assert!(!answer.truncated && answer.problems.is_empty());
        }
    }
}
