//! What is allowed: the policies, calls that were allowed for a time, and the agents.

use super::shell::Shell;
use crate::markup::{Label, Value};
use crate::moment::Moment;
use crate::truth::Shown;
use askama::Template;

/// A file of policies.
#[derive(Clone, Debug)]
pub struct PolicyText {
    /// Its name.
    pub name: Label,
    /// What it says.
    pub text: Shown,
}

impl PolicyText {
    /// What it says, for a page.
    pub const fn value(&self) -> Value<'_> {
        Value::new(&self.text, None)
    }
}

/// Calls of a kind that somebody allowed for a time.
#[derive(Clone, Debug)]
pub struct GrantItem {
    /// Names it, for forms.
    pub id: String,
    /// The tool.
    pub tool: Label,
    /// Its server.
    pub server: Label,
    /// The agent.
    pub agent: Label,
    /// For whom the agent acts.
    pub owner: Label,
    /// What the arguments must be.
    pub covers: Label,
    /// Who allowed it.
    pub by: Label,
    /// How many calls are left, in words.
    pub left: String,
    /// When it ends.
    pub until: Moment,
    /// Why it ended, where it did before its time.
    pub ended: Option<Label>,
}

/// An agent.
#[derive(Clone, Debug)]
pub struct AgentItem {
    /// The name as forms send it.
    pub key: String,
    /// The name.
    pub name: Label,
    /// The team.
    pub team: Label,
    /// For whom it acts.
    pub owner: Label,
    /// Who revoked it and why, where that is so.
    pub revoked: Option<Label>,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "policy.html")]
pub struct PolicyPage {
    /// What is around it.
    pub shell: Shell,
    /// What is in force, in a sentence.
    pub in_force: String,
    /// The digest of all policies in force, in hexadecimal.
    pub digest: Option<String>,
    /// The files as they are now.
    pub files: Vec<PolicyText>,
    /// Why the files cannot be shown.
    pub problem: Option<Label>,
    /// Calls that were allowed for a time, those in force first.
    pub grants: Vec<GrantItem>,
    /// The token with which the reader ends them.
    pub may_end: Option<String>,
    /// The agents.
    pub agents: Vec<AgentItem>,
    /// The token with which the reader stops agents.
    pub may_stop: Option<String>,
}
