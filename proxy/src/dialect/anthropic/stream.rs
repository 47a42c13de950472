//! Reads the events of a streamed message, up to `message_stop`.

use super::super::answer::{Answer, api_error, owned};
use super::super::assembly::{Assembly, Budget, Step};
use super::super::problem::At;
use super::super::reading::Reading;
use super::super::turn::{Part, Role, TextHasher, ToolCall, TurnHasher};
use super::{Tokens, head, read_block};
use serde_json::value::RawValue;

/// A message while it streams. Of text only digests are kept.
#[derive(Debug)]
pub(in super::super) struct AnthropicStream {
    answer: Answer,
    tokens: Tokens,
    blocks: Vec<Block>,
    /// A block could not be kept.
    cut: bool,
    ended: bool,
}

/// A block that is sent back in later requests; reasoning is not among them.
#[derive(Debug)]
struct Block {
    index: u64,
    /// No piece of it comes any more.
    stopped: bool,
    content: Content,
}

#[derive(Debug)]
enum Content {
    Text(Box<TextHasher>),
    /// A call, and the arguments in its first event, which count if no others come.
    Call(Assembly, String),
    Other(String),
}

impl AnthropicStream {
    pub(in super::super) fn new() -> Self {
        Self {
            answer: Answer::default(),
            tokens: Tokens::default(),
            blocks: Vec::new(),
            cut: false,
            ended: false,
        }
    }

    pub(in super::super) fn read(
        &mut self,
        budget: &mut Budget,
        event: Option<&str>,
        data: &str,
    ) -> Step {
        let mut reading = Reading::after(std::mem::take(&mut self.answer.problems));
        let at = At::BODY;
        let [kind] = reading.pick(at, data, ["type"]);
        let kind = reading.text(at.member("type"), kind);
        if let Some(kind) = kind.as_deref().or(event) {
            self.event(&mut reading, budget, kind, data);
        }
        self.answer.problems = reading.problems;
        let names = [kind.as_deref(), event];
        // Either name is enough: clients go by the event's, servers may forget it.
        if names.into_iter().flatten().any(|name| matches!(name, "message_stop" | "error")) {
            self.ended = true;
            Step::Terminal
        } else if names.into_iter().flatten().any(|name| name == "content_block_delta") {
            Step::Content
        } else {
            Step::Other
        }
    }

    pub(in super::super) fn finish(mut self, mut budget: Budget) -> Answer {
        let complete = self.ended && self.answer.error.is_none();
        if complete {
            let open = self.blocks.iter_mut().filter(|block| !block.stopped);
            open.for_each(|block| block.stop(&mut budget));
        }
        let mut hasher = TurnHasher::new(Role::Assistant);
        for block in self.blocks {
            match block.content {
                Content::Text(text) => hasher.text_run(*text),
                Content::Other(json) => hasher.other(&json),
                Content::Call(call, _) => {
                    let call = call.finish(block.stopped);
                    hasher.call(&call);
                    self.answer.tool_calls.push(call);
                }
            }
        }
        let whole = self.answer.tool_calls.iter().all(|call| call.whole);
        if complete && !self.cut && whole {
            self.answer.continuations.extend(hasher.finish().map(|digest| vec![digest]));
        }
        self.answer.truncated = !self.ended;
        self.answer.dropped_bytes = budget.dropped();
        self.answer.usage = self.tokens.usage();
        self.answer
    }

    fn event(&mut self, reading: &mut Reading, budget: &mut Budget, kind: &str, data: &str) {
        let body = At::BODY;
        match kind {
            "message_start" => {
                let [message] = reading.pick(body, data, ["message"]);
                let at = body.member("message");
                let Some(raw) = message else {
                    return reading.problems.note(at, "an object", "missing");
                };
                head(reading, at, raw.get(), &mut self.answer, &mut self.tokens);
            }
            "content_block_start" => {
                let [index, block] = reading.pick(body, data, ["index", "content_block"]);
                let at = body.member("content_block");
                let Some(raw) = block else {
                    return reading.problems.note(at, "an object", "missing");
                };
                let index = reading.count(body.member("index"), index).unwrap_or(0);
                self.start(reading, budget, at, (index, raw));
            }
            "content_block_delta" => {
                let [index, delta] = reading.pick(body, data, ["index", "delta"]);
                let index = reading.count(body.member("index"), index).unwrap_or(0);
                self.delta(reading, budget, index, delta);
            }
            "content_block_stop" => {
                let [index] = reading.pick(body, data, ["index"]);
                let index = reading.count(body.member("index"), index).unwrap_or(0);
                self.stop(budget, index);
            }
            "message_delta" => {
                let [delta, usage] = reading.pick(body, data, ["delta", "usage"]);
                let at = body.member("delta");
                let [reason] = reading.pick_from(at, delta, ["stop_reason"]);
                if let Some(reason) = owned(reading, at.member("stop_reason"), reason) {
                    self.answer.finish_reasons = vec![reason];
                }
                drop(self.tokens.update(reading, body.member("usage"), usage));
            }
            "error" => {
                let [error] = reading.pick(body, data, ["error"]);
                let error = error.map(|raw| api_error(reading, body.member("error"), raw));
                self.answer.error = Some(error.unwrap_or_default());
            }
            _ => {}
        }
    }

    fn start(
        &mut self,
        reading: &mut Reading,
        budget: &mut Budget,
        at: At<'_>,
        (index, raw): (u64, &RawValue),
    ) {
        let mut parts = Vec::new();
        read_block(reading, at, raw, &mut parts);
        let content = match parts.pop() {
            None => return,
            Some(Part::Call(call)) => open_call(budget, index, &call),
            Some(Part::Text(text)) => {
                if self.continue_text(index, &text) {
                    return;
                }
                let mut hasher = TextHasher::new();
                hasher.push(&text);
                Some(Content::Text(Box::new(hasher)))
            }
            Some(Part::Other(_) | Part::Refusal(_) | Part::Result(_)) => {
                budget.keep(raw.get()).map(Content::Other)
            }
        };
        match content {
            Some(content) if budget.spend_entry() => {
                self.blocks.push(Block { index, stopped: false, content });
            }
            Some(_) | None => self.cut = true,
        }
    }

    /// Goes on with the block before if that is text, because adjacent texts are digested as one.
    fn continue_text(&mut self, index: u64, text: &str) -> bool {
        let Some(Block { index: of, stopped, content: Content::Text(hasher) }) =
            self.blocks.last_mut()
        else {
            return false;
        };
        (*of, *stopped) = (index, false);
        hasher.push(text);
        true
    }

    /// The block that pieces with this index belong to.
    fn open_block(&mut self, index: u64) -> Option<&mut Block> {
        self.blocks.iter_mut().rev().find(|block| block.index == index && !block.stopped)
    }

    fn delta(
        &mut self,
        reading: &mut Reading,
        budget: &mut Budget,
        index: u64,
        delta: Option<&RawValue>,
    ) {
        let body = At::BODY;
        let at = body.member("delta");
        let [text, json] = reading.pick_from(at, delta, ["text", "partial_json"]);
        let text = reading.text(at.member("text"), text);
        let json = reading.text(at.member("partial_json"), json);
        let Some(block) = self.open_block(index) else { return };
        match &mut block.content {
            Content::Text(hasher) => hasher.push(&text.unwrap_or_default()),
            Content::Call(call, _) => call.arguments(budget, &json.unwrap_or_default()),
            Content::Other(_) => {}
        }
    }

    fn stop(&mut self, budget: &mut Budget, index: u64) {
        if let Some(block) = self.open_block(index) {
            block.stop(budget);
        }
    }
}

impl Block {
    fn stop(&mut self, budget: &mut Budget) {
        self.stopped = true;
        if let Content::Call(call, first) = &mut self.content
            && call.without_arguments()
        {
            call.settle_arguments(budget, first);
        }
    }
}

fn open_call(budget: &mut Budget, index: u64, call: &ToolCall<'_>) -> Option<Content> {
    let first = budget.keep(&call.arguments)?;
    let mut kept = Assembly::open(budget, index)?;
    kept.by_provider = call.by_provider;
    kept.identify(budget, &call.id);
    kept.name(budget, &call.name);
    Some(Content::Call(kept, first))
}
