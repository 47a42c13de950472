//! How well people watch over calls: how fast, how much, and whether they look.

use super::shell::Shell;
use crate::markup::Label;
use askama::Template;

/// A table: what each row is about, and its figures.
#[derive(Clone, Debug)]
pub struct Figures {
    /// What it is about.
    pub title: &'static str,
    /// What the columns are, the first of which names the rows.
    pub columns: Vec<&'static str>,
    /// The rows.
    pub rows: Vec<(Label, Vec<String>)>,
}

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "oversight.html")]
pub struct OversightPage {
    /// What is around it.
    pub shell: Shell,
    /// What it is made of, in a sentence.
    pub of: String,
    /// The tables.
    pub tables: Vec<Figures>,
    /// Calls that are always approved, each in a sentence.
    pub suggestions: Vec<Label>,
}
