//! How well people watch over calls, folded from the latest events.

use super::Site;
use super::frame::{Wanted, page, reader, shell, sorry};
use super::reading::each;
use super::refused::No;
use super::sessions::unreadable;
use super::visitor::Visitor;
use crate::markup::Label;
use crate::moment::Moment;
use crate::pages::{Figures, OversightPage, Place};
use approvals::oversight::{OfRisk, Oversight, Times, Votes};
use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use events::Risk;
use http::{HeaderMap, StatusCode};
use identity::role::Right;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How many events it is folded from.
const EVENTS_MAX: u64 = 100_000;

/// The route: `/oversight`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new().route("/oversight", get(oversight)).with_state(site.clone())
}

async fn oversight(State(site): State<Site>, headers: HeaderMap) -> Response {
    let visitor = match reader(&site, &headers, "/oversight").await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    if !visitor.may(Right::Query) && !visitor.may(Right::ManagePolicy) {
        let no = No::forbidden("your roles do not let you see how others decide");
        site.refused(Some(visitor.profile.person()), "GET /oversight", &no).await;
        return sorry(&site, (Some(&visitor), &headers), &no);
    }
    let made = {
        let (site, visitor, headers) = (site.clone(), visitor.clone(), headers.clone());
        tokio::task::spawn_blocking(move || make(&site, &visitor, &headers)).await
    };
    match made {
        Ok(made) => page(StatusCode::OK, &made),
        Err(error) => sorry(&site, (Some(&visitor), &headers), &unreadable(&error)),
    }
}

/// It blocks.
fn make(site: &Site, visitor: &Visitor, headers: &HeaderMap) -> OversightPage {
    let reader = &*site.parts().reader;
    let end = reader.next().number();
    let start = end.saturating_sub(EVENTS_MAX);
    let (mut fold, mut since) = (Oversight::default(), None);
    each(reader, start..end, |envelope| {
        since.get_or_insert(envelope.time);
        fold.apply(envelope);
    });
    let since = since.map_or_else(|| "now".to_owned(), |since| Moment::of(since).said);
    let wanted = Wanted { title: "Oversight", place: Place::Policy, path: "/oversight" };
    let suggestions = fold.suggestions().into_iter().map(|it| {
        let text = format!(
            "{} calls {} on {}: approved {} times since the last rejection",
            it.agent, it.target, it.upstream, it.approved
        );
        Label::of(&text)
    });
    OversightPage {
        shell: shell(site, Some(visitor), headers, wanted),
        of: format!("Since {since}."),
        tables: vec![
            risks(&fold.risks),
            votes("Who decides", &fold.approvers),
            votes("What is decided", &fold.tools),
            votes("Whose calls", &fold.agents),
        ],
        suggestions: suggestions.collect(),
    }
}

fn risks(risks: &BTreeMap<Risk, OfRisk>) -> Figures {
    let row = |(risk, of): (&Risk, &OfRisk)| {
        let name = crate::pages::Tier::from(*risk).name();
        let figures = vec![
            of.held.to_string(),
            of.undecided.to_string(),
            middle(&of.to_open),
            middle(&of.to_decide),
            middle(&of.dwell),
        ];
        (Label::of(name), figures)
    };
    Figures {
        title: "By risk",
        columns: vec![
            "risk",
            "held",
            "not decided in time",
            "until looked at (half, most)",
            "until decided",
            "page open",
        ],
        rows: risks.iter().rev().map(row).collect(),
    }
}

fn votes(title: &'static str, all: &BTreeMap<Arc<str>, Votes>) -> Figures {
    let row = |(name, votes): (&Arc<str>, &Votes)| {
        let figures = [votes.approved, votes.rejected, votes.hasty, votes.unopened, votes.unseen];
        (Label::name(name), figures.iter().map(ToString::to_string).collect())
    };
    Figures {
        title,
        columns: vec!["", "yes", "no", "yes too fast to have read", "yes unopened", "yes unseen"],
        rows: all.iter().map(row).collect(),
    }
}

/// The time that half of them do not exceed, and that 95 in a hundred do not.
fn middle(times: &Times) -> String {
    let said = |percent| {
        times
            .percentile(percent)
            .map_or_else(|| "–".to_owned(), |time: Duration| format!("{} s", time.as_secs()))
    };
    format!("{}, {}", said(50), said(95))
}
