//! Reads the chunks of a streamed chat completion, up to `[DONE]`.

use super::super::answer::{Answer, Usage, api_error, owned};
use super::super::assembly::{Assembly, Budget, Step};
use super::super::content::arguments_text;
use super::super::problem::At;
use super::super::reading::Reading;
use super::super::turn::{Role, TextHasher, TurnHasher};
use super::usage;
use serde_json::value::RawValue;

/// A chat completion while it streams. Of text only digests are kept.
#[derive(Debug)]
pub(in super::super) struct ChatStream {
    answer: Answer,
    choices: Vec<Choice>,
    usage: Usage,
    ended: bool,
}

/// One of the alternatives that stream side by side.
#[derive(Debug)]
struct Choice {
    index: u64,
    text: TextHasher,
    refusal: TextHasher,
    calls: Vec<Assembly>,
    /// A whole call could not be kept.
    cut: bool,
    finished: bool,
}

impl ChatStream {
    pub(in super::super) fn new() -> Self {
        Self {
            answer: Answer::default(),
            choices: Vec::new(),
            usage: Usage::default(),
            ended: false,
        }
    }

    pub(in super::super) fn read(&mut self, budget: &mut Budget, data: &str) -> Step {
        if data.trim_ascii() == "[DONE]" {
            self.ended = true;
            return Step::Terminal;
        }
        let mut reading = Reading::after(std::mem::take(&mut self.answer.problems));
        let step = self.chunk(&mut reading, budget, data);
        self.answer.problems = reading.problems;
        step
    }

    pub(in super::super) fn finish(mut self, budget: Budget) -> Answer {
        self.answer.truncated = !self.ended;
        self.answer.usage = self.usage;
        self.answer.dropped_bytes = budget.dropped();
        self.choices.sort_by_key(|choice| choice.index);
        let complete = self.ended && self.answer.error.is_none();
        for choice in self.choices {
            choice.finish(complete, &mut self.answer);
        }
        self.answer
    }

    fn chunk(&mut self, reading: &mut Reading, budget: &mut Budget, data: &str) -> Step {
        let at = At::BODY;
        let [id, model, choices, usage_raw, tier, error] =
            reading.pick(at, data, ["id", "model", "choices", "usage", "service_tier", "error"]);
        if let Some(error) = error {
            // Clients raise at such a chunk and read no further.
            self.answer.error = Some(api_error(reading, at.member("error"), error));
            self.ended = true;
            return Step::Terminal;
        }
        let answer = &mut self.answer;
        budget.keep_first(&mut answer.id, reading.text(at.member("id"), id));
        budget.keep_first(&mut answer.model, reading.text(at.member("model"), model));
        let tier = reading.text(at.member("service_tier"), tier);
        budget.keep_first(&mut answer.service_tier, tier);
        self.usage.update(usage(reading, at.member("usage"), usage_raw));
        let mut step = Step::Other;
        let choices_at = at.member("choices");
        for (position, raw) in reading.items(choices_at, choices).into_iter().enumerate() {
            if self.choice(reading, budget, choices_at.item(position), raw) {
                step = Step::Content;
            }
        }
        step
    }

    /// Reads one choice of a chunk; true if it carries content.
    fn choice(
        &mut self,
        reading: &mut Reading,
        budget: &mut Budget,
        at: At<'_>,
        raw: &RawValue,
    ) -> bool {
        let [index, delta, reason] =
            reading.pick(at, raw.get(), ["index", "delta", "finish_reason"]);
        let index = reading.count(at.member("index"), index).unwrap_or(0);
        let Some(choice) = choice_at(&mut self.choices, budget, index) else { return true };
        if let Some(reason) = owned(reading, at.member("finish_reason"), reason)
            && !choice.finished
        {
            choice.finished = true;
            self.answer.finish_reasons.extend(budget.keep(&reason));
        }
        delta.is_some_and(|delta| choice.delta(reading, budget, at.member("delta"), delta))
    }
}

fn choice_at<'c>(
    choices: &'c mut Vec<Choice>,
    budget: &mut Budget,
    index: u64,
) -> Option<&'c mut Choice> {
    let known = choices.iter().position(|choice| choice.index == index);
    let position = match known {
        Some(position) => position,
        None if budget.spend_entry() => {
            choices.push(Choice {
                index,
                text: TextHasher::new(),
                refusal: TextHasher::new(),
                calls: Vec::new(),
                cut: false,
                finished: false,
            });
            choices.len() - 1
        }
        None => return None,
    };
    choices.get_mut(position)
}

impl Choice {
    /// Reads what is new; true if it carries content.
    fn delta(
        &mut self,
        reading: &mut Reading,
        budget: &mut Budget,
        at: At<'_>,
        raw: &RawValue,
    ) -> bool {
        let names =
            ["content", "refusal", "tool_calls", "function_call", "reasoning_content", "reasoning"];
        let [content, refusal, calls, function_call, thought, reasoning] =
            reading.pick(at, raw.get(), names);
        let content = reading.text(at.member("content"), content).unwrap_or_default();
        let refusal = reading.text(at.member("refusal"), refusal).unwrap_or_default();
        self.text.push(&content);
        self.refusal.push(&refusal);
        let calls_at = at.member("tool_calls");
        let calls = reading.items(calls_at, calls);
        let says = !content.is_empty()
            || !refusal.is_empty()
            || !calls.is_empty()
            || function_call.is_some()
            || thought.is_some()
            || reasoning.is_some();
        for (position, call) in calls.into_iter().enumerate() {
            self.call(reading, budget, calls_at.item(position), call);
        }
        if let Some(function) = function_call {
            let call = self.assembly(budget, Some(0), "");
            fill(reading, budget, at.member("function_call"), function, call);
        }
        says
    }

    fn call(&mut self, reading: &mut Reading, budget: &mut Budget, at: At<'_>, raw: &RawValue) {
        let [index, id, function, custom] =
            reading.pick(at, raw.get(), ["index", "id", "function", "custom"]);
        let index = reading.count(at.member("index"), index);
        let id = reading.text(at.member("id"), id).unwrap_or_default();
        let Some(call) = self.assembly(budget, index, &id) else { return };
        call.identify(budget, &id);
        if let Some(piece) = function {
            fill(reading, budget, at.member("function"), piece, Some(call));
        }
        if let Some(piece) = custom {
            fill(reading, budget, at.member("custom"), piece, Some(call));
        }
    }

    /// The call that a piece belongs to: the latest with its index, or the latest of all when there
    /// is no index. Another id begins another call: some servers count every call as the first.
    fn assembly(
        &mut self,
        budget: &mut Budget,
        index: Option<u64>,
        id: &str,
    ) -> Option<&mut Assembly> {
        let known = match index {
            Some(index) => self.calls.iter().rposition(|call| call.index == index),
            None => self.calls.len().checked_sub(1),
        };
        let known = known.filter(|position| {
            let of_call = self.calls.get(*position).map_or("", |call| &call.id);
            id.is_empty() || of_call.is_empty() || of_call == id
        });
        if let Some(position) = known {
            return self.calls.get_mut(position);
        }
        let next = self.calls.iter().map(|call| call.index.saturating_add(1)).max();
        let call = Assembly::open(budget, index.or(next).unwrap_or(0));
        self.cut |= call.is_none();
        self.calls.push(call?);
        self.calls.last_mut()
    }

    fn finish(mut self, complete: bool, answer: &mut Answer) {
        let ended = complete || self.finished;
        self.calls.sort_by_key(|call| call.index);
        let calls = self.calls.into_iter().map(|call| call.finish(ended)).collect::<Vec<_>>();
        let mut hasher = TurnHasher::new(Role::Assistant);
        hasher.text_run(self.text);
        hasher.refusal_run(self.refusal);
        for call in &calls {
            hasher.call(call);
        }
        if ended && !self.cut && calls.iter().all(|call| call.whole) {
            answer.continuations.extend(hasher.finish().map(|digest| vec![digest]));
        }
        answer.tool_calls.extend(calls);
    }
}

/// Adds `{"name", "arguments"}`, or `{"name", "input"}` of a custom tool, to a call.
fn fill(
    reading: &mut Reading,
    budget: &mut Budget,
    at: At<'_>,
    raw: &RawValue,
    call: Option<&mut Assembly>,
) {
    let [name, arguments, input] = reading.pick(at, raw.get(), ["name", "arguments", "input"]);
    let name = reading.text(at.member("name"), name).unwrap_or_default();
    if let Some(call) = call {
        call.name(budget, &name);
        call.arguments(budget, &arguments_text(arguments.or(input)));
    }
}
