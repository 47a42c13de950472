//! The first readings of the ledger: where a range of time lies and which calls are selected; then,
//! what these refer to. Memory grows with the calls that are selected, by ids alone.

use super::error::ExportError;
use super::item::Item;
use super::read::each_record;
use super::references::References;
use super::selection::{Bound, Selection};
use events::{CallId, Event, SessionId};
use ledger::log::Reader;
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The events between the ends of the range.
    pub(super) range: Range<u64>,
    /// The calls selected.
    pub(super) calls: BTreeSet<CallId>,
    /// Their sessions.
    pub(super) sessions: BTreeSet<SessionId>,
    /// The people they were made for.
    pub(super) people: BTreeSet<Arc<str>>,
    /// What their events refer to.
    pub(super) references: References,
}

impl Survey {
    /// Reads the first `size` events, or none of them where the selection can do without.
    pub(super) fn make(
        reader: &dyn Reader,
        size: u64,
        selection: &Selection,
    ) -> Result<Self, ExportError> {
        let place = |bound: Option<Bound>, default: u64| match bound {
            None => Some(default),
            Some(Bound::Sequence(sequence)) => Some(sequence.min(size)),
            Some(Bound::Time(_)) => None,
        };
        let known = place(selection.from, 0).zip(place(selection.to, size));
        if let (Some((start, end)), true) = (known, selection.is_contiguous()) {
            return Ok(Self { range: start..end.max(start), ..Self::default() });
        }
        let mut found = None;
        let mut survey = Self { sessions: selection.sessions.clone(), ..Self::default() };
        each_record(reader, 0..size, |sequence, record| {
            let item = Item::parse(sequence, record)?;
            // A clock may be set back: all between the first and the last event that fit belongs to
            // the range.
            if selection.spans(sequence, item.time) {
                let start = found.as_ref().map_or(sequence, |range: &Range<u64>| range.start);
                found = Some(start..sequence + 1);
            }
            if !selection.is_contiguous() {
                survey.look(selection, &item);
            }
            Ok(())
        })?;
        survey.range = found.unwrap_or_default();
        survey.refer(reader, size)?;
        Ok(survey)
    }

    /// Reads again, now that all calls are known: one may be selected by a link behind its votes.
    fn refer(&mut self, reader: &dyn Reader, size: u64) -> Result<(), ExportError> {
        if self.calls.is_empty() {
            return Ok(());
        }
        each_record(reader, 0..size, |sequence, record| {
            self.references.look(&Item::parse(sequence, record)?, &self.calls);
            Ok(())
        })
    }

    fn look(&mut self, selection: &Selection, item: &Item) {
        let Some(call) = item.call else { return };
        match &item.event {
            Some(Event::CallDispatched(_) | Event::CallDenied(_) | Event::CallHeld(_))
                if fits(selection, item) =>
            {
                self.calls.insert(call);
                self.sessions.extend(item.session);
                let person = item.principal().map(|principal| Arc::clone(&principal.owner));
                self.people.extend(person);
            }
            Some(Event::CallLinked(link))
                if selection.has_case() && self.calls.contains(&link.cause) =>
            {
                self.calls.insert(call);
                self.sessions.extend(item.session);
            }
            _ => {}
        }
    }
}

/// Whether an event that stands for itself fits a selection of calls.
pub(super) fn fits(selection: &Selection, item: &Item) -> bool {
    let is_named = |item: &Item| {
        item.session.is_some_and(|session| selection.sessions.contains(&session))
            || item.call.is_some_and(|call| selection.calls.contains(&call))
    };
    let principal = item.principal();
    let is = |wanted: &Option<String>, found: Option<&Arc<str>>| {
        wanted.as_ref().is_none_or(|wanted| found.is_some_and(|found| **found == **wanted))
    };
    selection.spans(item.sequence, item.time)
        && (!selection.has_case() || is_named(item))
        && is(&selection.person, principal.map(|principal| &principal.owner))
        && is(&selection.agent, principal.map(|principal| &principal.agent))
}
