//! What must hold for readers of bodies, configurations and records, whatever the bytes.

use events::Envelope;
use http::Method;
use proxy::config::{Config, Found, LookupError, Secret, SecretRef};
use proxy::dialect::{Route, Step, StreamReader, read_answer, read_request};
use proxy::json::{Limits, check};
use std::path::Path;

const ROUTES: [Route; 5] = [
    Route::OpenAiChat,
    Route::OpenAiResponses,
    Route::OpenAiEmbeddings,
    Route::AnthropicMessages,
    Route::AnthropicCountTokens,
];

/// A request is read or refused, the places it names are within the body, and an answer and a
/// stream are read whatever they are.
pub fn dialect(bytes: &[u8]) {
    for route in ROUTES {
        let answer = read_answer(route, bytes);
        assert!(answer.usage.cached_input_tokens.is_none() || answer.usage.input_tokens.is_some());
        stream(route, bytes);
        if check(bytes, Limits::default()).is_err() {
            continue;
        }
        let Ok(request) = read_request(route, bytes) else { continue };
        for piece in request.pieces() {
            assert!(bytes.get(piece).is_some());
        }
        assert!(request.chain().len() <= request.turns.len());
    }
    let path = String::from_utf8_lossy(bytes);
    // Any path is served or is not; neither panics.
    let _found = Route::find(&Method::GET, &path, true);
}

/// However a stream is cut into events, what was withheld stays the last of it.
fn stream(route: Route, bytes: &[u8]) {
    let mut reader = StreamReader::new(route, 1 << 16);
    let mut terminal = false;
    for line in bytes.split(|byte| *byte == b'\n') {
        terminal |= reader.read(None, &String::from_utf8_lossy(line)) == Step::Terminal;
    }
    let answer = reader.finish();
    assert!(!terminal || !answer.truncated || answer.error.is_some());
}

/// A configuration is read, or every problem has a place within the text.
pub fn configuration(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let look_up = |_: &SecretRef| -> Result<Found, LookupError> {
        Ok(Found { secret: Secret::new("a-secret-of-some-length"), readable_by_others: false })
    };
    if let Err(problems) = Config::parse(text, Path::new("any.toml"), &look_up) {
        assert!(!problems.to_string().is_empty());
    }
}

/// A record is an event or it is not.
pub fn envelope(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::parse(bytes) {
        assert!(events::KINDS.contains(&envelope.event.kind()));
    }
}
