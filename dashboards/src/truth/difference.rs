//! What differs between two calls' arguments, value by value.

use super::lookalike::look_alike;
use super::shown::{Shown, shown};
use super::span::{Span, visible};
use super::tree::{Tree, read};
use serde::Serialize;

/// How much of what two texts have in common is shown beside what differs.
const CONTEXT_CHARS: usize = 40;

/// One value that differs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// Where it stands, as `to[0].name`.
    pub path: Vec<Span>,
    /// How it differs.
    pub kind: ChangeKind,
    /// What it was.
    pub before: Option<Side>,
    /// What it is.
    pub after: Option<Side>,
    /// Both look alike, and are not.
    pub looks_alike: bool,
}

/// How a value differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ChangeKind {
    /// It was not there.
    Added,
    /// It is not there any more.
    Removed,
    /// It is another.
    Changed,
}

/// One of two values: what both have in common, and what does not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Side {
    /// How many bytes before `start` are the same and not shown.
    pub skipped: usize,
    /// What is the same.
    pub start: Vec<Span>,
    /// What is not.
    pub differs: Shown,
    /// What is the same again.
    pub end: Vec<Span>,
    /// How many bytes after `end` are the same and not shown.
    pub left: usize,
}

/// What differs between two calls' arguments; an empty list when nothing does. An error says why
/// they cannot be compared.
pub fn difference(before: &[u8], after: &[u8]) -> Result<Vec<Change>, String> {
    let before = flat(&read(before).map_err(|fault| format!("The former is {fault}."))?);
    let after = flat(&read(after).map_err(|fault| format!("The latter is {fault}."))?);
    let mut changes = Vec::new();
    for (path, new) in &after {
        match value(&before, path) {
            Some(old) if old == new => {}
            Some(old) => changes.push(changed(path, old, new)),
            None => changes.push(Change {
                path: visible(path),
                kind: ChangeKind::Added,
                before: None,
                after: Some(whole(new)),
                looks_alike: before.iter().any(|(other, _)| look_alike(other, path)),
            }),
        }
    }
    let removed = before.iter().filter(|(path, _)| value(&after, path).is_none());
    changes.extend(removed.map(|(path, old)| Change {
        path: visible(path),
        kind: ChangeKind::Removed,
        before: Some(whole(old)),
        after: None,
        looks_alike: false,
    }));
    Ok(changes)
}

type Flat = Vec<(String, String)>;

fn value<'a>(flat: &'a Flat, path: &str) -> Option<&'a str> {
    flat.iter().find(|(other, _)| other == path).map(|(_, value)| value.as_str())
}

/// Every value that holds no others, by its path. Text stands in quotes, so that `"1"` is not `1`.
fn flat(tree: &Tree) -> Flat {
    let mut found = Flat::new();
    let mut left = vec![(String::new(), tree)];
    while let Some((path, tree)) = left.pop() {
        let value = match tree {
            Tree::Object(members) if !members.is_empty() => {
                for (at, (name, value)) in members.iter().enumerate().rev() {
                    let earlier = members.iter().take(at);
                    let times = earlier.filter(|(other, _)| other == name).count();
                    let again = if times > 0 { format!("(again {times})") } else { String::new() };
                    let dot = if path.is_empty() { "" } else { "." };
                    left.push((format!("{path}{dot}{name}{again}"), value));
                }
                continue;
            }
            Tree::Array(elements) if !elements.is_empty() => {
                for (index, element) in elements.iter().enumerate().rev() {
                    left.push((format!("{path}[{index}]"), element));
                }
                continue;
            }
            Tree::Object(_) => "{}".to_owned(),
            Tree::Array(_) => "[]".to_owned(),
            Tree::Text(text) => format!("“{text}”"),
            Tree::Number(lexeme) => lexeme.clone(),
            Tree::Word(word) => (*word).to_owned(),
        };
        found.push((path, value));
    }
    found
}

fn whole(value: &str) -> Side {
    Side { skipped: 0, start: Vec::new(), differs: shown(value), end: Vec::new(), left: 0 }
}

fn changed(path: &str, old: &str, new: &str) -> Change {
    let same = |pair: &((usize, char), (usize, char))| pair.0.1 == pair.1.1;
    let pairs = old.char_indices().zip(new.char_indices());
    let start: usize = pairs.take_while(same).map(|((_, next), _)| next.len_utf8()).sum();
    let rest = |text: &str| text.get(start..).unwrap_or_default().to_owned();
    let (old_rest, new_rest) = (rest(old), rest(new));
    let pairs = old_rest.chars().rev().zip(new_rest.chars().rev());
    let end: usize =
        pairs.take_while(|(one, other)| one == other).map(|(next, _)| next.len_utf8()).sum();
    Change {
        path: visible(path),
        kind: ChangeKind::Changed,
        before: Some(side(old, start, end)),
        after: Some(side(new, start, end)),
        looks_alike: look_alike(old, new),
    }
}

/// A text whose first `start` and last `end` bytes are the same in another.
fn side(text: &str, start: usize, end: usize) -> Side {
    let (head, rest) = text.split_at_checked(start).unwrap_or((text, ""));
    let middle = rest.len().saturating_sub(end);
    let (differs, tail) = rest.split_at_checked(middle).unwrap_or((rest, ""));
    let from = head.char_indices().rev().nth(CONTEXT_CHARS - 1).map_or(0, |(at, _)| at);
    let to = tail.char_indices().nth(CONTEXT_CHARS).map_or(tail.len(), |(at, _)| at);
    Side {
        skipped: from,
        start: visible(head.get(from..).unwrap_or_default()),
        differs: shown(differs),
        end: visible(tail.get(..to).unwrap_or_default()),
        left: tail.len() - to,
    }
}
