//! What is around every page, and how pages and refusals become answers.

use super::Site;
use super::refused::No;
use super::visitor::{Visitor, bearer, waits_for};
use crate::look_routes::{look, own_path};
use crate::markup::Label;
use crate::pages::{Notice, Place, ProblemPage, Reader, Shell};
use approvals::HoldFilter;
use askama::Template;
use axum::response::{Html, IntoResponse, Response};
use events::Channel;
use http::{HeaderMap, StatusCode, header};
use identity::cookie::Cookie;

/// A page that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    pub(super) title: &'a str,
    pub(super) place: Place,
    /// The page's own path.
    pub(super) path: &'a str,
}

/// What is around a page.
pub(super) fn shell(
    site: &Site,
    visitor: Option<&Visitor>,
    headers: &HeaderMap,
    wanted: Wanted<'_>,
) -> Shell {
    let reader = visitor.map(|visitor| Reader {
        name: Label::name(&visitor.profile.name),
        roles: roles(visitor),
        csrf: visitor.sign_in.form_token(site.key(), &["sign-out"]),
    });
    Shell {
        title: wanted.title.to_owned(),
        place: wanted.place,
        waiting: visitor.map_or(0, |visitor| waiting(site, visitor)),
        reader,
        look: look(headers),
        path: wanted.path.to_owned(),
        live: None,
        notice: None,
    }
}

/// Where a page hears of what changes after now: to be asked before anything is read for the page.
pub(super) fn changes_from_now(site: &Site) -> String {
    format!("/holds/events?since={}", *site.desk().changes().borrow())
}

fn roles(visitor: &Visitor) -> String {
    let words: Vec<&str> = visitor.profile.roles.iter().map(|role| role.text()).collect();
    if words.is_empty() { "no role".to_owned() } else { words.join(", ") }
}

fn waiting(site: &Site, visitor: &Visitor) -> usize {
    let pending = HoldFilter { pending: Some(true), ..HoldFilter::default() };
    let (roster, now) = (site.desk().roster(), site.now());
    let voter = visitor.voter(Channel::Web);
    let all = site.desk().holds(&pending);
    all.iter().filter(|view| waits_for(view, &voter, (&roster, now))).count()
}

/// A page as an answer.
pub(super) fn page(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => (status, Html(text)).into_response(),
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            (StatusCode::INTERNAL_SERVER_ERROR, "the page cannot be written\n").into_response()
        }
    }
}

/// A page that says why something was not done.
pub(super) fn sorry(
    site: &Site,
    (visitor, headers): (Option<&Visitor>, &HeaderMap),
    no: &No,
) -> Response {
    let title = no.status.canonical_reason().unwrap_or("Not done");
    let wanted = Wanted { title, place: Place::Elsewhere, path: "/" };
    let remedy = match no.status {
        StatusCode::SERVICE_UNAVAILABLE => "Try again in a moment; nothing was changed.",
        StatusCode::FORBIDDEN => "If you should be able to, ask an administrator.",
        _ => "Nothing was changed.",
    };
    let problem = ProblemPage {
        shell: shell(site, visitor, headers, wanted),
        status: no.status.as_u16(),
        detail: Label::of(&sentence(&no.detail)),
        remedy: remedy.to_owned(),
    };
    page(no.status, &problem)
}

/// With a large letter and a full stop.
pub(super) fn sentence(text: &str) -> String {
    let mut letters = text.chars();
    let first: String = letters.next().into_iter().flat_map(char::to_uppercase).collect();
    let stop = if text.ends_with(['.', '!', '?']) { "" } else { "." };
    format!("{first}{}{stop}", letters.as_str())
}

/// What a form came to, said above a page.
pub(super) fn said(is_problem: bool, text: &str) -> Notice {
    Notice { is_problem, text: Label::of(&sentence(text)) }
}

/// Leads the browser to another of our pages.
pub(super) fn to(path: &str) -> Response {
    let path = own_path(path).unwrap_or("/").to_owned();
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

/// A path as the value of a query.
pub(super) fn encoded(path: &str) -> String {
    let byte = |byte: u8| {
        let is_plain = byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
        if is_plain { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    path.bytes().map(byte).collect()
}

/// The person behind a request for a page; else an answer that leads to the sign-in and back.
pub(super) async fn reader(
    site: &Site,
    headers: &HeaderMap,
    path: &str,
) -> Result<Visitor, Response> {
    let visitor = Visitor::of_browser(site, headers).await;
    visitor.ok_or_else(|| to(&format!("/sign-in?next={}", encoded(path))))
}

/// The person who sent a form, if it came from a page of ours that was made for this person and
/// these words; else the answer.
pub(super) async fn sender(
    site: &Site,
    headers: &HeaderMap,
    (path, words, token): (&str, &[&str], &str),
) -> Result<Visitor, Response> {
    let visitor = reader(site, headers, "/").await?;
    let own = site.cookies().find(headers, Cookie::SameSite).unwrap_or_default();
    let sign_in = &visitor.sign_in;
    let is_ours = sign_in.is_same_site(site.key(), own)
        && sign_in.is_form_token(site.key(), words, token)
        && bearer(headers).is_none();
    if is_ours {
        return Ok(visitor);
    }
    let detail = "this form is not one that was shown to you now: open the page again, and send it \
                  from there";
    let no = No::new(StatusCode::FORBIDDEN, "form_refused", detail);
    site.refused(Some(visitor.profile.person()), &format!("POST {path}"), &no).await;
    Err(sorry(site, (Some(&visitor), headers), &no))
}
