//! The texts by which a tool's result is recognised when an agent tells it to a model.
//!
//! Agents join text parts in different ways, and some write the parts or the structured content as
//! JSON. What they cut off or put around it can't be recognised, because only marks are kept.

use super::limits::RESULT_PARTS_MAX;
use super::marks::Marks;
use crate::json;
use events::Mark;
use std::borrow::Cow;

/// The marks of a `tools/call` result: first that of its text parts, one after the other. Empty
/// when it has neither text nor structured content, so that there is nothing to recognise.
pub(super) fn served(marks: &Marks, result: &str) -> Vec<Mark> {
    if json::check(result.as_bytes(), json::Limits::default()).is_err() {
        return Vec::new();
    }
    let content = json::find(result, &["content"]).map_or("[]", |part| part.text);
    let texts: Vec<_> = json::elements(content).filter_map(|part| text_member(part.text)).collect();
    let structured = json::find(result, &["structuredContent"]).map(|part| part.text);
    let mut found = Vec::new();
    let mark = |text: &str| marks.mark("result", &[words(text).as_bytes()]);
    if let [text] = texts.as_slice() {
        found.push(mark(text));
        found.extend(canonical(marks, text));
        found.extend(canonical(marks, content));
    } else if !texts.is_empty() {
        found.push(mark(&texts.concat()));
        found.push(mark(&texts.join("\n")));
        let singly = texts.iter().take(RESULT_PARTS_MAX).filter(|text| !text.is_empty());
        found.extend(singly.map(|text| mark(text)));
        found.extend(canonical(marks, &texts.concat()));
        found.extend(canonical(marks, content));
    }
    found.extend(structured.and_then(|text| canonical(marks, text)));
    if !found.is_empty() {
        found.extend(canonical(marks, result));
    }
    distinct(found)
}

/// The marks of what an agent tells a model; equal to one of [`served`] if it is that result.
pub(super) fn told(marks: &Marks, text: &str) -> Vec<Mark> {
    let mut found = vec![marks.mark("result", &[words(text).as_bytes()])];
    if let Some(mark) = canonical(marks, text) {
        found.push(mark);
        let list = json::find(text, &["content"]).map_or(text, |part| part.text);
        let texts: Vec<_> =
            json::elements(list).filter_map(|part| text_member(part.text)).collect();
        let inner = if texts.is_empty() { text_member(text) } else { Some(texts.concat().into()) };
        found.extend(inner.map(|text| marks.mark("result", &[words(&text).as_bytes()])));
    }
    distinct(found)
}

/// The `text` of an object.
fn text_member(object: &str) -> Option<Cow<'_, str>> {
    json::find(object, &["text"]).and_then(|part| json::string(part.text))
}

/// The mark of JSON by what it says.
fn canonical(marks: &Marks, text: &str) -> Option<Mark> {
    let text = text.trim_ascii();
    let canonical = text.starts_with(['{', '[']).then(|| json::canonical(text).ok())??;
    Some(marks.mark("result json", &[&canonical]))
}

/// The text with each run of whitespace as one space, and none around it.
fn words(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for word in text.split_whitespace() {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

fn distinct(marks: Vec<Mark>) -> Vec<Mark> {
    let mut seen = Vec::with_capacity(marks.len());
    for mark in marks {
        if !seen.contains(&mark) {
            seen.push(mark);
        }
    }
    seen
}
