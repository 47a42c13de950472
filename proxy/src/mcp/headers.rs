//! The headers of Streamable HTTP: which pass, which are the gateway's own, and whether they say
//! what the body says. Not the session they name.
//!
//! Source: Model Context Protocol 2026-07-28, "Streamable HTTP", and RFC 9110 §7.6.1.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue, header};

use crate::upstream::forwarded;

use super::envelope::{Kind, Message, target_key};

/// Names the session of the legacy era.
pub(crate) const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
/// Names the protocol version.
pub(crate) const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// Repeats the body's method (2026-07-28).
pub(crate) const METHOD: HeaderName = HeaderName::from_static("mcp-method");
/// Repeats what the request is about (2026-07-28).
pub(crate) const NAME: HeaderName = HeaderName::from_static("mcp-name");
/// Names the event behind which a stream should go on (legacy).
pub(crate) const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");
/// Asks intermediaries to pass each event on at once.
pub(crate) const BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// JSON-RPC: headers and body disagree.
pub(crate) const HEADER_MISMATCH: i64 = -32020;

/// The first version in which every request stands by itself. Versions are dates, so their order is
/// the order of their texts.
pub(crate) const MODERN: &str = "2026-07-28";

/// What of an agent's headers goes to a tool server. Where a page called from is no business of the
/// server's: the gateway has checked it, and is itself what calls.
pub(crate) fn upward(headers: &HeaderMap) -> HeaderMap {
    let mut up = forwarded(headers);
    up.remove(header::ORIGIN);
    up
}

/// A header as text; `None` if it is missing, given twice, or no visible ASCII.
pub(crate) fn single<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

/// Whether a message is of the modern era: by its own metadata, or by a header that no older
/// version knows. An `initialize` is always legacy.
pub(crate) fn is_modern(headers: &HeaderMap, message: Option<&Message<'_>>) -> bool {
    let by_header = single(headers, &VERSION).is_some_and(|version| version >= MODERN);
    let Some(message) = message else { return by_header };
    !message.asks("initialize")
        && (by_header || message.meta_version().is_some_and(|version| *version >= *MODERN))
}

/// Checks that the headers of a message of the modern era say what its body says; the error is for
/// the caller, with the code [`HEADER_MISMATCH`].
///
/// `Mcp-Param-*` cannot be checked without the tool's schema, and goes up as it came.
pub(crate) fn check(headers: &HeaderMap, message: &Message<'_>) -> Result<(), String> {
    let required = matches!(message.kind, Kind::Request { .. });
    if let Kind::Response { .. } = message.kind {
        return Ok(());
    }
    if let Some(version) = message.meta_version() {
        compare(headers, &VERSION, &version, required)?;
    }
    compare(headers, &METHOD, message.method(), required)?;
    let named = target_key(message.method()).filter(|_| {
        // These are of the legacy era, which has no such header.
        !matches!(
            message.method(),
            "resources/subscribe" | "resources/unsubscribe" | "tasks/result"
        )
    });
    match named.and_then(|_| message.target()) {
        Some(target) => compare(headers, &NAME, &target, required),
        None => Ok(()),
    }
}

fn compare(
    headers: &HeaderMap,
    name: &HeaderName,
    expected: &str,
    required: bool,
) -> Result<(), String> {
    if !headers.contains_key(name) && !required {
        return Ok(());
    }
    let Some(found) = single(headers, name) else {
        let state =
            if headers.contains_key(name) { "is not one readable value" } else { "is missing" };
        return Err(format!("the header `{name}` {state}; the body says `{expected}`"));
    };
    match decoded(found.trim()) {
        Some(found) if found == expected => Ok(()),
        _ => Err(format!("the header `{name}` is `{found}`, but the body says `{expected}`")),
    }
}

/// What a header value stands for: itself, or what is inside `=?base64?…?=`. `None` when the inside
/// is not Base64 of UTF-8.
fn decoded(value: &str) -> Option<Cow<'_, str>> {
    match value.strip_prefix("=?base64?").and_then(|rest| rest.strip_suffix("?=")) {
        Some(inner) => String::from_utf8(base64(inner)?).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(value)),
    }
}

/// A text as a header value: itself where it is safe, else in the Base64 form.
pub(crate) fn encoded(text: &str) -> Option<HeaderValue> {
    let safe = text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
        && text.trim() == text
        && !text.starts_with("=?base64?");
    if safe {
        return HeaderValue::from_str(text).ok();
    }
    HeaderValue::from_str(&format!("=?base64?{}?=", to_base64(text.as_bytes()))).ok()
}

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// RFC 4648 §4, padded.
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=');
    if !text.len().is_multiple_of(4) || text.len() - digits.len() > 2 {
        return None;
    }
    let mut bytes = Vec::with_capacity(digits.len() * 3 / 4);
    let (mut held, mut bits) = (0_u32, 0_u32);
    for digit in digits.bytes() {
        let value = ALPHABET.iter().position(|known| *known == digit)?;
        held = held << 6 | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits & 0xFF).ok()?);
        }
    }
    Some(bytes)
}

fn to_base64(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0_u32, |group, byte| group << 8 | u32::from(*byte));
        let group = group << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = (group >> (18 - 6 * place) & 63) as usize;
            let shown = ALPHABET.get(digit).filter(|_| place <= chunk.len());
            text.push(char::from(*shown.unwrap_or(&b'=')));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json::Limits;

    const CALL: &str = concat!(
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"ü","_meta":"#,
        r#"{"io.modelcontextprotocol/protocolVersion":"2026-07-28"}}}"#,
    );

    fn call() -> Message<'static> {
        Message::read(CALL.as_bytes(), Limits::default()).unwrap()
    }

    fn said(pairs: &[(&HeaderName, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn headers_must_say_what_the_body_says() {
        let good = [(&VERSION, MODERN), (&METHOD, "tools/call"), (&NAME, "=?base64?w7w=?=")];
        assert_eq!(check(&said(&good), &call()), Ok(()));
        for wrong in 0..3 {
            let mut missing = good.to_vec();
            missing.remove(wrong);
            check(&said(&missing), &call()).unwrap_err();
            let mut other = good.to_vec();
            other[wrong].1 = "other";
            check(&said(&other), &call()).unwrap_err();
            let mut twice = good.to_vec();
            twice.push(good[wrong]);
            check(&said(&twice), &call()).unwrap_err();
        }
    }

    #[test]
    fn the_era_is_read_from_the_body_or_the_header() {
        assert!(is_modern(&HeaderMap::new(), Some(&call())));
        assert!(is_modern(&said(&[(&VERSION, MODERN)]), None));
        assert!(!is_modern(&said(&[(&VERSION, "2025-11-25")]), None));
        let text =
            r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"x"}}"#;
        let initialize = Message::read(text.as_bytes(), Limits::default()).unwrap();
        assert!(!is_modern(&said(&[(&VERSION, MODERN)]), Some(&initialize)));
    }

    proptest! {
        #[test]
        fn every_text_survives_as_a_header(text in "\\PC{0,40}") {
            let value = encoded(&text).unwrap();
            prop_assert_eq!(decoded(value.to_str().unwrap()).unwrap(), text);
        }

        #[test]
        fn no_header_makes_the_decoder_panic(text in ".{0,40}") {
            drop(decoded(&format!("=?base64?{text}?=")));
        }
    }
}
