//! Allows calls like one that was approved for a time, on the word of who could decide them alone.

use super::Site;
use super::deciding::{Fields, Sent};
use super::frame::to;
use super::refused::No;
use super::widening::free;
use approvals::{OpenGrant, Shape};
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use axum::routing::post;
use events::{Channel, Timestamp};
use http::HeaderMap;

/// Microseconds of a minute.
const MINUTE: u64 = 60_000_000;

/// The route: `/holds/{call}/grant`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new().route("/holds/{call}/grant", post(allow)).with_state(site.clone())
}

async fn allow(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let sent = match Sent::open(&site, &headers, (&call, "grant"), (&fields, None)).await {
        Ok(sent) => sent,
        Err(answer) => return answer,
    };
    let opened = match wish(&sent, &fields).await {
        Ok(wish) => site.desk().open_grant(sent.id(), wish).await.map_err(No::from),
        Err(no) => Err(no),
    };
    match opened {
        Ok(_) => to("/policy"),
        Err(no) => sent.refuse(no).await,
    }
}

async fn wish(sent: &Sent<'_>, fields: &Fields) -> Result<OpenGrant, No> {
    let (arguments, bytes) = sent.what_runs().await?;
    if !arguments.is_inspectable() {
        let detail = "calls of which reading does not tell what they do are decided one by one";
        return Err(No::unprocessable("uninspectable", detail));
    }
    let wrong = |detail: String| No::unprocessable("grant_refused", detail);
    let text = String::from_utf8(bytes).map_err(|error| wrong(error.to_string()))?;
    let free = free(&fields.0).map_err(wrong)?;
    let shape = Shape::of(&text, &free).map_err(|error| wrong(error.to_string()))?;
    let minutes = fields.get("minutes").parse::<u64>().unwrap_or_default();
    let until = sent.now().micros().saturating_add(minutes.saturating_mul(MINUTE));
    Ok(OpenGrant {
        voter: sent.voter(Channel::Web),
        arguments: text.into(),
        shape,
        budget: fields.get("calls").parse().unwrap_or_default(),
        until: Timestamp::from_micros(until),
    })
}
