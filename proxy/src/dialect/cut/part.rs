//! What all dialects share: a tool call as it comes, what becomes of it, and edits of JSON.

use crate::json;
use bytes::Bytes;
use std::collections::BTreeSet;

/// A tool call of an answer, as far as it has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AskedCall {
    /// The id under which its result is expected; empty when there is none.
    pub id: String,
    /// The tool's name as the model spells it.
    pub name: String,
    /// The arguments as the model wrote them.
    pub arguments: String,
    /// Whether they are free text and not JSON.
    pub free: bool,
    /// Whether the provider runs it itself.
    pub by_provider: bool,
    /// Whether nothing of it comes any more.
    pub ended: bool,
}

/// What becomes of a tool call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ruling {
    /// It stays.
    Keep,
    /// It stays with these arguments, written as [`AskedCall::arguments`] are.
    Edit(String),
    /// The model is made to say this instead.
    Say(String),
}

/// A frame of a stream that is not released yet.
#[derive(Clone, Debug)]
pub struct KeptFrame {
    /// Its event's name, if it has one.
    pub event: Option<String>,
    /// Its data, if it has any.
    pub data: Option<String>,
    /// The bytes it came as.
    pub raw: Bytes,
    /// The calls that it is about: what `Cutter::read` said.
    pub touched: Vec<usize>,
}

/// Rulings while an answer is written.
#[derive(Debug)]
pub(super) struct Ruled<'a> {
    rulings: &'a [Ruling],
    next: usize,
    begun: BTreeSet<usize>,
    /// The choices that text was put into.
    pub(super) spoken: BTreeSet<u64>,
    /// The number of the next event, where events are numbered.
    pub(super) number: Option<u64>,
}

impl<'a> Ruled<'a> {
    pub(super) fn new(rulings: &'a [Ruling]) -> Self {
        let (begun, spoken) = (BTreeSet::new(), BTreeSet::new());
        Self { rulings, next: 0, begun, spoken, number: None }
    }

    /// The ruling on the next call of a whole answer.
    pub(super) fn next(&mut self) -> Option<&'a Ruling> {
        let ruling = self.rulings.get(self.next)?;
        self.next += 1;
        Some(ruling)
    }

    /// The ruling on a call, and whether it is the first time that it is asked for.
    pub(super) fn of(&mut self, call: usize) -> Option<(&'a Ruling, bool)> {
        Some((self.rulings.get(call)?, self.begun.insert(call)))
    }

    /// Whether a call stays, changed or not.
    pub(super) fn keeps(&self, call: usize) -> bool {
        matches!(self.rulings.get(call), Some(Ruling::Keep | Ruling::Edit(_)))
    }
}

/// The member of an object; nothing where it is `null`.
pub(super) fn member<'t>(object: &'t str, name: &str) -> Option<&'t str> {
    let found = json::find(object, &[name])?.text;
    (found != "null").then_some(found)
}

/// The elements of a list that may be missing.
pub(super) fn elements(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.into_iter().flat_map(|list| json::elements(list).map(|part| part.text))
}

/// A string, or another value as it is written.
pub(super) fn text_of(value: &str) -> String {
    json::string(value).map_or_else(|| value.to_owned(), std::borrow::Cow::into_owned)
}

/// A string member; empty where there is none.
pub(super) fn text_at(object: &str, name: &str) -> String {
    member(object, name).and_then(json::string).unwrap_or_default().into_owned()
}

/// A count; nothing where there is none.
pub(super) fn count_at(object: &str, name: &str) -> Option<u64> {
    member(object, name)?.parse().ok()
}

/// The text with another value at a path.
pub(super) fn set(text: &str, path: &[&str], value: &str) -> Option<String> {
    json::set(text, path, value).ok()
}

/// The object without a member.
pub(super) fn remove(object: &str, name: &str) -> Option<String> {
    json::remove(object, &[name]).ok()
}

/// A string as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// New arguments, written as the old ones were: as a string, or as they are.
pub(super) fn like(old: Option<&str>, arguments: &str) -> String {
    match old {
        Some(old) if !old.starts_with('"') => arguments.to_owned(),
        Some(_) | None => quoted(arguments),
    }
}

/// A list of values.
pub(super) fn list(values: &[String]) -> String {
    format!("[{}]", values.join(","))
}

/// A frame.
pub(super) fn frame(event: Option<&str>, data: &str) -> String {
    match event {
        Some(event) => format!("event: {event}\ndata: {data}\n\n"),
        None => format!("data: {data}\n\n"),
    }
}
