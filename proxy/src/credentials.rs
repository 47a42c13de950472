//! The credentials of agents: where a key is presented, and how it is known wherever else it
//! stands, so that none is ever passed on. It runs for each header of each call, and allocates
//! nothing for one that passes.

use http::{HeaderMap, HeaderName, HeaderValue, header};
use std::borrow::Cow;

/// The key that an agent presents: `Authorization: Bearer`, or `x-api-key`.
pub fn presented_key(headers: &HeaderMap) -> Option<&str> {
    let bearer = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim());
    bearer.or_else(|| headers.get("x-api-key").and_then(|key| key.to_str().ok()))
}

/// Whether a header is there to carry credentials: of an agent, or of whom a proxy before the
/// gateway let in.
pub fn is_credential(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "authorization"
            | "proxy-authorization"
            | "cookie"
            | "x-api-key"
            | "api-key"
            | "apikey"
            | "x-goog-api-key"
            | "x-goog-iap-jwt-assertion"
            | "x-amz-security-token"
            | "x-amzn-oidc-accesstoken"
            | "x-amzn-oidc-data"
            | "x-auth-key"
            | "x-auth-token"
            | "x-access-token"
            | "x-forwarded-access-token"
            | "cf-access-client-secret"
            | "cf-access-jwt-assertion"
            | "ocp-apim-subscription-key"
            | "private-token"
            | "x-serverless-authorization"
            | "x-vault-token"
    ) || CARRIERS.iter().any(|end| name.as_str().ends_with(end))
}

/// How the headers end in which proxies pass on what somebody signed in with.
const CARRIERS: [&str; 4] = ["-access-token", "-id-token", "-jwt-assertion", "-authorization"];

/// Whether the key stands anywhere in a header's value.
pub fn holds_key(value: &HeaderValue, key: &str) -> bool {
    let key = key.as_bytes();
    let Some(first) = key.first() else { return false };
    value.as_bytes().windows(key.len()).any(|part| part.first() == Some(first) && part == key)
}

/// A path and query without the parameters that hold the key, be it in percent-encoding.
pub fn without_key<'a>(path_and_query: &'a str, key: &str) -> Cow<'a, str> {
    let as_it_is = Cow::Borrowed(path_and_query);
    let Some((path, query)) = path_and_query.split_once('?') else { return as_it_is };
    if !spells_key(query, key) {
        return as_it_is;
    }
    let mut kept = path.to_owned();
    for parameter in query.split('&').filter(|parameter| !spells_key(parameter, key)) {
        kept.push(if kept.len() == path.len() { '?' } else { '&' });
        kept.push_str(parameter);
    }
    Cow::Owned(kept)
}

/// Whether the key stands anywhere in a text, where each byte may be percent-encoded.
fn spells_key(text: &str, key: &str) -> bool {
    let (mut rest, key) = (text.as_bytes(), key.as_bytes());
    while !key.is_empty() && key.len() <= rest.len() {
        let mut tail = rest;
        let begins = key.iter().all(|expected| match decoded(tail) {
            Some((byte, after)) => {
                tail = after;
                byte == *expected
            }
            None => false,
        });
        if begins {
            return true;
        }
        rest = rest.get(1..).unwrap_or_default();
    }
    false
}

/// The first byte that a text stands for, and what comes after it.
fn decoded(text: &[u8]) -> Option<(u8, &[u8])> {
    let digit =
        |byte: &u8| char::from(*byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    match text {
        [b'%', high, low, rest @ ..] => match (digit(high), digit(low)) {
            (Some(high), Some(low)) => Some((high << 4 | low, rest)),
            _ => Some((b'%', text.get(1..)?)),
        },
        [byte, rest @ ..] => Some((*byte, rest)),
        [] => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "csk-0123456789abcdef";

    #[test]
    fn a_key_is_found_wherever_it_stands_in_a_header() {
        for value in [KEY, "Bearer csk-0123456789abcdef", "csk-csk-0123456789abcdef;v=1"] {
            assert!(holds_key(&HeaderValue::from_static(value), KEY), "{value}");
        }
        for value in ["", "csk-", "csk-0123456789abcde", "csk-0123456789abcdeF"] {
            assert!(!holds_key(&HeaderValue::from_static(value), KEY), "{value}");
        }
        assert!(!holds_key(&HeaderValue::from_static("anything"), ""));
    }

    #[test]
    fn a_query_loses_the_parameters_that_hold_the_key_and_no_other() {
        for (text, kept) in [
            ("/a", "/a"),
            ("/a?", "/a?"),
            ("/a?b=c&&d", "/a?b=c&&d"),
            ("/a?key=short&beta=true", "/a?key=short&beta=true"),
            ("/a?key=csk-0123456789abcdef", "/a"),
            ("/a?b=c&api_key=csk-0123456789abcdef&d=e", "/a?b=c&d=e"),
            ("/a?x=Bearer%20csk%2D0123456789abcde%66&b=%zz%", "/a?b=%zz%"),
            ("/a?csk-0123456789abcdef&b", "/a?b"),
        ] {
            assert_eq!(without_key(text, KEY), kept);
        }
        assert_eq!(without_key("/a?b=c", ""), "/a?b=c");
    }
}
