//! One text as a page shows it: whole, or its beginning and end with what lies between counted.

use super::span::{Span, visible};
use serde::Serialize;

/// A text of so many bytes of plain characters, or with so many lines, is folded.
const WHOLE_BYTES: usize = 1500;
const WHOLE_LINES: usize = 30;

/// How many bytes a folded text shows of its beginning and of its end.
const HEAD_BYTES: usize = 700;
const TAIL_BYTES: usize = 300;

/// How many lines of a folded text's beginning and end are shown.
const HEAD_LINES: usize = 12;
const TAIL_LINES: usize = 5;

/// A fold opens on so many spans at the most, and on so many bytes that nobody could read more.
const SPANS_MAX: usize = 4000;
const MIDDLE_BYTES_MAX: usize = 200_000;

/// A text as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Its bytes.
    pub bytes: usize,
    /// Its lines.
    pub lines: usize,
    /// How many characters a reader should be warned of.
    pub alarming: usize,
    /// All of it, or its beginning.
    pub head: Vec<Span>,
    /// What is behind a fold: `None` when `head` is all there is.
    pub folded: Option<Folded>,
}

/// What does not show at first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Folded {
    /// How many bytes lie between the beginning and the end.
    pub hidden: usize,
    /// What lies between; `None` when that is too much for a page.
    pub middle: Option<Vec<Span>>,
    /// The end.
    pub tail: Vec<Span>,
}

impl Shown {
    /// The text that it stands for, without what is not on the page. Not to be shown.
    pub fn source(&self) -> String {
        let middle = self.folded.iter().flat_map(|folded| folded.middle.iter().flatten());
        let tail = self.folded.iter().flat_map(|folded| &folded.tail);
        self.head.iter().chain(middle).chain(tail).map(Span::source).collect()
    }

    /// Whether some of it is not on the page at all.
    pub fn is_withheld(&self) -> bool {
        self.folded.as_ref().is_some_and(|folded| folded.middle.is_none())
    }
}

/// A text as it is to be shown. The three parts, one behind the other, are the text; the middle
/// is left out when it is too much for a page, and its bytes are counted like all others.
pub fn shown(text: &str) -> Shown {
    let spans = visible(text);
    let alarming = spans.iter().map(Span::alarming).sum();
    let lines = text.matches('\n').count() + usize::from(!text.is_empty() && !text.ends_with('\n'));
    let (head, rest) = split_at(spans, WHOLE_BYTES, WHOLE_LINES);
    if rest.is_empty() {
        return Shown { bytes: text.len(), lines, alarming, head, folded: None };
    }
    let (head, second) = split_at(head, HEAD_BYTES, HEAD_LINES);
    let mut rest: Vec<Span> = second.into_iter().chain(rest).rev().map(turned).collect();
    // The end is the beginning of the text that is read from its end.
    let (tail, middle);
    (tail, rest) = split_at(rest, TAIL_BYTES, TAIL_LINES);
    middle = rest.into_iter().rev().map(turned).collect::<Vec<Span>>();
    let tail = tail.into_iter().rev().map(turned).collect();
    let hidden = middle.iter().map(|span| span.source().len()).sum();
    let readable: usize = middle.iter().map(|span| span.text().len()).sum();
    let fits = middle.len() <= SPANS_MAX && readable <= MIDDLE_BYTES_MAX;
    let middle = fits.then_some(middle);
    Shown {
        bytes: text.len(),
        lines,
        alarming,
        head,
        folded: Some(Folded { hidden, middle, tail }),
    }
}

fn turned(span: Span) -> Span {
    match span {
        Span::Plain(text) => Span::Plain(text.chars().rev().collect()),
        chip @ Span::Chip { .. } => chip,
    }
}

/// Takes spans from the front until they show as much as is allowed. Plain text is cut where it
/// has to be; a chip counts as the bytes that it shows.
fn split_at(spans: Vec<Span>, bytes: usize, lines: usize) -> (Vec<Span>, Vec<Span>) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    let (mut bytes, mut lines) = (bytes, lines);
    for span in spans {
        if !second.is_empty() || bytes == 0 || lines == 0 {
            second.push(span);
            continue;
        }
        lines -= usize::from(span.breaks());
        let size = span.text().len();
        match span {
            Span::Plain(text) if size > bytes => {
                let (kept, left) = text.split_at(text.floor_char_boundary(bytes));
                let parts = [(&mut first, kept), (&mut second, left)];
                for (list, part) in parts.into_iter().filter(|(_, part)| !part.is_empty()) {
                    list.push(Span::Plain(part.to_owned()));
                }
                bytes = 0;
            }
            span @ (Span::Plain(_) | Span::Chip { .. }) => {
                bytes = bytes.saturating_sub(size);
                first.push(span);
            }
        }
    }
    (first, second)
}
