//! The inbox: what waits for the reader, what waits at all, and what was decided.

use super::Site;
use super::asked::{deciders, name, outcome, what_runs};
use super::frame::{Wanted, changes_from_now, page, reader, shell, sorry};
use super::refused::No;
use super::visitor::{Visitor, voice, waits_for};
use crate::markup::Label;
use crate::moment::{Moment, distance};
use crate::pages::{Count, InboxPage, Item, Mood, Place, Tab, Tier};
use approvals::{Hold, HoldFilter, HoldView, State as HoldState};
use axum::Router;
use axum::extract::{Query, State};
use axum::response::Response;
use axum::routing::get;
use events::{Channel, Timestamp};
use http::{HeaderMap, StatusCode};
use identity::role::Right;
use serde::Deserialize;

/// How many calls a page lists.
const ITEMS_MAX: usize = 50;

/// How many decided calls are looked at.
const DECIDED_MAX: usize = 200;

/// The routes: `/` and `/holds`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new().route("/", get(inbox)).route("/holds", get(inbox)).with_state(site.clone())
}

#[derive(Deserialize)]
struct Show {
    #[serde(default)]
    show: String,
}

async fn inbox(
    State(site): State<Site>,
    Query(Show { show }): Query<Show>,
    headers: HeaderMap,
) -> Response {
    let tab = match show.as_str() {
        "all" => Tab::All,
        "decided" => Tab::Decided,
        _ => Tab::Mine,
    };
    let visitor = match reader(&site, &headers, tab.path()).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let made = {
        let (site, visitor, headers) = (site.clone(), visitor.clone(), headers.clone());
        tokio::task::spawn_blocking(move || list(&site, &visitor, &headers, tab)).await
    };
    match made {
        Ok(list) => page(StatusCode::OK, &list),
        Err(error) => {
            tracing::error!(%error, "the inbox cannot be shown");
            let no = No::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "it cannot be shown");
            sorry(&site, (Some(&visitor), &headers), &no)
        }
    }
}

/// Which holds somebody may see: all of them, or those that they may decide.
pub(super) fn seen(site: &Site, visitor: &Visitor, filter: &HoldFilter) -> Vec<HoldView> {
    let mut all = site.desk().holds(filter);
    if !visitor.may(Right::ViewInbox) {
        let (voter, roster, now) = (visitor.voter(Channel::Web), site.desk().roster(), site.now());
        all.retain(|view| voice(view, &voter, (&roster, now)).is_ok());
    }
    all
}

/// It blocks.
fn list(site: &Site, visitor: &Visitor, headers: &HeaderMap, tab: Tab) -> InboxPage {
    let live = changes_from_now(site);
    let pending = HoldFilter { pending: Some(true), ..HoldFilter::default() };
    let waiting = seen(site, visitor, &pending);
    let (voter, roster, now) = (visitor.voter(Channel::Web), site.desk().roster(), site.now());
    let is_mine = |view: &&HoldView| waits_for(view, &voter, (&roster, now));
    let counts = (waiting.iter().filter(is_mine).count(), waiting.len());
    let mut views: Vec<HoldView> = match tab {
        Tab::Mine => waiting.iter().filter(is_mine).cloned().collect(),
        Tab::All => waiting,
        Tab::Decided => {
            let decided =
                HoldFilter { pending: Some(false), limit: DECIDED_MAX, ..HoldFilter::default() };
            seen(site, visitor, &decided)
        }
    };
    if tab != Tab::Decided {
        // What ends first comes first, the most dangerous before others of the same moment.
        views.sort_by_key(|view| (view.hold.fact.expires, view.hold.id));
    }
    let more = views.len().saturating_sub(ITEMS_MAX);
    let items = views.iter().take(ITEMS_MAX).map(|view| item(site, view, now)).collect();
    let wanted = Wanted { title: "Inbox", place: Place::Inbox, path: tab.path() };
    let mut shell = shell(site, Some(visitor), headers, wanted);
    shell.live = Some(live);
    let tabs = vec![
        Count { tab: Tab::Mine, count: Some(counts.0) },
        Count { tab: Tab::All, count: Some(counts.1) },
        Count { tab: Tab::Decided, count: None },
    ];
    InboxPage { shell, tab, tabs, items, more }
}

fn item(site: &Site, view: &HoldView, now: Timestamp) -> Item {
    let hold = &view.hold;
    let (arguments, _) = what_runs(site, hold);
    let (preview, more) = Item::previewed(&arguments);
    let (state, mood) = standing(view);
    let ends = ended(hold);
    Item {
        call: hold.id.to_string(),
        tier: Tier::from(hold.fact.rule.risk),
        tool: Label::name(name(hold)),
        server: Label::name(&hold.fact.upstream),
        agent: Label::name(&hold.fact.principal.agent),
        owner: Label::name(&hold.fact.principal.owner),
        preview,
        more,
        warnings: arguments.warnings(),
        inspectable: arguments.is_inspectable(),
        asked: Moment::of(hold.at),
        since: distance(now, hold.at),
        ends: Moment::of(ends),
        left: if hold.state.is_pending() {
            format!("rejected {}", distance(now, ends))
        } else {
            distance(now, ends)
        },
        state,
        mood,
    }
}

/// When a hold ended, or will.
pub(super) fn ended(hold: &Hold) -> Timestamp {
    match &hold.state {
        HoldState::Pending => hold.fact.expires,
        HoldState::Granted { at, .. }
        | HoldState::Refused { at, .. }
        | HoldState::Expired { at, .. }
        | HoldState::Withdrawn { at, .. }
        | HoldState::Dispatched { at, .. } => *at,
    }
}

fn standing(view: &HoldView) -> (String, Mood) {
    if view.hold.state.is_pending() {
        let needs = view.progress.words();
        let votes = match view.progress.approved {
            0 => "nobody yet".to_owned(),
            1 => "1 approval".to_owned(),
            many => format!("{many} approvals"),
        };
        return (format!("{votes}; needs {needs}"), Mood::Warning);
    }
    let (word, mood) = outcome(&view.hold);
    let by = deciders(&view.hold);
    (if by.is_empty() { word.to_owned() } else { format!("{word} by {by}") }, mood)
}
