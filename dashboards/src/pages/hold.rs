//! One call that waits: what would run, why it waits, and the forms that decide.

use super::shell::Shell;
use super::tier::{Mood, Tier};
use crate::markup::{Label, Marked, SideBySide, Value, grouped};
use crate::moment::Moment;
use crate::truth::{Arguments, Change, Content, Note, Row, Shown, Side};
use askama::Template;
use serde::Serialize;

/// So many differences are shown at first; every value is on the page anyway.
const CHANGES_MAX: usize = 8;

/// What is decided on. Its digest is recorded with each vote (see
/// [`view_digest`](crate::truth::view_digest)): it is what the person who voted saw.
#[derive(Clone, Debug, Serialize)]
pub struct Ask {
    /// The call's id.
    pub call: String,
    /// The digest of the exact call, in hexadecimal.
    pub digest: String,
    /// The same, short enough to compare by eye.
    pub fingerprint: String,
    /// How much is at stake.
    pub tier: Tier,
    /// The tool.
    pub tool: Label,
    /// The server that it belongs to.
    pub server: Label,
    /// What is known of the tool: what it claims of itself, whether it changed. In words of ours.
    pub provenance: Vec<String>,
    /// The agent.
    pub agent: Label,
    /// Its team.
    pub team: Label,
    /// On whose behalf, the nearest first.
    pub for_whom: Vec<Label>,
    /// When it was asked.
    pub asked: Moment,
    /// What would happen, as the gateway puts it; never the agent.
    pub sentence: Option<String>,
    /// Why it waits.
    pub reasons: Vec<Reason>,
    /// What the gateway finds risky, in words of ours.
    pub risks: Vec<String>,
    /// What would run.
    pub arguments: Arguments,
    /// Against what it is compared: the last approved call of the same tool, or the call before it
    /// was edited.
    pub comparisons: Vec<Comparison>,
    /// The session so far, the oldest first.
    pub so_far: Vec<Said>,
    /// Where the whole session is.
    pub session: String,
    /// What the agent says it is about.
    pub narrative: Option<Narrative>,
    /// Calls like it, the newest first.
    pub history: Vec<Past>,
}

/// A policy that makes a call wait.
#[derive(Clone, Debug, Serialize)]
pub struct Reason {
    /// The policy's name.
    pub policy: Label,
    /// What it says of itself.
    pub text: Label,
}

/// What differs from another call.
#[derive(Clone, Debug, Serialize)]
pub struct Comparison {
    /// Which other call, in words of ours.
    pub title: String,
    /// What differs; empty when nothing does.
    pub changes: Vec<Change>,
    /// Why they cannot be compared.
    pub problem: Option<String>,
}

/// Something said in the session.
#[derive(Clone, Debug, Serialize)]
pub struct Said {
    /// Who: a person, a model, a tool.
    pub who: Label,
    /// What.
    pub text: Shown,
}

/// What the agent says a call is about; nobody checked it.
#[derive(Clone, Debug, Serialize)]
pub struct Narrative {
    /// Its words.
    pub text: Shown,
}

/// A call like this one, and what became of it.
#[derive(Clone, Debug, Serialize)]
pub struct Past {
    /// When.
    pub when: Moment,
    /// What became of it.
    pub outcome: String,
    /// How good that was.
    pub mood: Mood,
    /// By whom, if by anybody.
    pub by: Label,
    /// How many of its values differ from this call's; `None` where that cannot be said.
    pub differs: Option<usize>,
    /// Its id.
    pub call: String,
}

/// How far the decision is. Not part of what is decided on.
#[derive(Clone, Debug)]
pub struct Progress {
    /// Grows with every edit; a decision names the one it was made on.
    pub version: u32,
    /// Votes, the oldest first.
    pub votes: Vec<Vote>,
    /// What is needed, as far as it is there.
    pub thresholds: Vec<Threshold>,
    /// When it ends with a no.
    pub expires: Moment,
    /// How far that is, in words.
    pub left: String,
    /// What is missing, in words of ours.
    pub needs: String,
    /// Whether an agent waits for it, in a sentence of ours.
    pub attended: String,
    /// What was said besides votes, the oldest first.
    pub remarks: Vec<Remark>,
}

/// A comment.
#[derive(Clone, Debug)]
pub struct Remark {
    /// Whose.
    pub by: Label,
    /// When.
    pub when: Moment,
    /// What.
    pub text: Label,
}

/// A vote.
#[derive(Clone, Debug)]
pub struct Vote {
    /// Whose.
    pub by: Label,
    /// Yes or no.
    pub approves: bool,
    /// When.
    pub when: Moment,
    /// What was said with it.
    pub comment: Label,
    /// How sure it is that it was them, in words of ours.
    pub assurance: &'static str,
}

/// A number of votes that decides.
#[derive(Clone, Debug)]
pub struct Threshold {
    /// Of whom.
    pub who: Label,
    /// Votes for it so far.
    pub have: u32,
    /// Votes needed.
    pub need: u32,
    /// Votes against it that end it.
    pub refuse: u32,
}

/// What a reader who may decide gets.
#[derive(Clone, Debug)]
pub struct Deciding {
    /// A token for each form.
    pub tokens: Tokens,
    /// Whether a yes needs a reason.
    pub reason_required: bool,
    /// What has to be written to say yes.
    pub challenge: Option<Challenge>,
    /// The arguments as they can be edited; `None` where they cannot.
    pub editable: Option<String>,
    /// In whose place the reader would vote, where it is not their own.
    pub for_person: Option<Label>,
    /// What the reader's authenticator signs, where it does; or what they have to do before they
    /// can say yes.
    pub signing: Result<Option<Signing>, String>,
}

/// How a yes is signed by the reader's own authenticator.
#[derive(Clone, Debug)]
pub struct Signing {
    /// Goes into the challenge, and comes back with the form.
    pub nonce: String,
    /// What the authenticator is asked, in JSON.
    pub options: String,
    /// Where the page has to have been opened.
    pub origin: String,
    /// Whether a yes counts only with it.
    pub is_required: bool,
}

/// The tokens of the forms, each good for one verdict of one person on one version of one call.
#[derive(Clone, Debug)]
pub struct Tokens {
    /// For yes.
    pub approve: String,
    /// For no.
    pub reject: String,
    /// For an edit.
    pub edit: String,
}

/// Something that has to be read before it can be written.
#[derive(Clone, Debug)]
pub struct Challenge {
    /// What to write, as `the amount`.
    pub what: String,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "hold.html")]
pub struct HoldPage {
    /// What is around it.
    pub shell: Shell,
    /// What is decided on.
    pub ask: Ask,
    /// The digest of `ask`, in hexadecimal.
    pub view: String,
    /// How far it is.
    pub progress: Progress,
    /// When the page was sent, signed.
    pub shown: String,
    /// The forms, or why this reader has none.
    pub deciding: Result<Deciding, String>,
    /// The token of a comment.
    pub comment: String,
    /// The token of breaking the glass, for a reader who may let it through alone.
    pub glass: Option<String>,
}

impl HoldPage {
    /// How many folds have to be opened first.
    pub fn folds(&self) -> usize {
        self.ask.arguments.sections().count()
    }
}

impl Row {
    /// Its value, for a page.
    pub fn value(&self) -> Option<Value<'_>> {
        match &self.content {
            Content::Text(shown) | Content::Number(shown) => {
                Some(Value::new(shown, self.section.as_deref()))
            }
            Content::Object(_) | Content::List(_) | Content::Word(_) => None,
        }
    }

    /// What stands for a value that is no text.
    pub fn word(&self) -> String {
        let counted = |count: usize, one: &str| match count {
            0 => format!("no {one}s"),
            1 => format!("1 {one}"),
            more => format!("{more} {one}s"),
        };
        match &self.content {
            Content::Object(count) => counted(*count, "member"),
            Content::List(count) => counted(*count, "value"),
            Content::Word(word) => (*word).to_owned(),
            Content::Text(_) | Content::Number(_) => String::new(),
        }
    }

    /// What kind of value it is, for the style sheet and for readers.
    pub const fn kind(&self) -> &'static str {
        match &self.content {
            Content::Object(_) => "object",
            Content::List(_) => "list",
            Content::Text(_) => "text",
            Content::Number(_) => "number",
            Content::Word(_) => "word",
        }
    }

    /// Its name, for a page; a name that is too long is folded like a value.
    pub fn named(&self) -> Option<Value<'_>> {
        self.name.as_ref().map(|name| Value::new(name, self.name_section.as_deref()))
    }

    /// How far it is indented, as the style sheet knows it.
    pub fn indent(&self) -> usize {
        self.depth.min(8)
    }
}

impl Note {
    /// The word that it is about, for a page: letters outside of ASCII stand out.
    pub fn marked(&self) -> Marked<'_> {
        Marked(&self.word)
    }
}

impl Arguments {
    /// How large they are, in words.
    pub fn size(&self) -> String {
        if self.bytes == 1 { "1 byte".to_owned() } else { grouped(self.bytes) + " bytes" }
    }
}

impl Comparison {
    /// Whether there are so many differences that they say little, and are folded.
    pub const fn is_long(&self) -> bool {
        self.changes.len() > CHANGES_MAX
    }
}

impl Said {
    /// What was said, for a page.
    pub const fn value(&self) -> Value<'_> {
        Value::new(&self.text, None)
    }
}

impl Narrative {
    /// The agent's words, for a page.
    pub const fn value(&self) -> Value<'_> {
        Value::new(&self.text, None)
    }
}

impl Change {
    /// Where it stands, for a page.
    pub fn place(&self) -> Label {
        Label::from(self.path.clone())
    }

    /// A side, for a page.
    pub const fn side<'a>(&self, side: &'a Side) -> SideBySide<'a> {
        SideBySide(side)
    }
}
