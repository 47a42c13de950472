//! What is allowed: the policies, calls allowed for a time, and the agents with the switch that
//! stops each.

use super::Site;
use super::exact::payload;
use super::frame::{Wanted, page, reader, said, sender, shell, sorry, to};
use super::refused::No;
use super::sessions::unreadable;
use super::visitor::Visitor;
use crate::markup::Label;
use crate::moment::Moment;
use crate::pages::{AgentItem, GrantItem, Place, PolicyPage, PolicyText};
use crate::truth::shown;
use approvals::{CommandError, Grant, Shape};
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use events::{Channel, EventId};
use http::{HeaderMap, StatusCode};
use identity::role::Right;
use serde::Deserialize;
use std::sync::Arc;

/// How many grants are listed.
const GRANTS_MAX: usize = 100;

/// The routes: `/policy`, `/grants/{id}/revoke`, `/agents/revoke` and `/agents/restore`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new()
        .route("/policy", get(policy))
        .route("/grants/{id}/revoke", post(end_grant))
        .route("/agents/{action}", post(agent))
        .with_state(site.clone())
}

async fn policy(State(site): State<Site>, headers: HeaderMap) -> Response {
    let visitor = match reader(&site, &headers, "/policy").await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    if !visitor.may(Right::ViewInbox) {
        let no = No::forbidden("your roles do not let you see the policy");
        site.refused(Some(visitor.profile.person()), "GET /policy", &no).await;
        return sorry(&site, (Some(&visitor), &headers), &no);
    }
    fresh(&site, (&visitor, &headers), None).await
}

/// The page as it is now, with why something was not done.
async fn fresh(
    site: &Site,
    (visitor, headers): (&Visitor, &HeaderMap),
    no: Option<&No>,
) -> Response {
    let made = {
        let (site, visitor, headers) = (site.clone(), visitor.clone(), headers.clone());
        tokio::task::spawn_blocking(move || make(&site, &visitor, &headers)).await
    };
    match made {
        Ok(mut made) => {
            made.shell.notice = no.map(|no| said(true, &no.detail));
            page(no.map_or(StatusCode::OK, |no| no.status), &made)
        }
        Err(error) => sorry(site, (Some(visitor), headers), &unreadable(&error)),
    }
}

/// It blocks.
fn make(site: &Site, visitor: &Visitor, headers: &HeaderMap) -> PolicyPage {
    let known = site.parts().backstage.policies();
    let in_force = match &known {
        Some(known) if known.shadowed > 0 => {
            format!("{} policies decide, and {} are watched.", known.count, known.shadowed)
        }
        Some(known) => format!("{} policies decide.", known.count),
        None => "There is no policy: the lists of the agents alone decide.".to_owned(),
    };
    let digest = known.as_ref().map(|known| known.digest.to_string());
    let read = known.map_or(Ok(Vec::new()), |known| known.files);
    let (files, problem) = match read {
        Ok(files) => (files, None),
        Err(why) => (Vec::new(), Some(Label::of(&format!("The files cannot be read: {why}")))),
    };
    let text =
        |(name, text): (String, String)| PolicyText { name: Label::of(&name), text: shown(&text) };
    let wanted = Wanted { title: "Policy", place: Place::Policy, path: "/policy" };
    let token = |word: &str| visitor.sign_in.form_token(site.key(), &[word]);
    PolicyPage {
        shell: shell(site, Some(visitor), headers, wanted),
        in_force,
        digest,
        files: files.into_iter().map(text).collect(),
        problem,
        grants: grants(site),
        may_end: may_end(visitor).then(|| token("grants")),
        agents: agents(site),
        may_stop: visitor.may(Right::RevokeAgents).then(|| token("agents")),
    }
}

fn may_end(visitor: &Visitor) -> bool {
    visitor.may(Right::Vote) || visitor.may(Right::RevokeAgents)
}

fn agents(site: &Site) -> Vec<AgentItem> {
    let roster = site.desk().roster();
    let item = |known: super::AgentKnown| AgentItem {
        key: known.name.to_string(),
        name: Label::name(&known.name),
        team: Label::name(&known.team),
        owner: Label::name(&known.owner),
        revoked: roster
            .revoked_agent(&known.name)
            .map(|it| Label::of(&format!("{}: {}", it.by, it.reason))),
    };
    site.parts().backstage.agents().into_iter().map(item).collect()
}

fn grants(site: &Site) -> Vec<GrantItem> {
    let now = site.now();
    let mut all = site.desk().grants();
    all.sort_by_key(|(id, grant)| (!grant.is_open(now), std::cmp::Reverse(*id)));
    all.into_iter().take(GRANTS_MAX).map(|(id, grant)| item(site, id, &grant)).collect()
}

fn item(site: &Site, id: EventId, grant: &Grant) -> GrantItem {
    let fact = &grant.fact;
    let shape = grant.session.map_or_else(
        || Err("it is not known".to_owned()),
        |session| payload(site, session, Some(&fact.shape)),
    );
    let shape = shape.ok().and_then(|bytes| serde_json::from_slice::<Shape>(&bytes).ok());
    let covers = shape.map_or_else(|| "what it covers cannot be read".to_owned(), |it| it.words());
    let is_over = fact.until <= site.now();
    let ended = grant.ended.as_deref().or(is_over.then_some("its time is over"));
    let used_up = (grant.left() == 0).then_some("all its calls were made");
    GrantItem {
        id: id.to_string(),
        tool: Label::name(&fact.target),
        server: Label::name(&fact.upstream),
        agent: Label::name(&fact.agent),
        owner: Label::name(&fact.owner),
        covers: Label::of(&covers),
        by: Label::name(&fact.by.email),
        left: format!("{} of {} calls left", grant.left(), fact.budget),
        until: Moment::of(fact.until),
        ended: ended.or(used_up).map(Label::of),
    }
}

#[derive(Deserialize)]
struct Ending {
    csrf: String,
    reason: String,
}

async fn end_grant(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(Ending { csrf, reason }): Form<Ending>,
) -> Response {
    let path = format!("/grants/{id}/revoke");
    let visitor = match sender(&site, &headers, (&path, &["grants"], &csrf)).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let done = match id.parse::<EventId>() {
        Err(_) => Err(No::unknown()),
        Ok(_) if !may_end(&visitor) => Err(No::forbidden("your roles do not let you end grants")),
        Ok(id) => {
            let voter = visitor.voter(Channel::Web);
            site.desk().revoke_grant(id, voter, reason).await.map_err(No::from)
        }
    };
    answer(&site, (&visitor, &headers), &path, done).await
}

async fn answer(
    site: &Site,
    (visitor, headers): (&Visitor, &HeaderMap),
    path: &str,
    done: Result<(), No>,
) -> Response {
    match done {
        Ok(()) => to("/policy"),
        Err(no) => {
            site.refused(Some(visitor.profile.person()), &format!("POST {path}"), &no).await;
            fresh(site, (visitor, headers), Some(&no)).await
        }
    }
}

#[derive(Deserialize)]
struct Stopping {
    csrf: String,
    agent: String,
    reason: String,
}

async fn agent(
    State(site): State<Site>,
    Path(action): Path<String>,
    headers: HeaderMap,
    Form(Stopping { csrf, agent, reason }): Form<Stopping>,
) -> Response {
    let path = format!("/agents/{action}");
    let visitor = match sender(&site, &headers, (&path, &["agents"], &csrf)).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let by = visitor.profile.email.text();
    let done = match action.as_str() {
        _ if !visitor.may(Right::RevokeAgents) => {
            Err(No::forbidden("your roles do not let you stop agents"))
        }
        "revoke" => stop(&site, &agent, (by, reason)).await.map(drop),
        "restore" => {
            let restored = site.desk().restore_agent(agent.into(), by, reason).await;
            restored.map(drop).map_err(No::from)
        }
        _ => Err(No::unknown()),
    };
    answer(&site, (&visitor, &headers), &path, done).await
}

/// Stops an agent that is configured; says how many of its calls were taken back.
pub(super) async fn stop(
    site: &Site,
    agent: &str,
    (by, reason): (Arc<str>, String),
) -> Result<usize, No> {
    let mut agents = site.parts().backstage.agents().into_iter();
    let Some(known) = agents.find(|known| *known.name == *agent) else {
        let detail = format!("no agent `{agent}` is configured");
        return Err(No::new(StatusCode::NOT_FOUND, "unknown", detail));
    };
    let stopped: Result<usize, CommandError> =
        site.desk().revoke_agent(known.name, by, reason).await;
    stopped.map_err(No::from)
}
