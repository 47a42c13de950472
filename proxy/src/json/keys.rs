//! The keys of the objects that are open during a check, and the search for equal ones; not the
//! values.
//!
//! A hostile object may have millions of keys, so the cost must not be quadratic and must not
//! depend on a hash that can be attacked. Up to [`EAGER_MAX`] keys are compared with each other as
//! they come. From there on they are only kept, and sorted when the object closes. A key with
//! escapes is resolved once, so that every comparison is one of bytes.

use super::fault::{Fault, FaultKind, KEY_SHOWN_CHARS_MAX};
use super::text;

/// Objects with at most so many keys are searched key by key.
const EAGER_MAX: usize = 16;

/// The most keys that may be kept at once: 48 MiB of them.
pub(super) const KEYS_MAX: usize = 1 << 22;

/// The longest text whose keys fit a [`Key`].
pub(super) const TEXT_BYTES_MAX: usize = (1 << 31) - 1;

/// Where a key is.
#[derive(Clone, Copy)]
struct Key {
    /// Where its opening quote stands in the text.
    at: u32,
    /// Where the key itself starts: in the text, or in `resolved` when it has escapes.
    start: u32,
    /// Its bytes, times two, plus one when it has escapes.
    length: u32,
}

/// The keys of all open objects, the innermost object's last.
pub(super) struct Keys<'t> {
    text: &'t str,
    kept: Vec<Key>,
    /// The keys with escapes, one behind the other; never longer than they are in the text.
    resolved: String,
}

/// What is to be forgotten when an object closes.
#[derive(Clone, Copy)]
pub(super) struct Mark {
    kept: usize,
    resolved: usize,
}

impl<'t> Keys<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, kept: Vec::new(), resolved: String::new() }
    }

    /// What to give to [`Self::add`] and [`Self::close`] for an object that opens now.
    #[inline]
    pub(super) fn open(&self) -> Mark {
        Mark { kept: self.kept.len(), resolved: self.resolved.len() }
    }

    /// Adds the key whose opening quote stands at `at` and whose closing quote ends at `end`.
    #[inline]
    pub(super) fn add(
        &mut self,
        opened: Mark,
        (at, end): (usize, usize),
        escaped: bool,
    ) -> Result<(), Fault> {
        let key = if escaped { self.resolve(at, end) } else { key((at, at + 1), end - 1, false) };
        let key = key.ok_or_else(|| FaultKind::TooLong { bytes_max: TEXT_BYTES_MAX }.at(at))?;
        let siblings = self.kept.get(opened.kept..).unwrap_or_default();
        if siblings.len() < EAGER_MAX && siblings.iter().any(|other| self.equal(*other, key)) {
            return Err(self.duplicate(key));
        }
        if self.kept.len() == KEYS_MAX {
            return Err(FaultKind::TooManyKeys { keys_max: KEYS_MAX }.at(at));
        }
        self.kept.push(key);
        Ok(())
    }

    /// Forgets the keys of the object that was opened last, once they are known to differ.
    #[inline]
    pub(super) fn close(&mut self, opened: Mark) -> Result<(), Fault> {
        if self.kept.len() - opened.kept > EAGER_MAX {
            self.compare_all(opened)?;
        }
        self.kept.truncate(opened.kept);
        self.resolved.truncate(opened.resolved);
        Ok(())
    }

    #[cold]
    fn resolve(&mut self, at: usize, end: usize) -> Option<Key> {
        let start = self.resolved.len();
        text::resolve(self.text.get(at + 1..end - 1)?, &mut self.resolved);
        key((at, start), self.resolved.len(), true)
    }

    /// Reports, of all keys that repeat an earlier one, the first in the text.
    fn compare_all(&mut self, opened: Mark) -> Result<(), Fault> {
        let mut kept = std::mem::take(&mut self.kept);
        let siblings = kept.get_mut(opened.kept..).unwrap_or_default();
        siblings.sort_unstable_by(|left, right| {
            self.text_of(*left).cmp(self.text_of(*right)).then(left.at.cmp(&right.at))
        });
        let repeats = siblings.array_windows().filter(|[left, right]| self.equal(*left, *right));
        let first = repeats.map(|[_, right]| *right).min_by_key(|key| key.at);
        self.kept = kept;
        first.map_or(Ok(()), |key| Err(self.duplicate(key)))
    }

    #[inline]
    fn equal(&self, left: Key, right: Key) -> bool {
        left.length >> 1 == right.length >> 1 && self.text_of(left) == self.text_of(right)
    }

    #[inline]
    fn text_of(&self, key: Key) -> &[u8] {
        let source = if key.length & 1 == 0 { self.text } else { &self.resolved };
        let start = key.start as usize;
        source.as_bytes().get(start..start + (key.length >> 1) as usize).unwrap_or_default()
    }

    #[cold]
    fn duplicate(&self, key: Key) -> Fault {
        let text = String::from_utf8_lossy(self.text_of(key));
        let mut chars = text.chars();
        let mut shown: String = chars.by_ref().take(KEY_SHOWN_CHARS_MAX).collect();
        if chars.next().is_some() {
            shown.push('…');
        }
        FaultKind::DuplicateKey { key: shown }.at(key.at as usize)
    }
}

/// `None` when the numbers do not fit, which the limit on the text prevents.
#[inline]
fn key((at, start): (usize, usize), end: usize, escaped: bool) -> Option<Key> {
    let length = u32::try_from((end - start) << 1 | usize::from(escaped)).ok()?;
    Some(Key { at: u32::try_from(at).ok()?, start: u32::try_from(start).ok()?, length })
}
