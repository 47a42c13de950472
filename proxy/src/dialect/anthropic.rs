//! Reads Anthropic messages: requests and whole answers. Streams are read in `stream`.
//!
//! Source: the API reference of `POST /v1/messages` and `POST /v1/messages/count_tokens`.

mod stream;
#[cfg(test)]
mod tests;

pub(super) use stream::AnthropicStream;

use super::answer::{Answer, Usage, api_error, owned};
use super::content::{arguments_text, as_result, tool_names};
use super::problem::At;
use super::reading::{LIST, Reading, STRING, kind, string};
use super::request::{Hints, Parameters, Request, model, range, setting};
use super::turn::{Part, Role, ToolCall, Turn, turn_digest};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The members of a request that are read, in one pass.
const MEMBERS: [&str; 10] = [
    "model",
    "system",
    "messages",
    "stream",
    "tools",
    "metadata",
    "temperature",
    "top_p",
    "top_k",
    "max_tokens",
];

/// Reads the body of a request to create a message or to count its tokens.
pub(super) fn read_request<'a>(reading: &mut Reading, body: &'a str) -> Request<'a> {
    let at = At::BODY;
    let [model_raw, system, messages, stream, tools, metadata, rest @ ..] =
        reading.pick(at, body, MEMBERS);
    let [temperature, top_p, top_k, max_tokens] = rest;
    let messages_at = at.member("messages");
    if messages.is_none() && reading.problems.is_empty() {
        reading.problems.note(messages_at, "a list", "missing");
    }
    let mut turns = Vec::new();
    if let Some(raw) = system {
        let parts = content(reading, at.member("system"), system);
        turns.push(Turn { range: range(body, raw.get()), role: Role::System, parts });
    }
    for (index, raw) in reading.items(messages_at, messages).into_iter().enumerate() {
        turns.push(message(reading, messages_at.item(index), body, raw));
    }
    Request {
        turns,
        model: model(reading, model_raw),
        stream: reading.flag(at.member("stream"), stream).unwrap_or(false),
        include_usage: false,
        hints: hints(reading, metadata),
        tools: tool_names(reading, at.member("tools"), tools),
        tools_range: tools.map(|raw| range(body, raw.get())),
        parameters: Parameters {
            temperature: setting(temperature),
            top_p: setting(top_p),
            top_k: setting(top_k),
            max_tokens: setting(max_tokens),
            ..Parameters::default()
        },
    }
}

fn hints<'a>(reading: &mut Reading, metadata: Option<&'a RawValue>) -> Hints<'a> {
    let body = At::BODY;
    let at = body.member("metadata");
    let [user, session] = reading.pick_from(at, metadata, ["user_id", "session_id"]);
    let user = reading.text(at.member("user_id"), user);
    Hints {
        session: session.and_then(|raw| string(raw.get())),
        user_session: user.as_deref().and_then(session_in).map(Cow::Owned),
        user,
        ..Hints::default()
    }
}

/// The session that Claude Code names in its user id: `user_…_account_…_session_<uuid>`, and since
/// 2.1.78 the text of an object with a member `session_id`.
fn session_in(user: &str) -> Option<String> {
    let session = match user.rsplit_once("_session_") {
        Some((_, session)) if !user.starts_with('{') => session.to_owned(),
        _ if user.starts_with('{') => {
            // What is in it is the client's own affair: not a problem of the request.
            let [session] = Reading::default().pick(At::BODY, user, ["session_id"]);
            string(session?.get())?.into_owned()
        }
        _ => return None,
    };
    (!session.is_empty()).then_some(session)
}

fn message<'a>(reading: &mut Reading, at: At<'_>, body: &str, raw: &'a RawValue) -> Turn<'a> {
    let [role, said] = reading.pick(at, raw.get(), ["role", "content"]);
    let role = reading.text(at.member("role"), role);
    Turn {
        range: range(body, raw.get()),
        role: role.map_or(Role::Other, |role| Role::named(&role)),
        parts: content(reading, at.member("content"), said),
    }
}

/// Reads a content that is a string or a list of blocks.
fn content<'a>(reading: &mut Reading, at: At<'_>, raw: Option<&'a RawValue>) -> Vec<Part<'a>> {
    let Some(raw) = raw else { return Vec::new() };
    let mut parts = Vec::new();
    match kind(raw.get()) {
        STRING => parts.extend(reading.text(at, Some(raw)).map(Part::Text)),
        LIST => {
            for (index, block) in reading.items(at, Some(raw)).into_iter().enumerate() {
                read_block(reading, at.item(index), block, &mut parts);
            }
        }
        found => reading.problems.note(at, "a string or a list of blocks", found),
    }
    parts
}

/// Reads one block. Reasoning and its like have no part: clients may leave them out when they send
/// a conversation again.
fn read_block<'a>(reading: &mut Reading, at: At<'_>, raw: &'a RawValue, parts: &mut Vec<Part<'a>>) {
    let [kind, text, call_id, inner, error] =
        reading.pick(at, raw.get(), ["type", "text", "tool_use_id", "content", "is_error"]);
    match reading.text(at.member("type"), kind).as_deref() {
        Some("text") => parts.extend(reading.text(at.member("text"), text).map(Part::Text)),
        Some("thinking" | "redacted_thinking" | "compaction") => {}
        Some("tool_use") => parts.push(Part::Call(tool_call(reading, at, raw, false))),
        Some("server_tool_use" | "mcp_tool_use") => {
            parts.push(Part::Call(tool_call(reading, at, raw, true)));
        }
        Some("tool_result") => {
            let call_id = reading.text(at.member("tool_use_id"), call_id).unwrap_or_default();
            let error = reading.flag(at.member("is_error"), error).unwrap_or(false);
            let inner_at = at.member("content");
            let mut said = Vec::new();
            match inner {
                Some(list) if list.get().starts_with('[') => {
                    for (index, raw) in reading.items(inner_at, inner).into_iter().enumerate() {
                        said.push(result_block(reading, inner_at.item(index), raw));
                    }
                }
                inner => said.extend(reading.text(inner_at, inner).map(Part::Text)),
            }
            parts.append(&mut as_result(call_id, error, said));
        }
        Some(_) | None => parts.push(Part::Other(raw)),
    }
}

fn result_block<'a>(reading: &mut Reading, at: At<'_>, raw: &'a RawValue) -> Part<'a> {
    let [kind, text] = reading.pick(at, raw.get(), ["type", "text"]);
    match reading.text(at.member("type"), kind).as_deref() {
        Some("text") => Part::Text(reading.text(at.member("text"), text).unwrap_or_default()),
        Some(_) | None => Part::Other(raw),
    }
}

fn tool_call<'a>(
    reading: &mut Reading,
    at: At<'_>,
    raw: &'a RawValue,
    by_provider: bool,
) -> ToolCall<'a> {
    let [id, name, input] = reading.pick(at, raw.get(), ["id", "name", "input"]);
    let id = reading.text(at.member("id"), id).unwrap_or_default();
    let name = reading.text(at.member("name"), name).unwrap_or_default();
    ToolCall { by_provider, ..ToolCall::new(id, name, arguments_text(input)) }
}

/// Reads a whole answer.
pub(super) fn read_answer(body: &str) -> Answer {
    let mut answer = Answer::default();
    let mut reading = Reading::default();
    let at = At::BODY;
    let [error, said] = reading.pick(at, body, ["error", "content"]);
    answer.error = error.map(|raw| api_error(&mut reading, at.member("error"), raw));
    let mut tokens = Tokens::default();
    head(&mut reading, at, body, &mut answer, &mut tokens);
    answer.usage = tokens.usage();
    if answer.error.is_none() {
        let parts = content(&mut reading, at.member("content"), said);
        let turn = Turn { range: 0..body.len(), role: Role::Assistant, parts };
        answer.continuations.extend(turn_digest(&turn).map(|digest| vec![digest]));
        answer.tool_calls.extend(turn.into_calls());
    }
    answer.problems = reading.problems;
    answer
}

/// Reads what stands around the content: in a whole answer, and at the start of a stream.
fn head(reading: &mut Reading, at: At<'_>, json: &str, answer: &mut Answer, tokens: &mut Tokens) {
    let [id, model, reason, usage] =
        reading.pick(at, json, ["id", "model", "stop_reason", "usage"]);
    answer.id = owned(reading, at.member("id"), id);
    answer.model = owned(reading, at.member("model"), model);
    let reason = owned(reading, at.member("stop_reason"), reason);
    answer.finish_reasons = reason.into_iter().collect();
    let tier = tokens.update(reading, at.member("usage"), usage);
    answer.service_tier = tier.or(answer.service_tier.take());
}

/// Tokens as this dialect counts them: three kinds of input that exclude each other.
#[derive(Clone, Copy, Debug, Default)]
struct Tokens {
    uncached: Option<u64>,
    cache_read: Option<u64>,
    cache_write: Option<u64>,
    cache_write_1h: Option<u64>,
    output: Option<u64>,
    thinking: Option<u64>,
}

impl Tokens {
    /// Takes over what a usage object says, which is cumulative in a stream; returns the tier.
    fn update(
        &mut self,
        reading: &mut Reading,
        at: At<'_>,
        raw: Option<&RawValue>,
    ) -> Option<String> {
        let [input, output, read, written, by_time, details, tier] = reading.pick_from(
            at,
            raw,
            [
                "input_tokens",
                "output_tokens",
                "cache_read_input_tokens",
                "cache_creation_input_tokens",
                "cache_creation",
                "output_tokens_details",
                "service_tier",
            ],
        );
        let by_time_at = at.member("cache_creation");
        let [hour] = reading.pick_from(by_time_at, by_time, ["ephemeral_1h_input_tokens"]);
        let details_at = at.member("output_tokens_details");
        let [thinking] = reading.pick_from(details_at, details, ["thinking_tokens"]);
        let fields = [
            (&mut self.uncached, at.member("input_tokens"), input),
            (&mut self.output, at.member("output_tokens"), output),
            (&mut self.cache_read, at.member("cache_read_input_tokens"), read),
            (&mut self.cache_write, at.member("cache_creation_input_tokens"), written),
            (&mut self.cache_write_1h, by_time_at.member("ephemeral_1h_input_tokens"), hour),
            (&mut self.thinking, details_at.member("thinking_tokens"), thinking),
        ];
        for (count, at, raw) in fields {
            *count = reading.count(at, raw).or(*count);
        }
        owned(reading, at.member("service_tier"), tier)
    }

    /// The same with the input as a total, as [`Usage`] has it.
    fn usage(self) -> Usage {
        let kinds = [self.uncached, self.cache_read, self.cache_write];
        let input = kinds.iter().flatten().fold(0_u64, |sum, tokens| sum.saturating_add(*tokens));
        Usage {
            input_tokens: self.uncached.map(|_| input),
            output_tokens: self.output,
            cached_input_tokens: self.cache_read,
            cache_write_tokens: self.cache_write,
            cache_write_1h_tokens: self.cache_write_1h,
            reasoning_tokens: self.thinking,
        }
    }
}
