//! Tool calls of chat completions: members of a message, and pieces of a choice's deltas.

use super::part::{
    AskedCall, KeptFrame, Ruled, Ruling, count_at, elements, frame, like, list, member, quoted,
    remove, set, text_at, text_of,
};
use bytes::BytesMut;
use std::collections::BTreeMap;

/// Where the name and the arguments of a call stand.
#[derive(Clone, Copy)]
struct Named<'t> {
    key: &'static str,
    object: &'t str,
    /// The arguments' name.
    arguments: &'static str,
}

/// Both spellings; nothing for a call of a type that is not known.
fn named(call: &str) -> Option<Named<'_>> {
    let function = member(call, "function").map(|object| ("function", object, "arguments"));
    let custom = || member(call, "custom").map(|object| ("custom", object, "input"));
    let (key, object, arguments) = function.or_else(custom)?;
    Some(Named { key, object, arguments })
}

/// Adds an entry of `tool_calls`, or the next piece of it, to a call.
fn add(call: &mut AskedCall, entry: &str) {
    call.ended = false;
    if call.id.is_empty() {
        call.id = text_at(entry, "id");
    }
    if let Some(Named { key, object, arguments }) = named(entry) {
        call.free = key == "custom";
        add_named(call, object, arguments);
    } else {
        // It is called by its type, and all of it is what it is to do.
        let kind = text_at(entry, "type");
        if !kind.is_empty() && kind != "function" {
            call.name = kind;
            call.arguments.push_str(entry);
        }
    }
}

fn add_named(call: &mut AskedCall, object: &str, arguments: &str) {
    call.ended = false;
    let name = text_at(object, "name");
    if call.name != name {
        call.name.push_str(&name);
    }
    call.arguments.extend(member(object, arguments).map(text_of));
}

fn edited(entry: &str, arguments: &str) -> Option<String> {
    let named = named(entry)?;
    let old = member(named.object, named.arguments);
    set(entry, &[named.key, named.arguments], &like(old, arguments))
}

/// The calls of a whole answer.
pub(super) fn asked(body: &str) -> Vec<AskedCall> {
    let mut calls = Vec::new();
    for choice in elements(member(body, "choices")) {
        let Some(message) = member(choice, "message") else { continue };
        for entry in elements(member(message, "tool_calls")) {
            let mut call = AskedCall::default();
            add(&mut call, entry);
            calls.push(AskedCall { ended: true, ..call });
        }
        if let Some(function) = member(message, "function_call") {
            let mut call = AskedCall::default();
            add_named(&mut call, function, "arguments");
            calls.push(AskedCall { ended: true, ..call });
        }
    }
    calls
}

/// A whole answer with its calls as ruled.
pub(super) fn rewrite(body: &str, ruled: &mut Ruled<'_>) -> Option<String> {
    let mut choices = Vec::new();
    for choice in elements(member(body, "choices")) {
        choices.push(rewrite_choice(choice, ruled)?);
    }
    set(body, &["choices"], &list(&choices))
}

fn rewrite_choice(choice: &str, ruled: &mut Ruled<'_>) -> Option<String> {
    let Some(message) = member(choice, "message") else { return Some(choice.to_owned()) };
    let entries: Vec<&str> = elements(member(message, "tool_calls")).collect();
    let mut kept = Vec::new();
    let mut said = Vec::new();
    for entry in &entries {
        match ruled.next()? {
            Ruling::Keep => kept.push((*entry).to_owned()),
            Ruling::Edit(arguments) => kept.push(edited(entry, arguments)?),
            Ruling::Say(text) => said.push(text.as_str()),
        }
    }
    let mut message = message.to_owned();
    if !entries.is_empty() {
        message = if kept.is_empty() {
            remove(&message, "tool_calls")?
        } else {
            set(&message, &["tool_calls"], &list(&kept))?
        };
    }
    let mut keeps = !kept.is_empty();
    if let Some(function) = member(&message, "function_call") {
        match ruled.next()? {
            Ruling::Keep => keeps = true,
            Ruling::Edit(arguments) => {
                keeps = true;
                let value = like(member(function, "arguments"), arguments);
                message = set(&message, &["function_call", "arguments"], &value)?;
            }
            Ruling::Say(text) => {
                said.push(text);
                message = remove(&message, "function_call")?;
            }
        }
    }
    if said.is_empty() {
        return set(choice, &["message"], &message);
    }
    let content = with_text(member(&message, "content"), &said.join("\n\n"));
    let choice = set(choice, &["message"], &set(&message, &["content"], &content)?)?;
    if keeps { Some(choice) } else { set(&choice, &["finish_reason"], "\"stop\"") }
}

/// A content with more text behind it.
fn with_text(content: Option<&str>, text: &str) -> String {
    match content {
        Some(parts) if parts.starts_with('[') => {
            let mut parts: Vec<String> = elements(Some(parts)).map(str::to_owned).collect();
            parts.push(format!("{{\"type\":\"text\",\"text\":{}}}", quoted(text)));
            list(&parts)
        }
        Some(said) if said != "\"\"" => quoted(&format!("{}\n\n{text}", text_of(said))),
        Some(_) | None => quoted(text),
    }
}

/// The calls of a streamed answer.
#[derive(Debug, Default)]
pub(super) struct ChatCalls {
    choices: BTreeMap<u64, Choice>,
}

/// One of the alternatives that stream side by side.
#[derive(Debug, Default)]
struct Choice {
    /// The index of each call, and its place among all.
    calls: Vec<(u64, usize)>,
    speaks: bool,
}

impl Choice {
    /// The call that a piece belongs to: the latest with its index, or the latest of all when there
    /// is no index. Another id begins another call.
    fn place(&mut self, calls: &mut Vec<AskedCall>, index: Option<u64>, id: &str) -> usize {
        let known = match index {
            Some(index) => self.calls.iter().rev().find(|(known, _)| *known == index),
            None => self.calls.last(),
        };
        let fits = |place: &usize| {
            let of_call = calls.get(*place).map_or("", |call| &call.id);
            id.is_empty() || of_call.is_empty() || of_call == id
        };
        if let Some(place) = known.map(|(_, place)| *place).filter(fits) {
            return place;
        }
        let next = self.calls.iter().map(|(index, _)| index.saturating_add(1)).max();
        let place = calls.len();
        self.calls.push((index.or(next).unwrap_or(0), place));
        calls.push(AskedCall::default());
        place
    }
}

impl ChatCalls {
    pub(super) fn read(&mut self, calls: &mut Vec<AskedCall>, data: &str) -> Vec<usize> {
        let mut touched = Vec::new();
        for part in elements(member(data, "choices")) {
            let choice = self.choices.entry(count_at(part, "index").unwrap_or(0)).or_default();
            let delta = member(part, "delta").unwrap_or_default();
            choice.speaks |= !text_at(delta, "content").is_empty();
            for entry in elements(member(delta, "tool_calls")) {
                let place = choice.place(calls, count_at(entry, "index"), &text_at(entry, "id"));
                if let Some(call) = calls.get_mut(place) {
                    add(call, entry);
                }
                touched.push(place);
            }
            if let Some(function) = member(delta, "function_call") {
                let place = choice.place(calls, Some(0), "");
                if let Some(call) = calls.get_mut(place) {
                    add_named(call, function, "arguments");
                }
                touched.push(place);
            }
            if member(part, "finish_reason").is_some() {
                let ended = choice.calls.iter().map(|(_, place)| *place);
                ended.for_each(|place| calls.get_mut(place).into_iter().for_each(end));
            }
        }
        touched
    }

    pub(super) fn rewrite(
        &self,
        kept: &KeptFrame,
        ruled: &mut Ruled<'_>,
        out: &mut BytesMut,
    ) -> Option<()> {
        let data = kept.data.as_deref().unwrap_or_default();
        let mut touched = kept.touched.iter().copied();
        let (mut choices, mut is_changed) = (Vec::new(), false);
        for part in elements(member(data, "choices")) {
            let new = self.rewrite_part(part, &mut touched, ruled)?;
            is_changed |= new != part;
            choices.extend(Some(new).filter(|new| !new.is_empty()));
        }
        if !is_changed {
            out.extend_from_slice(&kept.raw);
        } else if !choices.is_empty() || member(data, "usage").is_some() {
            let data = set(data, &["choices"], &list(&choices))?;
            out.extend_from_slice(frame(kept.event.as_deref(), &data).as_bytes());
        }
        Some(())
    }

    /// What is left of a choice's part in one chunk; empty if it has nothing to say any more.
    fn rewrite_part(
        &self,
        part: &str,
        touched: &mut impl Iterator<Item = usize>,
        ruled: &mut Ruled<'_>,
    ) -> Option<String> {
        let index = count_at(part, "index").unwrap_or(0);
        let choice = self.choices.get(&index)?;
        let mut part = part.to_owned();
        let reason = text_at(&part, "finish_reason");
        let is_end = matches!(reason.as_str(), "tool_calls" | "function_call");
        if is_end && !choice.calls.iter().any(|(_, place)| ruled.keeps(*place)) {
            part = set(&part, &["finish_reason"], "\"stop\"")?;
        }
        let Some(delta) = member(&part, "delta") else { return Some(part) };
        let Delta { text: mut delta, said, is_changed } = rewrite_delta(delta, touched, ruled)?;
        if !is_changed {
            return Some(part);
        }
        if !said.is_empty() {
            let is_first = ruled.spoken.insert(index) && !choice.speaks;
            let before = if is_first { "" } else { "\n\n" };
            let content = format!("{}{before}{}", text_at(&delta, "content"), said.join("\n\n"));
            delta = set(&delta, &["content"], &quoted(&content))?;
        }
        let is_empty = crate::json::members(&delta).next().is_none() && reason.is_empty();
        if is_empty { Some(String::new()) } else { set(&part, &["delta"], &delta) }
    }
}

/// A delta as it was ruled.
struct Delta<'r> {
    text: String,
    /// What is to be said in the place of calls.
    said: Vec<&'r str>,
    is_changed: bool,
}

fn rewrite_delta<'r>(
    delta: &str,
    touched: &mut impl Iterator<Item = usize>,
    ruled: &mut Ruled<'r>,
) -> Option<Delta<'r>> {
    let (mut kept, mut said, mut is_changed) = (Vec::new(), Vec::new(), false);
    let mut new = delta.to_owned();
    for entry in elements(member(delta, "tool_calls")) {
        let (ruling, is_first) = ruled.of(touched.next()?)?;
        is_changed |= *ruling != Ruling::Keep;
        match ruling {
            Ruling::Keep => kept.push(entry.to_owned()),
            Ruling::Edit(arguments) if is_first => kept.push(edited(entry, arguments)?),
            Ruling::Say(text) if is_first => said.push(text.as_str()),
            Ruling::Edit(_) | Ruling::Say(_) => {}
        }
    }
    if is_changed {
        new = match kept.as_slice() {
            [] => remove(&new, "tool_calls")?,
            kept => set(&new, &["tool_calls"], &list(kept))?,
        };
    }
    if let Some(function) = member(delta, "function_call") {
        let (ruling, is_first) = ruled.of(touched.next()?)?;
        is_changed |= *ruling != Ruling::Keep;
        match ruling {
            Ruling::Keep => {}
            Ruling::Edit(arguments) if is_first => {
                let value = like(member(function, "arguments"), arguments);
                new = set(&new, &["function_call", "arguments"], &value)?;
            }
            Ruling::Edit(_) => new = remove(&new, "function_call")?,
            Ruling::Say(text) => {
                said.extend(is_first.then_some(text.as_str()));
                new = remove(&new, "function_call")?;
            }
        }
    }
    Some(Delta { text: new, said, is_changed })
}

fn end(call: &mut AskedCall) {
    call.ended = true;
}
