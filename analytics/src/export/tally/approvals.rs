//! The calls that had to wait for people: who voted, and what became of them.

use super::{COLUMNS_MAX, LISTED_MAX};
use crate::export::item::Item;
use crate::safe_text::one_line;
use crate::summary::summary;
use events::{CallId, Event, Timestamp};
use std::collections::BTreeMap;

/// The most votes and edits of one call that are shown; all are counted.
const SHOWN_MAX: usize = 20;

/// See the module.
#[derive(Default)]
pub(in crate::export) struct Approvals {
    /// The first of them, by their ids.
    pub(in crate::export) rows: BTreeMap<CallId, Approval>,
    /// How many there were.
    pub(in crate::export) count: u64,
}

/// One call that had to wait.
pub(in crate::export) struct Approval {
    pub(in crate::export) sequence: u64,
    pub(in crate::export) time: Timestamp,
    /// What was asked, and why it had to wait.
    pub(in crate::export) what: String,
    /// What people did, each in a line.
    pub(in crate::export) done: Vec<String>,
    /// How many lines are not shown.
    pub(in crate::export) more: u64,
    /// How it was decided, and what became of it; empty while it waits.
    pub(in crate::export) end: String,
}

impl Approvals {
    /// Takes in the next event.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are about no hold")]
    pub(super) fn add(&mut self, item: &Item) {
        let (Some(call), Some(event)) = (item.call, &item.event) else { return };
        let line = || one_line(&summary(event), COLUMNS_MAX);
        if let Event::CallHeld(_) = event {
            self.count += 1;
            if self.rows.len() < LISTED_MAX {
                let (sequence, time) = (item.sequence, item.time);
                let (what, done, more, end) = (line(), Vec::new(), 0, String::new());
                self.rows.insert(call, Approval { sequence, time, what, done, more, end });
            }
        }
        let Some(row) = self.rows.get_mut(&call) else { return };
        match event {
            Event::HoldVoted(_) | Event::HoldEdited(_) => row.did(line()),
            Event::HoldGranted(_) => row.end = format!("granted {}", line()),
            Event::HoldRefused(_) => row.end = format!("refused {}", line()),
            Event::HoldExpired(_) => row.end = format!("expired: {}", line()),
            Event::HoldWithdrawn(_) => row.end = format!("withdrawn {}", line()),
            Event::CallDispatched(_) => {
                row.end = format!("{}; made as event {}", row.end, item.sequence);
            }
            _ => {}
        }
    }

    /// How many are not shown.
    pub(in crate::export) fn unlisted(&self) -> u64 {
        self.count.saturating_sub(u64::try_from(self.rows.len()).unwrap_or(u64::MAX))
    }
}

impl Approval {
    fn did(&mut self, line: String) {
        if self.done.len() < SHOWN_MAX {
            self.done.push(line);
        } else {
            self.more += 1;
        }
    }
}
