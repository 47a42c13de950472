//! Reads the pieces of a conversation that several dialects write alike: contents, results, tools.

use super::problem::At;
use super::reading::{LIST, Reading, STRING, kind, string};
use super::turn::{Part, ToolResult};
use serde_json::value::RawValue;
use std::borrow::Cow;

/// Reads a content that is a string or a list of typed parts; all dialects have both.
pub(super) fn content_parts<'a>(
    reading: &mut Reading,
    at: At<'_>,
    content: Option<&'a RawValue>,
    parts: &mut Vec<Part<'a>>,
) {
    let Some(content) = content else { return };
    match kind(content.get()) {
        STRING => parts.extend(reading.text(at, Some(content)).map(Part::Text)),
        LIST => {
            for (index, raw) in reading.items(at, Some(content)).into_iter().enumerate() {
                parts.extend(content_part(reading, at.item(index), raw));
            }
        }
        found => reading.problems.note(at, "a string or a list of parts", found),
    }
}

fn content_part<'a>(reading: &mut Reading, at: At<'_>, raw: &'a RawValue) -> Option<Part<'a>> {
    let [kind, text, refusal] = reading.pick(at, raw.get(), ["type", "text", "refusal"]);
    match reading.text(at.member("type"), kind).as_deref() {
        Some("text" | "input_text" | "output_text") => {
            reading.text(at.member("text"), text).map(Part::Text)
        }
        Some("refusal") => reading.text(at.member("refusal"), refusal).map(Part::Refusal),
        Some(_) | None => Some(Part::Other(raw)),
    }
}

/// Makes the text among `parts` the text of a tool's result; other parts stay behind it.
pub(super) fn as_result<'a>(
    call_id: Cow<'a, str>,
    error: bool,
    parts: Vec<Part<'a>>,
) -> Vec<Part<'a>> {
    let mut text = Cow::default();
    let mut rest = Vec::new();
    for part in parts {
        match part {
            Part::Text(piece) if matches!(&text, Cow::Borrowed("")) => text = piece,
            Part::Text(piece) => text.to_mut().push_str(&piece),
            other @ (Part::Refusal(_) | Part::Call(_) | Part::Result(_) | Part::Other(_)) => {
                rest.push(other);
            }
        }
    }
    let mut parts = vec![Part::Result(ToolResult { call_id, text, error })];
    parts.append(&mut rest);
    parts
}

/// The arguments of a call: the text in the string, or the JSON itself where a server writes it so.
pub(super) fn arguments_text(raw: Option<&RawValue>) -> Cow<'_, str> {
    raw.map_or(Cow::Borrowed(""), |raw| string(raw.get()).unwrap_or(Cow::Borrowed(raw.get())))
}

/// The names of tools, flat or nested under their type; the type of those without a name.
pub(super) fn tool_names<'a>(
    reading: &mut Reading,
    at: At<'_>,
    tools: Option<&'a RawValue>,
) -> Vec<Cow<'a, str>> {
    let mut names = Vec::new();
    for (index, tool) in reading.items(at, tools).into_iter().enumerate() {
        let at = at.item(index);
        let [name, kind, function, custom] =
            reading.pick(at, tool.get(), ["name", "type", "function", "custom"]);
        let nested = function.map(|tool| (at.member("function"), tool));
        let nested = nested.or(custom.map(|tool| (at.member("custom"), tool)));
        let inner = nested.and_then(|(at, tool)| reading.pick(at, tool.get(), ["name"])[0]);
        let name = reading.text(at.member("name"), inner.or(name));
        names.extend(name.or_else(|| reading.text(at.member("type"), kind)));
    }
    names
}
