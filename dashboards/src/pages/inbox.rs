//! The calls that wait, those that wait for the reader first.

use super::shell::Shell;
use super::tier::{Mood, Tier};
use crate::markup::Label;
use crate::moment::Moment;
use crate::truth::{Arguments, Content, Shown, Span};
use askama::Template;

/// How many arguments a line shows; how many more there are is said.
const PREVIEW_MAX: usize = 3;

/// How many characters of an argument a line shows; how many bytes more there are is said.
const PREVIEW_CHARS: usize = 60;

/// What the list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tab {
    /// What the reader may decide.
    Mine,
    /// All that waits.
    All,
    /// What waits no longer.
    Decided,
}

/// A list and how long it is.
#[derive(Clone, Debug)]
pub struct Count {
    /// Of what.
    pub tab: Tab,
    /// How long; `None` where nobody counted.
    pub count: Option<usize>,
}

/// A call in the list.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its id.
    pub call: String,
    /// How much is at stake.
    pub tier: Tier,
    /// The tool.
    pub tool: Label,
    /// Its server.
    pub server: Label,
    /// The agent.
    pub agent: Label,
    /// The person it acts for.
    pub owner: Label,
    /// The arguments that matter most, each with its name.
    pub preview: Vec<(Label, Label)>,
    /// How many more there are.
    pub more: usize,
    /// How many warnings the arguments have.
    pub warnings: usize,
    /// Whether reading them tells what will happen.
    pub inspectable: bool,
    /// When it was asked.
    pub asked: Moment,
    /// How long ago that was.
    pub since: String,
    /// When it ends with a no, or ended.
    pub ends: Moment,
    /// How far that is away.
    pub left: String,
    /// How far it is: `1 of 2 votes`, `approved by Ada`. In words of ours.
    pub state: String,
    /// How good that is.
    pub mood: Mood,
}

impl Item {
    /// Takes what a line shows of the arguments: the first that are values by themselves.
    pub fn previewed(arguments: &Arguments) -> (Vec<(Label, Label)>, usize) {
        let named = arguments.rows.iter().filter_map(|row| {
            let name = row.name.as_ref()?;
            match &row.content {
                Content::Text(shown) | Content::Number(shown) => Some((short(name), short(shown))),
                Content::Word(word) => Some((short(name), Label::of(word))),
                Content::Object(_) | Content::List(_) => None,
            }
        });
        let preview: Vec<(Label, Label)> = named.take(PREVIEW_MAX).collect();
        let more = arguments.rows.len().saturating_sub(preview.len());
        (preview, more)
    }
}

/// The beginning of a text, and how many bytes more there are.
fn short(shown: &Shown) -> Label {
    let mut left = PREVIEW_CHARS;
    let mut spans = Vec::new();
    let mut bytes = 0;
    for span in &shown.head {
        let size = span.text().chars().count();
        match span {
            Span::Plain(text) if size > left => {
                let kept: String = text.chars().take(left).collect();
                bytes += kept.len();
                spans.push(Span::Plain(kept));
                break;
            }
            Span::Chip { .. } if size > left => break,
            Span::Plain(_) | Span::Chip { .. } => {
                left -= size;
                bytes += span.source().len();
                spans.push(span.clone());
            }
        }
    }
    if bytes < shown.bytes {
        spans.push(Span::Plain(format!("… +{} bytes", shown.bytes - bytes)));
    }
    Label::from(spans)
}

impl Tab {
    /// What it is called.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Mine => "For you",
            Self::All => "All waiting",
            Self::Decided => "Decided",
        }
    }

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Mine => "/holds",
            Self::All => "/holds?show=all",
            Self::Decided => "/holds?show=decided",
        }
    }

    /// What is said when it is empty.
    pub const fn empty(self) -> &'static str {
        match self {
            Self::Mine => "Nothing waits for you.",
            Self::All => "No call waits.",
            Self::Decided => "No call has waited yet.",
        }
    }
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "inbox.html")]
pub struct InboxPage {
    /// What is around it.
    pub shell: Shell,
    /// What the list is of.
    pub tab: Tab,
    /// All lists.
    pub tabs: Vec<Count>,
    /// The list.
    pub items: Vec<Item>,
    /// How many more there are that are not on this page.
    pub more: usize,
}

impl InboxPage {
    /// Whether this list is shown.
    pub fn is_tab(&self, tab: &Tab) -> bool {
        self.tab == *tab
    }
}
