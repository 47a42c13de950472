//! What can be wrong with a JSON text and where; not what a dialect then thinks of it.

/// Why a text was refused, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct Fault {
    /// What is wrong.
    pub kind: FaultKind,
    /// The byte where it shows, from 0; the length of the text when the text ends too early.
    pub offset: usize,
}

/// What is wrong with a text. The messages are complete once the offset is added to them.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FaultKind {
    /// The bytes are not UTF-8 (RFC 8259 §8.1).
    #[error("bytes that are not UTF-8")]
    NotUtf8,
    /// A byte order mark, which RFC 8259 §8.1 forbids to senders.
    #[error("a byte order mark")]
    ByteOrderMark,
    /// More bytes than the scanner can count.
    #[error("a text longer than {bytes_max} bytes")]
    TooLong {
        /// The limit.
        bytes_max: usize,
    },
    /// The text stops inside a value, or holds none.
    #[error("expected {wanted}, found the end of the text")]
    EndsEarly {
        /// What should have come.
        wanted: &'static str,
    },
    /// A character where the grammar has no place for it.
    #[error("expected {wanted}, found {found:?}")]
    Unexpected {
        /// What should have come.
        wanted: &'static str,
        /// What came.
        found: char,
    },
    /// A control character inside a string must be written as an escape.
    #[error("a control character in a string")]
    ControlCharacter,
    /// A backslash that starts none of the escapes of RFC 8259 §7.
    #[error("an unknown escape")]
    UnknownEscape,
    /// Half of a surrogate pair: no Unicode text has it, and readers disagree on what it becomes.
    #[error("an escaped lone surrogate")]
    LoneSurrogate,
    /// A key for the second time in the same object: readers disagree on which one counts.
    #[error("duplicate key {key:?}")]
    DuplicateKey {
        /// The key with its escapes resolved; of a long one only the start.
        key: String,
    },
    /// More arrays and objects inside each other than allowed.
    #[error("nesting deeper than {depth_max}")]
    TooDeep {
        /// The limit.
        depth_max: usize,
    },
    /// More keys in the objects that are open at once than can be compared in bounded memory.
    #[error("more than {keys_max} keys in open objects")]
    TooManyKeys {
        /// The limit.
        keys_max: usize,
    },
    /// A number too large for a double has no canonical form (RFC 8785 §3.2.2.3).
    #[error("a number beyond the range of a double")]
    OutOfRange,
}

/// How many characters of a key a message shows.
pub(super) const KEY_SHOWN_CHARS_MAX: usize = 64;

impl FaultKind {
    /// Gives this kind its place.
    #[cold]
    pub(super) fn at(self, offset: usize) -> Fault {
        Fault { kind: self, offset }
    }
}
