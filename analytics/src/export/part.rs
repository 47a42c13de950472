//! The events of one part, until it is written.

use super::columns::{Cell, cells};
use super::csv;
use super::error::ExportError;
use super::item::Item;
use super::table::table;
use events::{PayloadRef, SessionId};

/// The most events of a part.
pub(super) const PART_EVENTS_MAX: usize = 4096;

/// The most bytes of records of a part; a part with one event may have more.
pub(super) const PART_BYTES_MAX: usize = 8 << 20;

/// See the module.
pub(super) struct Part {
    number: u64,
    lines: Vec<u8>,
    csv: String,
    rows: Vec<Vec<Cell>>,
    members: Vec<Member>,
}

/// What is still to be done for an event once its record is written.
pub(super) struct Member {
    pub(super) sequence: u64,
    pub(super) payload: Option<(SessionId, PayloadRef)>,
    end: usize,
}

impl Part {
    /// An empty part.
    pub(super) fn new(number: u64) -> Self {
        let (lines, rows, members) = (Vec::new(), Vec::new(), Vec::new());
        Self { number, lines, csv: csv::header(), rows, members }
    }

    /// Whether there is room for a record.
    pub(super) fn has_room(&self, record: &[u8]) -> bool {
        self.members.is_empty()
            || self.members.len() < PART_EVENTS_MAX
                && self.lines.len() + record.len() < PART_BYTES_MAX
    }

    /// Whether nothing is in it.
    pub(super) const fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Its number, from 0.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Adds an event.
    pub(super) fn push(&mut self, item: &Item, record: &[u8]) {
        self.lines.extend_from_slice(record);
        let member =
            Member { sequence: item.sequence, payload: item.payload(), end: self.lines.len() };
        self.lines.push(b'\n');
        let cells = cells(item);
        csv::push_line(&mut self.csv, &cells);
        self.rows.push(cells);
        self.members.push(member);
    }

    /// The records, one a line.
    pub(super) fn lines(&self) -> &[u8] {
        &self.lines
    }

    /// The table for people.
    pub(super) const fn csv(&self) -> &str {
        self.csv.as_str()
    }

    /// The table for analysts.
    pub(super) fn table(&self) -> Result<Vec<u8>, ExportError> {
        table(&self.rows, self.members().map(|(_, record)| record))
    }

    /// Each event with its record.
    pub(super) fn members(&self) -> impl Iterator<Item = (&Member, &[u8])> {
        let starts = std::iter::once(0).chain(self.members.iter().map(|member| member.end + 1));
        starts
            .zip(&self.members)
            .map(|(start, member)| (member, self.lines.get(start..member.end).unwrap_or_default()))
    }
}
