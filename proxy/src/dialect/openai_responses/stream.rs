//! Reads the events of a streamed response, up to `response.completed` or its like.

use super::super::answer::{Answer, ApiError, api_error, owned};
use super::super::assembly::{Assembly, Budget, Step};
use super::super::problem::At;
use super::super::reading::Reading;
use super::super::turn::{Part, turn_digest};
use super::{item, response};
use serde_json::value::RawValue;

/// A response while it streams. Of text only digests are kept.
#[derive(Debug)]
pub(in super::super) struct ResponsesStream {
    answer: Answer,
    items: Vec<Item>,
    /// An item could not be kept.
    cut: bool,
    ended: bool,
    next_number: u64,
}

/// An item of the output that is, or contains, something to remember.
#[derive(Debug)]
struct Item {
    index: u64,
    call: Option<Assembly>,
    digest: Option<[u8; 32]>,
    done: bool,
}

/// The events after which no other comes.
const TERMINAL: [&str; 5] =
    ["response.completed", "response.failed", "response.incomplete", "response.cancelled", "error"];

impl ResponsesStream {
    pub(in super::super) fn new() -> Self {
        Self {
            answer: Answer::default(),
            items: Vec::new(),
            cut: false,
            ended: false,
            next_number: 0,
        }
    }

    /// The `sequence_number` that the next event would have.
    pub(in super::super) fn next_number(&self) -> u64 {
        self.next_number
    }

    pub(in super::super) fn read(
        &mut self,
        budget: &mut Budget,
        event: Option<&str>,
        data: &str,
    ) -> Step {
        if data.trim_ascii() == "[DONE]" {
            // Not of this API, but servers that imitate it may close with it.
            self.ended = true;
            return Step::Terminal;
        }
        let mut reading = Reading::after(std::mem::take(&mut self.answer.problems));
        let at = At::BODY;
        let [kind, number] = reading.pick(at, data, ["type", "sequence_number"]);
        let kind = reading.text(at.member("type"), kind);
        if let Some(number) = reading.count(at.member("sequence_number"), number) {
            self.next_number = number.saturating_add(1);
        }
        let names = [kind.as_deref(), event];
        if let Some(kind) = kind.as_deref().or(event) {
            self.event(&mut reading, budget, kind, data);
        }
        self.answer.problems = reading.problems;
        // Either name is enough: a client may go by the one or the other.
        if names.into_iter().flatten().any(|name| TERMINAL.contains(&name)) {
            self.ended = true;
            Step::Terminal
        } else if names.into_iter().flatten().any(|name| name.rsplit('.').next() == Some("delta")) {
            Step::Content
        } else {
            Step::Other
        }
    }

    pub(in super::super) fn finish(mut self, budget: Budget) -> Answer {
        self.answer.truncated = !self.ended;
        self.answer.dropped_bytes = budget.dropped();
        self.items.sort_by_key(|item| item.index);
        let known = self.ended && !self.cut && self.items.iter().all(|item| item.done);
        let turns: Vec<_> = self.items.iter().filter_map(|item| item.digest).collect();
        let calls = self.items.into_iter();
        let calls = calls.filter_map(|item| item.call.map(|call| call.finish(item.done)));
        self.answer.tool_calls = calls.collect();
        let whole = self.answer.tool_calls.iter().all(|call| call.whole);
        if known && whole && !turns.is_empty() {
            self.answer.continuations.push(turns);
        }
        self.answer
    }

    fn event(&mut self, reading: &mut Reading, budget: &mut Budget, kind: &str, data: &str) {
        match kind {
            "response.created" | "response.in_progress" | "response.queued" => {
                self.snapshot(reading, budget, data);
                // Its status is not an end.
                self.answer.finish_reasons.clear();
            }
            "response.output_item.added" => self.item(reading, budget, data, false),
            "response.output_item.done" => self.item(reading, budget, data, true),
            "response.function_call_arguments.delta" | "response.custom_tool_call_input.delta" => {
                self.arguments(reading, budget, data, "delta");
            }
            "response.function_call_arguments.done" => {
                self.arguments(reading, budget, data, "arguments");
            }
            "response.custom_tool_call_input.done" => {
                self.arguments(reading, budget, data, "input");
            }
            "error" => {
                let at = At::BODY;
                let [nested, code, message] = reading.pick(at, data, ["error", "code", "message"]);
                self.answer.error = Some(match nested {
                    Some(nested) => api_error(reading, at.member("error"), nested),
                    None => stream_error(reading, code, message),
                });
            }
            terminal if TERMINAL.contains(&terminal) => self.snapshot(reading, budget, data),
            _ => {}
        }
    }

    /// Reads the state of the whole response, and its output unless its items came one by one.
    fn snapshot(&mut self, reading: &mut Reading, budget: &mut Budget, data: &str) {
        let body = At::BODY;
        let at = body.member("response");
        let [raw] = reading.pick(body, data, ["response"]);
        let Some(raw) = raw else { return reading.problems.note(at, "an object", "missing") };
        let output = response(reading, at, raw.get(), &mut self.answer);
        if !self.items.is_empty() {
            return;
        }
        let output_at = at.member("output");
        for (index, raw) in reading.items(output_at, output).into_iter().enumerate() {
            self.take(reading, budget, output_at.item(index), (index as u64, raw, true));
        }
    }

    fn item(&mut self, reading: &mut Reading, budget: &mut Budget, data: &str, done: bool) {
        let body = At::BODY;
        let [raw, index] = reading.pick(body, data, ["item", "output_index"]);
        let at = body.member("item");
        let Some(raw) = raw else { return reading.problems.note(at, "an object", "missing") };
        let index = reading.count(body.member("output_index"), index).unwrap_or(0);
        self.take(reading, budget, at, (index, raw, done));
    }

    /// Takes an item as it begins, or as it is at its end.
    fn take(
        &mut self,
        reading: &mut Reading,
        budget: &mut Budget,
        at: At<'_>,
        (index, raw, done): (u64, &RawValue, bool),
    ) {
        let turn = item(reading, at, raw.get(), raw);
        if turn.parts.is_empty() && done {
            // Nothing of it comes back in a later request.
            self.items.retain(|item| item.index != index);
            return;
        }
        let Some(item) = self.item_at(budget, index) else { return };
        if done {
            item.digest = turn_digest(&turn);
            item.done = true;
        }
        if let [Part::Call(call)] = turn.parts.as_slice() {
            if item.call.is_none() {
                item.call = Assembly::open(budget, index);
            }
            let Some(kept) = &mut item.call else {
                self.cut = true;
                return;
            };
            kept.by_provider = call.by_provider;
            kept.identify(budget, &call.id);
            kept.name(budget, &call.name);
            if done {
                kept.settle_arguments(budget, &call.arguments);
            }
        }
    }

    fn item_at(&mut self, budget: &mut Budget, index: u64) -> Option<&mut Item> {
        let known = self.items.iter().position(|item| item.index == index);
        if let Some(position) = known {
            return self.items.get_mut(position);
        }
        if !budget.spend_entry() {
            self.cut = true;
            return None;
        }
        self.items.push(Item { index, call: None, digest: None, done: false });
        self.items.last_mut()
    }

    /// Takes a piece of a call's arguments, or all of them at their end.
    fn arguments(
        &mut self,
        reading: &mut Reading,
        budget: &mut Budget,
        data: &str,
        member: &'static str,
    ) {
        let at = At::BODY;
        let [index, piece] = reading.pick(at, data, ["output_index", member]);
        let index = reading.count(at.member("output_index"), index).unwrap_or(0);
        let piece = reading.text(at.member(member), piece).unwrap_or_default();
        let item = self.items.iter_mut().find(|item| item.index == index);
        match item.and_then(|item| item.call.as_mut()) {
            Some(call) if member == "delta" => call.arguments(budget, &piece),
            Some(call) => call.settle_arguments(budget, &piece),
            None => {}
        }
    }
}

/// The error of an `error` event, whose own type says nothing about it.
fn stream_error(
    reading: &mut Reading,
    code: Option<&RawValue>,
    message: Option<&RawValue>,
) -> ApiError {
    let at = At::BODY;
    ApiError {
        kind: None,
        message: owned(reading, at.member("message"), message),
        code: owned(reading, at.member("code"), code),
    }
}
