//! The canonical form of a text (RFC 8785), whose digest tells whether two texts mean the same.
//!
//! Keys are written in order, so an object cannot be written while it is read. A first walk notes
//! where each container ends; the second can then step over a value at once while it collects the
//! keys of an object, and come back to it. So the time is linear, save for the sorting, however
//! deep the text is; nothing is called recursively.

use std::borrow::Cow;

use super::check::{Limits, check};
use super::fault::Fault;
use super::{number, scan, text};

/// Writes a text in the form of RFC 8785: no whitespace, keys sorted by UTF-16 code units, each
/// string and number in its one spelling.
///
/// One deviation: an integer written without fraction and exponent keeps its digits even beyond
/// 2^53, where RFC 8785 would round it; ids of that size exist, and must not be confused. Thus `1`,
/// `1.0` and `1e0` come out the same, but `100000000000000000001` stays apart from `1e20`.
///
/// Fails with [`super::FaultKind::OutOfRange`] for a number with a fraction or an exponent that no
/// double can hold, and as [`check`] does when the text was not checked; depth has no limit here.
/// Memory is a small multiple of the text.
pub fn canonical(text: &str) -> Result<Vec<u8>, Fault> {
    check(text.as_bytes(), Limits { depth_max: usize::MAX })?;
    let mut writer = Writer {
        text,
        containers: containers(text.as_bytes()),
        open: Vec::new(),
        out: String::with_capacity(text.len()),
    };
    writer.run()?;
    Ok(writer.out.into_bytes())
}

/// What the second walk must know about a container. They are numbered in the order in which they
/// open, so the container after this one and all it holds has the number of this one plus `count`.
#[derive(Clone, Copy, Default)]
struct Container {
    /// Just after its closing bracket.
    end: u32,
    /// How many containers it is, with all those in it.
    count: u32,
}

/// Finds all containers of a checked text.
fn containers(bytes: &[u8]) -> Vec<Container> {
    let mut found: Vec<Container> = Vec::new();
    let mut open = Vec::new();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match byte {
            b'"' => at = scan::string(bytes, at - 1).map_or(bytes.len(), |quoted| quoted.end),
            b'{' | b'[' => {
                open.push(found.len());
                found.push(Container::default());
            }
            b'}' | b']' => {
                let number = open.pop().unwrap_or_default();
                let count = narrow(found.len() - number);
                if let Some(container) = found.get_mut(number) {
                    *container = Container { end: narrow(at), count };
                }
            }
            _ => {}
        }
    }
    found
}

/// Places and counts fit because `check` limits the length of a text.
fn narrow(value: usize) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// A place in the text.
#[derive(Clone, Copy)]
struct Place {
    at: usize,
    /// The number of the first container that opens there or later.
    container: usize,
}

/// A container that is being written.
enum Open<'t> {
    /// With the place after the bracket, or after the last element written.
    Array(Place),
    /// With the members that are left, sorted.
    Object(std::vec::IntoIter<(Cow<'t, str>, Place)>),
}

impl Open<'_> {
    fn bracket(&self) -> char {
        match self {
            Open::Array(_) => ']',
            Open::Object(_) => '}',
        }
    }
}

struct Writer<'t> {
    text: &'t str,
    containers: Vec<Container>,
    open: Vec<Open<'t>>,
    out: String,
}

impl<'t> Writer<'t> {
    fn run(&mut self) -> Result<(), Fault> {
        let start = scan::space(self.text.as_bytes(), 0);
        let mut next = Some(Place { at: start, container: 0 });
        while let Some(place) = next {
            self.value(place)?;
            next = self.next();
        }
        Ok(())
    }

    /// Writes a scalar whole, or the opening bracket of a container.
    fn value(&mut self, place: Place) -> Result<(), Fault> {
        let inside = Place { at: place.at + 1, container: place.container + 1 };
        match self.text.as_bytes().get(place.at) {
            Some(b'{') => {
                self.out.push('{');
                self.open.push(Open::Object(self.members(inside).into_iter()));
            }
            Some(b'[') => {
                self.out.push('[');
                self.open.push(Open::Array(inside));
            }
            Some(b'"') => text::quote(&self.string(place), &mut self.out),
            Some(b'-' | b'0'..=b'9') => {
                let number = self.scalar(place);
                number::write(number, &mut self.out).map_err(|kind| kind.at(place.at))?;
            }
            _ => self.out.push_str(self.scalar(place)),
        }
        Ok(())
    }

    /// Writes what stands before the next value: closing brackets, a comma, a key.
    fn next(&mut self) -> Option<Place> {
        while let Some(mut innermost) = self.open.pop() {
            let next = match &mut innermost {
                Open::Object(members) => members.next().map(|(key, place)| (Some(key), place)),
                Open::Array(resume) => self.element(resume).map(|place| (None, place)),
            };
            let Some((key, place)) = next else {
                self.out.push(innermost.bracket());
                continue;
            };
            // A bracket at the end was just opened: a string that ends in one ends in its quote.
            if !self.out.ends_with(['{', '[']) {
                self.out.push(',');
            }
            if let Some(key) = key {
                text::quote(&key, &mut self.out);
                self.out.push(':');
            }
            self.open.push(innermost);
            return Some(place);
        }
        None
    }

    /// Finds the element after `resume`, if any, and moves `resume` behind it.
    fn element(&self, resume: &mut Place) -> Option<Place> {
        let bytes = self.text.as_bytes();
        let mut at = scan::space(bytes, resume.at);
        if bytes.get(at) == Some(&b',') {
            at = scan::space(bytes, at + 1);
        }
        if let None | Some(b']' | b'}') = bytes.get(at) {
            return None;
        }
        let place = Place { at, container: resume.container };
        *resume = self.end(place);
        Some(place)
    }

    /// Finds the members of the object whose inside starts at `resume`, and sorts them.
    fn members(&self, mut resume: Place) -> Vec<(Cow<'t, str>, Place)> {
        let bytes = self.text.as_bytes();
        let mut members = Vec::new();
        while let Some(key) = self.element(&mut resume) {
            // From the key's end over the colon to the value.
            let value = scan::space(bytes, scan::space(bytes, resume.at) + 1);
            let place = Place { at: value, container: resume.container };
            members.push((self.string(key), place));
            resume = self.end(place);
        }
        members.sort_unstable_by(|(left, _), (right, _)| text::order(left, right));
        members
    }

    /// The place behind the value at `place`.
    fn end(&self, place: Place) -> Place {
        let bytes = self.text.as_bytes();
        match (bytes.get(place.at), self.containers.get(place.container)) {
            (Some(b'{' | b'['), Some(container)) => Place {
                at: container.end as usize,
                container: place.container + container.count as usize,
            },
            _ => Place { at: scan::value(bytes, place.at).unwrap_or(bytes.len()), ..place },
        }
    }

    /// The scalar at `place`, as it is written.
    fn scalar(&self, place: Place) -> &'t str {
        self.text.get(place.at..self.end(place).at).unwrap_or_default()
    }

    /// The text of the string at `place`.
    fn string(&self, place: Place) -> Cow<'t, str> {
        text::string(self.scalar(place)).unwrap_or_default()
    }
}
