//! What a model answers, before any dialect: words, tool calls, estimated usage; no JSON.

use crate::standin::conversation::{Call, Digest, Role, Turn, digest};
use crate::standin::recording::Recordings;

/// The bytes of English and JSON that make a token, on average. All usage here is an estimate from
/// sizes by this number, not the count of a tokenizer.
const BYTES_PER_TOKEN: usize = 4;

/// Providers cache prompts in steps of this many tokens, from [`CACHED_TOKENS_MIN`].
const CACHE_STEP_TOKENS: usize = 128;

/// Shorter prompts are not cached.
const CACHED_TOKENS_MIN: usize = 1024;

/// The largest number of tool calls that an improvised answer holds.
const IMPROVISED_CALLS_MAX: usize = 64;

/// Estimated tokens of a request and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    /// Tokens of the request, cached ones too.
    pub(super) input: usize,
    /// Those of them that the call before this one had already sent.
    pub(super) cached: usize,
    /// Tokens of the answer.
    pub(super) output: usize,
}

impl Usage {
    /// What is billed together.
    pub(super) fn total(&self) -> usize {
        self.input + self.output
    }
}

/// One answer, ready to be written in a dialect.
pub(super) struct Answer {
    /// Hexadecimal and different for every conversation; ids are made from its beginning.
    pub(super) id: String,
    /// The model that was asked for.
    pub(super) model: String,
    /// What it says.
    pub(super) turn: Turn,
    /// What it cost.
    pub(super) usage: Usage,
    /// In how many pieces a stream gives it; otherwise each piece is about one token.
    pub(super) chunk_count: Option<usize>,
}

impl Answer {
    /// Finds the recorded answer to a conversation, or improvises one.
    pub(super) fn find(recordings: &Recordings, turns: &[Turn], request_bytes: usize) -> Self {
        let conversation = digest(turns);
        let turn = recordings
            .answer(&conversation)
            .map_or_else(|| improvise(turns, &conversation), |turn| Turn::clone(turn));
        Self {
            id: conversation.hex(),
            model: String::new(),
            usage: estimate(turns, &turn, request_bytes),
            turn,
            chunk_count: None,
        }
    }

    /// An id with a prefix and as many hexadecimal digits as the real ones have, up to 64.
    pub(super) fn id(&self, prefix: &str, length: usize) -> String {
        format!("{prefix}{}", self.id.get(..length).unwrap_or(&self.id))
    }

    /// A text cut into the pieces that a stream sends, never inside a character.
    pub(super) fn pieces<'a>(&self, text: &'a str) -> Vec<&'a str> {
        let size =
            self.chunk_count.map_or(BYTES_PER_TOKEN, |count| text.len().div_ceil(count.max(1)));
        let mut pieces = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(rest.ceil_char_boundary(size.max(1)));
            pieces.push(piece);
            rest = after;
        }
        pieces
    }
}

/// Everything up to the last answer was in the request before this one, so it counts as cached.
fn estimate(turns: &[Turn], answer: &Turn, request_bytes: usize) -> Usage {
    let after_last_answer = turns.rsplit(|turn| turn.role == Role::Assistant).next();
    let new: usize = after_last_answer.unwrap_or_default().iter().map(size).sum();
    let seen_before = turns.iter().any(|turn| turn.role == Role::Assistant);
    let input = request_bytes.div_ceil(BYTES_PER_TOKEN);
    let old = input.saturating_sub(new.div_ceil(BYTES_PER_TOKEN));
    let cached = if seen_before && old >= CACHED_TOKENS_MIN {
        old / CACHE_STEP_TOKENS * CACHE_STEP_TOKENS
    } else {
        0
    };
    Usage { input, cached, output: size(answer).div_ceil(BYTES_PER_TOKEN).max(1) }
}

fn size(turn: &Turn) -> usize {
    let calls = turn.calls.iter().map(|call| call.name.len() + call.arguments.len());
    turn.text.len() + calls.sum::<usize>()
}

/// Answers a conversation that was not recorded.
///
/// Each line `call NAME ARGUMENTS` of the last message, if a person sent it, becomes a tool call,
/// so that a test with any client can have the model ask for tools, several at once too. More than
/// 64 such lines are not read.
fn improvise(turns: &[Turn], conversation: &Digest) -> Turn {
    let last = turns.last().filter(|turn| turn.role == Role::User);
    let lines = last.map(|turn| turn.text.lines()).into_iter().flatten();
    let calls: Vec<Call> = lines
        .filter_map(|line| line.strip_prefix("call "))
        .take(IMPROVISED_CALLS_MAX)
        .enumerate()
        .map(|(index, asked)| {
            let (name, arguments) = asked.split_once(' ').unwrap_or((asked, "{}"));
            let hex = conversation.hex();
            let id = format!("call_{}{index:02}", hex.get(..22).unwrap_or(&hex));
            Call { id, name: name.into(), arguments: arguments.into() }
        })
        .collect();
    let text = if calls.is_empty() {
        let count = turns.len();
        format!("This model replays recordings, and none begins with these {count} messages.")
    } else {
        String::new()
    };
    Turn { role: Role::Assistant, text, calls }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(turns: &[Turn], bytes: usize) -> Answer {
        Answer::find(&Recordings::embedded().unwrap(), turns, bytes)
    }

    #[test]
    fn the_pieces_of_a_text_make_the_text() {
        let mut answer = answer(&[], 0);
        let text = "Grüße aus Łódź, 東京 and elsewhere";
        assert_eq!(answer.pieces(text).concat(), text);
        answer.chunk_count = Some(3);
        assert_eq!(answer.pieces(text).concat(), text);
        assert!(answer.pieces(text).len() <= 3);
    }

    #[test]
    fn a_line_that_asks_for_a_call_gets_one() {
        let said = "please\ncall search {\"q\":1}\ncall think";
        let turn = answer(&[Turn::said(Role::User, said)], 10).turn;
        let calls: Vec<_> = turn.calls.iter().map(|c| (&*c.name, &*c.arguments)).collect();
        assert_eq!(calls, [("search", "{\"q\":1}"), ("think", "{}")]);
        assert_ne!(turn.calls[0].id, turn.calls[1].id);
    }

    #[test]
    fn only_what_was_sent_before_counts_as_cached() {
        let first = [Turn::said(Role::System, "s".repeat(8000)), Turn::said(Role::User, "hi")];
        assert_eq!(answer(&first, 8100).usage.cached, 0);
        let mut second = first.to_vec();
        second.push(Turn::said(Role::Assistant, "yes?"));
        second.push(Turn::said(Role::User, "u".repeat(400)));
        let usage = answer(&second, 8600).usage;
        assert_eq!((usage.input, usage.cached), (2150, 2048));
    }
}
