//! What the gateway reads of a request to a model; the bytes themselves go upstream as they came.

use super::problem::{At, Problem, Problems};
use super::reading::{Reading, string};
use super::turn::{Part, ToolCall, ToolResult, Turn, chain, turn_digest};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::ops::Range;

/// A request to a model, read from its body.
#[derive(Clone, Debug, Default)]
pub struct Request<'a> {
    /// The model that is asked for; empty only where the path names it.
    pub model: Cow<'a, str>,
    /// Whether the answer is to be streamed.
    pub stream: bool,
    /// Whether the client asked for usage in the stream (`OpenAI` chat); other streams always have
    /// it.
    pub include_usage: bool,
    /// The conversation in its order, with the system prompt or instructions first.
    pub turns: Vec<Turn<'a>>,
    /// What the client says about its session.
    pub hints: Hints<'a>,
    /// The names of the tools offered; the type of those that have none.
    pub tools: Vec<Cow<'a, str>>,
    /// Where the list of tools stands in the body.
    pub tools_range: Option<Range<usize>>,
    /// Settings that are recorded; unreadable ones are left for the upstream to refuse.
    pub parameters: Parameters,
}

impl<'a> Request<'a> {
    /// The results of tools in the conversation, oldest first.
    pub fn tool_results(&self) -> impl Iterator<Item = &ToolResult<'a>> {
        self.parts().filter_map(|part| match part {
            Part::Result(result) => Some(result),
            Part::Text(_) | Part::Refusal(_) | Part::Call(_) | Part::Other(_) => None,
        })
    }

    /// The tool calls of earlier answers in the conversation, oldest first.
    pub fn prior_calls(&self) -> impl Iterator<Item = &ToolCall<'a>> {
        self.parts().filter_map(|part| match part {
            Part::Call(call) => Some(call),
            Part::Text(_) | Part::Refusal(_) | Part::Result(_) | Part::Other(_) => None,
        })
    }

    /// The heads of the conversation's chain, one for each turn that has parts. This request goes
    /// on from an earlier one if they contain the earlier one's last head, or one of
    /// [`Answer::heads`](super::Answer::heads) behind it.
    pub fn chain(&self) -> Vec<[u8; 32]> {
        chain(self.turns.iter().filter_map(turn_digest))
    }

    /// The ranges of the body that later requests are likely to repeat (turns, tools), by position
    /// and without overlap.
    pub fn pieces(&self) -> Vec<Range<usize>> {
        let turns = self.turns.iter().map(|turn| turn.range.clone());
        let mut pieces: Vec<_> = turns.chain(self.tools_range.clone()).collect();
        pieces.sort_unstable_by_key(|piece| piece.start);
        pieces
    }

    fn parts(&self) -> impl Iterator<Item = &Part<'a>> {
        self.turns.iter().flat_map(|turn| &turn.parts)
    }
}

/// What a client says about its session, unproved. The first four name a session or an earlier
/// answer in it; the last two may be shared by many sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hints<'a> {
    /// The id of the answer that this request goes on from (`previous_response_id`).
    pub previous_answer: Option<Cow<'a, str>>,
    /// The provider's own conversation id (`conversation`).
    pub conversation: Option<Cow<'a, str>>,
    /// `metadata.session_id`, if it is a string: no API gives it a meaning, so it may be anything.
    pub session: Option<Cow<'a, str>>,
    /// The session id inside Anthropic's `metadata.user_id`, where Claude Code writes it.
    pub user_session: Option<Cow<'a, str>>,
    /// `prompt_cache_key`.
    pub cache_key: Option<Cow<'a, str>>,
    /// `safety_identifier`, `user` or `metadata.user_id`.
    pub user: Option<Cow<'a, str>>,
}

/// Settings of a request that have names in the `OpenTelemetry` conventions (`gen_ai.request.*`).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Parameters {
    /// `temperature`
    pub temperature: Option<f64>,
    /// `top_p`
    pub top_p: Option<f64>,
    /// `top_k`
    pub top_k: Option<u64>,
    /// The most tokens to generate, by any of its names.
    pub max_tokens: Option<u64>,
    /// `seed`
    pub seed: Option<i64>,
    /// How many answers are asked for (`n`).
    pub choices: Option<u64>,
}

/// Why a request was not understood; it is refused, because it could not be recorded truthfully.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// The body is not UTF-8.
    #[error("the body is not UTF-8 at byte {at}")]
    NotUtf8 {
        /// Where the first wrong byte stands.
        at: usize,
    },
    /// A value is not what the dialect says.
    #[error("{first}{}", and_more(*.more))]
    Wrong {
        /// The first such value.
        first: Problem,
        /// How many more there are.
        more: u64,
    },
}

fn and_more(more: u64) -> String {
    if more == 0 { String::new() } else { format!(" (and {more} more like it)") }
}

/// The request, or the problems that were found in it.
pub(super) fn checked<'a>(
    request: Request<'a>,
    problems: &Problems,
) -> Result<Request<'a>, RequestError> {
    let Some(first) = problems.listed().first() else { return Ok(request) };
    let listed = problems.listed().len() as u64;
    let more = problems.unlisted().saturating_add(listed - 1);
    Err(RequestError::Wrong { first: first.clone(), more })
}

/// The model's name, which every body must have.
pub(super) fn model<'a>(reading: &mut Reading, raw: Option<&'a RawValue>) -> Cow<'a, str> {
    const EXPECTED: &str = "the name of a model";
    let body = At::BODY;
    let at = body.member("model");
    let found = if raw.is_none() { "missing" } else { "empty" };
    let model = reading.text(at, raw).unwrap_or_default();
    if model.is_empty() && reading.problems.is_empty() {
        reading.problems.note(at, EXPECTED, found);
    }
    model
}

/// Reads what an `OpenAI` request says about its session: its last six members here.
pub(super) fn openai_hints<'a>(
    reading: &mut Reading,
    members: [Option<&'a RawValue>; 6],
) -> Hints<'a> {
    let [previous, conversation, metadata, cache_key, safety, user] = members;
    let at = At::BODY;
    let metadata_at = at.member("metadata");
    let [session] = reading.pick_from(metadata_at, metadata, ["session_id"]);
    let conversation_at = at.member("conversation");
    let (conversation, conversation_at) = match conversation {
        Some(object) if object.get().starts_with('{') => {
            let [id] = reading.pick(conversation_at, object.get(), ["id"]);
            (id, conversation_at.member("id"))
        }
        other => (other, conversation_at),
    };
    Hints {
        previous_answer: reading.text(at.member("previous_response_id"), previous),
        conversation: reading.text(conversation_at, conversation),
        session: session.and_then(|raw| string(raw.get())),
        user_session: None,
        cache_key: reading.text(at.member("prompt_cache_key"), cache_key),
        user: reading
            .text(at.member("safety_identifier"), safety)
            .or(reading.text(at.member("user"), user)),
    }
}

/// A setting that is only recorded: whatever cannot be read is the upstream's to refuse.
pub(super) fn setting<T: serde::de::DeserializeOwned>(raw: Option<&RawValue>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

/// Where a piece of the body stands in it.
pub(super) fn range(body: &str, piece: &str) -> Range<usize> {
    let start = piece.as_ptr().addr().saturating_sub(body.as_ptr().addr());
    start..start + piece.len()
}
