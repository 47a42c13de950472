//! What agents did: the list of sessions, and one of them as the tree from person to result.

use super::shell::Shell;
use super::tier::Mood;
use crate::markup::{Label, Value};
use crate::moment::Moment;
use crate::truth::Shown;
use askama::Template;

/// A session in the list.
#[derive(Clone, Debug)]
pub struct SessionItem {
    /// Its id.
    pub session: String,
    /// The agent.
    pub agent: Label,
    /// Its team.
    pub team: Label,
    /// The person it acts for.
    pub owner: Label,
    /// When it began.
    pub began: Moment,
    /// How long ago that was.
    pub since: String,
    /// How long it took so far.
    pub lasted: String,
    /// Calls of models.
    pub model_calls: usize,
    /// Calls of tools.
    pub tool_calls: usize,
    /// What somebody should look at: `2 held`, `1 denied`; each with how good that is.
    pub remarks: Vec<(Mood, String)>,
    /// What was said first.
    pub opening: Label,
}

/// The list.
#[derive(Clone, Debug, Template)]
#[template(path = "sessions.html")]
pub struct SessionsPage {
    /// What is around it.
    pub shell: Shell,
    /// The newest first.
    pub items: Vec<SessionItem>,
    /// Where older ones are.
    pub older: Option<String>,
}

/// What one agent did for one person.
#[derive(Clone, Debug)]
pub struct BranchView {
    /// The person.
    pub owner: Label,
    /// The agent.
    pub agent: Label,
    /// Its team.
    pub team: Label,
    /// Sums, in words of ours.
    pub totals: Vec<String>,
    /// In the order recorded.
    pub steps: Vec<StepView>,
    /// Listings and handshakes that went well, counted.
    pub besides: Label,
}

/// A call and what it caused.
#[derive(Clone, Debug)]
pub struct StepView {
    /// The call.
    pub call: CallView,
    /// What it caused.
    pub caused: Vec<CallView>,
    /// What it asked for and nobody was seen to carry out.
    pub unseen: Vec<Label>,
}

/// A call.
#[derive(Clone, Debug)]
pub struct CallView {
    /// Its id.
    pub call: String,
    /// Where its first event stands.
    pub sequence: u64,
    /// When, from the beginning of the session on.
    pub offset: String,
    /// What kind: `chat`, `tool`.
    pub operation: &'static str,
    /// The model or the tool.
    pub name: Label,
    /// Where it went.
    pub upstream: Label,
    /// Figures, in words of ours.
    pub parts: Vec<String>,
    /// How it ended, where that is worth a word.
    pub outcome: Option<String>,
    /// How good that is.
    pub mood: Mood,
    /// Why it went wrong.
    pub because: Label,
    /// What was asked and answered.
    pub texts: Vec<TextView>,
    /// What caused it, in words of ours.
    pub cause: Option<String>,
    /// What somebody should look at.
    pub findings: Vec<Label>,
    /// Where the decision about it is.
    pub decision: Option<String>,
}

/// A text of a call.
#[derive(Clone, Debug)]
pub struct TextView {
    /// What it is, in words of ours.
    pub what: &'static str,
    /// The text, or why there is none.
    pub text: Result<Shown, String>,
}

impl TextView {
    /// The text, for a page.
    pub fn value(&self) -> Option<Value<'_>> {
        self.text.as_ref().ok().map(|shown| Value::new(shown, None))
    }

    /// Why there is none.
    pub fn absent(&self) -> &str {
        self.text.as_ref().err().map_or("", String::as_str)
    }
}

/// One session.
#[derive(Clone, Debug, Template)]
#[template(path = "session.html")]
pub struct SessionPage {
    /// What is around it.
    pub shell: Shell,
    /// Its id.
    pub session: String,
    /// When it began.
    pub began: Moment,
    /// One branch for each principal.
    pub branches: Vec<BranchView>,
    /// What concerns none of the calls.
    pub findings: Vec<Label>,
}
