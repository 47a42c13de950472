//! What a token claims, and whether that is for us and for now. The signature is somebody else's.

use crate::person::Email;
use events::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// Actors of a chain, as RFC 8693 nests them.
const ACTORS_MAX: usize = 8;

/// Characters of a subject, as `OpenID` Connect limits them.
const SUBJECT_MAX: usize = 255;

/// What a token says, once it is known to be good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// Who it is about, in the issuer's words.
    pub subject: Arc<str>,
    /// Their address, if it has the form of one.
    pub email: Option<Email>,
    /// Whether the issuer says that they have shown that it is theirs.
    pub email_verified: bool,
    /// What they are called.
    pub name: Option<Arc<str>>,
    /// Their groups.
    pub groups: BTreeSet<Arc<str>>,
    /// Whether the groups are not in the token because they are too many (Entra ID).
    pub groups_elsewhere: bool,
    /// What the token is good for.
    pub scopes: BTreeSet<Arc<str>>,
    /// Who acts for the subject, the one that acts now first, then for whom that one acts.
    pub actors: Vec<Actor>,
    /// The client that it was issued to.
    pub client: Option<Arc<str>>,
    /// The token's own id.
    pub id: Option<Arc<str>>,
    /// When it was issued.
    pub issued: Option<Timestamp>,
    /// When it ends, without any leeway.
    pub expires: Timestamp,
    /// When the person last proved who they are.
    pub authenticated: Option<Timestamp>,
}

/// Somebody who acts for somebody else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actor {
    /// Who.
    pub subject: Arc<str>,
    /// Whose word that is, where it is not the token's issuer.
    pub issuer: Option<Arc<str>>,
}

/// What the token is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use<'a> {
    /// To call us: it must be for us, and must not be an ID token.
    Access,
    /// To learn who signed in: it must answer this client's one question.
    Identity {
        /// Our client id.
        client: &'a str,
        /// What we sent along.
        nonce: &'a str,
    },
}

/// Which claims hold what, as far as issuers differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimNames {
    /// The e-mail address.
    pub email: String,
    /// What the person is called.
    pub name: String,
    /// The groups: a list, or text with blanks between. With dots, a path into objects.
    pub groups: String,
}

impl Default for ClaimNames {
    fn default() -> Self {
        let [email, name, groups] = ["email", "name", "groups"].map(str::to_owned);
        Self { email, name, groups }
    }
}

/// What is expected of a token's claims.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) audience: &'a BTreeSet<String>,
    pub(crate) leeway: Duration,
    pub(crate) names: &'a ClaimNames,
}

/// What is wrong with a token's claims.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClaimsError {
    /// A claim that must be there.
    #[error("the claim `{0}` is missing")]
    Missing(&'static str),
    /// A claim that is not of its type.
    #[error("the claim `{0}` has not the form that it should have")]
    Broken(&'static str),
    /// Somebody else issued it.
    #[error("it was issued by `{0}`")]
    Issuer(String),
    /// It is for somebody else.
    #[error("it is for `{0}`, not for us: ask for one with our `resource`")]
    Audience(String),
    /// Its time is over.
    #[error("it expired at {0}")]
    Expired(Timestamp),
    /// Its time has not come.
    #[error("it is not valid before {0}")]
    Early(Timestamp),
    /// It says who signed in, and opens nothing.
    #[error("it is no access token: `{0}` says so")]
    NotAccess(&'static str),
    /// It answers another question than ours.
    #[error("its nonce is not the one that was sent")]
    Nonce,
    /// It is bound to a key which we do not ask for.
    #[error("it is bound to a key (`cnf`), which is not checked here: ask for a bearer token")]
    Bound,
    /// Too many act for each other.
    #[error("more than {ACTORS_MAX} actors")]
    Actors,
}

impl Claims {
    /// The claims, if they are what is expected, at this time.
    pub(crate) fn read(
        claims: &Map<String, Value>,
        expected: Expected<'_>,
        used: Use<'_>,
        now: Timestamp,
    ) -> Result<Self, ClaimsError> {
        let issuer = text(claims, "iss")?.ok_or(ClaimsError::Missing("iss"))?;
        if *issuer != *expected.issuer {
            return Err(ClaimsError::Issuer(short(&issuer)));
        }
        check_audience(claims, expected.audience, used)?;
        let expires = check_times(claims, expected.leeway, now)?;
        check_use(claims, used)?;
        let subject = text(claims, "sub")?.ok_or(ClaimsError::Missing("sub"))?;
        let length = subject.chars().count();
        if length == 0 || length > SUBJECT_MAX || subject.chars().any(char::is_control) {
            return Err(ClaimsError::Broken("sub"));
        }
        let said = Said::read(claims, expected.names);
        Ok(Self {
            subject,
            email: said.email,
            email_verified: said.email_verified,
            name: said.name,
            groups: said.groups,
            groups_elsewhere: claims
                .get("_claim_names")
                .is_some_and(|names| names.get("groups").is_some()),
            scopes: ["scope", "scp"].iter().flat_map(|name| words(claims.get(*name))).collect(),
            actors: actors(claims)?,
            client: ["client_id", "azp", "cid", "appid"]
                .iter()
                .find_map(|name| claims.get(*name).and_then(Value::as_str))
                .map(Arc::from),
            id: text(claims, "jti")?,
            issued: moment(claims, "iat")?,
            expires,
            authenticated: moment(claims, "auth_time")?,
        })
    }
}

/// What an issuer says of a person, in a token or in an answer of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) email: Option<Email>,
    pub(crate) email_verified: bool,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) groups: BTreeSet<Arc<str>>,
}

impl Said {
    pub(crate) fn read(claims: &Map<String, Value>, names: &ClaimNames) -> Self {
        let email = find(claims, &names.email).and_then(Value::as_str);
        let verified = claims.get("email_verified");
        Self {
            email: email.and_then(|email| email.parse().ok()),
            // Some providers write every claim as text.
            email_verified: verified.is_some_and(|said| *said == true || *said == "true"),
            name: find(claims, &names.name).and_then(Value::as_str).map(Arc::from),
            groups: words(find(claims, &names.groups)),
        }
    }
}

fn check_audience(
    claims: &Map<String, Value>,
    ours: &BTreeSet<String>,
    used: Use<'_>,
) -> Result<(), ClaimsError> {
    let audience: Vec<&str> = match claims.get("aud").ok_or(ClaimsError::Missing("aud"))? {
        Value::String(one) => vec![one],
        Value::Array(all) => all.iter().filter_map(Value::as_str).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {
            return Err(ClaimsError::Broken("aud"));
        }
    };
    let elsewhere = || ClaimsError::Audience(short(&audience.join(" ")));
    match used {
        Use::Access if audience.iter().any(|one| ours.contains(*one)) => Ok(()),
        Use::Identity { client, .. } if audience.contains(&client) => {
            // Of several, one asked; and who asked must be us.
            let party = text(claims, "azp")?;
            let needs_party = audience.len() > 1;
            match party {
                Some(party) if *party == *client => Ok(()),
                None if !needs_party => Ok(()),
                Some(_) | None => Err(elsewhere()),
            }
        }
        Use::Access | Use::Identity { .. } => Err(elsewhere()),
    }
}

fn check_times(
    claims: &Map<String, Value>,
    leeway: Duration,
    now: Timestamp,
) -> Result<Timestamp, ClaimsError> {
    let leeway = u64::try_from(leeway.as_micros()).unwrap_or(u64::MAX);
    let expires = moment(claims, "exp")?.ok_or(ClaimsError::Missing("exp"))?;
    if expires.micros().saturating_add(leeway) <= now.micros() {
        return Err(ClaimsError::Expired(expires));
    }
    let starts = [moment(claims, "nbf")?, moment(claims, "iat")?];
    let start = starts.into_iter().flatten().max();
    match start.filter(|start| start.micros() > now.micros().saturating_add(leeway)) {
        Some(start) => Err(ClaimsError::Early(start)),
        None => Ok(expires),
    }
}

fn check_use(claims: &Map<String, Value>, used: Use<'_>) -> Result<(), ClaimsError> {
    match used {
        Use::Access => {
            let of_identity = ["nonce", "at_hash", "c_hash", "s_hash"];
            if let Some(name) = of_identity.iter().find(|name| claims.contains_key(**name)) {
                return Err(ClaimsError::NotAccess(name));
            }
            // Keycloak's own word for what a token is.
            let kind = claims.get("typ").and_then(Value::as_str);
            if kind.is_some_and(|kind| !kind.eq_ignore_ascii_case("bearer")) {
                return Err(ClaimsError::NotAccess("typ"));
            }
            // Security events and log-out tokens have the form of access tokens.
            if claims.contains_key("events") {
                return Err(ClaimsError::NotAccess("events"));
            }
            if claims.contains_key("cnf") {
                return Err(ClaimsError::Bound);
            }
            Ok(())
        }
        Use::Identity { nonce, .. } => {
            moment(claims, "iat")?.ok_or(ClaimsError::Missing("iat"))?;
            let found = text(claims, "nonce")?.ok_or(ClaimsError::Missing("nonce"))?;
            if *found == *nonce { Ok(()) } else { Err(ClaimsError::Nonce) }
        }
    }
}

fn actors(claims: &Map<String, Value>) -> Result<Vec<Actor>, ClaimsError> {
    let mut actors = Vec::new();
    let mut next = claims.get("act");
    while let Some(act) = next {
        let act = act.as_object().ok_or(ClaimsError::Broken("act"))?;
        if actors.len() == ACTORS_MAX {
            return Err(ClaimsError::Actors);
        }
        let subject = text(act, "sub")?
            .filter(|subject| !subject.is_empty() && subject.len() <= SUBJECT_MAX * 4);
        let subject = subject.ok_or(ClaimsError::Broken("act"))?;
        actors.push(Actor { subject, issuer: text(act, "iss")? });
        next = act.get("act");
    }
    Ok(actors)
}

/// The claim of this name, or else what a path with dots leads to.
fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(claims.get(first)?.as_object()?, rest)
    })
}

fn words(value: Option<&Value>) -> BTreeSet<Arc<str>> {
    match value {
        Some(Value::String(text)) => text.split_ascii_whitespace().map(Arc::from).collect(),
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(Arc::from).collect(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
            BTreeSet::new()
        }
    }
}

fn text(claims: &Map<String, Value>, name: &'static str) -> Result<Option<Arc<str>>, ClaimsError> {
    match claims.get(name) {
        None => Ok(None),
        Some(value) => match value.as_str() {
            Some(text) => Ok(Some(text.into())),
            None => Err(ClaimsError::Broken(name)),
        },
    }
}

/// Seconds since the epoch, with a fraction or without.
fn moment(
    claims: &Map<String, Value>,
    name: &'static str,
) -> Result<Option<Timestamp>, ClaimsError> {
    let Some(value) = claims.get(name) else { return Ok(None) };
    let seconds = value.as_f64().filter(|seconds| (0.0..=1e11).contains(seconds));
    let seconds = seconds.ok_or(ClaimsError::Broken(name))?;
    // Whole microseconds: `from_secs_f64` would round to nanoseconds that mean nothing.
    let since = Duration::try_from_secs_f64(seconds).map_err(|_| ClaimsError::Broken(name))?;
    Ok(Some(Timestamp::from_micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))))
}

fn short(text: &str) -> String {
    text.chars().filter(|next| !next.is_control()).take(128).collect()
}
