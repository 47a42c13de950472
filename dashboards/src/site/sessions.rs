//! The sessions, the newest first: what agents did, folded from the latest events.

use super::Site;
use super::exact::payload;
use super::frame::{Wanted, page, reader, shell, sorry};
use super::reading::each;
use super::refused::No;
use super::visitor::Visitor;
use crate::markup::Label;
use crate::moment::{Moment, distance};
use crate::pages::{Mood, Place, SessionItem, SessionsPage};
use analytics::{Asked, Call, Calls, Outcome, Projection as _, user_text};
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use events::{Operation, SessionId};
use http::{HeaderMap, StatusCode};
use identity::role::Right;
use serde::Deserialize;
use std::collections::BTreeMap;

/// How many events one page is folded from.
const EVENTS_MAX: u64 = 20_000;

/// How many sessions a page lists.
const ITEMS_MAX: usize = 100;

/// How many characters of what was said first are shown.
const OPENING_CHARACTERS: usize = 160;

/// The route: `/sessions`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new().route("/sessions", get(list)).with_state(site.clone())
}

#[derive(Deserialize)]
struct Before {
    before: Option<u64>,
}

async fn list(
    State(site): State<Site>,
    Query(Before { before }): Query<Before>,
    headers: HeaderMap,
) -> Response {
    let visitor = match permitted(&site, &headers, "/sessions").await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let made = {
        let (site, visitor, headers) = (site.clone(), visitor.clone(), headers.clone());
        tokio::task::spawn_blocking(move || make(&site, &visitor, &headers, before)).await
    };
    match made {
        Ok(made) => page(StatusCode::OK, &made),
        Err(error) => sorry(&site, (Some(&visitor), &headers), &unreadable(&error)),
    }
}

pub(super) fn unreadable(error: &dyn std::fmt::Display) -> No {
    tracing::error!(%error, "a page cannot be made");
    let detail = "the page cannot be made; the gateway's log says why";
    No::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
}

/// Somebody who may see sessions; else the answer.
pub(super) async fn permitted(
    site: &Site,
    headers: &HeaderMap,
    path: &str,
) -> Result<Visitor, Response> {
    let visitor = reader(site, headers, path).await?;
    if visitor.may(Right::ViewSessions) {
        return Ok(visitor);
    }
    let no = No::forbidden("your roles do not let you see sessions");
    site.refused(Some(visitor.profile.person()), &format!("GET {path}"), &no).await;
    Err(sorry(site, (Some(&visitor), headers), &no))
}

/// It blocks.
fn make(site: &Site, visitor: &Visitor, headers: &HeaderMap, before: Option<u64>) -> SessionsPage {
    let reader = &*site.parts().reader;
    let end = before.unwrap_or(u64::MAX).min(reader.next().number());
    let start = end.saturating_sub(EVENTS_MAX);
    let mut calls = Calls::default();
    each(reader, start..end, |envelope| calls.apply(envelope));
    let mut sessions: BTreeMap<SessionId, Vec<&Call>> = BTreeMap::new();
    for call in calls.iter() {
        if let Some(session) = call.session {
            sessions.entry(session).or_default().push(call);
        }
    }
    let mut sessions: Vec<(SessionId, Vec<&Call>)> = sessions.into_iter().collect();
    for (_, calls) in &mut sessions {
        calls.sort_unstable_by_key(|call| call.sequence);
    }
    sessions.retain(|(_, calls)| calls.iter().any(|call| call.operation().is_act()));
    sessions.sort_by_key(|(_, calls)| std::cmp::Reverse(calls.first().map(|call| call.sequence)));
    let items = sessions.iter().take(ITEMS_MAX);
    let items = items.filter_map(|(session, calls)| item(site, *session, calls)).collect();
    let wanted = Wanted { title: "Sessions", place: Place::Sessions, path: "/sessions" };
    SessionsPage {
        shell: shell(site, Some(visitor), headers, wanted),
        items,
        older: (start > 0).then(|| format!("/sessions?before={start}")),
    }
}

fn item(site: &Site, session: SessionId, calls: &[&Call]) -> Option<SessionItem> {
    let (first, last) = (calls.first()?, calls.last()?);
    let count = |operation| calls.iter().filter(|call| call.operation() == operation).count();
    let end = last.sent().micros().saturating_add(last.duration_us().unwrap_or_default());
    let seconds = end.saturating_sub(first.time.micros()) / 1_000_000;
    let principal = first.principal();
    let opening = calls.iter().find(|call| call.operation() == Operation::Chat);
    let opening = opening
        .and_then(|call| user_text(&payload(site, session, call.request()).unwrap_or_default()));
    let opening: String = opening.unwrap_or_default().chars().take(OPENING_CHARACTERS).collect();
    Some(SessionItem {
        session: session.to_string(),
        agent: Label::name(&principal.agent),
        team: Label::name(&principal.team),
        owner: Label::name(&principal.owner),
        began: Moment::of(first.time),
        since: distance(site.now(), first.time),
        lasted: format!("{seconds} s"),
        model_calls: count(Operation::Chat),
        tool_calls: count(Operation::ExecuteTool),
        remarks: remarks(calls),
        opening: Label::of(&opening),
    })
}

fn remarks(calls: &[&Call]) -> Vec<(Mood, String)> {
    let count =
        |is_meant: &dyn Fn(&Call) -> bool| calls.iter().filter(|call| is_meant(call)).count();
    let findings: usize = calls.iter().map(|call| call.findings.len()).sum();
    let counted = [
        (Mood::Warning, count(&|call| matches!(call.asked, Asked::Held(_))), "held"),
        (Mood::Bad, count(&|call| matches!(call.asked, Asked::Denied(_))), "denied"),
        (Mood::Bad, count(&|call| matches!(call.outcome, Some(Outcome::Failed(_)))), "failed"),
        (Mood::Bad, count(&|call| matches!(call.outcome, Some(Outcome::InDoubt(_)))), "in doubt"),
        (Mood::Warning, findings, if findings == 1 { "finding" } else { "findings" }),
    ];
    let some = counted.into_iter().filter(|(_, count, _)| *count > 0);
    some.map(|(mood, count, what)| (mood, format!("{count} {what}"))).collect()
}
