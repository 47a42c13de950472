//! How people get in and out: passwords, one-time links, providers. Each sign-in is on record
//! before its cookie is given.

use super::Site;
use super::frame::{Wanted, encoded, page, said, sender, shell, sorry, to};
use super::refused::No;
use super::visitor::Visitor;
use crate::look_routes::own_path;
use crate::markup::Label;
use crate::pages::{Place, Provider, SetPasswordPage, SignInPage};
use axum::Router;
use axum::extract::{ConnectInfo, Form, Path, Query, RawQuery, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use events::{PersonSignedIn, PersonSignedOut, Timestamp};
use http::{HeaderMap, HeaderValue, StatusCode, header};
use identity::Profile;
use identity::account::{LinkError, SignInError};
use identity::cookie::Cookie;
use identity::oidc::{ATTEMPT_LASTS, OidcError};
use identity::session::{Method, SignIn};
use serde::Deserialize;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// How short a password may be, as the page says.
const PASSWORD_CHARACTERS_MIN: usize = 12;

type Peer = ConnectInfo<SocketAddr>;

/// The routes: `/sign-in`, `/sign-in/{provider}` and its `/callback`, `/set-password`, `/sign-out`.
pub(super) fn routes(site: &Site) -> Router {
    Router::new()
        .route("/sign-in", get(sign_in_page).post(by_password))
        .route("/sign-in/{provider}", get(depart))
        .route("/sign-in/{provider}/callback", get(arrive))
        .route("/set-password", get(set_password_page).post(set_password))
        .route("/sign-out", axum::routing::post(sign_out))
        .with_state(site.clone())
}

#[derive(Deserialize)]
struct Next {
    #[serde(default)]
    next: String,
}

async fn sign_in_page(
    State(site): State<Site>,
    Query(Next { next }): Query<Next>,
    headers: HeaderMap,
) -> Response {
    if Visitor::of_browser(&site, &headers).await.is_some() {
        return to(&next);
    }
    again(&site, &headers, &next, None)
}

/// The sign-in page, with why it did not work where it did not.
fn again(site: &Site, headers: &HeaderMap, next: &str, no: Option<&No>) -> Response {
    let next = own_path(next).unwrap_or("/").to_owned();
    let wanted = Wanted { title: "Sign in", place: Place::Elsewhere, path: "/sign-in" };
    let mut shell = shell(site, None, headers, wanted);
    shell.notice = no.map(|no| said(true, &no.detail));
    let providers = site.parts().providers.iter().map(|one| {
        let name = &one.provider().name;
        Provider {
            name: name.to_string(),
            path: format!("/sign-in/{name}?next={}", encoded(&next)),
        }
    });
    let providers = providers.collect();
    let has_passwords = site.parts().accounts.is_some();
    let status = no.map_or(StatusCode::OK, |no| no.status);
    page(status, &SignInPage { shell, next, has_passwords, providers })
}

#[derive(Deserialize)]
struct Credentials {
    email: String,
    password: String,
    #[serde(default)]
    next: String,
}

async fn by_password(
    State(site): State<Site>,
    ConnectInfo(peer): Peer,
    headers: HeaderMap,
    Form(given): Form<Credentials>,
) -> Response {
    match check(&site, &given, peer.ip()).await {
        Ok(profile) => {
            let method = (Method::Password, site.now());
            welcome(&site, &headers, profile, (method, peer.ip()), &given.next).await
        }
        Err(no) => again(&site, &headers, &given.next, Some(&no)),
    }
}

/// Whose address and password these are.
async fn check(site: &Site, given: &Credentials, peer: IpAddr) -> Result<Profile, No> {
    let Some(accounts) = site.parts().accounts.clone() else {
        return Err(No::forbidden("this gateway has no accounts of its own"));
    };
    let begun = site.throttle().begin(&given.email, peer, site.now());
    begun.map_err(|wait| {
        No::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", wait.to_string())
    })?;
    let (email, password) = (given.email.clone(), given.password.clone());
    let checked = alone(site, move || accounts.sign_in(&email, &password)).await?;
    match checked {
        Ok(profile) => {
            site.throttle().succeeded(&given.email, peer);
            Ok(profile)
        }
        Err(error @ SignInError::Wrong) => {
            let known = site.desk().roster().known(given.email.trim()).map(|it| it.person.clone());
            let account = known.map(|person| person.email);
            let how = (Arc::from("password"), peer);
            site.sign_in_failed(account, how, error.to_string()).await;
            Err(No::new(StatusCode::UNAUTHORIZED, "sign_in_failed", error.to_string()))
        }
        Err(error @ SignInError::Accounts(_)) => Err(broken(&error)),
    }
}

/// Something that costs much memory and blocks, few at once.
async fn alone<T: Send + 'static>(
    site: &Site,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, No> {
    let turn = site.0.passwords.acquire().await.map_err(|error| broken(&error))?;
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| broken(&error));
    drop(turn);
    done
}

fn broken(error: &dyn std::fmt::Display) -> No {
    tracing::error!(%error, "nobody can be signed in");
    let detail = "nobody can be signed in at the moment; the gateway's log says why";
    No::new(StatusCode::SERVICE_UNAVAILABLE, "sign_in_unavailable", detail)
}

/// Records a sign-in, and only then gives the browser its cookies.
async fn welcome(
    site: &Site,
    headers: &HeaderMap,
    mut profile: Profile,
    ((method, proved), peer): ((Method, Timestamp), IpAddr),
    next: &str,
) -> Response {
    let how: Arc<str> = method.to_string().into();
    if site.desk().is_person_revoked(profile.email.as_str()) {
        let no = No::forbidden("your access was revoked; an administrator can restore it");
        site.sign_in_failed(Some(profile.email.text()), (how, peer), no.detail.clone()).await;
        return again(site, headers, next, Some(&no));
    }
    profile.roles.extend(site.parts().appointed.roles(&profile));
    let (now, lasts) = (site.now(), site.parts().lasts);
    let id = site.parts().clock.event_id().ulid();
    let sign_in = SignIn::new(id, profile, method, proved, (now, lasts));
    let value = match sign_in.seal(site.key()) {
        Ok(value) => value,
        Err(error) => return again(site, headers, next, Some(&broken(&error))),
    };
    let profile = &sign_in.profile;
    let fact = PersonSignedIn {
        expires: sign_in.expires,
        groups: profile.groups.iter().cloned().collect(),
        method: how,
        peer: Some(peer.to_string().into()),
        person: profile.person(),
        roles: profile.roles.iter().map(|role| role.text().into()).collect(),
        sign_in: Arc::clone(&sign_in.id),
    };
    if let Err(error) = site.desk().note(fact).await {
        return again(site, headers, next, Some(&broken(&error)));
    }
    let own = sign_in.same_site(site.key());
    let set = [
        site.cookies().set(Cookie::SignIn, &value, lasts),
        site.cookies().set(Cookie::SameSite, &own, lasts),
    ];
    with_cookies(to(next), set)
}

fn with_cookies(mut response: Response, set: impl IntoIterator<Item = String>) -> Response {
    for value in set {
        if let Ok(value) = HeaderValue::from_str(&value) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    response
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    token: String,
}

/// To open the link uses nothing up: scanners of mails open links too.
async fn set_password_page(
    State(site): State<Site>,
    Query(Link { token }): Query<Link>,
    headers: HeaderMap,
) -> Response {
    ask_password(&site, &headers, token, None).await
}

async fn ask_password(
    site: &Site,
    headers: &HeaderMap,
    token: String,
    no: Option<&No>,
) -> Response {
    let Some(accounts) = site.parts().accounts.clone() else {
        return sorry(site, (None, headers), &No::unknown());
    };
    let (now, asked) = (site.now(), token.clone());
    let whose = tokio::task::spawn_blocking(move || accounts.whose_link(&asked, now)).await;
    let profile = match whose {
        Ok(Ok(profile)) => profile,
        Ok(Err(error)) => {
            let no = No::new(StatusCode::GONE, "link_invalid", error.to_string());
            return sorry(site, (None, headers), &no);
        }
        Err(error) => return sorry(site, (None, headers), &broken(&error)),
    };
    let wanted = Wanted { title: "Choose a password", place: Place::Elsewhere, path: "/sign-in" };
    let mut shell = shell(site, None, headers, wanted);
    shell.notice = no.map(|no| said(true, &no.detail));
    let email = Label::name(profile.email.as_str());
    let status = no.map_or(StatusCode::OK, |no| no.status);
    page(status, &SetPasswordPage { shell, email, token, least: PASSWORD_CHARACTERS_MIN })
}

/// Ends all sign-ins that a person has.
async fn end_sign_ins(site: &Site, profile: &Profile) -> Result<(), No> {
    let roster = site.desk().roster();
    let running: Vec<Arc<str>> = roster.sign_ins(profile.email.as_str()).map(Arc::clone).collect();
    for sign_in in running {
        let fact = PersonSignedOut { person: profile.person(), sign_in };
        site.desk().note(fact).await.map_err(|error| broken(&error))?;
    }
    Ok(())
}

#[derive(Deserialize)]
struct NewPassword {
    token: String,
    password: String,
    again: String,
}

async fn set_password(
    State(site): State<Site>,
    ConnectInfo(peer): Peer,
    headers: HeaderMap,
    Form(NewPassword { token, password, again }): Form<NewPassword>,
) -> Response {
    if password != again {
        let no = No::unprocessable("not_the_same", "you wrote two different passwords");
        return ask_password(&site, &headers, token, Some(&no)).await;
    }
    let Some(accounts) = site.parts().accounts.clone() else {
        return sorry(&site, (None, &headers), &No::unknown());
    };
    let (now, given) = (site.now(), token.clone());
    let set = alone(&site, move || accounts.set_password(&given, &password, now)).await;
    match set {
        Ok(Ok(profile)) => {
            // Whoever knew the password before is out.
            if let Err(no) = end_sign_ins(&site, &profile).await {
                return sorry(&site, (None, &headers), &no);
            }
            let method = (Method::Link, site.now());
            welcome(&site, &headers, profile, (method, peer.ip()), "/").await
        }
        Ok(Err(LinkError::Password(refused))) => {
            let no = No::unprocessable("password_refused", refused.to_string());
            ask_password(&site, &headers, token, Some(&no)).await
        }
        Ok(Err(error @ LinkError::Invalid)) => {
            site.sign_in_failed(None, (Arc::from("link"), peer.ip()), error.to_string()).await;
            let no = No::new(StatusCode::GONE, "link_invalid", error.to_string());
            sorry(&site, (None, &headers), &no)
        }
        Ok(Err(LinkError::Accounts(error))) => sorry(&site, (None, &headers), &broken(&error)),
        Err(no) => sorry(&site, (None, &headers), &no),
    }
}

/// Sends the browser to a provider.
async fn depart(
    State(site): State<Site>,
    Path(name): Path<String>,
    Query(Next { next }): Query<Next>,
    headers: HeaderMap,
) -> Response {
    depart_to(&site, &headers, (&name, &next), false).await
}

/// Has somebody prove to their provider who they are, even if it knows.
pub(super) async fn prove_again(
    site: &Site,
    headers: &HeaderMap,
    (name, next): (&str, &str),
) -> Response {
    depart_to(site, headers, (name, next), true).await
}

async fn depart_to(
    site: &Site,
    headers: &HeaderMap,
    (name, next): (&str, &str),
    again_there: bool,
) -> Response {
    let begun = {
        let (site, name, next) = (site.clone(), name.to_owned(), next.to_owned());
        let begin = move || {
            let provider = provider(&site, &name)?;
            Some(provider.begin(site.key(), &next, again_there, site.now()))
        };
        tokio::task::spawn_blocking(begin).await
    };
    match begun {
        Ok(Some(Ok(departure))) => {
            let cookie = site.cookies().set(Cookie::Attempt, &departure.cookie, ATTEMPT_LASTS);
            let leave = (StatusCode::SEE_OTHER, [(header::LOCATION, departure.location)]);
            with_cookies(leave.into_response(), [cookie])
        }
        Ok(Some(Err(error))) => again(site, headers, next, Some(&unprovided(&error))),
        Ok(None) => sorry(site, (None, headers), &No::unknown()),
        Err(error) => sorry(site, (None, headers), &broken(&error)),
    }
}

fn provider<'a>(site: &'a Site, name: &str) -> Option<&'a identity::oidc::RelyingParty> {
    site.parts().providers.iter().find(|one| *one.provider().name == *name)
}

fn unprovided(error: &OidcError) -> No {
    tracing::warn!(%error, "somebody is not signed in");
    let status = match error {
        OidcError::Discovery(_) | OidcError::Fetch(_) | OidcError::Provider { .. } => {
            StatusCode::BAD_GATEWAY
        }
        OidcError::System(_) => StatusCode::SERVICE_UNAVAILABLE,
        OidcError::Attempt
        | OidcError::Declined(_)
        | OidcError::Token(_)
        | OidcError::NotFresh
        | OidcError::Email(_)
        | OidcError::GroupsElsewhere => StatusCode::FORBIDDEN,
    };
    No::new(status, "sign_in_failed", error.to_string())
}

/// The browser comes back from a provider.
async fn arrive(
    State(site): State<Site>,
    ConnectInfo(peer): Peer,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let cookie = site.cookies().find(&headers, Cookie::Attempt).unwrap_or_default().to_owned();
    let finished = {
        let (site, name, query) = (site.clone(), name.clone(), query.unwrap_or_default());
        let finish =
            move || Some(provider(&site, &name)?.finish(site.key(), &query, &cookie, site.now()));
        tokio::task::spawn_blocking(finish).await
    };
    let answer = match finished {
        Ok(Some(Ok(arrival))) => {
            let method = (Method::Provider(name.into()), arrival.authenticated);
            let next = arrival.return_to;
            welcome(&site, &headers, arrival.profile, (method, peer.ip()), &next).await
        }
        Ok(Some(Err(error))) => {
            let no = unprovided(&error);
            let how = (Arc::from(name.as_str()), peer.ip());
            site.sign_in_failed(None, how, error.to_string()).await;
            again(&site, &headers, "/", Some(&no))
        }
        Ok(None) => sorry(&site, (None, &headers), &No::unknown()),
        Err(error) => sorry(&site, (None, &headers), &broken(&error)),
    };
    // One attempt, one end.
    with_cookies(answer, [site.cookies().clear(Cookie::Attempt)])
}

#[derive(Deserialize)]
struct Leaving {
    csrf: String,
}

async fn sign_out(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(Leaving { csrf }): Form<Leaving>,
) -> Response {
    let visitor = match sender(&site, &headers, ("/sign-out", &["sign-out"], &csrf)).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    leave(&site, (&visitor, &headers), "/sign-in").await
}

/// Ends a sign-in, and leads elsewhere.
pub(super) async fn leave(
    site: &Site,
    (visitor, headers): (&Visitor, &HeaderMap),
    path: &str,
) -> Response {
    let sign_in = Arc::clone(&visitor.sign_in.id);
    let fact = PersonSignedOut { person: visitor.profile.person(), sign_in };
    if let Err(error) = site.desk().note(fact).await {
        return sorry(site, (Some(visitor), headers), &broken(&error));
    }
    let gone = [site.cookies().clear(Cookie::SignIn), site.cookies().clear(Cookie::SameSite)];
    with_cookies(to(path), gone)
}
