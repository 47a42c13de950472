//! Records on their way through a verification: a stretch of the log as one file holds it, with the
//! place of each.

use crate::finding::Place;
use std::sync::Arc;

/// One record and where it stands.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    /// Its place in the log.
    pub index: u64,
    /// Its bytes: the leaf.
    pub bytes: &'a [u8],
    /// The file that holds it.
    pub file: &'a Arc<str>,
    /// The byte in the file at which it begins, or that of the block that holds it.
    pub byte: u64,
}

impl Record<'_> {
    /// Where it stands.
    pub fn place(&self) -> Place {
        Place::at(self.file, self.byte)
    }

    /// Where one of its bytes stands.
    pub fn place_of(&self, offset: usize) -> Place {
        Place::at(self.file, self.byte.saturating_add(u64::try_from(offset).unwrap_or(u64::MAX)))
    }
}

/// What is wrong with a file of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// The byte, if the file is there.
    pub byte: Option<u64>,
    /// What is wrong.
    pub detail: String,
}

#[derive(Clone, Copy, Debug)]
struct Span {
    start: usize,
    end: usize,
    byte: u64,
}

/// Records that follow each other in one file, or what should be there in their place.
#[derive(Clone, Debug)]
pub struct Stretch {
    /// The place of the first record in the log.
    pub first: u64,
    /// How many records there should be.
    pub count: u64,
    /// The file that holds them.
    pub file: Arc<str>,
    /// What is wrong with the file. Records behind those that there are could not be read then.
    pub defect: Option<Defect>,
    bytes: Vec<u8>,
    spans: Vec<Span>,
}

impl Stretch {
    /// No records yet, of `count` from `first` on.
    pub fn new(first: u64, count: u64, file: Arc<str>) -> Self {
        Self { first, count, file, defect: None, bytes: Vec::new(), spans: Vec::new() }
    }

    /// Records of which none can be read.
    pub fn missing(first: u64, count: u64, file: Arc<str>, detail: String) -> Self {
        let defect = Some(Defect { byte: None, detail });
        Self { defect, ..Self::new(first, count, file) }
    }

    /// Records that lie in `bytes`, each given with [`Self::lies`] then.
    #[must_use]
    pub fn over(mut self, bytes: Vec<u8>) -> Self {
        self.bytes = bytes;
        self.spans.clear();
        self
    }

    /// Adds the record at this range of the bytes, which the file has at `byte`.
    pub fn lies(&mut self, range: std::ops::Range<usize>, byte: u64) {
        self.spans.push(Span { start: range.start, end: range.end, byte });
    }

    /// Adds a record, which the file has at `byte`.
    pub fn push(&mut self, record: &[u8], byte: u64) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(record);
        self.lies(start..self.bytes.len(), byte);
    }

    /// The records, in order.
    pub fn records(&self) -> impl Iterator<Item = Record<'_>> {
        (self.first..).zip(&self.spans).map(|(index, span)| Record {
            index,
            bytes: self.bytes.get(span.start..span.end).unwrap_or_default(),
            file: &self.file,
            byte: span.byte,
        })
    }

    /// How many records there are.
    pub fn len(&self) -> u64 {
        u64::try_from(self.spans.len()).unwrap_or(u64::MAX)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// How many bytes its records have.
    pub fn bytes(&self) -> u64 {
        u64::try_from(self.bytes.len()).unwrap_or(u64::MAX)
    }
}
