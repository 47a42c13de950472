//! What a token says beside what every token says: claims that the configuration names. The token
//! is known to be good before it is asked here.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// Bytes of a name that a token gives, as many as a subject may take.
const NAME_BYTES_MAX: usize = 1024;

/// The claims of one token.
#[derive(Debug)]
pub(super) struct Claimed(Map<String, Value>);

impl Claimed {
    /// The claims of a token that is known to be good; of any other, nothing or nonsense.
    pub(super) fn of(verified: &str) -> Option<Self> {
        let part = verified.split('.').nth(1)?;
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(part.trim_end_matches('=')).ok()?;
        serde_json::from_slice(&bytes).ok().map(Self)
    }

    /// A claim that names somebody; with dots, a path into objects. A name with characters that
    /// nobody sees is none.
    pub(super) fn name(&self, claim: &str) -> Option<&str> {
        let text = find(&self.0, claim)?.as_str()?;
        let good = !text.is_empty() && text.len() <= NAME_BYTES_MAX && is_plain(text);
        good.then_some(text)
    }

    /// Whether the token says that its address is not known to be its person's.
    pub(super) fn doubts_email(&self) -> bool {
        let verified = self.0.get("email_verified");
        verified.is_some_and(|said| *said == false || *said == "false")
    }

    /// Whom it is for.
    pub(super) fn audience(&self) -> BTreeSet<&str> {
        match self.0.get("aud") {
            Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).collect(),
            Some(one) => one.as_str().into_iter().collect(),
            None => BTreeSet::new(),
        }
    }
}

/// Whether a text has no control characters.
pub(super) fn is_plain(text: &str) -> bool {
    !text.chars().any(char::is_control)
}

fn find<'a>(claims: &'a Map<String, Value>, name: &str) -> Option<&'a Value> {
    claims.get(name).or_else(|| {
        let (first, rest) = name.split_once('.')?;
        find(claims.get(first)?.as_object()?, rest)
    })
}
