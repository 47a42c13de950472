//! The samples as a site: `/` lists them; `?theme=dark` shows them dark.

use crate::{asks, lists, sessions};
use askama::Template;
use axum::Router;
use axum::extract::{Path, Query};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::{get, post};
use dashboards::pages::{ClosedKind, HelpPage, Place, Theme};
use dashboards::{asset_routes, look, look_routes, secured};
use http::{HeaderMap, StatusCode, header};
use std::collections::BTreeMap;

/// The names of the samples.
pub(crate) const NAMES: [&str; 18] = [
    "inbox",
    "nothing",
    "plain",
    "tricky",
    "grave",
    "other",
    "granted",
    "refused",
    "expired",
    "sessions",
    "session",
    "people",
    "account",
    "sign-in",
    "set-password",
    "problem",
    "help",
    "glass",
];

/// Says once that something changed, and that there is no hurry to ask again.
const CHANGED: &str = "retry: 3600000\nevent: changed\ndata: sample\n\n";

/// The site.
pub(crate) fn pages() -> Router {
    let pages = Router::new()
        .route("/", get(async || Html(list())))
        .route("/sample/{name}", get(sample))
        .route("/live", get(async || ([(header::CONTENT_TYPE, "text/event-stream")], CHANGED)))
        .route("/{*any}", post(async |body: String| format!("{body}\n")))
        .merge(asset_routes())
        .merge(look_routes());
    secured(pages, "http://127.0.0.1")
}

fn list() -> String {
    let links = NAMES.iter().map(|name| format!("<li><a href=\"/sample/{name}\">{name}</a></li>"));
    format!("<!doctype html><title>Samples</title><ul>{}</ul>", links.collect::<String>())
}

async fn sample(
    Path(name): Path<String>,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    let chosen = look(&headers).theme;
    let theme = query.get("theme").map_or(chosen, |theme| Theme::of(theme));
    match render(&name, theme) {
        Some(Ok(page)) => Html(page).into_response(),
        Some(Err(error)) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A sample as HTML; `None` if there is none of this name.
pub(crate) fn render(name: &str, theme: Theme) -> Option<Result<String, askama::Error>> {
    let shell = |title: &str, place| lists::shell(title, place, &format!("/sample/{name}"), theme);
    let inbox = |title| shell(title, Place::Inbox);
    Some(match name {
        "inbox" => lists::inbox(inbox("Inbox"), false).render(),
        "nothing" => lists::inbox(inbox("Inbox"), true).render(),
        "plain" | "tricky" | "grave" | "live" | "other" => {
            asks::page(inbox("A call waits"), name).render()
        }
        "granted" => asks::decided(inbox("Approved"), ClosedKind::Granted).render(),
        "refused" => asks::decided(inbox("Rejected"), ClosedKind::Refused).render(),
        "expired" => asks::decided(inbox("Expired"), ClosedKind::Expired).render(),
        "glass" => asks::decided(inbox("Let through"), ClosedKind::BrokenGlass).render(),
        "sessions" => sessions::list(shell("Sessions", Place::Sessions)).render(),
        "session" => sessions::page(shell("Session", Place::Sessions)).render(),
        "people" => lists::people(shell("People", Place::People)).render(),
        "account" => lists::account(shell("Your account", Place::Elsewhere)).render(),
        "sign-in" => lists::sign_in(shell("Sign in", Place::Elsewhere)).render(),
        "set-password" => lists::set_password(shell("Password", Place::Elsewhere)).render(),
        "problem" => lists::problem(shell("It was decided already", Place::Elsewhere)).render(),
        "help" => HelpPage { shell: shell("Help", Place::Help) }.render(),
        _ => return None,
    })
}
