//! Walks a parsed document value by value and reports what has the wrong shape. Knows TOML and
//! where each value stands, but not what any key means.

mod values;

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{At, Report, nearest, quoted};
use super::section::Section;

/// A value and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Node<'d, 'i> {
    pub(super) at: At,
    value: &'d DeValue<'i>,
}

/// A table whose keys have been checked.
#[derive(Debug)]
pub(super) struct Table<'d, 'i> {
    pub(super) at: At,
    section: &'static Section,
    entries: &'d DeTable<'i>,
}

impl<'d, 'i> Table<'d, 'i> {
    /// The top of the document.
    pub(super) fn root(
        table: &'d DeTable<'i>,
        section: &'static Section,
        report: &mut Report<'_>,
    ) -> Self {
        let root = Self { at: At { path: String::new(), span: 0..0 }, section, entries: table };
        root.refuse_unknown_keys(report);
        root
    }

    /// The value of a key, if it was written.
    pub(super) fn get(&self, key: &'static str) -> Option<Node<'d, 'i>> {
        debug_assert!(self.section.keys.contains(&key), "`{key}` is missing from its section");
        let (_, value) = self.entries.iter().find(|(name, _)| name.get_ref() == key)?;
        Some(Node::new(join(&self.at.path, key), value))
    }

    /// The value of a key that must be written; `hint` says what to write.
    pub(super) fn require(
        &self,
        key: &'static str,
        hint: &str,
        report: &mut Report<'_>,
    ) -> Option<Node<'d, 'i>> {
        let node = self.get(key);
        if node.is_none() {
            report.problem(&self.at, format!("`{key}` is missing")).hint(hint);
        }
        node
    }

    /// The table under a key, if it was written.
    pub(super) fn table(
        &self,
        key: &'static str,
        section: &'static Section,
        report: &mut Report<'_>,
    ) -> Option<Self> {
        self.get(key)?.table(section, report)
    }

    /// The tables written as `[[key]]`, in their order; each is called by its `name` in what
    /// follows.
    pub(super) fn tables(
        &self,
        key: &'static str,
        section: &'static Section,
        report: &mut Report<'_>,
    ) -> Vec<Self> {
        let Some(node) = self.get(key) else { return Vec::new() };
        let DeValue::Array(items) = node.value else {
            let found = node.found();
            let message = format!("expected a list of tables, found {found}");
            report.problem(&node.at, message).hint(format!("write `{}`", section.heading));
            return Vec::new();
        };
        let open = |(index, item): (usize, &'d Spanned<DeValue<'i>>)| {
            let name = item.get_ref().get("name").and_then(|name| name.get_ref().as_str());
            let called = name.filter(|name| is_plain(name));
            let called = called.map_or_else(|| (index + 1).to_string(), str::to_owned);
            Node::new(join(&node.at.path, &called), item).table(section, report)
        };
        items.iter().enumerate().filter_map(open).collect()
    }

    fn refuse_unknown_keys(&self, report: &mut Report<'_>) {
        for (name, value) in self.entries {
            let key = name.get_ref().as_ref();
            if self.section.keys.contains(&key) {
                continue;
            }
            // Nobody can say what an unknown key holds: it may well be a secret.
            report.conceal(&concealable(value));
            let at = At { path: join(&self.at.path, &shown_key(key)), span: name.span() };
            let finding = report.problem(&at, format!("there is no key {}", quoted(key)));
            match nearest(key, self.section.keys) {
                Some(meant) => finding.hint(format!("did you mean `{meant}`?")),
                None => finding.hint(format!("use {}", list(self.section.keys))),
            }
        }
    }
}

impl<'d, 'i> Node<'d, 'i> {
    fn new(path: String, value: &'d Spanned<DeValue<'i>>) -> Self {
        Self { at: At { path, span: value.span() }, value: value.get_ref() }
    }

    /// The value as a table of this section.
    pub(super) fn table(
        &self,
        section: &'static Section,
        report: &mut Report<'_>,
    ) -> Option<Table<'d, 'i>> {
        let Some(table) = self.value.as_table() else {
            let message = format!("expected a table, found {}", self.found());
            report.problem(&self.at, message).hint(format!("write `{}`", section.heading));
            return None;
        };
        let table = Table { at: self.at.clone(), section, entries: table };
        table.refuse_unknown_keys(report);
        Some(table)
    }

    /// The value as a table whose keys are free, with the place of each key.
    pub(super) fn entries(&self, report: &mut Report<'_>) -> Vec<(String, At, Self)> {
        let Some(table) = self.value.as_table() else {
            // What was meant as a value for one of the keys may be a secret.
            report.conceal(&self.at.span);
            let message = format!("expected a table, found {}", self.found());
            report.problem(&self.at, message).hint("write `{ NAME = \"value\" }`");
            return Vec::new();
        };
        let entry = |(name, value): (&'d Spanned<_>, &'d Spanned<DeValue<'i>>)| {
            let key: &toml::de::DeString<'_> = name.get_ref();
            let path = join(&self.at.path, &shown_key(key));
            (key.to_string(), At { path: path.clone(), span: name.span() }, Self::new(path, value))
        };
        table.iter().map(entry).collect()
    }

    /// The value as text, without a word if it is none.
    pub(super) fn as_text(&self) -> Option<&'d str> {
        self.value.as_str()
    }

    /// Whether the value is a list.
    pub(super) fn is_list(&self) -> bool {
        self.value.is_array()
    }

    /// Whether the value is a table.
    pub(super) fn is_table(&self) -> bool {
        self.value.is_table()
    }

    /// The value as text.
    pub(super) fn text(&self, report: &mut Report<'_>) -> Option<&'d str> {
        let text = self.value.as_str();
        if text.is_none() {
            report.problem(&self.at, format!("expected text, found {}", self.found()));
        }
        text
    }

    /// The items of a list.
    pub(super) fn items(&self, report: &mut Report<'_>) -> Vec<Self> {
        let Some(items) = self.value.as_array() else {
            let message = format!("expected a list, found {}", self.found());
            report.problem(&self.at, message).hint("write it in brackets: `[\"…\"]`");
            return Vec::new();
        };
        items.iter().map(|item| Self::new(self.at.path.clone(), item)).collect()
    }

    /// One of a few words.
    pub(super) fn choice<T: Copy>(
        &self,
        choices: &[(&'static str, T)],
        report: &mut Report<'_>,
    ) -> Option<T> {
        let written = self.text(report)?;
        let chosen = choices.iter().find(|(word, _)| *word == written).map(|(_, value)| *value);
        if chosen.is_none() {
            let words: Vec<_> = choices.iter().map(|(word, _)| *word).collect();
            let message = format!("expected {}, found {}", list(&words), quoted(written));
            let finding = report.problem(&self.at, message);
            if let Some(meant) = nearest(&written.to_lowercase(), &words) {
                finding.hint(format!("did you mean `{meant}`?"));
            }
        }
        chosen
    }

    /// What kind of value this is, without its text: it may be a secret.
    pub(super) fn found(&self) -> String {
        match self.value {
            DeValue::String(_) => "text".to_owned(),
            DeValue::Array(_) => "a list".to_owned(),
            DeValue::Table(_) => "a table".to_owned(),
            DeValue::Integer(_) | DeValue::Float(_) => "a number".to_owned(),
            DeValue::Boolean(value) => format!("`{value}`"),
            DeValue::Datetime(_) => "a date".to_owned(),
        }
    }

    /// The value itself where it is short, for keys that never hold a secret.
    fn quoted(&self) -> String {
        match self.value {
            DeValue::String(text) => quoted(text),
            DeValue::Integer(number) => quoted(&number.to_string()),
            DeValue::Float(number) => quoted(&number.to_string()),
            DeValue::Boolean(_) | DeValue::Datetime(_) | DeValue::Array(_) | DeValue::Table(_) => {
                self.found()
            }
        }
    }
}

fn join(path: &str, key: &str) -> String {
    if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") }
}

/// A key as it is shown in a path: bare where it can be, else quoted as TOML would.
fn shown_key(key: &str) -> String {
    if is_plain(key) { key.to_owned() } else { format!("\"{}\"", key.escape_debug()) }
}

fn is_plain(key: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    !key.is_empty() && key.len() <= 64 && key.chars().all(plain)
}

/// The part of the text that shows a value, without the quotes around a text.
fn concealable(value: &Spanned<DeValue<'_>>) -> Range<usize> {
    let span = value.span();
    if value.get_ref().is_str() { inside_quotes(&span) } else { span }
}

/// A text's place without its quotes.
pub(super) fn inside_quotes(span: &Range<usize>) -> Range<usize> {
    span.start + 1..span.end.saturating_sub(1).max(span.start + 1)
}

/// Words in a message: `a`, `b` or `c`.
fn list(words: &[&str]) -> String {
    let mut shown: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
    let last = shown.pop().unwrap_or_default();
    if shown.is_empty() { last } else { format!("{} or {last}", shown.join(", ")) }
}
