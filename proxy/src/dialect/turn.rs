//! One item of a conversation, its digest, and the chain of digests by which a session is found.

use super::normal::{self, Leave};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};
use std::borrow::Cow;
use std::ops::Range;

/// Who says a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// The operator of the agent: system prompt or instructions.
    System,
    /// The same, by the name newer models use.
    Developer,
    /// The person, or the agent on their behalf.
    User,
    /// The model.
    Assistant,
    /// A tool, by its result.
    Tool,
    /// Anyone the dialect does not name.
    Other,
}

impl Role {
    pub(super) fn named(name: &str) -> Self {
        match name {
            "system" => Self::System,
            "developer" => Self::Developer,
            "user" => Self::User,
            "assistant" => Self::Assistant,
            "tool" | "function" => Self::Tool,
            _ => Self::Other,
        }
    }

    fn tag(self) -> u8 {
        match self {
            Self::System => b's',
            Self::Developer => b'd',
            Self::User => b'u',
            Self::Assistant => b'a',
            Self::Tool => b't',
            Self::Other => b'o',
        }
    }
}

/// One item of a conversation: a message, or an item of the Responses API.
#[derive(Clone, Debug)]
pub struct Turn<'a> {
    /// Where the item's JSON stands in the body that it was read from.
    pub range: Range<usize>,
    /// Who says it.
    pub role: Role,
    /// What it says, in order. Empty for what may be left out when a conversation is sent again,
    /// such as reasoning.
    pub parts: Vec<Part<'a>>,
}

impl Turn<'_> {
    /// The tool calls in it, independent of the body.
    pub(super) fn into_calls(self) -> impl Iterator<Item = ToolCall<'static>> {
        self.parts.into_iter().filter_map(|part| match part {
            Part::Call(call) => Some(call.into_owned()),
            Part::Text(_) | Part::Refusal(_) | Part::Result(_) | Part::Other(_) => None,
        })
    }
}

/// One piece of what a turn says.
#[derive(Clone, Debug)]
pub enum Part<'a> {
    /// Text, its escapes resolved.
    Text(Cow<'a, str>),
    /// The model's refusal, in its own words.
    Refusal(Cow<'a, str>),
    /// The model asks for a tool.
    Call(ToolCall<'a>),
    /// A tool has answered.
    Result(ToolResult<'a>),
    /// Anything else, such as an image, as its JSON.
    Other(&'a RawValue),
}

/// A model's request to run a tool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall<'a> {
    /// The id under which its result is expected; empty when the dialect gives none.
    pub id: Cow<'a, str>,
    /// The tool's name as the model spells it.
    pub name: Cow<'a, str>,
    /// The arguments as the model wrote them: JSON as a rule, free text for custom tools.
    pub arguments: Cow<'a, str>,
    /// Whether the provider runs it itself, such as a web search, so that no agent will.
    pub by_provider: bool,
    /// Whether the arguments are all there: not when the stream was cut, or the limit reached.
    pub whole: bool,
}

impl<'a> ToolCall<'a> {
    /// A whole call that the agent is to run.
    pub(super) fn new(id: Cow<'a, str>, name: Cow<'a, str>, arguments: Cow<'a, str>) -> Self {
        Self { id, name, arguments, by_provider: false, whole: true }
    }

    /// The same, independent of the body.
    pub fn into_owned(self) -> ToolCall<'static> {
        ToolCall {
            id: Cow::Owned(self.id.into_owned()),
            name: Cow::Owned(self.name.into_owned()),
            arguments: Cow::Owned(self.arguments.into_owned()),
            by_provider: self.by_provider,
            whole: self.whole,
        }
    }
}

/// What a tool answered, as the agent tells the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolResult<'a> {
    /// The id of the call that it answers; empty when the dialect gives none.
    pub call_id: Cow<'a, str>,
    /// Its text: the string, or the text parts one after the other.
    pub text: Cow<'a, str>,
    /// Whether the agent marks it as an error.
    pub error: bool,
}

/// Where the chain of a conversation begins.
pub const CHAIN_START: [u8; 32] = [0; 32];

/// The digest of a turn, or `None` for a turn without parts, which no chain contains.
///
/// It is the same for an assistant's turn in an answer, whole or streamed, and for that turn sent
/// back in a later request. It covers the role; the text, adjacent parts as one; id, name and
/// arguments of tool calls, arguments by what they say; tool results; and other parts without
/// null and empty members, `status`, `annotations`, `logprobs` and `cache_control`.
pub fn turn_digest(turn: &Turn<'_>) -> Option<[u8; 32]> {
    let mut hasher = TurnHasher::new(turn.role);
    for part in &turn.parts {
        match part {
            Part::Text(text) => hasher.text(text),
            Part::Refusal(text) => hasher.refusal(text),
            Part::Call(call) => hasher.call(call),
            Part::Result(result) => hasher.result(result),
            Part::Other(raw) => hasher.other(raw.get()),
        }
    }
    hasher.finish()
}

/// The head of a chain after one more turn: `SHA-256(head || digest)`.
pub fn extend(head: [u8; 32], digest: [u8; 32]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    hasher.update(head);
    hasher.update(digest);
    hasher.finalize().into()
}

/// The heads of a chain after each turn: two conversations share exactly the heads of the turns
/// with which both begin.
pub fn chain(digests: impl IntoIterator<Item = [u8; 32]>) -> Vec<[u8; 32]> {
    let heads = digests.into_iter().scan(CHAIN_START, |head, digest| {
        *head = extend(*head, digest);
        Some(*head)
    });
    heads.collect()
}

/// A running digest of text that arrives in pieces, and of which nothing is kept.
#[derive(Clone, Debug)]
pub(super) struct TextHasher {
    hasher: Sha256,
    empty: bool,
}

impl TextHasher {
    pub(super) fn new() -> Self {
        Self { hasher: Sha256::new(), empty: true }
    }

    pub(super) fn push(&mut self, text: &str) {
        self.empty &= text.is_empty();
        self.hasher.update(text);
    }

    fn finish(self) -> Option<[u8; 32]> {
        (!self.empty).then(|| self.hasher.finalize().into())
    }
}

/// Builds the digest of a turn part by part.
#[derive(Clone, Debug)]
pub(super) struct TurnHasher {
    hasher: Sha256,
    /// The run of text that is not ended yet.
    run: TextHasher,
    parts: bool,
}

impl TurnHasher {
    pub(super) fn new(role: Role) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"countersign turn 1\n");
        hasher.update([role.tag()]);
        Self { hasher, run: TextHasher::new(), parts: false }
    }

    pub(super) fn text(&mut self, text: &str) {
        self.run.push(text);
    }

    /// A whole run of text that was hashed elsewhere.
    pub(super) fn text_run(&mut self, run: TextHasher) {
        self.end_run();
        self.run = run;
    }

    pub(super) fn refusal(&mut self, text: &str) {
        let mut run = TextHasher::new();
        run.push(text);
        self.refusal_run(run);
    }

    /// A whole refusal that was hashed elsewhere.
    pub(super) fn refusal_run(&mut self, run: TextHasher) {
        self.end_run();
        if let Some(digest) = run.finish() {
            self.part(b'r', &[&digest]);
        }
    }

    pub(super) fn call(&mut self, call: &ToolCall<'_>) {
        self.end_run();
        let arguments = normal::digest(&call.arguments, Leave::Nothing);
        self.part(b'c', &[call.id.as_bytes(), call.name.as_bytes(), &arguments]);
    }

    pub(super) fn result(&mut self, result: &ToolResult<'_>) {
        self.end_run();
        self.part(b'o', &[result.call_id.as_bytes(), result.text.as_bytes()]);
    }

    pub(super) fn other(&mut self, json: &str) {
        self.end_run();
        self.part(b'x', &[&normal::digest(json, Leave::Marks)]);
    }

    /// The digest, or `None` when no part came.
    pub(super) fn finish(mut self) -> Option<[u8; 32]> {
        self.end_run();
        self.parts.then(|| self.hasher.finalize().into())
    }

    fn end_run(&mut self) {
        let run = std::mem::replace(&mut self.run, TextHasher::new());
        if let Some(digest) = run.finish() {
            self.part(b't', &[&digest]);
        }
    }

    fn part(&mut self, tag: u8, fields: &[&[u8]]) {
        self.parts = true;
        self.hasher.update([tag]);
        for field in fields {
            normal::bytes(&mut self.hasher, b':', field);
        }
    }
}
