//! Tool calls of the Responses API: items of the output, and the events about them.

use super::super::openai_responses::item;
use super::super::problem::At;
use super::super::reading::Reading;
use super::super::turn::Part;
use super::part::{
    AskedCall, KeptFrame, Ruled, Ruling, count_at, elements, frame, like, list, member, quoted,
    set, text_at,
};
use bytes::BytesMut;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The members under which what a call is to do may stand.
const DOES: [&str; 7] = ["arguments", "input", "action", "actions", "operation", "code", "queries"];

/// The call that an item is, if it is one.
fn call_of(text: &str) -> Option<AskedCall> {
    let raw: &RawValue = serde_json::from_str(text).ok()?;
    let turn = item(&mut Reading::default(), At::BODY, text, raw);
    let [Part::Call(call)] = turn.parts.as_slice() else { return None };
    Some(AskedCall {
        id: call.id.to_string(),
        name: call.name.to_string(),
        arguments: call.arguments.to_string(),
        free: text_at(text, "type") == "custom_tool_call",
        by_provider: call.by_provider,
        ended: true,
    })
}

fn edited(item: &str, arguments: &str) -> Option<String> {
    let does = DOES.into_iter().find(|name| member(item, name).is_some());
    let does = does.unwrap_or("arguments");
    set(item, &[does], &like(member(item, does), arguments))
}

/// The id of the message that stands in a call's place.
fn message_id(item: &str) -> String {
    let id = text_at(item, "id");
    let own = id.split_once('_').map_or(id.as_str(), |(_, own)| own);
    format!("msg_{own}")
}

fn text_part(text: &str) -> String {
    let text = quoted(text);
    format!("{{\"type\":\"output_text\",\"text\":{text},\"annotations\":[],\"logprobs\":[]}}")
}

fn message(id: &str, status: &str, content: &str) -> String {
    let id = quoted(id);
    format!(
        "{{\"id\":{id},\"type\":\"message\",\"status\":\"{status}\",\"role\":\"assistant\",\
         \"content\":[{content}]}}"
    )
}

/// An item of an output as it was ruled.
fn ruled_item(item: &str, ruling: &Ruling) -> Option<String> {
    match ruling {
        Ruling::Keep => Some(item.to_owned()),
        Ruling::Edit(arguments) => edited(item, arguments),
        Ruling::Say(text) => Some(message(&message_id(item), "completed", &text_part(text))),
    }
}

/// The calls of a whole answer.
pub(super) fn asked(body: &str) -> Vec<AskedCall> {
    elements(member(body, "output")).filter_map(call_of).collect()
}

/// A whole answer with its calls as ruled.
pub(super) fn rewrite(body: &str, ruled: &mut Ruled<'_>) -> Option<String> {
    let mut items = Vec::new();
    for item in elements(member(body, "output")) {
        items.push(match call_of(item) {
            Some(_) => ruled_item(item, ruled.next()?)?,
            None => item.to_owned(),
        });
    }
    set(body, &["output"], &list(&items))
}

/// The calls of a streamed answer.
#[derive(Debug, Default)]
pub(super) struct ResponsesCalls {
    /// The place of each item's call, by the item's index in the output.
    items: BTreeMap<u64, usize>,
}

const ADDED: &str = "response.output_item.added";
const DONE: &str = "response.output_item.done";

fn kind(event: Option<&str>, data: &str) -> String {
    let kind = text_at(data, "type");
    if kind.is_empty() { event.unwrap_or_default().to_owned() } else { kind }
}

/// The output in the state of the whole response that an event tells.
fn snapshot(data: &str) -> Option<&str> {
    member(member(data, "response")?, "output")
}

impl ResponsesCalls {
    pub(super) fn read(
        &mut self,
        calls: &mut Vec<AskedCall>,
        event: Option<&str>,
        data: &str,
    ) -> Vec<usize> {
        let kind = kind(event, data);
        if let Some(output) = snapshot(data) {
            let items = (0..).zip(elements(Some(output)));
            return items.filter_map(|(index, item)| self.take(calls, index, item, true)).collect();
        }
        let Some(index) = count_at(data, "output_index") else { return Vec::new() };
        if let (ADDED | DONE, Some(item)) = (kind.as_str(), member(data, "item")) {
            return self.take(calls, index, item, kind == DONE).into_iter().collect();
        }
        let Some(place) = self.items.get(&index).copied() else { return Vec::new() };
        if let Some(call) = calls.get_mut(place).filter(|call| !call.by_provider) {
            let piece = |name| member(data, name).is_some().then(|| text_at(data, name));
            match kind.rsplit('.').next() {
                Some("delta") => call.arguments.extend(piece("delta")),
                Some("done") => {
                    let whole = piece("arguments").or_else(|| piece("input"));
                    call.arguments = whole.unwrap_or_else(|| std::mem::take(&mut call.arguments));
                }
                Some(_) | None => {}
            }
            call.ended = false;
        }
        vec![place]
    }

    /// Takes an item as it begins, or as it is at its end; the place of its call.
    fn take(
        &mut self,
        calls: &mut Vec<AskedCall>,
        index: u64,
        item: &str,
        done: bool,
    ) -> Option<usize> {
        let found = call_of(item)?;
        let place = *self.items.entry(index).or_insert(calls.len());
        if place == calls.len() {
            let arguments = if done { found.arguments.clone() } else { String::new() };
            calls.push(AskedCall { arguments, ended: done, ..found });
        } else if let Some(call) = calls.get_mut(place).filter(|_| done) {
            *call = found;
        }
        Some(place)
    }

    pub(super) fn rewrite(
        &self,
        kept: &KeptFrame,
        ruled: &mut Ruled<'_>,
        out: &mut BytesMut,
    ) -> Option<()> {
        let Some(data) = kept.data.as_deref().filter(|data| data.starts_with('{')) else {
            out.extend_from_slice(&kept.raw);
            return Some(());
        };
        let number = count_at(data, "sequence_number");
        if ruled.number.is_none() {
            ruled.number = number;
        }
        let new = if let Some(output) = snapshot(data) {
            vec![self.rewrite_snapshot(data, output, ruled)?]
        } else if let Some(place) = kept.touched.first() {
            rewrite_event(&kind(kept.event.as_deref(), data), data, *place, ruled)?
        } else {
            vec![data.to_owned()]
        };
        for new in new {
            let numbered = match ruled.number {
                Some(next) => {
                    ruled.number = Some(next.saturating_add(1));
                    set(&new, &["sequence_number"], &next.to_string())?
                }
                None => new,
            };
            if numbered == data {
                out.extend_from_slice(&kept.raw);
            } else {
                let event = text_at(&numbered, "type");
                let named = kept.event.as_ref().map(|_| event.as_str());
                out.extend_from_slice(frame(named, &numbered).as_bytes());
            }
        }
        Some(())
    }

    fn rewrite_snapshot(&self, data: &str, output: &str, ruled: &mut Ruled<'_>) -> Option<String> {
        let mut items = Vec::new();
        for (index, item) in (0..).zip(elements(Some(output))) {
            items.push(match (call_of(item), self.items.get(&index)) {
                (Some(_), Some(place)) => ruled_item(item, ruled.of(*place)?.0)?,
                (Some(_), None) => return None,
                (None, _) => item.to_owned(),
            });
        }
        set(data, &["response", "output"], &list(&items))
    }
}

/// What an event about a call becomes.
fn rewrite_event(
    kind: &str,
    data: &str,
    place: usize,
    ruled: &mut Ruled<'_>,
) -> Option<Vec<String>> {
    let (ruling, is_first) = ruled.of(place)?;
    let last = kind.rsplit('.').next().unwrap_or_default();
    Some(match ruling {
        Ruling::Keep => vec![data.to_owned()],
        Ruling::Edit(arguments) if matches!(kind, ADDED | DONE) => {
            let item = member(data, "item")?;
            // Where pieces follow, the item begins without any.
            let is_empty = kind == ADDED && member(item, "arguments").is_none_or(|it| it == "\"\"");
            let is_plain = is_empty
                && DOES
                    .iter()
                    .skip(1)
                    .all(|name| member(item, name).is_none_or(|value| value == "\"\""));
            if is_plain {
                vec![data.to_owned()]
            } else {
                vec![set(data, &["item"], &edited(item, arguments)?)?]
            }
        }
        Ruling::Edit(arguments) if last == "done" => {
            let name = if member(data, "input").is_some() { "input" } else { "arguments" };
            let delta = kind.strip_suffix("done").map(|kind| format!("{kind}delta"))?;
            let piece = super::part::remove(data, name)?;
            let piece = set(&piece, &["type"], &quoted(&delta))?;
            let piece = set(&piece, &["delta"], &quoted(arguments))?;
            vec![piece, set(data, &[name], &quoted(arguments))?]
        }
        Ruling::Say(text) if is_first => said(data, text)?,
        Ruling::Edit(_) | Ruling::Say(_) => Vec::new(),
    })
}

/// The events of a message in a call's place, made of the first event about it.
fn said(data: &str, text: &str) -> Option<Vec<String>> {
    let index = count_at(data, "output_index")?;
    let id = message_id(member(data, "item")?);
    let quoted_id = quoted(&id);
    let event = |kind: &str, more: String| {
        format!("{{\"type\":\"response.{kind}\",\"output_index\":{index},{more}}}")
    };
    let of_item = |item: String| format!("\"item\":{item}");
    let of_part = |more: String| format!("\"item_id\":{quoted_id},\"content_index\":0,{more}");
    let quoted_text = quoted(text);
    Some(vec![
        event("output_item.added", of_item(message(&id, "in_progress", ""))),
        event("content_part.added", of_part(format!("\"part\":{}", text_part("")))),
        event("output_text.delta", of_part(format!("\"delta\":{quoted_text},\"logprobs\":[]"))),
        event("output_text.done", of_part(format!("\"text\":{quoted_text},\"logprobs\":[]"))),
        event("content_part.done", of_part(format!("\"part\":{}", text_part(text)))),
        event("output_item.done", of_item(message(&id, "completed", &text_part(text)))),
    ])
}
