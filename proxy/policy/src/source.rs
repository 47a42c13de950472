//! The text of policies: cut into single policies, within limits, with lines and columns.

use crate::depth::Depth;
use crate::problem::PolicyProblem;
use std::sync::Arc;

/// The most bytes of one source.
pub(crate) const SOURCE_BYTES_MAX: usize = 1 << 20;
/// The most bytes of one policy.
pub(crate) const POLICY_BYTES_MAX: usize = 64 << 10;
/// The most policies of all sources together.
pub(crate) const POLICIES_MAX: usize = 10_000;
/// How deep a policy may be nested. What reads policies recurses, and in a debug build a stack of
/// 2 MiB is just not enough for twice as much.
pub(crate) const DEPTH_MAX: usize = 64;

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

    /// Where the policy starts: file and line, and the column if another starts there before it.
    pub(crate) fn place(&self) -> String {
        let (line, column) = position(self.whole, self.start);
        let before = self.whole.get(..self.start).and_then(|before| before.rsplit('\n').next());
        if before.is_none_or(|before| before.trim().is_empty()) {
            return format!("{}:{line}", self.file);
        }
        format!("{}:{line}:{column}", self.file)
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
                    problems.push(policy.problem(at, message, Some(hint.to_owned())));
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
    depth: Depth,
    /// Where the policy became too deep.
    too_deep: Option<usize>,
}

impl Scan {
    /// Takes a character; true for the semicolon that ends the policy.
    fn take(&mut self, at: usize, next: char, after: Option<char>) -> bool {
        self.end = at;
        match (self.state, next) {
            (State::Comment, '\n') | (State::Text { is_escaped: false }, '"') => {
                self.state = State::Code;
            }
            (State::Comment, _) => {}
            (State::Text { is_escaped: true }, _) => {
                self.state = State::Text { is_escaped: false };
            }
            (State::Text { is_escaped: false }, next) => {
                self.state = State::Text { is_escaped: next == '\\' };
            }
            (State::Code, '/') if after == Some('/') => self.state = State::Comment,
            (State::Code, ';') => {
                self.start.get_or_insert(at);
                return true;
            }
            (State::Code, next) => self.code(at, next),
        }
        false
    }

    fn code(&mut self, at: usize, next: char) {
        self.depth.take(next);
        if !next.is_whitespace() {
            self.start.get_or_insert(at);
        }
        if next == '"' {
            self.state = State::Text { is_escaped: false };
        }
        if self.too_deep.is_none() && self.depth.most() > DEPTH_MAX {
            self.too_deep = Some(at);
        }
    }

    /// What is too much about the policy: where in it, what, and what to do.
    fn complaint(&self) -> Option<(usize, String, &'static str)> {
        let start = self.start?;
        let bytes = self.end - start;
        if bytes > POLICY_BYTES_MAX {
            let message = format!("a policy of {bytes} bytes, {POLICY_BYTES_MAX} at most");
            return Some((0, message, "split it into several policies"));
        }
        let at = self.too_deep?;
        let message = format!("a policy nested {} deep, {DEPTH_MAX} at most", self.depth.most());
        let hint = "split it into several policies, or list values in one `[…]`";
        Some((at - start, message, hint))
    }
}
