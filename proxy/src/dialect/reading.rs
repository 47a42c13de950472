//! Reads members of JSON values as the types a dialect expects, and notes where they differ.

use super::problem::{At, Problems};
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;

/// The most items that the lists of one body may have, together: what is read of a body is larger
/// than its bytes, and this bounds by how much.
const ITEMS_MAX: usize = 65_536;

/// What a list must be that goes beyond [`ITEMS_MAX`].
const SHORTER: &str = "shorter (65536 items in all lists of a body)";

/// One body, or one event of a stream, while it is read.
#[derive(Debug)]
pub(super) struct Reading {
    pub(super) problems: Problems,
    items_left: usize,
}

impl Default for Reading {
    fn default() -> Self {
        Self::after(Problems::default())
    }
}

impl Reading {
    /// Goes on with the problems of the events before.
    pub(super) fn after(problems: Problems) -> Self {
        Self { problems, items_left: ITEMS_MAX }
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
            self.problems.note(at, OBJECT, found);
            return [None; N];
        }
        let mut reader = serde_json::Deserializer::from_str(json);
        let picked = reader.deserialize_map(Members { names }).and_then(|picked| {
            reader.end()?;
            Ok(picked)
        });
        picked.unwrap_or_else(|_| {
            self.problems.note(at, "a JSON object", "not readable");
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
            self.problems.note(at, STRING, kind(raw.get()));
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
                self.problems.note(at, "true or false", kind(other));
                None
            }
        }
    }

    /// A count that may be absent; some servers write whole numbers with a fraction of zero.
    pub(super) fn count(&mut self, at: At<'_>, raw: Option<&RawValue>) -> Option<u64> {
        let raw = raw?;
        let count = whole_number(raw.get());
        if count.is_none() {
            self.problems.note(at, "a whole number from 0", kind(raw.get()));
        }
        count
    }

    /// The items of a list that may be absent; none when the body has too many.
    pub(super) fn items<'a>(&mut self, at: At<'_>, raw: Option<&'a RawValue>) -> Vec<&'a RawValue> {
        let Some(raw) = raw else { return Vec::new() };
        let found = kind(raw.get());
        if found != LIST {
            self.problems.note(at, LIST, found);
            return Vec::new();
        }
        let mut reader = serde_json::Deserializer::from_str(raw.get());
        if let Ok(items) = reader.deserialize_seq(Items { left: &mut self.items_left }) {
            return items;
        }
        self.problems.note(at, SHORTER, "too long");
        Vec::new()
    }
}

/// What [`kind`] says of an object.
pub(super) const OBJECT: &str = "an object";
/// What [`kind`] says of a list.
pub(super) const LIST: &str = "a list";
/// What [`kind`] says of a string.
pub(super) const STRING: &str = "a string";

/// What a JSON text is, told by its first character, with its article.
pub(super) fn kind(json: &str) -> &'static str {
    match json.trim_ascii_start().as_bytes().first() {
        Some(b'{') => OBJECT,
        Some(b'[') => LIST,
        Some(b'"') => STRING,
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

/// Takes the items of a list, as long as some are left.
struct Items<'l> {
    left: &'l mut usize,
}

impl<'de> Visitor<'de> for Items<'_> {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(LIST)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = list.next_element()? {
            *self.left = self.left.checked_sub(1).ok_or_else(|| A::Error::custom("too many"))?;
            items.push(item);
        }
        Ok(items)
    }
}
