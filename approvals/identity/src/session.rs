//! Sign-ins: what a browser carries to show who is there, and tokens that tie a form to it.
//!
//! A sign-in is in the cookie itself, sealed, so that it outlives a restart and holds in every
//! process that has the key. What ends it early is the caller's to remember: a sign-in whose id was
//! signed out, and all of a person's that were issued before the person was revoked.

use crate::encode::{base64url, from_base64url, matches};
use crate::key::{PeopleKey, Purpose};
use crate::person::Profile;
use events::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use ulid::Ulid;

/// How long a sign-in lasts, unless the configuration says otherwise.
pub const LASTS: Duration = Duration::from_hours(12);

/// Bytes of a cookie's value: browsers drop larger cookies without a word.
const COOKIE_MAX: usize = 3800;

/// How far the clocks of our processes may be apart.
const LEEWAY: Duration = Duration::from_mins(1);

/// By what somebody signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// A password of ours.
    Password,
    /// A one-time link.
    Link,
    /// An identity provider, by its name in the configuration.
    Provider(Arc<str>),
}

impl fmt::Display for Method {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Password => "password",
            Self::Link => "link",
            Self::Provider(name) => name,
        })
    }
}

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// Names it, in events too. It opens nothing.
    pub id: Arc<str>,
    /// Who is signed in.
    pub profile: Profile,
    /// By what.
    pub method: Method,
    /// When they last proved who they are, for what wants a fresh proof.
    pub authenticated: Timestamp,
    /// When it began.
    pub issued: Timestamp,
    /// When it ends, whatever is done with it.
    pub expires: Timestamp,
}

/// Why a sign-in cannot be put into a cookie.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// Too many groups.
    #[error(
        "the sign-in of {email} takes {bytes} bytes and browsers keep {COOKIE_MAX}: \
         configure which groups are kept"
    )]
    TooLarge {
        /// Whose.
        email: String,
        /// How large it would be.
        bytes: usize,
    },
    /// The system has no chance, or JSON failed.
    #[error("the sign-in cannot be sealed: {0}")]
    Failed(#[from] io::Error),
}

impl SignIn {
    /// A sign-in that begins now. `id` is new; `authenticated` is when the proof was given.
    pub fn new(
        id: Ulid,
        profile: Profile,
        method: Method,
        authenticated: Timestamp,
        (now, lasts): (Timestamp, Duration),
    ) -> Self {
        let id = id.to_string().into();
        Self { id, profile, method, authenticated, issued: now, expires: later(now, lasts) }
    }

    /// The cookie's value.
    pub fn seal(&self, key: &PeopleKey) -> Result<String, SealError> {
        let text = serde_json::to_vec(self).map_err(io::Error::other)?;
        let sealed = key.seal(Purpose::Session, &text)?;
        if sealed.len() > COOKIE_MAX {
            let email = self.profile.email.to_string();
            return Err(SealError::TooLarge { email, bytes: sealed.len() });
        }
        Ok(sealed)
    }

    /// The sign-in of a cookie, if we made it and its time is not over. Whether it was signed out,
    /// or its person revoked, the caller has to ask.
    pub fn open(key: &PeopleKey, value: &str, now: Timestamp) -> Option<Self> {
        let text = key.open(Purpose::Session, value)?;
        let found: Self = serde_json::from_slice(&text).ok()?;
        (found.issued <= later(now, LEEWAY) && now < found.expires).then_some(found)
    }

    /// Whether the person proved who they are within this time.
    pub fn is_fresh(&self, now: Timestamp, within: Duration) -> bool {
        now <= later(self.authenticated, within)
    }

    /// The same sign-in after another proof. It does not last longer.
    #[must_use]
    pub fn confirmed(self, now: Timestamp) -> Self {
        Self { authenticated: now, ..self }
    }

    /// The value of [`crate::cookie::Cookie::SameSite`] that goes with this sign-in.
    pub fn same_site(&self, key: &PeopleKey) -> String {
        base64url(&key.mac(Purpose::SameSite, &[self.id.as_bytes()]))
    }

    /// Whether this is that value.
    pub fn is_same_site(&self, key: &PeopleKey, value: &str) -> bool {
        let expected = key.mac(Purpose::SameSite, &[self.id.as_bytes()]);
        from_base64url(value).is_some_and(|found| matches(&found, &expected))
    }

    /// A token for one form of this sign-in. It is good for these words alone: name the action and
    /// all that it is about, such as `["vote", call, version, digest, "approve"]`.
    pub fn form_token(&self, key: &PeopleKey, words: &[&str]) -> String {
        base64url(&self.form_mac(key, words))
    }

    /// Whether this is the token for these words and this sign-in.
    pub fn is_form_token(&self, key: &PeopleKey, words: &[&str], token: &str) -> bool {
        let expected = self.form_mac(key, words);
        from_base64url(token).is_some_and(|found| matches(&found, &expected))
    }

    fn form_mac(&self, key: &PeopleKey, words: &[&str]) -> [u8; 32] {
        let id = std::iter::once(self.id.as_bytes());
        let parts: Vec<&[u8]> = id.chain(words.iter().map(|word| word.as_bytes())).collect();
        key.mac(Purpose::Form, &parts)
    }
}

fn later(moment: Timestamp, by: Duration) -> Timestamp {
    let by = u64::try_from(by.as_micros()).unwrap_or(u64::MAX);
    Timestamp::from_micros(moment.micros().saturating_add(by))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_micros(1_700_000_000_000_000 + seconds * 1_000_000)
    }

    fn sign_in(groups: usize) -> SignIn {
        let profile = Profile {
            id: "local:ada@example.com".into(),
            email: "ada@example.com".parse().unwrap(),
            name: "Ada".into(),
            groups: (0..groups).map(|group| Arc::from(format!("{group:036}"))).collect(),
            roles: BTreeSet::from([crate::role::Role::Approver]),
        };
        SignIn::new(Ulid::from_parts(1, 2), profile, Method::Password, at(0), (at(0), LASTS))
    }

    #[test]
    fn a_sign_in_is_read_by_every_process_with_the_key_until_its_time_is_over() {
        let value = sign_in(3).seal(&PeopleKey::new(&[1; 32])).unwrap();
        let key = PeopleKey::new(&[1; 32]);
        assert_eq!(SignIn::open(&key, &value, at(43_199)), Some(sign_in(3)));
        assert_eq!(SignIn::open(&key, &value, at(43_200)), None);
        assert_eq!(SignIn::open(&PeopleKey::new(&[2; 32]), &value, at(0)), None);
        let long_before = Timestamp::from_micros(at(0).micros() - 61_000_000);
        assert_eq!(SignIn::open(&key, &value, long_before), None);
    }

    #[test]
    fn a_cookie_that_browsers_would_drop_is_refused_with_what_to_do() {
        let refused = sign_in(200).seal(&PeopleKey::new(&[1; 32])).unwrap_err();
        assert!(refused.to_string().contains("configure which groups are kept"), "{refused}");
    }

    #[test]
    fn a_form_token_is_good_for_its_sign_in_and_its_words_alone() {
        let key = PeopleKey::new(&[1; 32]);
        let (mine, mut other) = (sign_in(0), sign_in(0));
        other.id = "other".into();
        let token = mine.form_token(&key, &["vote", "call_1", "approve"]);
        assert!(mine.is_form_token(&key, &["vote", "call_1", "approve"], &token));
        assert!(!mine.is_form_token(&key, &["vote", "call_1", "reject"], &token));
        assert!(!mine.is_form_token(&key, &["vote", "call_1approve"], &token));
        assert!(!other.is_form_token(&key, &["vote", "call_1", "approve"], &token));
        assert!(!mine.is_form_token(&key, &["vote", "call_1", "approve"], ""));
        let own = mine.same_site(&key);
        assert!(mine.is_same_site(&key, &own) && !other.is_same_site(&key, &own));
        assert_ne!(own, mine.form_token(&key, &[]));
    }

    #[test]
    fn another_proof_makes_a_sign_in_fresh_and_not_longer() {
        let within = Duration::from_mins(5);
        let old = sign_in(0);
        assert!(old.is_fresh(at(300), within) && !old.is_fresh(at(301), within));
        let confirmed = old.clone().confirmed(at(400));
        assert!(confirmed.is_fresh(at(700), within));
        assert_eq!(confirmed.expires, old.expires);
    }
}
