//! Issuers that are trusted, with their keys: fetched, kept, and fetched again when they change.

use crate::claims::{ClaimNames, Claims, ClaimsError, Expected, Use};
use crate::discovery::{DiscoveryError, Metadata};
use crate::fetch::{Ask, Fetch, FetchError};
use crate::jwk::{Algorithm, KeySet, KeySetError};
use crate::jwt::{self, Accepted, TokenError};
use events::Timestamp;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

/// How soon keys are asked for again, whatever tokens come: each could name a key nobody has.
const AGAIN: Duration = Duration::from_secs(30);

/// How old keys may get before they are asked for again, so that a key taken back is noticed.
const FRESH: Duration = Duration::from_mins(15);

/// How old they may get while the issuer does not answer.
const KEPT: Duration = Duration::from_hours(24);

/// Whose tokens are accepted, and which of them.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// Its name here.
    pub name: Arc<str>,
    /// Its own name, to the last character: the claim `iss`.
    pub url: String,
    /// Whom its tokens must be for, one of these: the claim `aud`.
    pub audience: BTreeSet<String>,
    /// How they may be signed.
    pub algorithms: BTreeSet<Algorithm>,
    /// How far its clock may be off.
    pub leeway: Duration,
    /// Whether access tokens must have the type `at+jwt` (RFC 9068). Many providers do not set it.
    pub typed: bool,
    /// Which claims hold what.
    pub names: ClaimNames,
    /// Where its keys come from.
    pub keys: KeySource,
}

/// Where an issuer's keys come from.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// From the configuration.
    Inline(KeySet),
    /// From this URL.
    Url(String),
    /// From where the issuer says.
    Discover,
}

/// Why an issuer's keys are not known.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// Its description could not be had.
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    /// They could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The answer is no set of keys.
    #[error("`{url}` answers {status}, and not with keys")]
    Status {
        /// Where.
        url: String,
        /// What.
        status: u16,
    },
    /// The answer is no usable set of keys.
    #[error("`{url}`: {source}")]
    Keys {
        /// Where.
        url: String,
        /// Why not.
        source: KeySetError,
    },
}

/// Verifies the tokens of one issuer.
#[derive(Debug)]
pub struct Verifier {
    issuer: Issuer,
    fetch: Arc<dyn Fetch>,
    known: RwLock<Known>,
    /// Who fetches; others wait for them and then see what came.
    fetching: Mutex<()>,
}

#[derive(Clone, Debug, Default)]
struct Known {
    keys: Arc<KeySet>,
    fetched: Option<Timestamp>,
    asked: Option<Timestamp>,
}

impl Verifier {
    /// Nothing is fetched yet.
    pub fn new(issuer: Issuer, fetch: Arc<dyn Fetch>) -> Self {
        let keys = match &issuer.keys {
            KeySource::Inline(keys) => Arc::new(keys.clone()),
            KeySource::Url(_) | KeySource::Discover => Arc::default(),
        };
        let known = RwLock::new(Known { keys, ..Known::default() });
        Self { issuer, fetch, known, fetching: Mutex::default() }
    }

    /// The issuer.
    pub const fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// What the token says, if it is good by the keys that are known. It neither blocks nor
    /// fetches. After [`TokenError::Key`] and [`TokenError::NoKeys`], fetch ([`Self::refresh`]) and
    /// ask once more; whenever [`Self::is_due`], fetch in the background.
    pub fn verify(&self, token: &str, used: Use<'_>, now: Timestamp) -> Result<Claims, TokenError> {
        let known = self.known();
        let keys = if self.is_inline() { known.keys } else { known.usable(now) };
        let accepted = Accepted { algorithms: &self.issuer.algorithms, typed: self.issuer.typed };
        let expected = Expected {
            issuer: &self.issuer.url,
            audience: &self.issuer.audience,
            leeway: self.issuer.leeway,
            names: &self.issuer.names,
        };
        jwt::verify(token, &keys, accepted, (expected, used), now)
    }

    /// The same, with one attempt to fetch the key of a token that has another than is known. It
    /// may block.
    pub fn verify_or_fetch(
        &self,
        token: &str,
        used: Use<'_>,
        now: Timestamp,
    ) -> Result<Claims, TokenError> {
        match self.verify(token, used, now) {
            Err(error @ (TokenError::Key(_) | TokenError::NoKeys)) => match self.refresh(now) {
                Ok(()) => self.verify(token, used, now),
                Err(_) => Err(error),
            },
            known => known,
        }
    }

    /// Whether the keys should be fetched: they are old or not there, and nobody just tried.
    pub fn is_due(&self, now: Timestamp) -> bool {
        let known = self.known();
        let old = known.fetched.is_none_or(|fetched| since(fetched, now) > FRESH);
        old && !self.is_inline() && !known.asked_just_now(now)
    }

    /// Fetches the keys, unless somebody did within 30 seconds. On failure those that are known
    /// are kept, until they are a day old. It blocks.
    pub fn refresh(&self, now: Timestamp) -> Result<(), KeysError> {
        let fetching = self.fetching.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_inline() || self.known().asked_just_now(now) {
            return Ok(());
        }
        self.change(|known| known.asked = Some(now));
        let keys = Arc::new(self.ask()?);
        self.change(|known| {
            known.keys = keys;
            known.fetched = Some(now);
        });
        drop(fetching);
        Ok(())
    }

    fn ask(&self) -> Result<KeySet, KeysError> {
        let url = match &self.issuer.keys {
            KeySource::Inline(keys) => return Ok(keys.clone()),
            KeySource::Url(url) => url.clone(),
            KeySource::Discover => Metadata::fetch(&*self.fetch, &self.issuer.url)?.keys,
        };
        let answer = self.fetch.fetch(Ask { url: &url, authorization: None, form: None })?;
        if answer.status != 200 {
            return Err(KeysError::Status { url, status: answer.status });
        }
        KeySet::parse(&answer.body).map_err(|source| KeysError::Keys { url, source })
    }

    const fn is_inline(&self) -> bool {
        matches!(self.issuer.keys, KeySource::Inline(_))
    }

    fn known(&self) -> Known {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, how: impl FnOnce(&mut Known)) {
        how(&mut self.known.write().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Known {
    fn usable(&self, now: Timestamp) -> Arc<KeySet> {
        let young = self.fetched.is_some_and(|fetched| since(fetched, now) <= KEPT);
        if young { Arc::clone(&self.keys) } else { Arc::default() }
    }

    fn asked_just_now(&self, now: Timestamp) -> bool {
        self.asked.is_some_and(|asked| asked <= now && since(asked, now) < AGAIN)
    }
}

fn since(then: Timestamp, now: Timestamp) -> Duration {
    Duration::from_micros(now.micros().saturating_sub(then.micros()))
}

/// All issuers that are trusted.
#[derive(Debug, Default)]
pub struct Issuers(Vec<Arc<Verifier>>);

impl Issuers {
    /// Of several with the same URL, the first is asked.
    pub fn new(verifiers: impl IntoIterator<Item = Arc<Verifier>>) -> Self {
        Self(verifiers.into_iter().collect())
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Verifier>> {
        self.0.iter()
    }

    /// Who has to verify the token: the issuer that it names. It is not verified yet.
    pub fn of(&self, token: &str) -> Result<&Arc<Verifier>, TokenError> {
        let claimed = jwt::claimed_issuer(token)?;
        let found = self.0.iter().find(|verifier| verifier.issuer.url == claimed);
        found.ok_or_else(|| {
            let claimed = claimed.chars().filter(|next| !next.is_control()).take(128).collect();
            TokenError::Claims(ClaimsError::Issuer(claimed))
        })
    }
}

#[cfg(test)]
mod tests;
