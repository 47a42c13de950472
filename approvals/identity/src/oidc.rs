//! Signing in at an identity provider: `OpenID` Connect, code flow, PKCE.
//!
//! What has to be remembered between the two halves is in a sealed cookie of the browser that
//! began, so that any process can end what another began, and no other browser can.

mod attempt;

mod exchange;

mod mapping;

use crate::claims::{Claims, Use};
use crate::discovery::{DiscoveryError, Metadata};
use crate::encode::{form, from_form, matches};
use crate::fetch::{Fetch, FetchError};
use crate::issuer::{Issuer, KeySource, Verifier};
use crate::jwk::Algorithm;
use crate::jwt::TokenError;
use crate::key::PeopleKey;
use crate::person::{Email, Profile};
use crate::role::{GroupRoles, Role};
use attempt::Attempt;
use events::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use crate::claims::ClaimNames;
pub use attempt::{LASTS as ATTEMPT_LASTS, own_path};

/// How long a provider's description is believed.
const METADATA_FRESH: Duration = Duration::from_hours(1);

/// How soon an old one is asked for again, when the provider did not answer.
const METADATA_AGAIN: Duration = Duration::from_mins(1);

/// How far a provider's clock may be off.
const LEEWAY: Duration = Duration::from_mins(1);

/// An identity provider, as configured.
#[derive(Clone)]
pub struct Provider {
    /// Its name here: part of people's ids, so it must not change. Lower-case letters, digits and
    /// `-`; never `local`, `password`, `link`, `operator` or `gateway`.
    pub name: Arc<str>,
    /// Its own name, to the last character.
    pub issuer: String,
    /// Ours, with it.
    pub client_id: String,
    /// What we prove that with, if anything.
    pub client_secret: Option<Arc<str>>,
    /// Where it sends people back to: the URL of our page, as registered with it.
    pub redirect: String,
    /// What is asked for; `openid` is always.
    pub scopes: Vec<String>,
    /// Which claims hold what.
    pub names: ClaimNames,
    /// What its groups are here.
    pub groups: GroupRoles,
    /// What single people are here, for providers that know no groups.
    pub people: BTreeMap<Email, BTreeSet<Role>>,
    /// Which groups a sign-in keeps, for rules that ask for approvers by group; a `*` at the end
    /// stands for anything. Empty keeps all.
    pub keep_groups: Vec<String>,
    /// Domains that addresses must be of. Empty is any: only for a provider that is one's own.
    pub domains: Vec<String>,
    /// Whether addresses count that the provider does not say it has verified. For providers that
    /// never say it, and where people cannot choose their address.
    pub accept_unverified_email: bool,
}

impl fmt::Debug for Provider {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Provider({} at {})", self.name, self.issuer)
    }
}

/// Where to send the browser, and what it has to keep.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The value of `Location`.
    pub location: String,
    /// The value of [`crate::cookie::Cookie::Attempt`], for [`ATTEMPT_LASTS`].
    pub cookie: String,
}

/// Who came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Who it is.
    pub profile: Profile,
    /// When they proved it to the provider.
    pub authenticated: Timestamp,
    /// A path of ours, where they wanted to go.
    pub return_to: String,
}

/// Why somebody is not signed in.
#[derive(Debug, thiserror::Error)]
pub enum OidcError {
    /// The provider's description could not be had.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// The provider was not reached.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The provider cannot do what is needed, or does otherwise than it should.
    #[error("the identity provider `{provider}` {problem}")]
    Provider {
        /// Its name here.
        provider: Arc<str>,
        /// What is wrong with it.
        problem: String,
    },
    /// This browser did not begin here, or too long ago, or twice.
    #[error("this sign-in was not begun in this browser, or too long ago: begin again")]
    Attempt,
    /// The provider said no.
    #[error("the identity provider did not sign you in: {0}")]
    Declined(String),
    /// The provider's token is not good.
    #[error("the identity provider's answer is not accepted: {0}")]
    Token(#[from] TokenError),
    /// The provider did not say that it asked again who it is.
    #[error(
        "the identity provider did not ask you to prove again who you are: it has to answer \
             `max_age` with `auth_time`"
    )]
    NotFresh,
    /// The provider does not say who it is, in a way that could be used.
    #[error("the identity provider gives no address that could be used: {0}")]
    Email(&'static str),
    /// Too many groups to be told.
    #[error(
        "the identity provider leaves out your groups because they are too many: configure it \
             to give only groups that are assigned to this application"
    )]
    GroupsElsewhere,
    /// The system failed.
    #[error("the sign-in cannot be sealed: {0}")]
    System(#[from] io::Error),
}

/// Our side of one provider.
#[derive(Debug)]
pub struct RelyingParty {
    provider: Provider,
    verifier: Verifier,
    fetch: Arc<dyn Fetch>,
    metadata: Mutex<Option<(Arc<Metadata>, Timestamp)>>,
}

impl RelyingParty {
    /// Nothing is fetched yet.
    pub fn new(provider: Provider, fetch: Arc<dyn Fetch>) -> Self {
        let issuer = Issuer {
            name: Arc::clone(&provider.name),
            url: provider.issuer.clone(),
            audience: BTreeSet::new(),
            algorithms: Algorithm::ALL.iter().copied().collect(),
            leeway: LEEWAY,
            typed: false,
            names: provider.names.clone(),
            keys: KeySource::Discover,
        };
        let verifier = Verifier::new(issuer, Arc::clone(&fetch));
        Self { provider, verifier, fetch, metadata: Mutex::default() }
    }

    /// The provider.
    pub const fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Begins a sign-in, after which the browser goes to `return_to` if that is a path of ours.
    /// With `again`, the person has to prove who they are even if the provider knows. It blocks.
    pub fn begin(
        &self,
        key: &PeopleKey,
        return_to: &str,
        again: bool,
        now: Timestamp,
    ) -> Result<Departure, OidcError> {
        let metadata = self.metadata(now)?;
        let endpoint = metadata.authorization.as_deref();
        let endpoint = endpoint.ok_or_else(|| self.problem("has no `authorization_endpoint`"))?;
        let attempt = Attempt::new(&self.provider.name, return_to, again, now)?;
        let scopes = std::iter::once("openid")
            .chain(self.provider.scopes.iter().map(String::as_str).filter(|one| *one != "openid"));
        let scope = scopes.collect::<Vec<_>>().join(" ");
        let challenge = attempt.challenge();
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", &self.provider.client_id),
            ("redirect_uri", &self.provider.redirect),
            ("scope", &scope),
            ("state", &attempt.state),
            ("nonce", &attempt.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        if again {
            pairs.extend([("prompt", "login"), ("max_age", "0")]);
        }
        let join = if endpoint.contains('?') { '&' } else { '?' };
        let location = format!("{endpoint}{join}{}", form(&pairs));
        Ok(Departure { location, cookie: attempt.seal(key)? })
    }

    /// Ends a sign-in: `query` is that of our URL to which the provider sent the browser, `cookie`
    /// the attempt's. Take the cookie away whatever comes of it. It blocks.
    pub fn finish(
        &self,
        key: &PeopleKey,
        query: &str,
        cookie: &str,
        now: Timestamp,
    ) -> Result<Arrival, OidcError> {
        let attempt = Attempt::open(key, cookie, &self.provider.name, now);
        let attempt = attempt.ok_or(OidcError::Attempt)?;
        let metadata = self.metadata(now)?;
        let code = self.code(query, &attempt, &metadata)?;
        let tokens = self.exchange(&metadata, &code, &attempt.verifier)?;
        let used = Use::Identity { client: &self.provider.client_id, nonce: &attempt.nonce };
        let claims = self.verifier.verify_or_fetch(&tokens.id, used, now)?;
        let authenticated = Self::authenticated(&claims, &attempt, now)?;
        let said = self.said(&metadata, &claims, tokens.access.as_deref())?;
        let profile = self.profile(&claims, said)?;
        Ok(Arrival { profile, authenticated, return_to: attempt.return_to })
    }

    /// The code in the provider's answer, if that answers this attempt and is this provider's.
    fn code(
        &self,
        query: &str,
        attempt: &Attempt,
        metadata: &Metadata,
    ) -> Result<String, OidcError> {
        let pairs = from_form(query.trim_start_matches('?')).ok_or(OidcError::Attempt)?;
        let value = |name| pairs.iter().find(|(found, _)| found == name).map(|(_, value)| value);
        let state = value("state").ok_or(OidcError::Attempt)?;
        if !matches(state.as_bytes(), attempt.state.as_bytes()) {
            return Err(OidcError::Attempt);
        }
        // Of several providers, one that was taken over could send the answer of another.
        match value("iss") {
            Some(issuer) if *issuer != self.provider.issuer => {
                return Err(self.problem("did not give this answer: another did"));
            }
            None if metadata.names_itself => {
                return Err(self.problem("does not name itself in its answer, but says it would"));
            }
            Some(_) | None => {}
        }
        if let Some(error) = value("error") {
            let detail = value("error_description").map_or("", String::as_str);
            return Err(OidcError::Declined(plain(&format!("{error} {detail}"))));
        }
        value("code").cloned().ok_or(OidcError::Attempt)
    }

    fn authenticated(
        claims: &Claims,
        attempt: &Attempt,
        now: Timestamp,
    ) -> Result<Timestamp, OidcError> {
        let leeway = u64::try_from(LEEWAY.as_micros()).unwrap_or(u64::MAX);
        if !attempt.again {
            // A proof of tomorrow would stay fresh too long.
            return Ok(claims.authenticated.or(claims.issued).unwrap_or(now).min(now));
        }
        let proved = claims.authenticated.ok_or(OidcError::NotFresh)?;
        if proved.micros().saturating_add(leeway) < attempt.began.micros() {
            return Err(OidcError::NotFresh);
        }
        Ok(proved.min(now))
    }

    /// The provider's description, fetched when it is old. An old one is kept if that fails.
    fn metadata(&self, now: Timestamp) -> Result<Arc<Metadata>, OidcError> {
        let mut kept = self.metadata.lock().unwrap_or_else(PoisonError::into_inner);
        let old = kept.as_ref().filter(|(_, fetched)| {
            let age = now.micros().saturating_sub(fetched.micros());
            Duration::from_micros(age) <= METADATA_FRESH
        });
        if let Some((metadata, _)) = old {
            return Ok(Arc::clone(metadata));
        }
        let fetched = Metadata::fetch(&*self.fetch, &self.provider.issuer).map(Arc::new);
        match (fetched, kept.as_ref()) {
            (Ok(metadata), _) => {
                *kept = Some((Arc::clone(&metadata), now));
                Ok(metadata)
            }
            (Err(_), Some((metadata, _))) => {
                let metadata = Arc::clone(metadata);
                let wait = METADATA_FRESH.saturating_sub(METADATA_AGAIN).as_micros();
                let wait = u64::try_from(wait).unwrap_or_default();
                let then = now.micros().saturating_sub(wait);
                *kept = Some((Arc::clone(&metadata), Timestamp::from_micros(then)));
                Ok(metadata)
            }
            (Err(error), None) => Err(error.into()),
        }
    }

    fn problem(&self, problem: impl Into<String>) -> OidcError {
        OidcError::Provider { provider: Arc::clone(&self.provider.name), problem: problem.into() }
    }
}

/// Somebody else's words, on one line and short.
fn plain(text: &str) -> String {
    let shown = text.chars().map(|next| if next.is_control() { ' ' } else { next });
    shown.take(200).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests;
