//! People: who may sign in and what for, who votes in whose place. What is done is on record before
//! it is done.

use super::Site;
use super::frame::{Wanted, page, reader, said, sender, shell, sorry, to};
use super::refused::No;
use super::visitor::Visitor;
use crate::markup::Label;
use crate::moment::{Moment, distance};
use crate::pages::{Delegation, PeoplePage, Person, Place, Role as RoleShown};
use approvals::{CommandError, Delegate};
use axum::Router;
use axum::extract::{Form, Path, State};
use axum::response::Response;
use axum::routing::{get, post};
use events::{Channel, PersonAdded, Timestamp};
use http::{HeaderMap, StatusCode};
use identity::account::{Account, AccountError, Accounts, Invitation};
use identity::role::{Right, Role};
use identity::{Email, Profile};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How long a link can be used.
const LINK_LASTS: Duration = Duration::from_hours(72);

/// Microseconds of a day.
const DAY: u64 = 86_400_000_000;

/// The routes: `/people` and what is done there, `/delegations`, `/help`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new()
        .route("/people", get(people))
        .route("/people/{action}", post(act))
        .route("/delegations", post(delegate))
        .route("/delegations/{id}/end", post(end_delegation))
        .route("/help", get(help))
        .with_state(site.clone())
}

async fn help(State(site): State<Site>, headers: HeaderMap) -> Response {
    let visitor = match reader(&site, &headers, "/help").await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let wanted = Wanted { title: "Help", place: Place::Help, path: "/help" };
    let shell = shell(&site, Some(&visitor), &headers, wanted);
    page(StatusCode::OK, &crate::pages::HelpPage { shell })
}

async fn people(State(site): State<Site>, headers: HeaderMap) -> Response {
    match reader(&site, &headers, "/people").await {
        Ok(visitor) => list(&site, (&visitor, &headers), Ok(None)).await,
        Err(answer) => answer,
    }
}

/// The list, with a link that was just made or with why something was not done.
async fn list(
    site: &Site,
    (visitor, headers): (&Visitor, &HeaderMap),
    came: Result<Option<String>, No>,
) -> Response {
    let accounts = match listed(site).await {
        Ok(accounts) => accounts,
        Err(no) => return sorry(site, (Some(visitor), headers), &no),
    };
    let (status, invitation, notice) = match came {
        Ok(token) => {
            let link = |token| format!("{}/set-password?token={token}", site.parts().url);
            (StatusCode::OK, token.map(link), None)
        }
        Err(no) => (no.status, None, Some(said(true, &no.detail))),
    };
    let token = |word: &str| visitor.sign_in.form_token(site.key(), &[word]);
    let wanted = Wanted { title: "People", place: Place::People, path: "/people" };
    let mut shell = shell(site, Some(visitor), headers, wanted);
    shell.notice = notice;
    let shown = PeoplePage {
        shell,
        people: shown(site, visitor, &accounts),
        roles: Role::ALL.iter().map(|role| role_shown(*role)).collect(),
        may_change: visitor.may(Right::ManagePeople).then(|| token("people")),
        invitation,
        delegations: delegations(site, visitor),
        delegating: token("delegations"),
    };
    page(status, &shown)
}

async fn listed(site: &Site) -> Result<Vec<Account>, No> {
    let Some(accounts) = site.parts().accounts.clone() else { return Ok(Vec::new()) };
    let listed = tokio::task::spawn_blocking(move || accounts.list()).await;
    listed.map_err(|error| broken(&error))?.map_err(|error| broken(&error))
}

fn broken(error: &dyn std::fmt::Display) -> No {
    tracing::error!(%error, "the accounts cannot be used");
    let detail = "the accounts cannot be used; the gateway's log says why";
    No::new(StatusCode::SERVICE_UNAVAILABLE, "accounts_unavailable", detail)
}

fn role_shown(role: Role) -> RoleShown {
    let says = match role {
        Role::Approver => "decides on calls that wait, and sees sessions",
        Role::Analyst => "sees sessions, and asks questions about them",
        Role::Compliance => "sees everything, hands out evidence, erases",
        Role::Operator => "keeps the gateway running, and stops agents",
        Role::Administrator => "says who is who, and stops agents",
    };
    RoleShown { name: role.text().to_owned(), says: says.to_owned() }
}

fn shown(site: &Site, visitor: &Visitor, accounts: &[Account]) -> Vec<Person> {
    let (roster, now) = (site.desk().roster(), site.now());
    let seen = |email: &str| {
        let known = roster.known(email);
        known
            .map_or_else(|| "never here".to_owned(), |it| format!("known {}", distance(now, it.at)))
    };
    let own = visitor.profile.email.as_str();
    let row = |email: &str, name: &str, roles: Vec<String>, source: &str| Person {
        address: email.to_owned(),
        name: Label::name(name),
        email: Label::name(email),
        roles: if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") },
        source: source.to_owned(),
        seen: seen(email),
        active: roster.revoked_person(email).is_none(),
        is_reader: email == own,
        is_ours: false,
        has: roles,
    };
    let ours = accounts.iter().map(|account| {
        let profile = &account.profile;
        let roles = profile.roles.iter().map(|role| role.text().to_owned()).collect();
        let has_password = account.has_password();
        let source = if has_password { "a password" } else { "a link that was not used yet" };
        Person { is_ours: true, ..row(profile.email.as_str(), &profile.name, roles, source) }
    });
    let mut people: Vec<Person> = ours.collect();
    let is_listed = |people: &[Person], email: &str| people.iter().any(|it| it.address == email);
    for known in roster.people() {
        let email = &known.person.email;
        if !is_listed(&people, email) {
            let provider = known.person.id.split(':').next().unwrap_or_default();
            let roles = known.roles.iter().map(ToString::to_string).collect();
            people.push(row(email, email, roles, provider));
        }
    }
    for revoked in roster.revoked_people() {
        if !is_listed(&people, &revoked.email) {
            people.push(row(&revoked.email, &revoked.email, Vec::new(), "nothing any more"));
        }
    }
    people
}

/// Everybody who has an account, is known, or was revoked, for programs.
pub(super) async fn everybody(site: &Site) -> Result<Vec<serde_json::Value>, No> {
    let accounts = listed(site).await?;
    let roster = site.desk().roster();
    let mut people = std::collections::BTreeMap::new();
    for known in roster.people() {
        let (person, roles) = (&known.person, &known.roles);
        let told = serde_json::json!({
            "email": person.email, "id": person.id, "roles": roles, "groups": known.groups,
            "seen": known.at, "account": false, "revoked": null,
        });
        people.insert(person.email.to_string(), told);
    }
    for account in accounts {
        let profile = &account.profile;
        let email = profile.email.to_string();
        let seen = roster.known(&email).map(|known| known.at);
        let told = serde_json::json!({
            "email": email, "id": profile.id, "name": profile.name, "roles": profile.roles,
            "groups": profile.groups, "seen": seen, "account": true,
            "has_password": account.has_password(), "revoked": null,
        });
        people.insert(email, told);
    }
    for revoked in roster.revoked_people() {
        let why = serde_json::json!({ "by": revoked.by, "reason": revoked.reason });
        let nobody = || serde_json::json!({ "email": revoked.email, "account": false });
        let told = people.entry(revoked.email.to_string()).or_insert_with(nobody);
        if let Some(members) = told.as_object_mut() {
            members.insert("revoked".to_owned(), why);
        }
    }
    Ok(people.into_values().collect())
}

fn delegations(site: &Site, visitor: &Visitor) -> Vec<Delegation> {
    let roster = site.desk().roster();
    let own = visitor.profile.email.as_str();
    let all = roster.delegations(site.now()).map(|(id, it)| {
        let what: Vec<&str> = it.groups.iter().chain(&it.roles).map(|what| &**what).collect();
        Delegation {
            id: id.to_string(),
            from: Label::name(&it.from.email),
            to: Label::name(&it.to),
            what: Label::of(&what.join(", ")),
            until: Moment::of(it.until),
            may_end: *it.from.email == *own || visitor.may(Right::ManagePeople),
        }
    });
    all.collect()
}

/// The fields of a form, of which some come more than once.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    fn get<'a>(&'a self, name: &'a str) -> &'a str {
        self.all(name).next().unwrap_or_default()
    }

    fn email(&self) -> Result<Email, No> {
        let email = self.get("email").parse::<Email>();
        email.map_err(|error| No::unprocessable("bad_address", error.to_string()))
    }

    fn roles(&self) -> Result<BTreeSet<Role>, No> {
        let roles = self.all("role").map(str::parse::<Role>);
        let roles = roles.collect::<Result<_, _>>();
        roles.map_err(|error| No::unprocessable("bad_role", error.to_string()))
    }
}

async fn act(
    State(site): State<Site>,
    Path(action): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let path = format!("/people/{action}");
    let form = (path.as_str(), &["people"] as &[&str], fields.get("csrf"));
    let visitor = match sender(&site, &headers, form).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    match acted(&site, &visitor, (&action, &fields)).await {
        Ok(None) => to("/people"),
        Ok(token) => list(&site, (&visitor, &headers), Ok(token)).await,
        Err(no) => {
            site.refused(Some(visitor.profile.person()), &format!("POST {path}"), &no).await;
            list(&site, (&visitor, &headers), Err(no)).await
        }
    }
}

/// Does it; gives the secret of a link that was made.
async fn acted(
    site: &Site,
    visitor: &Visitor,
    (action, fields): (&str, &Fields),
) -> Result<Option<String>, No> {
    if !visitor.may(Right::ManagePeople) {
        return Err(No::forbidden("only administrators change who is who"));
    }
    let (by, email) = (visitor.profile.email.text(), fields.email()?);
    let reason = fields.get("reason").to_owned();
    match action {
        "invite" => {
            let groups = fields.get("groups").split(',').map(str::trim);
            let groups = groups.filter(|group| !group.is_empty()).map(Arc::from).collect();
            let (name, roles) = (fields.get("name").to_owned(), fields.roles()?);
            let invitation = Invitation { email, name, groups, roles };
            invite(site, invitation, by).await.map(Some)
        }
        "link" => another_link(site, email).await.map(Some),
        "roles" => give_roles(site, (email, fields.roles()?), by).await.map(|()| None),
        "revoke" if email == visitor.profile.email => {
            Err(No::unprocessable("own_rights", "nobody takes away their own rights"))
        }
        "revoke" => done(site.desk().revoke_person(email.text(), by, reason).await),
        "restore" => done(site.desk().restore_person(email.text(), by, reason).await),
        _ => Err(No::new(StatusCode::NOT_FOUND, "unknown", "there is no such form")),
    }
}

fn done(done: Result<bool, CommandError>) -> Result<Option<String>, No> {
    done.map(|_| None).map_err(No::from)
}

fn ours(site: &Site) -> Result<Accounts, No> {
    let detail = "this gateway has no accounts of its own: people sign in at a provider";
    site.parts().accounts.clone().ok_or_else(|| No::unprocessable("no_accounts", detail))
}

/// Something with the accounts, where blocking is allowed.
async fn with_accounts<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce(&Accounts) -> Result<T, AccountError> + Send + 'static,
) -> Result<T, No> {
    let accounts = ours(site)?;
    let done = tokio::task::spawn_blocking(move || work(&accounts)).await;
    done.map_err(|error| broken(&error))?.map_err(|error| match error {
        AccountError::Exists(_) | AccountError::Unknown(_) => {
            No::unprocessable("account", error.to_string())
        }
        AccountError::File { .. }
        | AccountError::Broken { .. }
        | AccountError::PasskeyUnknown(_)
        | AccountError::PasskeyExists
        | AccountError::PasskeyCopied => broken(&error),
    })
}

/// Makes an account; gives the secret of the link that sets its password.
pub(super) async fn invite(
    site: &Site,
    invitation: Invitation,
    by: Arc<str>,
) -> Result<String, No> {
    let email = invitation.email.clone();
    let known = listed(site).await?;
    if known.iter().any(|account| account.profile.email == email) {
        let detail = AccountError::Exists(email).to_string();
        return Err(No::unprocessable("account", detail));
    }
    let profile = Profile {
        id: format!("local:{email}").into(),
        email,
        name: invitation.name.as_str().into(),
        groups: invitation.groups.clone(),
        roles: invitation.roles.clone(),
    };
    ours(site)?;
    record_added(site, &profile, by).await?;
    let now = site.now();
    with_accounts(site, move |accounts| accounts.invite(invitation, now, LINK_LASTS)).await
}

/// Another link for somebody who has an account; gives its secret.
pub(super) async fn another_link(site: &Site, email: Email) -> Result<String, No> {
    let now = site.now();
    with_accounts(site, move |accounts| accounts.renew_link(&email, now, LINK_LASTS)).await
}

async fn give_roles(
    site: &Site,
    (email, roles): (Email, BTreeSet<Role>),
    by: Arc<str>,
) -> Result<(), No> {
    let known = listed(site).await?;
    let account = known.into_iter().find(|account| account.profile.email == email);
    let unknown = || No::unprocessable("account", AccountError::Unknown(email.clone()).to_string());
    let profile = Profile { roles: roles.clone(), ..account.ok_or_else(unknown)?.profile };
    record_added(site, &profile, by).await?;
    let groups = profile.groups;
    with_accounts(site, move |accounts| accounts.set_roles(&email, roles, groups)).await?;
    Ok(())
}

async fn record_added(site: &Site, profile: &Profile, by: Arc<str>) -> Result<(), No> {
    let fact = PersonAdded {
        by,
        groups: profile.groups.iter().cloned().collect(),
        person: profile.person(),
        roles: profile.roles.iter().map(|role| role.text().into()).collect(),
    };
    site.desk().note(fact).await.map(drop).map_err(|error| CommandError::from(error).into())
}

async fn delegate(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let form = ("/delegations", &["delegations"] as &[&str], fields.get("csrf"));
    let visitor = match sender(&site, &headers, form).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let voter = visitor.voter(Channel::Web);
    let days = fields.get("days").parse::<u64>().unwrap_or_default();
    let until = site.now().micros().saturating_add(days.saturating_mul(DAY));
    let wish = Delegate {
        groups: voter.groups.clone(),
        roles: voter.roles.clone(),
        voter,
        to: fields.get("to").trim().to_lowercase().into(),
        until: Timestamp::from_micros(until),
        reason: fields.get("reason").to_owned(),
    };
    match site.desk().delegate(wish).await {
        Ok(_) => to("/people"),
        Err(error) => {
            let no = No::from(error);
            site.refused(Some(visitor.profile.person()), "POST /delegations", &no).await;
            list(&site, (&visitor, &headers), Err(no)).await
        }
    }
}

async fn end_delegation(
    State(site): State<Site>,
    Path(id): Path<String>,
    headers: HeaderMap,
    Form(fields): Form<Vec<(String, String)>>,
) -> Response {
    let fields = Fields(fields);
    let path = format!("/delegations/{id}/end");
    let form = (path.as_str(), &["delegations"] as &[&str], fields.get("csrf"));
    let visitor = match sender(&site, &headers, form).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let ended = match delegations(&site, &visitor).into_iter().find(|it| it.id == id) {
        Some(found) if found.may_end => match id.parse() {
            Ok(id) => {
                let by = visitor.profile.email.text();
                site.desk().end_delegation(id, by).await.map_err(No::from)
            }
            Err(_) => Err(No::unknown()),
        },
        Some(_) => Err(No::forbidden("only who gave the right, or an administrator, ends it")),
        None => Err(No::unprocessable("delegation_refused", "it is not in force any more")),
    };
    match ended {
        Ok(()) => to("/people"),
        Err(no) => {
            site.refused(Some(visitor.profile.person()), &format!("POST {path}"), &no).await;
            list(&site, (&visitor, &headers), Err(no)).await
        }
    }
}
