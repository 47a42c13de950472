//! Reads the `OpenAI` Responses API: requests and whole answers. Streams are read in `stream`.
//!
//! Source: the API reference of `POST /v1/responses`. An input or output is a list of items, and
//! each item is a turn of its own.

mod stream;
#[cfg(test)]
mod tests;

pub(super) use stream::ResponsesStream;

use super::answer::{Answer, Usage, api_error, owned};
use super::content::{arguments_text, as_result, content_parts, tool_names};
use super::problem::At;
use super::reading::{LIST, OBJECT, Reading, STRING, kind};
use super::request::{Parameters, Request, model, openai_hints, range, setting};
use super::turn::{Part, Role, ToolCall, Turn, turn_digest};
use serde_json::value::RawValue;

/// The members of a request that are read, in one pass and in the order in which they are taken
/// apart.
const MEMBERS: [&str; 14] = [
    "model",
    "input",
    "instructions",
    "stream",
    "tools",
    "temperature",
    "top_p",
    "max_output_tokens",
    "previous_response_id",
    "conversation",
    "metadata",
    "prompt_cache_key",
    "safety_identifier",
    "user",
];

/// Reads the body of a request. The input may be absent: a stored conversation or prompt can stand
/// for it.
pub(super) fn read_request<'a>(reading: &mut Reading, body: &'a str) -> Request<'a> {
    let at = At::BODY;
    let [model_raw, input, instructions, stream, tools, rest @ ..] =
        reading.pick(at, body, MEMBERS);
    let [temperature, top_p, max_tokens, hinted @ ..] = rest;
    let mut turns = Vec::new();
    if let Some(raw) = instructions {
        let mut parts = Vec::new();
        content_parts(reading, at.member("instructions"), Some(raw), &mut parts);
        turns.push(Turn { range: range(body, raw.get()), role: Role::System, parts });
    }
    read_input(reading, body, input, &mut turns);
    Request {
        turns,
        model: model(reading, model_raw),
        stream: reading.flag(at.member("stream"), stream).unwrap_or(false),
        include_usage: false,
        hints: openai_hints(reading, hinted),
        tools: tool_names(reading, at.member("tools"), tools),
        tools_range: tools.map(|raw| range(body, raw.get())),
        parameters: Parameters {
            temperature: setting(temperature),
            top_p: setting(top_p),
            max_tokens: setting(max_tokens),
            ..Parameters::default()
        },
    }
}

fn read_input<'a>(
    reading: &mut Reading,
    body: &str,
    input: Option<&'a RawValue>,
    turns: &mut Vec<Turn<'a>>,
) {
    let body_at = At::BODY;
    let at = body_at.member("input");
    let Some(input) = input else { return };
    match kind(input.get()) {
        STRING => {
            let parts = reading.text(at, Some(input)).map(Part::Text).into_iter().collect();
            turns.push(Turn { range: range(body, input.get()), role: Role::User, parts });
        }
        LIST => {
            for (index, raw) in reading.items(at, Some(input)).into_iter().enumerate() {
                turns.push(item(reading, at.item(index), body, raw));
            }
        }
        found => reading.problems.note(at, "a string or a list of items", found),
    }
}

/// Reads one item, of an input or an output.
pub(super) fn item<'a>(
    reading: &mut Reading,
    at: At<'_>,
    body: &str,
    raw: &'a RawValue,
) -> Turn<'a> {
    let [kind, role, content] = reading.pick(at, raw.get(), ["type", "role", "content"]);
    let kind = reading.text(at.member("type"), kind);
    let role = reading.text(at.member("role"), role);
    let (role, parts) = match kind.as_deref() {
        Some("message") | None if role.is_some() => {
            let mut parts = Vec::new();
            content_parts(reading, at.member("content"), content, &mut parts);
            (role.map_or(Role::Other, |role| Role::named(&role)), parts)
        }
        // Clients may leave these out when they send a conversation again.
        Some("reasoning" | "compaction") => (Role::Assistant, Vec::new()),
        Some(call) if call.ends_with("_call") => {
            (Role::Assistant, vec![Part::Call(tool_call(reading, at, call, raw))])
        }
        Some(output) if output.ends_with("_call_output") || output == "tool_search_output" => {
            (Role::Tool, tool_result(reading, at, raw))
        }
        Some(_) | None => (Role::Other, vec![Part::Other(raw)]),
    };
    Turn { range: range(body, raw.get()), role, parts }
}

/// Whether a call is run by the provider, in the course of the same answer.
fn is_run_by_provider(reading: &mut Reading, at: At<'_>, kind: &str, raw: &RawValue) -> bool {
    const ALWAYS: [&str; 5] = [
        "code_interpreter_call",
        "file_search_call",
        "image_generation_call",
        "mcp_call",
        "web_search_call",
    ];
    let [execution, environment] = reading.pick(at, raw.get(), ["execution", "environment"]);
    let environment_at = at.member("environment");
    let [place] = reading.pick_from(environment_at, environment, ["type"]);
    ALWAYS.contains(&kind)
        || reading.text(at.member("execution"), execution).as_deref() == Some("server")
        || reading.text(environment_at.member("type"), place).as_deref()
            == Some("container_reference")
}

/// Reads a call of any type. One without a name is called by its type, such as `local_shell`; what
/// it is to do stands under one of several names.
fn tool_call<'a>(reading: &mut Reading, at: At<'_>, kind: &str, raw: &'a RawValue) -> ToolCall<'a> {
    let [call_id, id, name, rest @ ..] = reading.pick(
        at,
        raw.get(),
        [
            "call_id",
            "id",
            "name",
            "arguments",
            "input",
            "action",
            "actions",
            "operation",
            "code",
            "queries",
        ],
    );
    let by_type = kind.strip_suffix("_call").unwrap_or(kind);
    let name = reading.text(at.member("name"), name);
    let call_id = reading.text(at.member("call_id"), call_id);
    let call_id = call_id.or_else(|| reading.text(at.member("id"), id));
    ToolCall {
        by_provider: is_run_by_provider(reading, at, kind, raw),
        ..ToolCall::new(
            call_id.unwrap_or_default(),
            name.unwrap_or_else(|| by_type.to_owned().into()),
            arguments_text(rest.into_iter().flatten().next()),
        )
    }
}

fn tool_result<'a>(reading: &mut Reading, at: At<'_>, raw: &'a RawValue) -> Vec<Part<'a>> {
    let [call_id, id, output] = reading.pick(at, raw.get(), ["call_id", "id", "output"]);
    let call_id = reading.text(at.member("call_id"), call_id);
    let call_id = call_id.or_else(|| reading.text(at.member("id"), id));
    let mut parts = Vec::new();
    match output {
        // A screenshot, for one.
        Some(output) if kind(output.get()) == OBJECT => parts.push(Part::Other(output)),
        output => content_parts(reading, at.member("output"), output, &mut parts),
    }
    as_result(call_id.unwrap_or_default(), false, parts)
}

/// Reads a whole answer.
pub(super) fn read_answer(body: &str) -> Answer {
    let mut answer = Answer::default();
    let mut reading = Reading::default();
    let output = response(&mut reading, At::BODY, body, &mut answer);
    let mut turns = Vec::new();
    let at = At::BODY;
    let output_at = at.member("output");
    for (index, raw) in reading.items(output_at, output).into_iter().enumerate() {
        let turn = item(&mut reading, output_at.item(index), body, raw);
        turns.extend(turn_digest(&turn));
        answer.tool_calls.extend(turn.into_calls());
    }
    if !turns.is_empty() {
        answer.continuations.push(turns);
    }
    answer.problems = reading.problems;
    answer
}

/// Reads a response object except for its output, which is returned.
fn response<'a>(
    reading: &mut Reading,
    at: At<'_>,
    json: &'a str,
    answer: &mut Answer,
) -> Option<&'a RawValue> {
    let names =
        ["id", "model", "output", "usage", "service_tier", "error", "status", "incomplete_details"];
    let [id, model, output, usage_raw, tier, error, status, incomplete] =
        reading.pick(at, json, names);
    answer.id = owned(reading, at.member("id"), id).or(answer.id.take());
    answer.model = owned(reading, at.member("model"), model).or(answer.model.take());
    let tier = owned(reading, at.member("service_tier"), tier);
    answer.service_tier = tier.or(answer.service_tier.take());
    answer.usage.update(usage(reading, at.member("usage"), usage_raw));
    answer.error = error.map(|raw| api_error(reading, at.member("error"), raw));
    let incomplete_at = at.member("incomplete_details");
    let [reason] = reading.pick_from(incomplete_at, incomplete, ["reason"]);
    let reason = owned(reading, incomplete_at.member("reason"), reason);
    let status = owned(reading, at.member("status"), status);
    answer.finish_reasons = reason.or(status).into_iter().collect();
    output
}

/// Reads usage; cached and reasoning tokens are parts of the totals in this dialect.
fn usage(reading: &mut Reading, at: At<'_>, raw: Option<&RawValue>) -> Usage {
    let names = ["input_tokens", "output_tokens", "input_tokens_details", "output_tokens_details"];
    let [input, output, input_details, output_details] = reading.pick_from(at, raw, names);
    let input_at = at.member("input_tokens_details");
    let [cached, written] =
        reading.pick_from(input_at, input_details, ["cached_tokens", "cache_write_tokens"]);
    let output_at = at.member("output_tokens_details");
    let [reasoning] = reading.pick_from(output_at, output_details, ["reasoning_tokens"]);
    Usage {
        input_tokens: reading.count(at.member("input_tokens"), input),
        output_tokens: reading.count(at.member("output_tokens"), output),
        cached_input_tokens: reading.count(input_at.member("cached_tokens"), cached),
        cache_write_tokens: reading.count(input_at.member("cache_write_tokens"), written),
        cache_write_1h_tokens: None,
        reasoning_tokens: reading.count(output_at.member("reasoning_tokens"), reasoning),
    }
}
