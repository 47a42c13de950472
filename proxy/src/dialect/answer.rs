//! What the gateway reads of a model's answer, whole or streamed; nothing in it is ever refused.

use super::problem::{At, Problems};
use super::reading::{Reading, string};
use super::turn::{ToolCall, extend};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A model's answer: what could be read of it, and a note of the rest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The provider's id of the answer.
    pub id: Option<String>,
    /// The model that answered, which may be spelled otherwise than in the request.
    pub model: Option<String>,
    /// Why the model stopped, one for each choice that says so, in the dialect's words.
    pub finish_reasons: Vec<String>,
    /// What it cost in tokens.
    pub usage: Usage,
    /// The class of service that was given, on which prices depend.
    pub service_tier: Option<String>,
    /// The tools that it asks for, those of the first choice first.
    pub tool_calls: Vec<ToolCall<'static>>,
    /// Each way in which a later request may go on: the digests of the answer's turns, for each
    /// choice. Empty when the answer says nothing.
    pub continuations: Vec<Vec<[u8; 32]>>,
    /// The error, if it is one.
    pub error: Option<ApiError>,
    /// Whether a stream ended before its terminal frame. Some servers leave that frame out although
    /// the model had finished: then there are `finish_reasons`.
    pub truncated: bool,
    /// How many bytes of ids, names and arguments were not kept, because the limit was reached.
    pub dropped_bytes: u64,
    /// Values that are not what the dialect says.
    pub problems: Problems,
}

impl Answer {
    /// The heads of the chain behind a request whose last head is `head`: a later request whose
    /// chain contains one of them goes on from this answer.
    pub fn heads(&self, head: [u8; 32]) -> Vec<[u8; 32]> {
        let heads = self.continuations.iter();
        heads.map(|turns| turns.iter().copied().fold(head, extend)).collect()
    }
}

/// Tokens, the same in every dialect: two totals, and parts of them. `None` is what the provider
/// did not say.
///
/// `OpenAI` counts this way. Anthropic's own `input_tokens` are without those read from or written
/// to a cache; they are added here. Source: `gen_ai.usage.*` of the `OpenTelemetry` conventions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// All tokens of the input, cached or not.
    pub input_tokens: Option<u64>,
    /// All tokens of the output, reasoning included.
    pub output_tokens: Option<u64>,
    /// Those of the input that were read from a cache.
    pub cached_input_tokens: Option<u64>,
    /// Those of the input that were written to a cache.
    pub cache_write_tokens: Option<u64>,
    /// Those of `cache_write_tokens` that are kept for an hour, at another price.
    pub cache_write_1h_tokens: Option<u64>,
    /// Those of the output that are reasoning.
    pub reasoning_tokens: Option<u64>,
}

impl Usage {
    /// Takes over what a later report says; reports are totals, not increments.
    pub(super) fn update(&mut self, later: Self) {
        self.input_tokens = later.input_tokens.or(self.input_tokens);
        self.output_tokens = later.output_tokens.or(self.output_tokens);
        self.cached_input_tokens = later.cached_input_tokens.or(self.cached_input_tokens);
        self.cache_write_tokens = later.cache_write_tokens.or(self.cache_write_tokens);
        self.cache_write_1h_tokens = later.cache_write_1h_tokens.or(self.cache_write_1h_tokens);
        self.reasoning_tokens = later.reasoning_tokens.or(self.reasoning_tokens);
    }
}

/// An error in a provider's words.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApiError {
    /// Its class, such as `invalid_request_error`.
    pub kind: Option<String>,
    /// The explanation.
    pub message: Option<String>,
    /// Its code, such as `context_length_exceeded`.
    pub code: Option<String>,
}

/// Reads `{"type", "message", "code"}`, or a bare string; a code may also be a number.
pub(super) fn api_error(reading: &mut Reading, at: At<'_>, raw: &RawValue) -> ApiError {
    if raw.get().starts_with('"') {
        return ApiError { message: owned(reading, at, Some(raw)), ..ApiError::default() };
    }
    let [kind, message, code] = reading.pick(at, raw.get(), ["type", "message", "code"]);
    ApiError {
        kind: owned(reading, at.member("type"), kind),
        message: owned(reading, at.member("message"), message),
        code: code
            .map(|code| string(code.get()).map_or_else(|| code.get().to_owned(), Cow::into_owned)),
    }
}

/// A string that may be absent, independent of the body.
pub(super) fn owned(reading: &mut Reading, at: At<'_>, raw: Option<&RawValue>) -> Option<String> {
    reading.text(at, raw).map(Cow::into_owned)
}
