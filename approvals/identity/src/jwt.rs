//! Signed tokens in compact form (RFC 7515, 7519, 8725): whose they are, and what they say.

use crate::claims::{Claims, ClaimsError, Expected, Use};
use crate::encode::from_base64url;
use crate::jwk::{Algorithm, KeySet};
use crate::strict;
use events::Timestamp;
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// Bytes of a token.
const TOKEN_MAX: usize = 16 << 10;

/// Why a token is not good.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Too large to look at.
    #[error("the token is too large: {TOKEN_MAX} bytes at most")]
    Large,
    /// Not three parts of base64url with JSON in them.
    #[error("the token is not in the compact form of a signed token: {0}")]
    Form(String),
    /// Signed in a way that is not accepted from its issuer.
    #[error("the token is signed with `{0}`, which is not accepted")]
    Algorithm(String),
    /// It wants something of us that we do not do.
    #[error("the token has the header `{0}`, which is not supported")]
    Header(&'static str),
    /// It is something else.
    #[error("the token is of the type `{0}`, which is not accepted here")]
    Type(String),
    /// No key that we know fits. Fetching the issuer's keys again may help.
    #[error("the token is signed with a key that its issuer does not publish: {0}")]
    Key(String),
    /// None of the issuer's keys is known at the moment: nobody can say whether the token is good.
    #[error("the token cannot be checked: the keys of its issuer could not be fetched")]
    NoKeys,
    /// None of the keys has signed it.
    #[error("the token's signature is wrong")]
    Signature,
    /// What it says is not acceptable.
    #[error("the token is not accepted: {0}")]
    Claims(#[from] ClaimsError),
}

/// Which signatures and types are accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Accepted<'a> {
    pub(crate) algorithms: &'a BTreeSet<Algorithm>,
    /// Whether access tokens have to say that they are (RFC 9068).
    pub(crate) typed: bool,
}

/// The claims of a token that is signed by one of the keys, and is what is expected. Nothing is
/// said about claims before the signature is known to be right.
pub(crate) fn verify(
    token: &str,
    keys: &KeySet,
    accepted: Accepted<'_>,
    (expected, used): (Expected<'_>, Use<'_>),
    now: Timestamp,
) -> Result<Claims, TokenError> {
    let parts = Parts::split(token)?;
    if keys.is_empty() {
        return Err(TokenError::NoKeys);
    }
    let header = object(parts.header)?;
    let algorithm = algorithm(&header, accepted.algorithms)?;
    check_header(&header)?;
    check_type(&header, used, accepted.typed)?;
    let id = match header.get("kid") {
        None => None,
        Some(Value::String(id)) => Some(id.as_str()),
        Some(_) => return Err(TokenError::Form("`kid` is no text".to_owned())),
    };
    let candidates = keys.candidates(id, algorithm);
    if candidates.is_empty() {
        let named = id.map_or("it names none".to_owned(), |id| format!("`{}`", short(id)));
        return Err(TokenError::Key(named));
    }
    let signature = from_base64url(parts.signature).ok_or_else(broken)?;
    if !candidates.iter().any(|key| key.has_signed(algorithm, parts.signed, &signature)) {
        return Err(TokenError::Signature);
    }
    Ok(Claims::read(&object(parts.claims)?, expected, used, now)?)
}

/// Who the token says issued it: nothing is checked yet, so it is good for choosing an issuer only.
pub(crate) fn claimed_issuer(token: &str) -> Result<String, TokenError> {
    let claims = object(Parts::split(token)?.claims)?;
    let issuer = claims.get("iss").and_then(Value::as_str);
    issuer.map(str::to_owned).ok_or(TokenError::Claims(ClaimsError::Missing("iss")))
}

struct Parts<'a> {
    header: &'a str,
    claims: &'a str,
    signature: &'a str,
    signed: &'a [u8],
}

impl<'a> Parts<'a> {
    fn split(token: &'a str) -> Result<Self, TokenError> {
        if token.len() > TOKEN_MAX {
            return Err(TokenError::Large);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or_else(broken)?;
        let (header, claims) = signed.split_once('.').ok_or_else(broken)?;
        if claims.contains('.') {
            return Err(broken());
        }
        Ok(Self { header, claims, signature, signed: signed.as_bytes() })
    }
}

fn object(part: &str) -> Result<Map<String, Value>, TokenError> {
    let bytes = from_base64url(part).ok_or_else(broken)?;
    strict::object(&bytes).map_err(|error| TokenError::Form(error.to_string()))
}

fn algorithm(
    header: &Map<String, Value>,
    accepted: &BTreeSet<Algorithm>,
) -> Result<Algorithm, TokenError> {
    let name = header.get("alg").and_then(Value::as_str).unwrap_or_default();
    let algorithm = name.parse().ok().filter(|algorithm| accepted.contains(algorithm));
    algorithm.ok_or_else(|| TokenError::Algorithm(short(name)))
}

/// Keys that come along (`jwk`, `jku`, `x5u`, `x5c`) are passed over: ours come from elsewhere.
fn check_header(header: &Map<String, Value>) -> Result<(), TokenError> {
    let unsupported = ["crit", "b64", "zip", "enc"];
    match unsupported.iter().find(|name| header.contains_key(**name)) {
        Some(name) => Err(TokenError::Header(name)),
        None => Ok(()),
    }
}

fn check_type(header: &Map<String, Value>, used: Use<'_>, typed: bool) -> Result<(), TokenError> {
    let found = match header.get("typ") {
        None => None,
        Some(Value::String(text)) => Some(text.to_ascii_lowercase()),
        Some(_) => return Err(TokenError::Form("`typ` is no text".to_owned())),
    };
    let name = found.as_deref().map(|name| name.strip_prefix("application/").unwrap_or(name));
    let good = match (used, name) {
        (Use::Access, Some("at+jwt")) => true,
        (Use::Access, Some("jwt") | None) => !typed,
        (Use::Identity { .. }, name) => matches!(name, Some("jwt") | None),
        (Use::Access, Some(_)) => false,
    };
    if good { Ok(()) } else { Err(TokenError::Type(short(&found.unwrap_or_default()))) }
}

fn broken() -> TokenError {
    TokenError::Form("expected three parts in base64url".to_owned())
}

fn short(text: &str) -> String {
    text.chars().filter(|next| !next.is_control()).take(64).collect()
}
