//! What a verification finds: each finding names the check that it fails, the event, the file and
//! the byte.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// How many findings are listed in full. All are counted.
pub const LISTED_MAX: usize = 1000;

/// How many notes are listed in full. All are counted.
pub(crate) const NOTES_MAX: usize = 100;

/// How many characters of explanation a finding has.
const DETAIL_CHARS_MAX: usize = 400;

/// What is checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// The checkpoint has the form of one.
    Checkpoint,
    /// The log signed the checkpoint.
    Signature,
    /// A quorum of witnesses cosigned it.
    Witnesses,
    /// The log goes on from checkpoints that the auditor has.
    Known,
    /// The records lead to the root that was signed.
    Records,
    /// Every tile is what the records make it.
    Tiles,
    /// Every exported event is proven to be in the tree.
    Proofs,
    /// Every event has the form of one.
    Events,
    /// Events follow each other without gaps, and know their place.
    Sequence,
    /// Every dispatched call has one outcome.
    Calls,
    /// Every grant led to one dispatch at most.
    Grants,
    /// Every payload is what its event commits to, or is accounted for.
    Payloads,
    /// Every erasure was asked for.
    Erasures,
    /// Nothing was erased that a legal hold kept.
    Holds,
    /// Every file is as the manifest says.
    Files,
}

impl Check {
    /// All checks, in the order in which a report lists them.
    pub const ALL: &[Self] = &[
        Self::Checkpoint,
        Self::Signature,
        Self::Witnesses,
        Self::Known,
        Self::Records,
        Self::Tiles,
        Self::Proofs,
        Self::Events,
        Self::Sequence,
        Self::Calls,
        Self::Grants,
        Self::Payloads,
        Self::Erasures,
        Self::Holds,
        Self::Files,
    ];

    /// Its name in a report.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Checkpoint => "checkpoint",
            Self::Signature => "signature",
            Self::Witnesses => "witnesses",
            Self::Known => "known checkpoints",
            Self::Records => "records",
            Self::Tiles => "tiles",
            Self::Proofs => "proofs",
            Self::Events => "events",
            Self::Sequence => "sequence",
            Self::Calls => "calls",
            Self::Grants => "grants",
            Self::Payloads => "payloads",
            Self::Erasures => "erasures",
            Self::Holds => "legal holds",
            Self::Files => "files",
        }
    }
}

/// A place in the evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// The file, or URL, as the auditor can find it.
    pub file: Arc<str>,
    /// The byte within the file, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub byte: Option<u64>,
}

impl Place {
    /// A file as a whole.
    pub fn of(file: &str) -> Self {
        Self { file: file.into(), byte: None }
    }

    /// A byte of a file.
    pub fn at(file: &Arc<str>, byte: u64) -> Self {
        Self { file: Arc::clone(file), byte: Some(byte) }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&plain(&self.file))?;
        self.byte.map_or(Ok(()), |byte| write!(formatter, ", byte {byte}"))
    }
}

/// Something that is not as it must be, or worth knowing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The check that it fails.
    pub check: Check,
    /// The event concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sequence: Option<u64>,
    /// Where.
    #[serde(flatten)]
    pub place: Option<Place>,
    /// What is wrong.
    pub detail: String,
}

impl Finding {
    /// A finding of a check. What evidence says is shown in plain characters, and shortened.
    pub fn new(check: Check, detail: impl fmt::Display) -> Self {
        Self { check, sequence: None, place: None, detail: plain(&detail.to_string()) }
    }

    /// The finding, about this event.
    #[must_use]
    pub fn about(mut self, sequence: u64) -> Self {
        self.sequence = Some(sequence);
        self
    }

    /// The finding, in this place.
    #[must_use]
    pub fn at(mut self, place: Place) -> Self {
        self.place = Some(place);
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}: ", self.check.name())?;
        if let Some(sequence) = self.sequence {
            write!(formatter, "event {sequence}: ")?;
        }
        formatter.write_str(&self.detail)?;
        self.place.as_ref().map_or(Ok(()), |place| write!(formatter, " [{place}]"))
    }
}

/// A text without what a terminal obeys or what hides other text, and not too long.
pub(crate) fn plain(text: &str) -> String {
    let mut plain: String = String::new();
    for (count, next) in text.chars().enumerate() {
        if count == DETAIL_CHARS_MAX {
            plain.push('…');
            break;
        }
        let hides = matches!(next, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}');
        if next.is_control() || hides {
            plain.extend(next.escape_unicode());
        } else {
            plain.push(next);
        }
    }
    plain
}

/// Findings and notes as they come up: the first ones in full, all of them counted.
#[derive(Debug, Default)]
pub struct Findings {
    pub(crate) listed: Vec<Finding>,
    pub(crate) counts: BTreeMap<Check, u64>,
    pub(crate) notes: Vec<Finding>,
    pub(crate) notes_count: u64,
}

impl Findings {
    /// Adds something that is wrong.
    pub fn add(&mut self, finding: Finding) {
        *self.counts.entry(finding.check).or_default() += 1;
        if self.listed.len() < LISTED_MAX {
            self.listed.push(finding);
        }
    }

    /// Adds something that is worth knowing and not wrong.
    pub fn note(&mut self, finding: Finding) {
        self.notes_count += 1;
        if self.notes.len() < NOTES_MAX {
            self.notes.push(finding);
        }
    }

    /// Counts findings that are not listed.
    pub(crate) fn count(&mut self, check: Check, more: u64) {
        if more > 0 {
            *self.counts.entry(check).or_default() += more;
        }
    }

    /// Adds the findings and notes of another part of the verification.
    pub fn absorb(&mut self, other: Self) {
        self.listed.extend(other.listed);
        self.notes.extend(other.notes);
        self.notes_count += other.notes_count;
        for (check, count) in other.counts {
            self.count(check, count);
        }
    }

    /// How many there are of a check.
    pub fn of(&self, check: Check) -> u64 {
        self.counts.get(&check).copied().unwrap_or(0)
    }

    /// How many there are.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }
}
