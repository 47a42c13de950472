//! Reads `OpenAI` chat completions: requests and whole answers. Streams are read in `stream`.
//!
//! Source: the API reference of `POST /v1/chat/completions`, and what compatible servers do.

mod stream;
#[cfg(test)]
mod tests;

pub(super) use stream::ChatStream;

use super::answer::{Answer, Usage, api_error, owned};
use super::content::{arguments_text, as_result, content_parts, tool_names};
use super::problem::At;
use super::reading::Reading;
use super::request::{Parameters, Request, model, openai_hints, range, setting};
use super::turn::{Part, Role, ToolCall, Turn, turn_digest};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads the body of a request.
pub(super) fn read_request<'a>(reading: &mut Reading, body: &'a str) -> Request<'a> {
    let at = At::BODY;
    let [model_raw, messages, stream, stream_options, tools, functions, rest @ ..] =
        reading.pick(at, body, MEMBERS);
    let [temperature, top_p, top_k, completion_tokens, tokens, seed, choices, hinted @ ..] = rest;
    if messages.is_none() && reading.problems.is_empty() {
        reading.problems.note(at.member("messages"), "a list", "missing");
    }
    let options_at = at.member("stream_options");
    let [usage] = reading.pick_from(options_at, stream_options, ["include_usage"]);
    let messages_at = at.member("messages");
    let turns = reading.items(messages_at, messages).into_iter().enumerate();
    let turns = turns.map(|(index, raw)| message(reading, messages_at.item(index), body, raw));
    let offered = tools.or(functions);
    Request {
        turns: turns.collect(),
        model: model(reading, model_raw),
        stream: reading.flag(at.member("stream"), stream).unwrap_or(false),
        include_usage: reading.flag(options_at.member("include_usage"), usage).unwrap_or(false),
        hints: openai_hints(reading, hinted),
        tools: tool_names(reading, at.member("tools"), offered),
        tools_range: offered.map(|raw| range(body, raw.get())),
        parameters: Parameters {
            temperature: setting(temperature),
            top_p: setting(top_p),
            top_k: setting(top_k),
            max_tokens: setting(completion_tokens).or(setting(tokens)),
            seed: setting(seed),
            choices: setting(choices),
        },
    }
}

/// The members of a request that are read, in one pass and in the order in which they are taken
/// apart.
const MEMBERS: [&str; 19] = [
    "model",
    "messages",
    "stream",
    "stream_options",
    "tools",
    "functions",
    "temperature",
    "top_p",
    "top_k",
    "max_completion_tokens",
    "max_tokens",
    "seed",
    "n",
    "previous_response_id",
    "conversation",
    "metadata",
    "prompt_cache_key",
    "safety_identifier",
    "user",
];

/// Reads one message: of a request, or the one in a choice of an answer.
pub(super) fn message<'a>(
    reading: &mut Reading,
    at: At<'_>,
    body: &str,
    raw: &'a RawValue,
) -> Turn<'a> {
    let [role, content, refusal, calls, function_call, call_id, name] = reading.pick(
        at,
        raw.get(),
        ["role", "content", "refusal", "tool_calls", "function_call", "tool_call_id", "name"],
    );
    let role = reading.text(at.member("role"), role);
    let role = role.map_or(Role::Other, |role| Role::named(&role));
    let mut parts = Vec::new();
    content_parts(reading, at.member("content"), content, &mut parts);
    parts.extend(reading.text(at.member("refusal"), refusal).map(Part::Refusal));
    let calls_at = at.member("tool_calls");
    for (index, call) in reading.items(calls_at, calls).into_iter().enumerate() {
        parts.push(tool_call(reading, calls_at.item(index), call));
    }
    if let Some(call) = function_call {
        let at = at.member("function_call");
        parts.push(Part::Call(function(reading, at, call, Cow::default())));
    }
    if role == Role::Tool {
        let call_id = reading.text(at.member("tool_call_id"), call_id);
        let call_id = call_id.or_else(|| reading.text(at.member("name"), name));
        parts = as_result(call_id.unwrap_or_default(), false, parts);
    }
    Turn { range: range(body, raw.get()), role, parts }
}

/// Reads a tool call; one of a type that is not known yet is kept as it is.
fn tool_call<'a>(reading: &mut Reading, at: At<'_>, raw: &'a RawValue) -> Part<'a> {
    let [id, kind, named, custom] =
        reading.pick(at, raw.get(), ["id", "type", "function", "custom"]);
    let id = reading.text(at.member("id"), id).unwrap_or_default();
    match (named, custom) {
        (None, Some(custom)) => Part::Call(function(reading, at.member("custom"), custom, id)),
        (Some(named), _) => Part::Call(function(reading, at.member("function"), named, id)),
        (None, None) => {
            let kind = reading.text(at.member("type"), kind);
            if matches!(kind.as_deref(), None | Some("function")) {
                reading.problems.note(at.member("function"), "an object", "missing");
            }
            Part::Other(raw)
        }
    }
}

/// Reads `{"name", "arguments"}`, or `{"name", "input"}` of a custom tool.
fn function<'a>(
    reading: &mut Reading,
    at: At<'_>,
    raw: &'a RawValue,
    id: Cow<'a, str>,
) -> ToolCall<'a> {
    let [name, arguments, input] = reading.pick(at, raw.get(), ["name", "arguments", "input"]);
    let name = reading.text(at.member("name"), name).unwrap_or_default();
    ToolCall::new(id, name, arguments_text(arguments.or(input)))
}

/// Reads a whole answer.
pub(super) fn read_answer(body: &str) -> Answer {
    let mut answer = Answer::default();
    let mut reading = Reading::default();
    let at = At::BODY;
    let [id, model, choices, usage_raw, tier, error] =
        reading.pick(at, body, ["id", "model", "choices", "usage", "service_tier", "error"]);
    answer.id = owned(&mut reading, at.member("id"), id);
    answer.model = owned(&mut reading, at.member("model"), model);
    answer.service_tier = owned(&mut reading, at.member("service_tier"), tier);
    answer.usage = usage(&mut reading, at.member("usage"), usage_raw);
    answer.error = error.map(|raw| api_error(&mut reading, at.member("error"), raw));
    let choices_at = at.member("choices");
    for (index, choice) in reading.items(choices_at, choices).into_iter().enumerate() {
        let at = choices_at.item(index);
        let [raw, reason] = reading.pick(at, choice.get(), ["message", "finish_reason"]);
        answer.finish_reasons.extend(owned(&mut reading, at.member("finish_reason"), reason));
        let Some(raw) = raw else { continue };
        let mut turn = message(&mut reading, at.member("message"), body, raw);
        turn.role = Role::Assistant;
        answer.continuations.extend(turn_digest(&turn).map(|digest| vec![digest]));
        answer.tool_calls.extend(turn.into_calls());
    }
    answer.problems = reading.problems;
    answer
}

/// Reads usage; cached and reasoning tokens are parts of the totals in this dialect.
fn usage(reading: &mut Reading, at: At<'_>, raw: Option<&RawValue>) -> Usage {
    let names = [
        "prompt_tokens",
        "completion_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
        "prompt_cache_hit_tokens",
    ];
    let [input, output, input_details, output_details, hit] = reading.pick_from(at, raw, names);
    let details_at = at.member("prompt_tokens_details");
    let [cached, written] =
        reading.pick_from(details_at, input_details, ["cached_tokens", "cache_write_tokens"]);
    let output_at = at.member("completion_tokens_details");
    let [reasoning] = reading.pick_from(output_at, output_details, ["reasoning_tokens"]);
    Usage {
        input_tokens: reading.count(at.member("prompt_tokens"), input),
        output_tokens: reading.count(at.member("completion_tokens"), output),
        cached_input_tokens: reading
            .count(details_at.member("cached_tokens"), cached)
            .or(reading.count(at.member("prompt_cache_hit_tokens"), hit)),
        cache_write_tokens: reading.count(details_at.member("cache_write_tokens"), written),
        cache_write_1h_tokens: None,
        reasoning_tokens: reading.count(output_at.member("reasoning_tokens"), reasoning),
    }
}
