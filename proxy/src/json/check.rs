//! The one strict pass: bytes in, text with one value out; it keeps nothing but open brackets.

use super::fault::{Fault, FaultKind};
use super::keys::{Keys, Mark, TEXT_BYTES_MAX};
use super::scan;

/// What a text may cost its readers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// How many arrays and objects may be inside each other; a lone scalar has depth 0.
    pub depth_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth_max: 128 }
    }
}

/// Accepts bytes that are exactly one JSON value (RFC 8259) that all readers read alike.
///
/// Beyond the grammar: UTF-8 without a byte order mark, no key twice in an object (compared with
/// escapes resolved), no escaped lone surrogate, no nesting beyond the limits. Numbers follow the
/// grammar alone: of any size, never converted.
///
/// Time is linear, times a logarithm of the keys in one object. Memory is twelve bytes for
/// each key of an object that is still open, and bounded. The fault is the first one in the text,
/// save that a duplicate key in a large object shows only where that object closes.
pub fn check(bytes: &[u8], limits: Limits) -> Result<&str, Fault> {
    if bytes.len() > TEXT_BYTES_MAX {
        return Err(FaultKind::TooLong { bytes_max: TEXT_BYTES_MAX }.at(TEXT_BYTES_MAX));
    }
    let text = str::from_utf8(bytes).map_err(|e| FaultKind::NotUtf8.at(e.valid_up_to()))?;
    if text.starts_with('\u{feff}') {
        return Err(FaultKind::ByteOrderMark.at(0));
    }
    Checker { bytes, at: 0, limits, open: Vec::new(), keys: Keys::new(text) }.run()?;
    Ok(text)
}

/// An open bracket.
#[derive(Clone, Copy)]
enum Open {
    Array,
    Object(Mark),
}

/// What may come next.
enum Step {
    Value,
    /// The value just read may be the last one of its container.
    After,
    Done,
}

struct Checker<'t> {
    bytes: &'t [u8],
    at: usize,
    limits: Limits,
    open: Vec<Open>,
    keys: Keys<'t>,
}

impl Checker<'_> {
    fn run(&mut self) -> Result<(), Fault> {
        self.at = scan::space(self.bytes, 0);
        let mut step = Step::Value;
        loop {
            step = match step {
                Step::Value => self.value()?,
                Step::After => self.after()?,
                Step::Done => return Ok(()),
            }
        }
    }

    /// Reads a scalar or the start of a container.
    #[inline]
    fn value(&mut self) -> Result<Step, Fault> {
        self.at = match self.bytes.get(self.at) {
            Some(b'"') => scan::string(self.bytes, self.at)?.end,
            Some(b'{') => return self.object(),
            Some(b'[') => return self.array(),
            Some(b'-' | b'0'..=b'9') => scan::number(self.bytes, self.at)?,
            Some(b't') => scan::literal(self.bytes, self.at, "true")?,
            Some(b'f') => scan::literal(self.bytes, self.at, "false")?,
            Some(b'n') => scan::literal(self.bytes, self.at, "null")?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Step::After)
    }

    /// Reads the comma or bracket that follows a value, and the key that follows a comma.
    #[inline]
    fn after(&mut self) -> Result<Step, Fault> {
        self.at = scan::space(self.bytes, self.at);
        let next = self.bytes.get(self.at);
        match (self.open.last(), next) {
            (Some(Open::Object(opened)), Some(b',')) => {
                let opened = *opened;
                self.skip();
                self.key(opened)?;
                Ok(Step::Value)
            }
            (Some(Open::Array), Some(b',')) => {
                self.skip();
                Ok(Step::Value)
            }
            (Some(Open::Object(opened)), Some(b'}')) => {
                self.keys.close(*opened)?;
                Ok(self.close())
            }
            (Some(Open::Array), Some(b']')) => Ok(self.close()),
            (None, None) => Ok(Step::Done),
            (Some(Open::Object(_)), _) => Err(self.unexpected("`,` or `}`")),
            (Some(Open::Array), _) => Err(self.unexpected("`,` or `]`")),
            (None, Some(_)) => Err(self.unexpected("nothing after the value")),
        }
    }

    #[inline]
    fn object(&mut self) -> Result<Step, Fault> {
        let opened = self.keys.open();
        self.enter(Open::Object(opened))?;
        if self.bytes.get(self.at) == Some(&b'}') {
            return Ok(self.close());
        }
        self.key(opened)?;
        Ok(Step::Value)
    }

    #[inline]
    fn array(&mut self) -> Result<Step, Fault> {
        self.enter(Open::Array)?;
        Ok(if self.bytes.get(self.at) == Some(&b']') { self.close() } else { Step::Value })
    }

    /// Reads a key and its colon.
    #[inline]
    fn key(&mut self, opened: Mark) -> Result<(), Fault> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.unexpected("a key"));
        }
        let key = scan::string(self.bytes, self.at)?;
        self.keys.add(opened, (self.at, key.end), key.escaped)?;
        self.at = scan::space(self.bytes, key.end);
        if self.bytes.get(self.at) != Some(&b':') {
            return Err(self.unexpected("`:`"));
        }
        self.skip();
        Ok(())
    }

    #[inline]
    fn enter(&mut self, bracket: Open) -> Result<(), Fault> {
        if self.open.len() >= self.limits.depth_max {
            return Err(FaultKind::TooDeep { depth_max: self.limits.depth_max }.at(self.at));
        }
        self.open.push(bracket);
        self.skip();
        Ok(())
    }

    #[inline]
    fn close(&mut self) -> Step {
        self.open.pop();
        self.at += 1;
        Step::After
    }

    /// Steps over one byte and the whitespace behind it.
    #[inline]
    fn skip(&mut self) {
        self.at = scan::space(self.bytes, self.at + 1);
    }

    #[cold]
    fn unexpected(&self, wanted: &'static str) -> Fault {
        scan::unexpected(self.bytes, self.at, wanted)
    }
}
