//! What is answered where there is nothing.

use super::Site;
use super::api::refusal;
use super::frame::sorry;
use super::refused::No;
use super::visitor::Visitor;
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use http::{HeaderMap, StatusCode, header};

/// The answer for every path that no route has: a page for whoever can read one, and a problem for
/// programs.
pub(super) fn routes(site: &Site) -> Router {
    Router::new().fallback(nowhere).with_state(site.clone())
}

async fn nowhere(State(site): State<Site>, headers: HeaderMap) -> Response {
    let no = No::new(StatusCode::NOT_FOUND, "unknown", "there is nothing at this address");
    let accepted = headers.get(header::ACCEPT).and_then(|accepted| accepted.to_str().ok());
    if !accepted.is_some_and(|accepted| accepted.contains("text/html")) {
        return refusal(&no);
    }
    let visitor = Visitor::of_browser(&site, &headers).await;
    sorry(&site, (visitor.as_ref(), &headers), &no)
}
