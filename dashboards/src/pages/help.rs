//! How to read the pages.

use super::shell::Shell;
use crate::markup::Label;
use askama::Template;

/// The page.
#[derive(Clone, Debug, Template)]
#[template(path = "help.html")]
pub struct HelpPage {
    /// What is around it.
    pub shell: Shell,
}

impl HelpPage {
    /// A text with all that an agent could hide in it, as an example.
    pub fn example(&self) -> Label {
        Label::of("pay \u{202e}001\u{202c} to ada\u{200b}@example.com  now")
    }
}
