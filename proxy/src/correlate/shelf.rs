//! Rows in the order in which they came, found by marks; the oldest is taken off when it is full.

use events::Mark;
use std::collections::{BTreeMap, BTreeSet};

/// The place of a row on its shelf; never used twice.
pub(super) type RowId = u64;

/// Rows with any number of marks each.
#[derive(Debug)]
pub(super) struct Shelf<T> {
    rows: BTreeMap<RowId, (T, Vec<Mark>)>,
    index: BTreeSet<(Mark, RowId)>,
    next: RowId,
}

impl<T> Default for Shelf<T> {
    fn default() -> Self {
        Self { rows: BTreeMap::new(), index: BTreeSet::new(), next: 0 }
    }
}

impl<T> Shelf<T> {
    /// Puts a row at the end.
    pub(super) fn insert(&mut self, row: T, marks: impl IntoIterator<Item = Mark>) -> RowId {
        let id = self.next;
        self.next += 1;
        self.rows.insert(id, (row, Vec::new()));
        for mark in marks {
            self.add_mark(id, mark);
        }
        id
    }

    /// Makes a row findable by one more mark.
    pub(super) fn add_mark(&mut self, id: RowId, mark: Mark) {
        if let Some((_, marks)) = self.rows.get_mut(&id)
            && self.index.insert((mark, id))
        {
            marks.push(mark);
        }
    }

    /// Leaves a row findable by one mark alone, if it has that.
    pub(super) fn keep_mark(&mut self, id: RowId, kept: Option<Mark>) {
        let Some((_, marks)) = self.rows.get_mut(&id) else { return };
        marks.retain(|mark| Some(*mark) == kept || !self.index.remove(&(*mark, id)));
    }

    pub(super) fn get(&self, id: RowId) -> Option<&T> {
        self.rows.get(&id).map(|(row, _)| row)
    }

    pub(super) fn get_mut(&mut self, id: RowId) -> Option<&mut T> {
        self.rows.get_mut(&id).map(|(row, _)| row)
    }

    /// The rows that have a mark, oldest first.
    pub(super) fn find(&self, mark: Mark) -> impl DoubleEndedIterator<Item = (RowId, &T)> {
        let ids = self.index.range((mark, RowId::MIN)..=(mark, RowId::MAX));
        ids.filter_map(|(_, id)| Some((*id, self.get(*id)?)))
    }

    /// Whether a row has a mark.
    pub(super) fn has(&self, id: RowId, mark: Mark) -> bool {
        self.index.contains(&(mark, id))
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Takes the oldest row off.
    pub(super) fn drop_oldest(&mut self) {
        if let Some((id, (_, marks))) = self.rows.pop_first() {
            for mark in marks {
                self.index.remove(&(mark, id));
            }
        }
    }
}
