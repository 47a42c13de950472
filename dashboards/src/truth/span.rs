//! Text as runs that show as what they are, and chips that spell out all else.

use super::character::{Kind, is_mark, kind, label};
use serde::Serialize;

/// The most combining marks that follow each other and still show as what they are.
const MARKS_MAX: usize = 3;

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// Shows as what it is.
    Plain(String),
    /// Spelled out: one character, as often as it follows itself.
    Chip {
        /// Why.
        kind: Kind,
        /// The character. Never to be shown.
        character: char,
        /// How often it follows itself.
        count: usize,
    },
}

impl Span {
    /// The text that it stands for. Chips' is never to be shown.
    pub fn source(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Chip { character, count, .. } => character.to_string().repeat(*count),
        }
    }

    /// What a reader sees.
    pub fn text(&self) -> String {
        match self {
            Self::Plain(text) => text.clone(),
            Self::Chip { character, count: 1, .. } => format!("⟦{}⟧", label(*character)),
            Self::Chip { character, count, .. } => format!("⟦{} ×{count}⟧", label(*character)),
        }
    }

    /// The class of a chip; `None` for plain text.
    pub fn class(&self) -> Option<&'static str> {
        match self {
            Self::Plain(_) => None,
            Self::Chip { kind, .. } => Some(kind.class()),
        }
    }

    /// Whether the text goes on in a new line behind it.
    pub fn breaks(&self) -> bool {
        matches!(self, Self::Chip { kind: Kind::Break, .. })
    }

    /// How many characters a reader should be warned of.
    pub fn alarming(&self) -> usize {
        match self {
            Self::Chip { kind, count, .. } if kind.is_alarming() => *count,
            Self::Plain(_) | Self::Chip { .. } => 0,
        }
    }
}

/// Splits a text into what shows as what it is and what has to be spelled out.
///
/// The sources of the spans, one behind the other, are the text. No text of a span holds a
/// character that is invisible, moves a cursor or turns the direction of writing; and two texts
/// never look alike because of a chip. A space stands for itself between two characters that do;
/// at an end of a line, or more than one, they are chips with their count.
pub fn visible(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut plain = String::new();
    let mut rest = text.chars().peekable();
    let mut marks = 0;
    while let Some(character) = rest.next() {
        let mut count = 1;
        while rest.next_if_eq(&character).is_some() {
            count += 1;
        }
        let is_bare = plain.is_empty();
        let kind = match kind(character) {
            Some(kind) => Some(kind),
            None if character == ' ' => {
                let is_end = is_bare || rest.peek().is_none_or(|next| !is_solid(*next));
                (is_end || count > 1).then_some(Kind::Space)
            }
            None if is_mark(character) => {
                let is_loose = is_bare || plain.ends_with(' ') || marks + count > MARKS_MAX;
                is_loose.then_some(Kind::Stacked)
            }
            None => None,
        };
        if let Some(kind) = kind {
            if !plain.is_empty() {
                spans.push(Span::Plain(std::mem::take(&mut plain)));
            }
            spans.push(Span::Chip { kind, character, count });
        } else {
            marks = if is_mark(character) { marks + count } else { 0 };
            plain.extend(std::iter::repeat_n(character, count));
        }
    }
    if !plain.is_empty() {
        spans.push(Span::Plain(plain));
    }
    spans
}

/// Whether a character shows by itself where it is.
fn is_solid(character: char) -> bool {
    kind(character).is_none() && !is_mark(character)
}
