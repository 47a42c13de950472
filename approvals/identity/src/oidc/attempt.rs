//! What is remembered of a sign-in while the browser is away at the provider.

use crate::encode::{base64url, random_text};
use crate::key::{PeopleKey, Purpose};
use events::Timestamp;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use std::io;
use std::time::Duration;

/// How long somebody may take at the provider.
pub const LASTS: Duration = Duration::from_mins(10);

/// Characters of a path to return to.
const PATH_MAX: usize = 1024;

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Attempt {
    provider: String,
    /// Comes back in the URL: shows that the answer belongs to this browser.
    pub(super) state: String,
    /// Comes back in the token: shows that the token belongs to this attempt.
    pub(super) nonce: String,
    /// Goes to the provider with the code: shows that whoever began it ends it.
    pub(super) verifier: String,
    pub(super) return_to: String,
    pub(super) again: bool,
    pub(super) began: Timestamp,
}

impl Attempt {
    pub(super) fn new(
        provider: &str,
        return_to: &str,
        again: bool,
        now: Timestamp,
    ) -> io::Result<Self> {
        Ok(Self {
            provider: provider.to_owned(),
            state: random_text()?,
            nonce: random_text()?,
            verifier: random_text()?,
            return_to: own_path(return_to).to_owned(),
            again,
            began: now,
        })
    }

    /// What the provider is shown of the verifier.
    pub(super) fn challenge(&self) -> String {
        base64url(digest(&SHA256, self.verifier.as_bytes()).as_ref())
    }

    pub(super) fn seal(&self, key: &PeopleKey) -> io::Result<String> {
        key.seal(Purpose::Attempt, &serde_json::to_vec(self)?)
    }

    /// The attempt in the cookie, if it was at this provider and not too long ago.
    pub(super) fn open(
        key: &PeopleKey,
        cookie: &str,
        provider: &str,
        now: Timestamp,
    ) -> Option<Self> {
        let found: Self = serde_json::from_slice(&key.open(Purpose::Attempt, cookie)?).ok()?;
        let age = Duration::from_micros(now.micros().saturating_sub(found.began.micros()));
        (found.provider == provider && age < LASTS).then_some(found)
    }
}

/// The path, if it can only lead to a page of ours; else our first page. No browser reads another
/// host out of it: not from `//host`, from `/\host`, or from what it drops while reading.
pub fn own_path(path: &str) -> &str {
    let good = path.len() <= PATH_MAX
        && path.starts_with('/')
        && !path.starts_with("//")
        && path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if good { path } else { "/" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_returns_to_paths_of_ours_alone() {
        for path in ["/", "/inbox/call_1?x=y#z", "/a//b", "/%2f%2fevil"] {
            assert_eq!(own_path(path), path);
        }
        for path in [
            "",
            "inbox",
            "//evil.example",
            "/\\evil.example",
            "\\\\evil",
            "https://evil.example",
            "/\t/evil.example",
            "/a\r\nSet-Cookie: x",
            " /",
            "/\u{e9}",
            "javascript:alert(1)",
            &format!("/{}", "a".repeat(1024)),
        ] {
            assert_eq!(own_path(path), "/", "{path:?}");
        }
    }

    #[test]
    fn an_attempt_ends_at_its_provider_and_in_time() {
        let key = PeopleKey::new(&[1; 32]);
        let at = |seconds: u64| Timestamp::from_micros(seconds * 1_000_000);
        let attempt = Attempt::new("a", "/x", false, at(1000)).unwrap();
        let cookie = attempt.seal(&key).unwrap();
        assert_eq!(Attempt::open(&key, &cookie, "a", at(1599)), Some(attempt));
        assert_eq!(Attempt::open(&key, &cookie, "a", at(1600)), None);
        assert_eq!(Attempt::open(&key, &cookie, "b", at(1000)), None);
        assert_eq!(Attempt::open(&key, "", "a", at(1000)), None);
    }
}
