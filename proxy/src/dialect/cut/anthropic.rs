//! Tool calls of Anthropic messages: blocks of the content, whole or in pieces.

use super::part::{
    AskedCall, KeptFrame, Ruled, Ruling, count_at, elements, frame, list, member, quoted, set,
    text_at,
};
use bytes::{Bytes, BytesMut};
use std::collections::BTreeMap;

/// The call that a block is, if it is one.
fn call_of(block: &str) -> Option<AskedCall> {
    let by_provider = match text_at(block, "type").as_str() {
        "tool_use" => false,
        "server_tool_use" | "mcp_tool_use" => true,
        _ => return None,
    };
    Some(AskedCall {
        id: text_at(block, "id"),
        name: text_at(block, "name"),
        arguments: member(block, "input").unwrap_or("{}").to_owned(),
        free: false,
        by_provider,
        ended: true,
    })
}

fn text_block(text: &str) -> String {
    format!("{{\"type\":\"text\",\"text\":{}}}", quoted(text))
}

/// The calls of a whole answer.
pub(super) fn asked(body: &str) -> Vec<AskedCall> {
    elements(member(body, "content")).filter_map(call_of).collect()
}

/// A whole answer with its calls as ruled.
pub(super) fn rewrite(body: &str, ruled: &mut Ruled<'_>) -> Option<String> {
    let (mut blocks, mut keeps) = (Vec::new(), false);
    for block in elements(member(body, "content")) {
        let Some(call) = call_of(block) else {
            blocks.push(block.to_owned());
            continue;
        };
        let ruling = ruled.next()?;
        keeps |= !call.by_provider && !matches!(ruling, Ruling::Say(_));
        blocks.push(match ruling {
            Ruling::Keep => block.to_owned(),
            Ruling::Edit(arguments) => set(block, &["input"], arguments)?,
            Ruling::Say(text) => text_block(text),
        });
    }
    let body = set(body, &["content"], &list(&blocks))?;
    match text_at(&body, "stop_reason").as_str() {
        "tool_use" if !keeps => set(&body, &["stop_reason"], "\"end_turn\""),
        _ => Some(body),
    }
}

/// The calls of a streamed answer.
#[derive(Debug, Default)]
pub(super) struct AnthropicCalls {
    /// The place of each block's call, by the block's index.
    blocks: BTreeMap<u64, usize>,
    /// The arguments in a block's first event, which count if no others come.
    first: BTreeMap<usize, String>,
    /// The places of the calls that the agent runs.
    own: Vec<usize>,
}

/// Clients go by the event's name, and servers may forget one of the two.
fn kind(event: Option<&str>, data: &str) -> String {
    let kind = text_at(data, "type");
    if kind.is_empty() { event.unwrap_or_default().to_owned() } else { kind }
}

impl AnthropicCalls {
    pub(super) fn read(
        &mut self,
        calls: &mut Vec<AskedCall>,
        event: Option<&str>,
        data: &str,
    ) -> Vec<usize> {
        let index = count_at(data, "index").unwrap_or(0);
        let kind = kind(event, data);
        if kind == "content_block_start" {
            self.blocks.remove(&index);
            let Some(call) = member(data, "content_block").and_then(call_of) else {
                return Vec::new();
            };
            let place = calls.len();
            self.blocks.insert(index, place);
            self.first.insert(place, call.arguments.clone());
            self.own.extend((!call.by_provider).then_some(place));
            calls.push(AskedCall { arguments: String::new(), ended: false, ..call });
            return vec![place];
        }
        let is_about = matches!(kind.as_str(), "content_block_delta" | "content_block_stop");
        let Some(place) = self.blocks.get(&index).copied().filter(|_| is_about) else {
            return Vec::new();
        };
        if let Some(call) = calls.get_mut(place) {
            call.ended = kind == "content_block_stop";
            if let Some(delta) = member(data, "delta") {
                call.arguments.push_str(&text_at(delta, "partial_json"));
            }
            if call.ended && call.arguments.is_empty() {
                call.arguments = self.first.get(&place).cloned().unwrap_or_default();
            }
        }
        vec![place]
    }

    pub(super) fn rewrite(
        &self,
        kept: &KeptFrame,
        ruled: &mut Ruled<'_>,
        out: &mut BytesMut,
    ) -> Option<()> {
        let data = kept.data.as_deref().unwrap_or_default();
        let kind = kind(kept.event.as_deref(), data);
        let new = match kept.touched.first() {
            Some(place) => rewrite_block(kept, &kind, ruled.of(*place)?.0)?,
            None if kind == "message_delta" => self.rewrite_end(kept, ruled)?,
            None => kept.raw.clone(),
        };
        out.extend_from_slice(&new);
        Some(())
    }

    /// The end of the message, which is one if no call is left to be made.
    fn rewrite_end(&self, kept: &KeptFrame, ruled: &Ruled<'_>) -> Option<Bytes> {
        let data = kept.data.as_deref()?;
        let is_for_tools =
            member(data, "delta").is_some_and(|delta| text_at(delta, "stop_reason") == "tool_use");
        if !is_for_tools || self.own.iter().any(|place| ruled.keeps(*place)) {
            return Some(kept.raw.clone());
        }
        let data = set(data, &["delta", "stop_reason"], "\"end_turn\"")?;
        Some(frame(Some("message_delta"), &data).into())
    }
}

/// What a frame about a call becomes.
fn rewrite_block(kept: &KeptFrame, kind: &str, ruling: &Ruling) -> Option<Bytes> {
    let data = kept.data.as_deref()?;
    let index = count_at(data, "index").unwrap_or(0);
    let begun = |block: &str, delta: &str| {
        let start = frame(Some("content_block_start"), &set(data, &["content_block"], block)?);
        let delta =
            format!("{{\"type\":\"content_block_delta\",\"index\":{index},\"delta\":{delta}}}");
        Some(Bytes::from(start + &frame(Some("content_block_delta"), &delta)))
    };
    match (ruling, kind) {
        (Ruling::Keep, _) | (_, "content_block_stop") => Some(kept.raw.clone()),
        (Ruling::Edit(arguments), "content_block_start") => {
            let block = set(member(data, "content_block")?, &["input"], "{}")?;
            let piece = quoted(arguments);
            begun(&block, &format!("{{\"type\":\"input_json_delta\",\"partial_json\":{piece}}}"))
        }
        (Ruling::Say(text), "content_block_start") => {
            let piece = format!("{{\"type\":\"text_delta\",\"text\":{}}}", quoted(text));
            begun(&text_block(""), &piece)
        }
        (Ruling::Edit(_) | Ruling::Say(_), _) => Some(Bytes::new()),
    }
}
