//! What went wrong, and what to do.

use super::shell::Shell;
use crate::markup::Label;
use askama::Template;

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "problem.html")]
pub struct ProblemPage {
    /// What is around it.
    pub shell: Shell,
    /// The status, as HTTP has it.
    pub status: u16,
    /// What went wrong, in a sentence.
    pub detail: Label,
    /// What to do.
    pub remedy: String,
}
