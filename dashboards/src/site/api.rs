//! Holds for programs: `/api/v1/holds`, with a person's token or the operator's key. It takes no
//! cookies, so no page can make a browser send anything here.

use super::Site;
use super::asked::{name, what_runs};
use super::hold_pages::find;
use super::refused::No;
use super::visitor::{Visitor, bearer, voice};
use crate::problem::problem_named;
use approvals::{Ballot, CommandError, HoldFilter, HoldView, Standing, Voter, fingerprint};
use axum::Router;
use axum::extract::{Json, Path, Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use events::{CallId, Channel, Digest, Person, Vote};
use http::{HeaderMap, StatusCode};
use identity::role::Right;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// How many holds one answer has at most.
const HOLDS_MAX: usize = 500;

/// Serves, to whoever sends a person's token or the operator's key as a bearer token:
///
/// - `GET /api/v1/holds?state=pending|decided|all&limit=N`
/// - `GET /api/v1/holds/{call}`
/// - `POST /api/v1/holds/{call}/votes`: a [`Voted`].
/// - `POST /api/v1/holds/{call}/comments`: a [`Commented`].
/// - `POST /api/v1/holds/{call}/withdrawal`: a [`Reasoned`].
pub(super) fn routes(site: &Site) -> Router {
    Router::new()
        .route("/api/v1/holds", get(list))
        .route("/api/v1/holds/{call}", get(show))
        .route("/api/v1/holds/{call}/votes", post(vote))
        .route("/api/v1/holds/{call}/comments", post(comment))
        .route("/api/v1/holds/{call}/withdrawal", post(withdraw))
        .with_state(site.clone())
}

/// Who asks.
pub(super) enum Caller {
    /// A person, with their own token.
    Person(Box<Visitor>),
    /// Whoever has the operator's key.
    Operator,
}

impl Caller {
    /// Whoever the bearer token says.
    pub(super) async fn of(site: &Site, headers: &HeaderMap) -> Result<Self, No> {
        let detail = "send a person's token, or the operator's key from `keys/operator.key` in the \
                      gateway's data folder, as `Authorization: Bearer …`";
        let no = || No::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
        let token = bearer(headers).ok_or_else(no)?;
        if (site.parts().is_operator)(token) {
            return Ok(Self::Operator);
        }
        Visitor::recognise(site, token).await.map(Box::new).map(Self::Person).ok_or_else(no)
    }

    /// Whether they have a right; the operator's key has those of the role.
    pub(super) fn may(&self, right: Right) -> bool {
        match self {
            Self::Person(visitor) => visitor.may(right),
            Self::Operator => identity::role::Role::Operator.may(right),
        }
    }

    /// As desks know people. The key proves an operator, and no certain person.
    pub(super) fn voter(&self) -> Voter {
        match self {
            Self::Person(visitor) => visitor.voter(Channel::Api),
            Self::Operator => Voter {
                person: Person { email: "operator".into(), id: "operator".into() },
                groups: Vec::new(),
                roles: vec!["operator".into()],
                sign_in: None,
                channel: Channel::Cli,
            },
        }
    }

    fn find(&self, site: &Site, call: &str) -> Result<HoldView, No> {
        match self {
            Self::Person(visitor) => find(site, visitor, call),
            Self::Operator => {
                let id: CallId = call.parse().map_err(|_| No::unknown())?;
                site.desk().hold(id).ok_or_else(No::unknown)
            }
        }
    }
}

/// An answer that says why not, as RFC 9457 does.
pub(super) fn refusal(no: &No) -> Response {
    problem_named(no.status, no.code, &no.detail)
}

/// Says why not; what a known caller may not is on record.
pub(super) async fn refuse(site: &Site, (caller, what): (&Caller, &str), no: No) -> Response {
    site.refused(Some(caller.voter().person), what, &no).await;
    refusal(&no)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Listing {
    #[serde(default)]
    state: String,
    #[serde(default)]
    limit: Option<usize>,
}

async fn list(
    State(site): State<Site>,
    Query(listing): Query<Listing>,
    headers: HeaderMap,
) -> Response {
    let caller = match Caller::of(&site, &headers).await {
        Ok(caller) => caller,
        Err(no) => return refusal(&no),
    };
    let pending = match listing.state.as_str() {
        "" | "pending" => Some(true),
        "decided" => Some(false),
        "all" => None,
        other => {
            let detail = format!("`state` is `pending`, `decided` or `all`, not `{other}`");
            return refusal(&No::new(StatusCode::BAD_REQUEST, "bad_request", detail));
        }
    };
    let limit = listing.limit.unwrap_or(HOLDS_MAX).clamp(1, HOLDS_MAX);
    let mut views = site.desk().holds(&HoldFilter { pending, limit, ..HoldFilter::default() });
    if !caller.may(Right::ViewInbox) {
        let (voter, roster, now) = (caller.voter(), site.desk().roster(), site.now());
        views.retain(|view| voice(view, &voter, (&roster, now)).is_ok());
    }
    let holds: Vec<Value> = views.iter().map(told).collect();
    Json(json!({ "holds": holds })).into_response()
}

/// A hold as programs are told of it.
fn told(view: &HoldView) -> Value {
    let (hold, fact) = (&view.hold, &view.hold.fact);
    let votes = hold.votes.iter().map(|cast| {
        json!({
            "by": cast.fact.by.email, "for": cast.fact.for_person.as_ref().map(|it| &it.email),
            "vote": cast.fact.vote, "at": cast.at, "reason": cast.fact.reason,
            "version": cast.fact.version, "void": cast.is_void,
        })
    });
    let comments = hold
        .comments
        .iter()
        .map(|said| json!({ "by": said.fact.by.email, "at": said.at, "text": said.fact.text }));
    json!({
        "id": hold.id, "session": hold.session, "state": hold.state.word(),
        "version": hold.version, "digest": hold.digest, "fingerprint": fingerprint(&hold.digest),
        "agent": fact.principal.agent, "team": fact.principal.team, "owner": fact.principal.owner,
        "upstream": fact.upstream, "target": name(hold), "method": fact.method,
        "operation": fact.operation, "risk": fact.rule.risk, "asked": hold.at,
        "expires": fact.expires, "waiting": view.waiting, "answerable": view.is_answerable,
        "policies": fact.verdict.policies, "reason": fact.verdict.reason,
        "needs": view.progress.words(), "approved": view.progress.approved,
        "rejected": view.progress.rejected, "edit": fact.rule.edit,
        "reason_required": fact.rule.reason, "step_up": fact.rule.step_up,
        "votes": votes.collect::<Vec<_>>(),
        "comments": comments.collect::<Vec<_>>(),
    })
}

async fn show(State(site): State<Site>, Path(call): Path<String>, headers: HeaderMap) -> Response {
    let (caller, view) = match found(&site, &headers, &call).await {
        Ok(found) => found,
        Err(no) => return refusal(&no),
    };
    let hold = view.hold.clone();
    let shown = {
        let site = site.clone();
        tokio::task::spawn_blocking(move || what_runs(&site, &hold)).await
    };
    let Ok((arguments, bytes)) = shown else {
        let no = No::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "it cannot be shown");
        return refusal(&no);
    };
    let mut told = told(&view);
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let (roster, now) = (site.desk().roster(), site.now());
    let may_not = voice(&view, &caller.voter(), (&roster, now)).err();
    if let Some(members) = told.as_object_mut() {
        let notes = arguments.rows.iter().chain(&arguments.raw).flat_map(|row| &row.notes);
        let notes: Vec<&str> = notes.map(|note| note.text.as_str()).collect();
        members.insert("arguments".to_owned(), json!(text.as_ref().ok()));
        members.insert("not_shown".to_owned(), json!(text.as_ref().err()));
        members.insert("notes".to_owned(), json!(notes));
        members.insert("uninspectable".to_owned(), json!(arguments.uninspectable));
        members.insert("may_not_vote".to_owned(), json!(may_not));
    }
    Json(told).into_response()
}

async fn found(site: &Site, headers: &HeaderMap, call: &str) -> Result<(Caller, HoldView), No> {
    let caller = Caller::of(site, headers).await?;
    match caller.find(site, call) {
        Ok(view) => Ok((caller, view)),
        Err(no) => {
            if no.status == StatusCode::FORBIDDEN {
                let by = Some(caller.voter().person);
                site.refused(by, &format!("/api/v1/holds/{call}"), &no).await;
            }
            Err(no)
        }
    }
}

/// A vote.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Voted {
    /// `approve` or `reject`.
    vote: Vote,
    /// The digest of what was shown.
    digest: Digest,
    /// The version that was shown.
    version: u32,
    /// Why.
    #[serde(default)]
    reason: Option<String>,
}

async fn vote(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Json(Voted { vote, digest, version, reason }): Json<Voted>,
) -> Response {
    let (caller, view) = match found(&site, &headers, &call).await {
        Ok(found) => found,
        Err(no) => return refusal(&no),
    };
    let voter = caller.voter();
    let for_person = {
        let (roster, now) = (site.desk().roster(), site.now());
        voice(&view, &voter, (&roster, now)).ok().flatten()
    };
    let ballot =
        Ballot { voter, vote, digest, version, reason, view: None, for_person, assertion: None };
    let done = site.desk().vote(view.hold.id, ballot).await;
    answer(&site, (&caller, &format!("POST /api/v1/holds/{call}/votes")), done).await
}

async fn answer(
    site: &Site,
    whose: (&Caller, &str),
    done: Result<Standing, CommandError>,
) -> Response {
    match done {
        Ok(standing) => Json(json!({
            "state": standing.state.word(), "version": standing.version,
            "digest": standing.digest, "needs": standing.progress.words(),
            "changed": standing.changed,
        }))
        .into_response(),
        Err(error) => refuse(site, whose, error.into()).await,
    }
}

/// Something said.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Commented {
    /// What.
    text: String,
}

async fn comment(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Json(Commented { text }): Json<Commented>,
) -> Response {
    let (caller, view) = match found(&site, &headers, &call).await {
        Ok(found) => found,
        Err(no) => return refusal(&no),
    };
    let done = site.desk().comment(view.hold.id, caller.voter(), text).await;
    answer(&site, (&caller, &format!("POST /api/v1/holds/{call}/comments")), done).await
}

/// Why something is done.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reasoned {
    /// Why.
    pub(super) reason: String,
}

async fn withdraw(
    State(site): State<Site>,
    Path(call): Path<String>,
    headers: HeaderMap,
    Json(Reasoned { reason }): Json<Reasoned>,
) -> Response {
    let (caller, view) = match found(&site, &headers, &call).await {
        Ok(found) => found,
        Err(no) => return refusal(&no),
    };
    let done = match &caller {
        Caller::Person(_) => site.desk().take_back(view.hold.id, caller.voter(), reason).await,
        Caller::Operator => {
            let by = Arc::from("operator");
            site.desk().withdraw(view.hold.id, by, reason).await
        }
    };
    answer(&site, (&caller, &format!("POST /api/v1/holds/{call}/withdrawal")), done).await
}
