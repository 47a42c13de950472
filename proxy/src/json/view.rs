//! The parts of a checked text as slices of it with their places; not values converted to anything.

use std::borrow::Cow;
use std::ops::Range;

use super::scan;
use super::text;

/// A value or a key, exactly as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part<'t> {
    /// Its bytes, without the whitespace around it; a string has its quotes.
    pub text: &'t str,
    /// Where they are in the text that was given.
    pub range: Range<usize>,
}

impl<'t> Part<'t> {
    fn of(text: &'t str, range: Range<usize>) -> Option<Self> {
        Some(Self { text: text.get(range.clone())?, range })
    }
}

/// One member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'t> {
    /// The key, with its quotes and escapes.
    pub key: Part<'t>,
    /// The value.
    pub value: Part<'t>,
}

impl<'t> Member<'t> {
    /// The key's text, escapes resolved.
    pub fn name(&self) -> Cow<'t, str> {
        text::string(self.key.text).unwrap_or_default()
    }
}

/// Walks over the members of the object that a checked text consists of, in the order written.
/// Yields nothing when the text is another value.
pub fn members(text: &str) -> Members<'_> {
    Members { inside: Inside::of(text, b'{') }
}

/// Walks over the elements of the array that a checked text consists of. Yields nothing when the
/// text is another value.
pub fn elements(text: &str) -> Elements<'_> {
    Elements { inside: Inside::of(text, b'[') }
}

/// The value at a path of keys from the top of a checked text, its range counted from there; the
/// empty path names the whole value. `None` when a key is missing or leads into no object.
pub fn find<'t>(text: &'t str, path: &[&str]) -> Option<Part<'t>> {
    // What is around and behind the value is not looked at: requests are asked for many paths.
    let start = scan::space(text.as_bytes(), 0);
    let start = path.iter().try_fold(start, |at, key| member(text, at, key))?;
    Part::of(text, start..scan::value(text.as_bytes(), start)?)
}

/// Where the value of a key starts, in the object that starts at `at`.
fn member(text: &str, at: usize, key: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = (bytes.get(at) == Some(&b'{')).then_some(at)?;
    loop {
        // From the bracket or the comma to the next key, if there is one.
        let start = scan::space(bytes, at + 1);
        let quoted =
            (bytes.get(start) == Some(&b'"')).then(|| scan::string(bytes, start).ok())??;
        let colon = scan::space(bytes, quoted.end);
        let value = (bytes.get(colon) == Some(&b':')).then(|| scan::space(bytes, colon + 1))?;
        let name = text.get(start..quoted.end)?;
        let is_it = if quoted.escaped {
            text::string(name).is_some_and(|name| name == key)
        } else {
            name.get(1..name.len() - 1) == Some(key)
        };
        if is_it {
            return Some(value);
        }
        at = scan::space(bytes, scan::value(bytes, value)?);
        if bytes.get(at) != Some(&b',') {
            return None;
        }
    }
}

/// See [`members`].
#[derive(Clone, Debug)]
pub struct Members<'t> {
    inside: Inside<'t>,
}

impl<'t> Iterator for Members<'t> {
    type Item = Member<'t>;

    fn next(&mut self) -> Option<Member<'t>> {
        let key = self.inside.next_value()?;
        self.inside.colon()?;
        Some(Member { key, value: self.inside.next_value()? })
    }
}

/// See [`elements`].
#[derive(Clone, Debug)]
pub struct Elements<'t> {
    inside: Inside<'t>,
}

impl<'t> Iterator for Elements<'t> {
    type Item = Part<'t>;

    fn next(&mut self) -> Option<Part<'t>> {
        self.inside.next_value()
    }
}

/// A place between the values of a container.
#[derive(Clone, Debug)]
struct Inside<'t> {
    text: &'t str,
    /// Where the next value, a comma, or the closing bracket stands, perhaps after whitespace.
    at: usize,
}

impl<'t> Inside<'t> {
    fn of(text: &'t str, bracket: u8) -> Self {
        let start = scan::space(text.as_bytes(), 0);
        let opens = text.as_bytes().get(start) == Some(&bracket);
        Self { text, at: if opens { start + 1 } else { text.len() } }
    }

    fn next_value(&mut self) -> Option<Part<'t>> {
        let bytes = self.text.as_bytes();
        let mut start = scan::space(bytes, self.at);
        if bytes.get(start) == Some(&b',') {
            start = scan::space(bytes, start + 1);
        }
        if let None | Some(b'}' | b']') = bytes.get(start) {
            return None;
        }
        let end = scan::value(bytes, start)?;
        self.at = end;
        Part::of(self.text, start..end)
    }

    fn colon(&mut self) -> Option<()> {
        let at = scan::space(self.text.as_bytes(), self.at);
        self.at = at + 1;
        (self.text.as_bytes().get(at) == Some(&b':')).then_some(())
    }
}
