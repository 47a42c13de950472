//! The page of the person who is signed in: their passkeys. What is done is on record before it is
//! done.

use super::Site;
use super::door::{leave, prove_again};
use super::frame::{Wanted, page, reader, said, sender, shell, sorry, to};
use super::passkeys::{NOWHERE, ceremony, place, untaken, with_passkeys};
use super::refused::No;
use super::visitor::Visitor;
use crate::markup::Label;
use crate::moment::Moment;
use crate::pages::{AccountPage, PasskeyItem, Place, Registering};
use approvals::CommandError;
use axum::Router;
use axum::extract::{Form, State};
use axum::response::Response;
use axum::routing::{get, post};
use events::{PasskeyRegistered, PasskeyRemoved};
use http::{HeaderMap, StatusCode};
use identity::passkey::{Passkey, Registration};
use identity::session::Method;
use serde::Deserialize;
use std::sync::Arc;
use std::time::Duration;

/// How long ago somebody must have proved who they are to register a passkey.
const FRESH: Duration = Duration::from_mins(10);

/// How many passkeys a person has at most.
const PASSKEYS_MAX: usize = 16;

/// The routes: `/account` and what is done there.
pub(super) fn routes(site: &Site) -> Router {
    Router::new()
        .route("/account", get(account))
        .route("/account/passkeys", post(register))
        .route("/account/passkeys/remove", post(remove))
        .route("/account/prove", post(prove))
        .with_state(site.clone())
}

async fn account(State(site): State<Site>, headers: HeaderMap) -> Response {
    match reader(&site, &headers, "/account").await {
        Ok(visitor) => show(&site, (&visitor, &headers), None).await,
        Err(answer) => answer,
    }
}

async fn known(site: &Site, visitor: &Visitor) -> Result<Vec<Passkey>, No> {
    let id = Arc::clone(&visitor.profile.id);
    with_passkeys(site, move |passkeys| passkeys.passkeys(&id)).await
}

/// The page, with why something was not done.
async fn show(
    site: &Site,
    (visitor, headers): (&Visitor, &HeaderMap),
    no: Option<&No>,
) -> Response {
    let known = match site.parts().passkeys {
        Some(_) => known(site, visitor).await,
        None => Ok(Vec::new()),
    };
    let known = match known {
        Ok(known) => known,
        Err(no) => return sorry(site, (Some(visitor), headers), &no),
    };
    let wanted = Wanted { title: "Your account", place: Place::Elsewhere, path: "/account" };
    let mut shell = shell(site, Some(visitor), headers, wanted);
    shell.notice = no.map(|no| said(true, &no.detail));
    let token = |word: &str| visitor.sign_in.form_token(site.key(), &[word]);
    let shown = AccountPage {
        shell,
        email: Label::name(visitor.profile.email.as_str()),
        passkeys: known.iter().map(shown).collect(),
        registering: registering(site, visitor, &known),
        removing: token("passkey-remove"),
        proving: (!is_fresh(site, visitor)).then(|| token("prove")),
    };
    page(no.map_or(StatusCode::OK, |no| no.status), &shown)
}

fn shown(passkey: &Passkey) -> PasskeyItem {
    let name = if passkey.name.is_empty() { "a passkey" } else { &passkey.name };
    PasskeyItem {
        credential: passkey.credential.to_string(),
        name: Label::name(name),
        added: Moment::of(passkey.added),
    }
}

fn is_fresh(site: &Site, visitor: &Visitor) -> bool {
    visitor.sign_in.is_fresh(site.now(), FRESH)
}

/// The form that registers one, or why there is none.
fn registering(site: &Site, visitor: &Visitor, known: &[Passkey]) -> Result<Registering, String> {
    if site.parts().passkeys.is_none() {
        return Err("This gateway keeps nothing, and no passkeys either.".to_owned());
    }
    let place = place(site).ok_or_else(|| format!("There are none here: {NOWHERE}."))?;
    if !is_fresh(site, visitor) {
        let minutes = FRESH.as_secs() / 60;
        return Err(format!(
            "To register one, you have to have signed in within the last {minutes} minutes."
        ));
    }
    if known.len() >= PASSKEYS_MAX {
        return Err(format!("You have {PASSKEYS_MAX}, and nobody has more: remove one first."));
    }
    let ceremony = ceremony(site, visitor, &place);
    let nonce = ceremony.nonce().map_err(|error| error.to_string())?;
    let options = ceremony.creation_options(&nonce, known).to_string();
    let csrf = visitor.sign_in.form_token(site.key(), &["passkey"]);
    Ok(Registering { csrf, nonce, options, origin: place.origin })
}

#[derive(Deserialize)]
struct Registered {
    csrf: String,
    nonce: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    client: String,
    #[serde(default)]
    attestation: String,
}

async fn register(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(form): Form<Registered>,
) -> Response {
    let path = "/account/passkeys";
    let visitor = match sender(&site, &headers, (path, &["passkey"], &form.csrf)).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let done = registered(&site, &visitor, form).await;
    answer(&site, (&visitor, &headers), (path, done)).await
}

async fn answer(
    site: &Site,
    (visitor, headers): (&Visitor, &HeaderMap),
    (path, done): (&str, Result<(), No>),
) -> Response {
    match done {
        Ok(()) => to("/account"),
        Err(no) => {
            site.refused(Some(visitor.profile.person()), &format!("POST {path}"), &no).await;
            show(site, (visitor, headers), Some(&no)).await
        }
    }
}

async fn registered(site: &Site, visitor: &Visitor, form: Registered) -> Result<(), No> {
    if !is_fresh(site, visitor) {
        let detail = "your sign-in is too long ago: prove who you are, then register a passkey";
        return Err(No::new(StatusCode::FORBIDDEN, "not_fresh", detail));
    }
    let place = place(site).ok_or_else(|| No::unprocessable("no_passkeys", NOWHERE))?;
    if form.attestation.is_empty() {
        let detail = format!(
            "no passkey was made: open this page at {}, with JavaScript, and try again there",
            place.origin
        );
        return Err(No::unprocessable("passkey_refused", detail));
    }
    let refused = |detail: &str| No::unprocessable("passkey_refused", detail);
    let answer = Registration { client: form.client, attestation: form.attestation };
    let passkey = ceremony(site, visitor, &place).register(&form.nonce, &answer, form.name.trim());
    let passkey = passkey.map_err(untaken)?;
    let known = known(site, visitor).await?;
    if known.iter().any(|it| it.credential == passkey.credential) {
        return Err(refused("you have registered this passkey already"));
    }
    if known.len() >= PASSKEYS_MAX {
        return Err(refused("you have too many passkeys: remove one first"));
    }
    let fact = PasskeyRegistered {
        credential: Arc::clone(&passkey.credential),
        host: place.host.into(),
        key: passkey.key.clone(),
        origin: place.origin.into(),
        person: visitor.profile.person(),
        sign_in: Arc::clone(&visitor.sign_in.id),
    };
    site.desk().note(fact).await.map_err(CommandError::from)?;
    let id = Arc::clone(&visitor.profile.id);
    with_passkeys(site, move |passkeys| passkeys.add_passkey(&id, passkey)).await
}

#[derive(Deserialize)]
struct Removal {
    csrf: String,
    credential: Arc<str>,
}

async fn remove(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(Removal { csrf, credential }): Form<Removal>,
) -> Response {
    let path = "/account/passkeys/remove";
    let visitor = match sender(&site, &headers, (path, &["passkey-remove"], &csrf)).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    let done = removed(&site, &visitor, credential).await;
    answer(&site, (&visitor, &headers), (path, done)).await
}

async fn removed(site: &Site, visitor: &Visitor, credential: Arc<str>) -> Result<(), No> {
    if !known(site, visitor).await?.iter().any(|it| it.credential == credential) {
        return Err(No::unprocessable("passkey_refused", "you have no such passkey"));
    }
    let person = visitor.profile.person();
    let by = Arc::clone(&person.email);
    let fact = PasskeyRemoved { by, credential: Arc::clone(&credential), person };
    site.desk().note(fact).await.map_err(CommandError::from)?;
    let id = Arc::clone(&visitor.profile.id);
    with_passkeys(site, move |passkeys| passkeys.remove_passkey(&id, &credential)).await
}

#[derive(Deserialize)]
struct Proving {
    csrf: String,
}

/// Has somebody sign in again.
async fn prove(
    State(site): State<Site>,
    headers: HeaderMap,
    Form(Proving { csrf }): Form<Proving>,
) -> Response {
    let visitor = match sender(&site, &headers, ("/account/prove", &["prove"], &csrf)).await {
        Ok(visitor) => visitor,
        Err(answer) => return answer,
    };
    match &visitor.sign_in.method {
        Method::Provider(name) => prove_again(&site, &headers, (name, "/account")).await,
        Method::Password | Method::Link => {
            leave(&site, (&visitor, &headers), "/sign-in?next=/account").await
        }
    }
}
