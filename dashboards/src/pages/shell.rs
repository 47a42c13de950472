//! What every page has around it: who is signed in, where one is, and how it should look.

use crate::assets::{mark_path, script_path, style_path};
use crate::markup::Label;

/// A part of the product that the navigation names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Calls that wait.
    Inbox,
    /// What agents did.
    Sessions,
    /// What is allowed.
    Policy,
    /// Who may do what.
    People,
    /// How to read the pages.
    Help,
    /// None of them.
    Elsewhere,
}

/// Light, dark, or as the device has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Theme {
    /// As the device has it.
    #[default]
    Auto,
    /// Light.
    Light,
    /// Dark.
    Dark,
}

impl Theme {
    /// All of them, in the order of the buttons.
    pub const ALL: [Self; 3] = [Self::Auto, Self::Light, Self::Dark];

    /// The value that forms, cookies and the style sheet know it by.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    /// What its button says.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }

    /// The theme of this name; as the device has it for any other.
    pub fn of(name: &str) -> Self {
        Self::ALL.into_iter().find(|theme| theme.name() == name).unwrap_or_default()
    }
}

/// What a reader chose for all pages, kept in a cookie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Light or dark.
    pub theme: Theme,
    /// Whether `j`, `k`, `o` and `?` do something.
    pub keys: bool,
}

/// Who is signed in.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The name.
    pub name: Label,
    /// The roles, as words.
    pub roles: String,
    /// The token of forms that are on every page.
    pub csrf: String,
}

/// What the last form came to.
#[derive(Clone, Debug)]
pub struct Notice {
    /// Whether it did not do what was asked.
    pub is_problem: bool,
    /// In a sentence.
    pub text: Label,
}

/// What every page has around it.
#[derive(Clone, Debug)]
pub struct Shell {
    /// What the page is, in words of ours: agents have no say in a title.
    pub title: String,
    /// Where it belongs.
    pub place: Place,
    /// Who reads it; `None` before the sign-in.
    pub reader: Option<Reader>,
    /// How many calls wait for this reader.
    pub waiting: usize,
    /// How it should look.
    pub look: Look,
    /// The page's own path, to come back to.
    pub path: String,
    /// Where changes of it are announced as server-sent events.
    pub live: Option<String>,
    /// What the last form came to.
    pub notice: Option<Notice>,
}

impl Shell {
    /// Where the style sheet is.
    pub fn style(&self) -> String {
        style_path()
    }

    /// Where the script is.
    pub fn script(&self) -> String {
        script_path()
    }

    /// Where the mark is.
    pub fn mark(&self) -> String {
        mark_path()
    }

    /// The parts of the product, in the order of the navigation.
    pub const fn places(&self) -> [(Place, &'static str, &'static str); 5] {
        [
            (Place::Inbox, "/holds", "Inbox"),
            (Place::Sessions, "/sessions", "Sessions"),
            (Place::Policy, "/policy", "Policy"),
            (Place::People, "/people", "People"),
            (Place::Help, "/help", "Help"),
        ]
    }

    /// Whether the page belongs there.
    pub fn is_at(&self, place: &Place) -> bool {
        self.place == *place
    }

    /// Whether the number of calls that wait stands beside its name.
    pub fn counts(&self, place: &Place) -> bool {
        *place == Place::Inbox && self.waiting > 0
    }

    /// Whether this is how it looks.
    pub fn is_look(&self, theme: &Theme) -> bool {
        self.look.theme == *theme
    }

    /// The themes to choose from.
    pub const fn themes(&self) -> [Theme; 3] {
        Theme::ALL
    }
}
