//! Edits of one member that leave every other byte of a text alone; not a way to build texts.

use std::ops::Range;

use super::check::{Limits, check};
use super::fault::Fault;
use super::text::quote;
use super::view::{find, members};

/// Why a text was not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SpliceError {
    /// The path leads through, or stops at, something that is no object.
    #[error("cannot edit {path:?}: it is not a member of an object")]
    NotAMember {
        /// The path that was given, joined with `.`.
        path: String,
    },
    /// The new value is not JSON.
    #[error("cannot write the new value: {0}")]
    Value(#[from] Fault),
}

/// Gives the member at `path` of a checked text the value `value`, which is written as it stands
/// but for whitespace around it.
///
/// A member that is there keeps its place. One that is missing becomes the last of its object, and
/// objects missing on the way to it are made. The empty path replaces the whole value.
pub fn set(text: &str, path: &[&str], value: &str) -> Result<String, SpliceError> {
    let value = check(value.as_bytes(), Limits::default())?.trim_ascii();
    if let Some(old) = find(text, path) {
        return Ok(splice(text, old.range, value));
    }
    let present = (0..path.len()).rev().find_map(|count| {
        let (there, missing) = path.split_at_checked(count)?;
        Some((find(text, there)?, missing))
    });
    let (Some((object, [key, missing @ ..])), true) = (present, !path.is_empty()) else {
        return Err(not_a_member(path));
    };
    if !object.text.starts_with('{') {
        return Err(not_a_member(path));
    }
    let value =
        missing.iter().rfold(value.to_owned(), |inner, key| format!("{{{}:{inner}}}", quoted(key)));
    let member = format!("{}:{value}", quoted(key));
    Ok(match members(object.text).last() {
        Some(last) => {
            let at = object.range.start + last.value.range.end;
            splice(text, at..at, &format!(",{member}"))
        }
        None => splice(text, object.range.start + 1..object.range.start + 1, &member),
    })
}

/// Takes the member at `path` out of a checked text, together with one of the commas beside it. A
/// text that has no such member comes back as it is.
pub fn remove(text: &str, path: &[&str]) -> Result<String, SpliceError> {
    let Some((key, above)) = path.split_last() else {
        return Err(not_a_member(path));
    };
    let Some(object) = find(text, above) else {
        return Ok(text.to_owned());
    };
    let mut before = None;
    let mut rest = members(object.text);
    while let Some(member) = rest.next() {
        if member.name() != *key {
            before = Some(member.value.range.end);
            continue;
        }
        let end = member.value.range.end;
        let cut = match (before, rest.next()) {
            (Some(before), _) => before..end,
            (None, Some(next)) => member.key.range.start..next.key.range.start,
            (None, None) => member.key.range.start..end,
        };
        let start = object.range.start;
        return Ok(splice(text, start + cut.start..start + cut.end, ""));
    }
    Ok(text.to_owned())
}

/// Puts `new` in the place of a range of `text`.
fn splice(text: &str, range: Range<usize>, new: &str) -> String {
    let before = text.get(..range.start).unwrap_or_default();
    let after = text.get(range.end..).unwrap_or_default();
    [before, new, after].concat()
}

/// Writes a key.
fn quoted(key: &str) -> String {
    let mut out = String::with_capacity(key.len() + 2);
    quote(key, &mut out);
    out
}

fn not_a_member(path: &[&str]) -> SpliceError {
    SpliceError::NotAMember { path: path.join(".") }
}
