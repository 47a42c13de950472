//! An element of a page in a browser, as a person would use it.

use serde_json::{Value, json};

use crate::patience::until;
use crate::webdriver::{Refusal, Session, element_id, element_value};

/// Keys that have no sign, as `WebDriver` writes them.
#[derive(Debug)]
pub struct Key;

impl Key {
    /// Goes to what comes next.
    pub const TAB: &str = "\u{e004}";
    /// Enter.
    pub const ENTER: &str = "\u{e007}";
    /// Escape.
    pub const ESCAPE: &str = "\u{e00c}";
    /// The space bar.
    pub const SPACE: &str = "\u{e00d}";
}

/// An element; whatever it is told fails once its page is gone.
#[derive(Clone, Debug)]
pub struct Element<'b> {
    session: &'b Session,
    id: String,
}

impl<'b> Element<'b> {
    pub(crate) fn new(session: &'b Session, id: String) -> Self {
        Self { session, id }
    }

    fn path(&self, what: &str) -> String {
        format!("/element/{}/{what}", self.id)
    }

    fn text_of(&self, what: &str) -> String {
        // It may be gone by now, and is then called nothing.
        let text = self.session.get(&self.path(what)).unwrap_or_default();
        text.as_str().unwrap_or_default().to_owned()
    }

    fn flag(&self, what: &str) -> bool {
        let flag = self.session.get(&self.path(what));
        flag.unwrap_or_else(|refusal| panic!("{what}: {refusal:?}")) == json!(true)
    }

    /// Clicks it as soon as it is there to be clicked: shown, and behind nothing. Where that loads
    /// a page, waits until it is loaded.
    pub fn click(&self) {
        until(&format!("a click on {}", self.described()), || match self.try_click() {
            Ok(()) => Some(()),
            Err(refusal) if refusal.error.starts_with("element ") => None,
            Err(refusal) => panic!("{refusal:?}"),
        });
    }

    /// The same without waiting.
    pub fn try_click(&self) -> Result<(), Refusal> {
        self.session.post(&self.path("click"), &json!({})).map(drop)
    }

    /// Types this into it, behind what stands there.
    pub fn enter(&self, text: &str) {
        let done = self.session.post(&self.path("value"), &json!({"text": text}));
        done.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", self.described()));
    }

    /// Empties it.
    pub fn clear(&self) {
        let done = self.session.post(&self.path("clear"), &json!({}));
        done.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", self.described()));
    }

    /// What can be read of it.
    pub fn text(&self) -> String {
        self.text_of("text")
    }

    /// Its role for a screen reader.
    pub fn role(&self) -> String {
        self.text_of("computedrole")
    }

    /// Its name for a screen reader.
    pub fn label(&self) -> String {
        self.text_of("computedlabel")
    }

    /// An attribute as the page says it.
    pub fn attribute(&self, name: &str) -> Option<String> {
        let value = self.session.get(&self.path(&format!("attribute/{name}"))).unwrap_or_default();
        value.as_str().map(str::to_owned)
    }

    /// A property as it is now, such as `value` or `checked`.
    pub fn property(&self, name: &str) -> Value {
        self.session.get(&self.path(&format!("property/{name}"))).unwrap_or_default()
    }

    /// The computed value of a CSS property.
    pub fn style(&self, property: &str) -> String {
        self.text_of(&format!("css/{property}"))
    }

    /// Whether it is shown.
    pub fn displayed(&self) -> bool {
        self.flag("displayed")
    }

    /// Whether it can be used.
    pub fn enabled(&self) -> bool {
        self.flag("enabled")
    }

    /// Whether it is chosen or ticked.
    pub fn selected(&self) -> bool {
        self.flag("selected")
    }

    /// The elements within it that this CSS selector matches now.
    pub fn find_all(&self, css: &str) -> Vec<Self> {
        let wanted = json!({"using": "css selector", "value": css});
        let found = self.session.post(&self.path("elements"), &wanted).unwrap_or_default();
        let ids = found.as_array().into_iter().flatten().filter_map(element_id);
        ids.map(|id| Element::new(self.session, id)).collect()
    }

    /// It, as an argument of a script.
    pub fn argument(&self) -> Value {
        element_value(&self.id)
    }

    fn described(&self) -> String {
        format!("{} `{}`", self.role(), self.label())
    }
}

impl PartialEq for Element<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}
