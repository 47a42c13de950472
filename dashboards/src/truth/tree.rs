//! JSON read without losing anything: numbers as they are written, members in their order, names
//! as often as they stand there.

use serde::Deserializer as _;
use serde::de::{Deserialize, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// The most bytes that are read, levels that lie within each other, and values there are.
pub(super) const BYTES_MAX: usize = 1 << 20;
const DEPTH_MAX: usize = 32;
const VALUES_MAX: usize = 2000;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tree {
    /// Members in their order; a name may stand there twice.
    Object(Vec<(String, Self)>),
    /// Elements.
    Array(Vec<Self>),
    /// A string, decoded.
    Text(String),
    /// As it is written.
    Number(String),
    /// `true`, `false` or `null`.
    Word(&'static str),
}

/// Why bytes cannot be shown as values, in words for a reader.
pub(super) type Fault = String;

/// Reads one JSON value.
pub(super) fn read(bytes: &[u8]) -> Result<Tree, Fault> {
    if bytes.len() > BYTES_MAX {
        return Err(format!("{} bytes, which is more than the {BYTES_MAX} read here", bytes.len()));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| format!("not text: byte {} is not UTF-8", error.valid_up_to()))?;
    let raw: &RawValue = serde_json::from_str(text).map_err(|error| said(&error))?;
    let mut left = VALUES_MAX;
    walk(raw, DEPTH_MAX, &mut left)
}

fn said(error: &serde_json::Error) -> Fault {
    format!("not a JSON value: {error}")
}

fn walk(raw: &RawValue, depth: usize, left: &mut usize) -> Result<Tree, Fault> {
    let Some(deeper) = depth.checked_sub(1) else {
        return Err(format!("more than {DEPTH_MAX} levels that lie within each other"));
    };
    *left = left.checked_sub(1).ok_or_else(|| format!("more than {VALUES_MAX} values"))?;
    let text = raw.get();
    let mut reader = serde_json::Deserializer::from_str(text);
    match text.as_bytes().first() {
        Some(b'{') => {
            let members = reader.deserialize_map(Members).map_err(|error| said(&error))?;
            let read = members.into_iter();
            let read = read.map(|(name, raw)| Ok((name, walk(raw, deeper, left)?)));
            read.collect::<Result<_, Fault>>().map(Tree::Object)
        }
        Some(b'[') => {
            let elements = reader.deserialize_seq(Elements).map_err(|error| said(&error))?;
            let read = elements.into_iter().map(|raw| walk(raw, deeper, left));
            read.collect::<Result<_, Fault>>().map(Tree::Array)
        }
        Some(b'"') => String::deserialize(&mut reader).map(Tree::Text).map_err(|e| said(&e)),
        Some(b't') => Ok(Tree::Word("true")),
        Some(b'f') => Ok(Tree::Word("false")),
        Some(b'n') => Ok(Tree::Word("null")),
        Some(_) | None => Ok(Tree::Number(text.to_owned())),
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(String, &'de RawValue)>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(members)
    }
}

struct Elements;

impl<'de> Visitor<'de> for Elements {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = seq.next_element()? {
            elements.push(element);
        }
        Ok(elements)
    }
}
