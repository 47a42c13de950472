//! Reads members of JSON values as the types a dialect expects, and notes where they differ.

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The most problems that are kept of one body; more are only counted.
pub const PROBLEMS_MAX: usize = 8;

/// One value that is not what its dialect says it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The value's place, such as `messages[3].role`; empty for the whole body.
    pub place: String,
    /// What belongs there, with its article.
    pub expected: &'static str,
    /// What is there, with its article; `missing` when nothing is.
    pub found: &'static str,
}

impl fmt::Display for Problem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, expected, found } = self;
        if place.is_empty() {
            write!(formatter, "the body must be {expected}, and is {found}")
        } else {
            write!(formatter, "`{place}` must be {expected}, and is {found}")
        }
    }
}

/// The problems found while one body was read, the first [`PROBLEMS_MAX`] of them in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Problems {
    listed: Vec<Problem>,
    unlisted: u64,
}

impl Problems {
    /// Those kept in full, in the order in which they were found.
    pub fn listed(&self) -> &[Problem] {
        &self.listed
    }

    /// How many more there were.
    pub fn unlisted(&self) -> u64 {
        self.unlisted
    }

    /// Whether the body was as its dialect says.
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    pub(super) fn note(&mut self, at: At<'_>, expected: &'static str, found: &'static str) {
        if self.listed.len() < PROBLEMS_MAX {
            self.listed.push(Problem { place: at.to_string(), expected, found });
        } else {
            self.unlisted = self.unlisted.saturating_add(1);
        }
    }

    /// The named members of the object in `json`, each `None` when it is absent or null.
    pub(super) fn pick<'a, const N: usize>(
        &mut self,
        at: At<'_>,
        json: &'a str,
        names: [&'static str; N],
    ) -> [Option<&'a RawValue>; N] {
        let found = kind(json);
        if found != OBJECT {
            self.note(at, OBJECT, found);
            return [None; N];
        }
        let mut reader = serde_json::Deserializer::from_str(json);
        let picked = reader.deserialize_map(Members { names }).and_then(|picked| {
            reader.end()?;
            Ok(picked)
        });
        picked.unwrap_or_else(|_| {
            self.note(at, "a JSON object", "not readable");
            [None; N]
        })
    }

    /// The members of an object that may be absent.
    pub(super) fn pick_from<'a, const N: usize>(
        &mut self,
        at: At<'_>,
        raw: Option<&'a RawValue>,
        names: [&'static str; N],
    ) -> [Option<&'a RawValue>; N] {
        raw.map_or([None; N], |raw| self.pick(at, raw.get(), names))
    }

    /// A string that may be absent.
    pub(super) fn text<'a>(
        &mut self,
        at: At<'_>,
        raw: Option<&'a RawValue>,
    ) -> Option<Cow<'a, str>> {
        let raw = raw?;
        let text = string(raw.get());
        if text.is_none() {
            self.note(at, "a string", kind(raw.get()));
        }
        text
    }

    /// A boolean that may be absent.
    pub(super) fn flag(&mut self, at: At<'_>, raw: Option<&RawValue>) -> Option<bool> {
        let raw = raw?;
        match raw.get() {
            "true" => Some(true),
            "false" => Some(false),
            other => {
                self.note(at, "true or false", kind(other));
                None
            }
        }
    }

    /// A count that may be absent; some servers write whole numbers with a fraction of zero.
    pub(super) fn count(&mut self, at: At<'_>, raw: Option<&RawValue>) -> Option<u64> {
        let raw = raw?;
        let count = whole_number(raw.get());
        if count.is_none() {
            self.note(at, "a whole number from 0", kind(raw.get()));
        }
        count
    }

    /// The items of a list that may be absent.
    pub(super) fn items<'a>(&mut self, at: At<'_>, raw: Option<&'a RawValue>) -> Vec<&'a RawValue> {
        let Some(raw) = raw else { return Vec::new() };
        serde_json::from_str(raw.get()).unwrap_or_else(|_| {
            self.note(at, "a list", kind(raw.get()));
            Vec::new()
        })
    }
}

/// Where a value stands: a path that lives on the stack and is spelled out only for a problem.
#[derive(Clone, Copy)]
pub(super) struct At<'p> {
    parent: Option<&'p Self>,
    step: Step,
}

#[derive(Clone, Copy)]
enum Step {
    Body,
    Member(&'static str),
    Item(usize),
}

impl At<'static> {
    /// The whole body.
    pub(super) const BODY: Self = Self { parent: None, step: Step::Body };
}

impl<'p> At<'p> {
    pub(super) fn member(&'p self, name: &'static str) -> Self {
        Self { parent: Some(self), step: Step::Member(name) }
    }

    pub(super) fn item(&'p self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Item(index) }
    }
}

impl fmt::Display for At<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(formatter)?;
        }
        let top = self.parent.is_none_or(|parent| matches!(parent.step, Step::Body));
        match self.step {
            Step::Body => Ok(()),
            Step::Member(name) if top => formatter.write_str(name),
            Step::Member(name) => write!(formatter, ".{name}"),
            Step::Item(index) => write!(formatter, "[{index}]"),
        }
    }
}

const OBJECT: &str = "an object";

/// What a JSON text is, told by its first character, with its article.
pub(super) fn kind(json: &str) -> &'static str {
    match json.trim_ascii_start().as_bytes().first() {
        Some(b'{') => OBJECT,
        Some(b'[') => "a list",
        Some(b'"') => "a string",
        Some(b't' | b'f') => "a boolean",
        Some(b'n') => "null",
        Some(b'-' | b'0'..=b'9') => "a number",
        Some(_) => "not JSON",
        None => "empty",
    }
}

/// The text of a JSON string, borrowed unless it has escapes, or `None` for another JSON value.
///
/// A lone surrogate, which JSON allows and UTF-8 cannot say, reads as U+FFFD.
pub(super) fn string(json: &str) -> Option<Cow<'_, str>> {
    let inner = json.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        serde_json::Deserializer::from_str(json).deserialize_bytes(LossyText).ok().map(Cow::Owned)
    } else {
        Some(Cow::Borrowed(inner))
    }
}

fn whole_number(json: &str) -> Option<u64> {
    serde_json::from_str::<u64>(json).ok().or_else(|| {
        let digits = json.strip_suffix(".0")?;
        serde_json::from_str::<u64>(digits).ok()
    })
}

struct LossyText;

impl Visitor<'_> for LossyText {
    type Value = String;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_bytes<E>(self, bytes: &[u8]) -> Result<String, E> {
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// Picks the members with these names out of an object, and skips the others unread.
struct Members<const N: usize> {
    names: [&'static str; N],
}

impl<'de, const N: usize> Visitor<'de> for Members<N> {
    type Value = [Option<&'de RawValue>; N];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(OBJECT)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut picked = [None; N];
        while let Some(place) = map.next_key_seed(Name { names: &self.names })? {
            match place.and_then(|place| picked.get_mut(place)) {
                Some(slot) => *slot = map.next_value::<Option<&'de RawValue>>()?,
                None => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(picked)
    }
}

/// Reads a member's name as its place among the names that are wanted.
struct Name<'n> {
    names: &'n [&'static str],
}

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = Option<usize>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a member's name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Self::Value, E> {
        Ok(self.names.iter().position(|wanted| *wanted == name))
    }
}
