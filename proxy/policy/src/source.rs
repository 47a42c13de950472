//! The text of policies: cut into single policies, within limits, with lines and columns.

use crate::problem::PolicyProblem;
use std::sync::Arc;

/// The most bytes of one source.
pub(crate) const SOURCE_BYTES_MAX: usize = 1 << 20;
/// The most bytes of one policy.
pub(crate) const POLICY_BYTES_MAX: usize = 64 << 10;
/// The most policies of all sources together.
pub(crate) const POLICIES_MAX: usize = 10_000;
/// How deep brackets may be nested. What reads policies recurses, and a stack is finite.
pub(crate) const NESTING_MAX: usize = 32;
/// The most signs of one policy that can nest without brackets: operators, dots, calls.
pub(crate) const OPERATORS_MAX: usize = 400;

/// A text of policies, and the name that problems and verdicts give it: its path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The name.
    pub name: String,
    /// The policies, in Cedar.
    pub text: String,
}

/// One policy of a source, from its first annotation or word to its semicolon.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Piece<'a> {
    /// The name of the source.
    pub(crate) file: &'a Arc<str>,
    /// All of the source.
    whole: &'a str,
    /// Where in it the policy starts.
    start: usize,
    /// The policy.
    pub(crate) text: &'a str,
}

impl Piece<'_> {
    /// A problem at a place in the policy, counted in bytes.
    pub(crate) fn problem(
        &self,
        at: usize,
        message: impl Into<String>,
        hint: Option<String>,
    ) -> PolicyProblem {
        let (line, column) = position(self.whole, self.start + at);
        PolicyProblem { file: Arc::clone(self.file), line, column, message: message.into(), hint }
    }

    /// Where an annotation stands.
    pub(crate) fn annotation(&self, name: &str) -> usize {
        let starts = self.text.match_indices('@');
        let mut named = starts.filter(|(at, _)| {
            let rest = self.text.get(at + 1..).and_then(|rest| rest.strip_prefix(name));
            rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || c == '_'))
        });
        named.next().map_or(0, |(at, _)| at)
    }

    /// The line on which the policy starts.
    pub(crate) fn line(&self) -> usize {
        position(self.whole, self.start).0
    }
}

/// Line and column of a byte, both from 1.
fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

/// Cuts a source into its policies. What is too large or too deep is a problem and left out, so
/// that nothing further on has to bear it.
pub(crate) fn pieces<'a>(
    file: &'a Arc<str>,
    whole: &'a str,
    problems: &mut Vec<PolicyProblem>,
) -> Vec<Piece<'a>> {
    let piece = |start: usize, end: usize| Piece {
        file,
        whole,
        start,
        text: whole.get(start..end).unwrap_or_default(),
    };
    if whole.len() > SOURCE_BYTES_MAX {
        let message = format!("{} bytes, {SOURCE_BYTES_MAX} at most", whole.len());
        problems.push(piece(0, 0).problem(0, message, Some("split it into files".to_owned())));
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut scan = Scan::default();
    let mut characters = whole.char_indices().peekable();
    while let Some((at, next)) = characters.next() {
        let after = characters.peek().map(|(_, after)| *after);
        if scan.take(at, next, after) {
            let policy = piece(scan.start.unwrap_or(at), at + 1);
            match scan.complaint() {
                Some((at, message, hint)) => {
                    problems.push(policy.problem(at, message, Some(hint)));
                }
                None => found.push(policy),
            }
            scan = Scan::default();
        }
    }
    if let Some(start) = scan.start {
        let (message, hint) = match scan.state {
            State::Text { .. } => ("a text in this policy has no end", "close it with `\"`"),
            State::Code | State::Comment => {
                ("the policy that starts here has no end", "end it with `;`")
            }
        };
        problems.push(piece(start, whole.len()).problem(0, message, Some(hint.to_owned())));
    }
    found
}

#[derive(Clone, Copy, Default)]
enum State {
    #[default]
    Code,
    Comment,
    Text {
        is_escaped: bool,
    },
}

/// What was seen of one policy.
#[derive(Default)]
struct Scan {
    state: State,
    start: Option<usize>,
    end: usize,
    depth: usize,
    deepest: (usize, usize),
    operators: usize,
    word: String,
}

impl Scan {
    /// Takes a character; true for the semicolon that ends the policy.
    fn take(&mut self, at: usize, next: char, after: Option<char>) -> bool {
        self.end = at;
        match (self.state, next) {
            (State::Comment, '\n') => self.state = State::Code,
            (State::Comment, _) => {}
            (State::Text { is_escaped: true }, _) => {
                self.state = State::Text { is_escaped: false };
            }
            (State::Text { is_escaped: false }, '"') => self.state = State::Code,
            (State::Text { is_escaped: false }, next) => {
                self.state = State::Text { is_escaped: next == '\\' };
            }
            (State::Code, '/') if after == Some('/') => self.state = State::Comment,
            (State::Code, next) if next.is_whitespace() => self.word.clear(),
            (State::Code, next) => return self.code(at, next, after),
        }
        false
    }

    fn code(&mut self, at: usize, next: char, after: Option<char>) -> bool {
        self.start.get_or_insert(at);
        match next {
            ';' => return true,
            '"' => self.state = State::Text { is_escaped: false },
            '(' | '[' | '{' => {
                self.depth += 1;
                self.operators += 1;
                self.deepest = self.deepest.max((self.depth, at));
            }
            ')' | ']' | '}' => self.depth = self.depth.saturating_sub(1),
            '&' | '|' | '.' | '!' | '-' | '+' | '*' => self.operators += 1,
            _ => {}
        }
        if next.is_alphanumeric() || next == '_' {
            self.word.push(next);
            let goes_on = after.is_some_and(|next| next.is_alphanumeric() || next == '_');
            self.operators += usize::from(self.word == "if" && !goes_on);
        } else {
            self.word.clear();
        }
        false
    }

    /// What is too much about the policy: where in it, what, and what to do.
    fn complaint(&self) -> Option<(usize, String, String)> {
        let start = self.start?;
        let bytes = self.end - start;
        if bytes > POLICY_BYTES_MAX {
            let message = format!("a policy of {bytes} bytes, {POLICY_BYTES_MAX} at most");
            return Some((0, message, "split it into several policies".to_owned()));
        }
        let (depth, at) = self.deepest;
        if depth > NESTING_MAX {
            let message = format!("brackets are nested {depth} deep, {NESTING_MAX} at most");
            return Some((at - start, message, "split it into several policies".to_owned()));
        }
        (self.operators > OPERATORS_MAX).then(|| {
            let message =
                format!("a policy with {} operators, {OPERATORS_MAX} at most", self.operators);
            let hint = "split it into several policies, or list values in `[…]`".to_owned();
            (0, message, hint)
        })
    }
}
