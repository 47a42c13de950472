//! Rights for programs: agents and people are stopped and let in again.

use super::Site;
use super::api::{Caller, Reasoned, refusal, refuse};
use super::people_pages::{another_link, everybody, invite};
use super::refused::No;
use super::rights::stop;
use axum::Router;
use axum::extract::{Json, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{HeaderMap, StatusCode};
use identity::Email;
use identity::account::Invitation;
use identity::role::{Right, Role};
use serde::Deserialize;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Serves, to whoever sends the operator's key, or the token of a person with the right, as a
/// bearer token:
///
/// - `POST` and `DELETE /api/v1/agents/{name}/revocation`: a [`Reasoned`].
/// - `POST` and `DELETE /api/v1/people/{email}/revocation`: a [`Reasoned`].
/// - `GET /api/v1/people`: everybody who is known, and who is revoked.
/// - `POST /api/v1/people`: an [`Invited`]; `POST /api/v1/people/{email}/link`. Both answer a link,
///   of which there is no other copy.
pub(super) fn routes(site: &Site) -> Router {
    Router::new()
        .route("/api/v1/agents/{name}/revocation", post(revoke_agent).delete(restore_agent))
        .route("/api/v1/people/{email}/revocation", post(revoke_person).delete(restore_person))
        .route("/api/v1/people", get(listed).post(invited))
        .route("/api/v1/people/{email}/link", post(linked))
        .with_state(site.clone())
}

/// Who asks, if they may; else the answer.
async fn permitted(
    site: &Site,
    headers: &HeaderMap,
    (right, what): (Right, &str),
) -> Result<(Caller, Arc<str>), Response> {
    let caller = Caller::of(site, headers).await.map_err(|no| refusal(&no))?;
    let may = match &caller {
        Caller::Operator => true,
        Caller::Person(_) => caller.may(right),
    };
    if may {
        let by = caller.voter().person.email;
        return Ok((caller, by));
    }
    Err(refuse(site, (&caller, what), No::forbidden("your roles do not let you do this")).await)
}

async fn revoke_agent(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(Reasoned { reason }): Json<Reasoned>,
) -> Response {
    let what = format!("POST /api/v1/agents/{name}/revocation");
    let (caller, by) = match permitted(&site, &headers, (Right::RevokeAgents, &what)).await {
        Ok(permitted) => permitted,
        Err(answer) => return answer,
    };
    match stop(&site, &name, (by, reason)).await {
        Ok(withdrawn) => Json(json!({ "withdrawn": withdrawn })).into_response(),
        Err(no) => refuse(&site, (&caller, &what), no).await,
    }
}

async fn restore_agent(
    State(site): State<Site>,
    Path(name): Path<String>,
    headers: HeaderMap,
    Json(Reasoned { reason }): Json<Reasoned>,
) -> Response {
    let what = format!("DELETE /api/v1/agents/{name}/revocation");
    let (caller, by) = match permitted(&site, &headers, (Right::RevokeAgents, &what)).await {
        Ok(permitted) => permitted,
        Err(answer) => return answer,
    };
    match site.desk().restore_agent(name.into(), by, reason).await {
        Ok(changed) => Json(json!({ "changed": changed })).into_response(),
        Err(error) => refuse(&site, (&caller, &what), error.into()).await,
    }
}

async fn revoke_person(
    State(site): State<Site>,
    Path(email): Path<String>,
    headers: HeaderMap,
    Json(Reasoned { reason }): Json<Reasoned>,
) -> Response {
    let what = format!("POST /api/v1/people/{email}/revocation");
    let (caller, by) = match permitted(&site, &headers, (Right::ManagePeople, &what)).await {
        Ok(permitted) => permitted,
        Err(answer) => return answer,
    };
    let done = match address(&email) {
        Ok(email) => site.desk().revoke_person(email.text(), by, reason).await.map_err(No::from),
        Err(no) => Err(no),
    };
    match done {
        Ok(changed) => Json(json!({ "changed": changed })).into_response(),
        Err(no) => refuse(&site, (&caller, &what), no).await,
    }
}

async fn restore_person(
    State(site): State<Site>,
    Path(email): Path<String>,
    headers: HeaderMap,
    Json(Reasoned { reason }): Json<Reasoned>,
) -> Response {
    let what = format!("DELETE /api/v1/people/{email}/revocation");
    let (caller, by) = match permitted(&site, &headers, (Right::ManagePeople, &what)).await {
        Ok(permitted) => permitted,
        Err(answer) => return answer,
    };
    let done = match address(&email) {
        Ok(email) => site.desk().restore_person(email.text(), by, reason).await.map_err(No::from),
        Err(no) => Err(no),
    };
    match done {
        Ok(changed) => Json(json!({ "changed": changed })).into_response(),
        Err(no) => refuse(&site, (&caller, &what), no).await,
    }
}

fn address(text: &str) -> Result<Email, No> {
    text.parse().map_err(|error: identity::EmailRefused| {
        No::unprocessable("bad_address", error.to_string())
    })
}

async fn listed(State(site): State<Site>, headers: HeaderMap) -> Response {
    let what = "GET /api/v1/people";
    if let Err(answer) = permitted(&site, &headers, (Right::ManagePeople, what)).await {
        return answer;
    }
    match everybody(&site).await {
        Ok(people) => Json(json!({ "people": people })).into_response(),
        Err(no) => refusal(&no),
    }
}

/// Whom to invite.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Invited {
    /// Their address.
    email: Email,
    /// What to call them.
    name: String,
    /// Their groups.
    #[serde(default)]
    groups: BTreeSet<Arc<str>>,
    /// Their roles.
    roles: BTreeSet<Role>,
}

async fn invited(
    State(site): State<Site>,
    headers: HeaderMap,
    Json(Invited { email, name, groups, roles }): Json<Invited>,
) -> Response {
    let what = "POST /api/v1/people";
    let (caller, by) = match permitted(&site, &headers, (Right::ManagePeople, what)).await {
        Ok(permitted) => permitted,
        Err(answer) => return answer,
    };
    let made = invite(&site, Invitation { email, name, groups, roles }, by).await;
    link(&site, (&caller, what), made).await
}

async fn linked(
    State(site): State<Site>,
    Path(email): Path<String>,
    headers: HeaderMap,
) -> Response {
    let what = format!("POST /api/v1/people/{email}/link");
    let (caller, _) = match permitted(&site, &headers, (Right::ManagePeople, &what)).await {
        Ok(permitted) => permitted,
        Err(answer) => return answer,
    };
    let made = match address(&email) {
        Ok(email) => another_link(&site, email).await,
        Err(no) => Err(no),
    };
    link(&site, (&caller, &what), made).await
}

async fn link(site: &Site, whose: (&Caller, &str), made: Result<String, No>) -> Response {
    match made {
        Ok(token) => {
            let link = format!("{}/set-password?token={token}", site.parts().url);
            (StatusCode::CREATED, Json(json!({ "link": link }))).into_response()
        }
        Err(no) => refuse(site, whose, no).await,
    }
}
