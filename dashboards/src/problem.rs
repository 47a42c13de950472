//! How the interfaces say what went wrong.

use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use std::fmt::Display;

/// An error as RFC 9457 says.
pub fn problem(status: StatusCode, detail: &dyn Display) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    written(
        status,
        &serde_json::json!({
            "title": title, "status": status.as_u16(), "detail": detail.to_string(),
        }),
    )
}

/// The same with a name for programs.
pub(crate) fn problem_named(status: StatusCode, code: &str, detail: &dyn Display) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    written(
        status,
        &serde_json::json!({
            "title": title, "status": status.as_u16(), "code": code, "detail": detail.to_string(),
        }),
    )
}

fn written(status: StatusCode, body: &serde_json::Value) -> Response {
    let headers = [(header::CONTENT_TYPE, "application/problem+json")];
    (status, headers, body.to_string()).into_response()
}
