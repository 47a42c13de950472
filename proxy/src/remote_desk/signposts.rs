//! What a gateway shows people whose pages are elsewhere: where that is.

use crate::config::BaseUrl;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use dashboards::problem;
use http::{Method, StatusCode, Uri, header};
use std::sync::Arc;

/// The paths of pages and of programs that decide.
const PATHS: [&str; 8] = [
    "/",
    "/holds",
    "/holds/{*rest}",
    "/sign-in",
    "/people",
    "/policy",
    "/api/v1/holds",
    "/api/v1/holds/{*rest}",
];

/// Leads whoever asks for a page to the service at `url`, and answers everybody else 421: nobody
/// votes here.
pub fn signposts(url: &BaseUrl) -> Router {
    let to: Arc<str> = url.to_string().into();
    let add = |routes: Router<Arc<str>>, path| routes.route(path, any(lead));
    PATHS.into_iter().fold(Router::new(), add).with_state(to)
}

async fn lead(State(to): State<Arc<str>>, method: Method, asked: Uri) -> Response {
    let path = asked.path();
    if method == Method::GET && !path.starts_with("/api/") {
        // Leads to no other host: the service's address ends with its host, and this is a path.
        return (StatusCode::SEE_OTHER, [(header::LOCATION, format!("{to}{path}"))])
            .into_response();
    }
    let detail = format!("people decide on the calls of this gateway at {to}");
    problem(StatusCode::MISDIRECTED_REQUEST, &detail)
}
