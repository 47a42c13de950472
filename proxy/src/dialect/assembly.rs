//! What every stream reader shares: the limit on what it keeps, and tool calls that come in pieces.

use super::turn::ToolCall;
use std::borrow::Cow;

/// What an event of a stream is to the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It carries something that the model says: the first one ends the wait of whoever reads.
    Content,
    /// It tells the client that the answer is over. From the first of these on, frames are withheld
    /// until the outcome is durable; there may be more than one.
    Terminal,
    /// Neither.
    Other,
}

/// What one more entry in a list costs of the limit, beside its bytes.
const ENTRY_COST: usize = 256;

/// How much of a stream may still be kept.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    left: usize,
    dropped: u64,
}

impl Budget {
    pub(super) fn new(kept_bytes_max: usize) -> Self {
        Self { left: kept_bytes_max, dropped: 0 }
    }

    /// Whether `bytes` more may be kept; if not, they are counted as dropped.
    pub(super) fn spend(&mut self, bytes: usize) -> bool {
        let left = self.left.checked_sub(bytes);
        match left {
            Some(left) => self.left = left,
            None => self.drop_bytes(bytes),
        }
        left.is_some()
    }

    /// Counts bytes as dropped.
    pub(super) fn drop_bytes(&mut self, bytes: usize) {
        self.dropped = self.dropped.saturating_add(bytes as u64);
    }

    /// Whether one more entry may be kept.
    pub(super) fn spend_entry(&mut self) -> bool {
        self.spend(ENTRY_COST)
    }

    /// A copy of `text`, if it may be kept.
    pub(super) fn keep(&mut self, text: &str) -> Option<String> {
        self.spend(text.len()).then(|| text.to_owned())
    }

    /// Keeps a value that many events repeat, the first time it comes.
    pub(super) fn keep_first(&mut self, kept: &mut Option<String>, text: Option<Cow<'_, str>>) {
        if kept.is_none() {
            *kept = text.and_then(|text| self.keep(&text));
        }
    }

    /// How many bytes were not kept.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// A tool call while its pieces arrive.
#[derive(Clone, Debug)]
pub(super) struct Assembly {
    /// Its place among the calls or items of the answer.
    pub(super) index: u64,
    pub(super) id: String,
    name: String,
    arguments: String,
    pub(super) by_provider: bool,
    /// A piece was dropped.
    cut: bool,
}

impl Assembly {
    /// A call of which nothing is known but its place, if one more may be kept.
    pub(super) fn open(budget: &mut Budget, index: u64) -> Option<Self> {
        budget.spend_entry().then(|| Self {
            index,
            id: String::new(),
            name: String::new(),
            arguments: String::new(),
            by_provider: false,
            cut: false,
        })
    }

    /// Takes the id; it comes once, or the same every time.
    pub(super) fn identify(&mut self, budget: &mut Budget, id: &str) {
        if self.id.is_empty() {
            push(&mut self.cut, budget, &mut self.id, id);
        }
    }

    /// Takes the name: it comes once, in pieces, or the same every time.
    pub(super) fn name(&mut self, budget: &mut Budget, name: &str) {
        if self.name != name {
            push(&mut self.cut, budget, &mut self.name, name);
        }
    }

    /// Takes the next piece of the arguments.
    pub(super) fn arguments(&mut self, budget: &mut Budget, piece: &str) {
        if self.cut {
            budget.drop_bytes(piece.len());
        } else {
            push(&mut self.cut, budget, &mut self.arguments, piece);
        }
    }

    /// Takes the arguments as they are repeated whole at the end.
    pub(super) fn settle_arguments(&mut self, budget: &mut Budget, whole: &str) {
        if self.arguments != whole && !self.cut {
            self.arguments.clear();
            push(&mut self.cut, budget, &mut self.arguments, whole);
        }
    }

    /// Whether no piece of the arguments has come.
    pub(super) fn without_arguments(&self) -> bool {
        self.arguments.is_empty() && !self.cut
    }

    /// The call; `ended` says whether the dialect announced its end.
    pub(super) fn finish(self, ended: bool) -> ToolCall<'static> {
        ToolCall {
            id: Cow::Owned(self.id),
            name: Cow::Owned(self.name),
            arguments: Cow::Owned(self.arguments),
            by_provider: self.by_provider,
            whole: ended && !self.cut,
        }
    }
}

/// Keeps the piece whole or not at all, and marks the call as cut when it does not.
fn push(cut: &mut bool, budget: &mut Budget, kept: &mut String, piece: &str) {
    if budget.spend(piece.len()) {
        kept.push_str(piece);
    } else {
        *cut = true;
    }
}
