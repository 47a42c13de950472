//! Draws a tree with box-drawing lines at a given width. It knows nothing of what is drawn.

use crate::safe_text::{columns, one_line};

/// The least room for a line's own text, however deep it stands.
const COLUMNS_MIN: usize = 24;

/// How a line is meant; said in its words as well, so that colour is never needed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Plain,
    Quiet,
    Warning,
    Failure,
}

impl Tone {
    /// The ANSI sequence (ECMA-48 SGR) that begins it.
    const fn begin(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Quiet => "\u{1b}[2m",
            Self::Warning => "\u{1b}[33m",
            Self::Failure => "\u{1b}[31m",
        }
    }
}

/// One line of a node, before it is known how wide it may be.
#[derive(Clone, Debug)]
pub(crate) enum Line {
    /// Parts that stay whole; they go on in the next line when they do not fit.
    Parts(Tone, Vec<String>),
    /// A label, and a text that is shortened to fit.
    Text(Tone, &'static str, String),
}

/// A node of the tree: its lines, and what hangs below it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Node {
    pub(crate) lines: Vec<Line>,
    pub(crate) children: Vec<Self>,
}

impl Node {
    /// A node whose first line has these parts.
    pub(crate) fn of(tone: Tone, parts: Vec<String>) -> Self {
        Self { lines: vec![Line::Parts(tone, parts)], children: Vec::new() }
    }
}

/// Draws trees one below the other.
pub(crate) fn draw(roots: &[Node], width: usize, colour: bool) -> String {
    let mut page = Page { width, colour, text: String::new() };
    for root in roots {
        page.node(root, "", "");
    }
    page.text
}

struct Page {
    width: usize,
    colour: bool,
    text: String,
}

impl Page {
    fn node(&mut self, node: &Node, first: &str, rest: &str) {
        let stem = if node.children.is_empty() { "   " } else { "│  " };
        let below = format!("{rest}{stem}");
        let mut prefix = first;
        for line in &node.lines {
            match line {
                Line::Parts(tone, parts) => self.parts(*tone, parts, prefix, &below),
                Line::Text(tone, label, text) => {
                    let room = self.room(prefix, columns(label) + 1);
                    self.line(*tone, prefix, &format!("{label} {}", one_line(text, room)));
                }
            }
            prefix = &below;
        }
        if let Some((last, others)) = node.children.split_last() {
            for child in others {
                self.node(child, &format!("{rest}├─ "), &format!("{rest}│  "));
            }
            self.node(last, &format!("{rest}└─ "), &format!("{rest}   "));
        }
    }

    fn parts(&mut self, tone: Tone, parts: &[String], first: &str, below: &str) {
        let mut prefix = first;
        let mut line = String::new();
        for part in parts {
            let together = columns(&line) + 3 + columns(part);
            if !line.is_empty() && together > self.room(prefix, 0) {
                self.line(tone, prefix, &line);
                prefix = below;
                line.clear();
            }
            if !line.is_empty() {
                line.push_str(" · ");
            }
            line.push_str(part);
        }
        self.line(tone, prefix, &line);
    }

    fn room(&self, prefix: &str, taken: usize) -> usize {
        self.width.saturating_sub(columns(prefix) + taken).max(COLUMNS_MIN)
    }

    fn line(&mut self, tone: Tone, prefix: &str, text: &str) {
        let (begin, end) = match tone.begin() {
            "" => ("", ""),
            begin if self.colour => (begin, "\u{1b}[0m"),
            _ => ("", ""),
        };
        for piece in [prefix, begin, text, end, "\n"] {
            self.text.push_str(piece);
        }
    }
}
