//! The last reading: which events go into the bundle.

use super::item::Item;
use super::selection::Selection;
use super::survey::{Survey, fits};
use events::{CallId, Event, EventId, SessionId};
use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

/// See the module. It is asked about each event once, in order.
pub(super) struct Chosen<'a> {
    selection: &'a Selection,
    survey: Survey,
    holds: BTreeSet<EventId>,
}

impl<'a> Chosen<'a> {
    /// What a selection takes, after its survey.
    pub(super) const fn new(selection: &'a Selection, survey: Survey) -> Self {
        Self { selection, survey, holds: BTreeSet::new() }
    }

    /// Where to ask, in a ledger of `size` events.
    pub(super) fn range(&self, size: u64) -> Range<u64> {
        if self.selection.is_contiguous() { self.survey.range.clone() } else { 0..size }
    }

    /// Whether an event within the [range](Self::range) is in.
    pub(super) fn takes(&mut self, item: &Item) -> bool {
        if self.selection.is_contiguous() {
            let is_hold = matches!(item.event, Some(Event::LegalHoldPlaced(_)));
            self.holds.extend(item.id.filter(|_| is_hold));
            return true;
        }
        if let Some(is_concerned) = self.custody(item) {
            return is_concerned;
        }
        if self.survey.references.takes(item) {
            // What the event names may be erased with its own session.
            self.survey.sessions.extend(item.session);
            return true;
        }
        // An outcome alone is not in: calls are whole, or not there.
        let stands_alone = item.call.is_none() || matches!(item.event, Some(Event::CallRefused(_)));
        self.is_of_a_call(item) || stands_alone && fits(self.selection, item)
    }

    /// An event about custody is in if it concerns a session that is.
    fn custody(&mut self, item: &Item) -> Option<bool> {
        let (sessions, people) = (&self.survey.sessions, &self.survey.people);
        let any = |erased: &[SessionId]| erased.iter().any(|it| sessions.contains(it));
        match &item.event {
            Some(Event::EraseRequested(fact)) => Some(any(&fact.sessions)),
            Some(Event::PayloadErased(fact)) => Some(any(&fact.sessions)),
            Some(Event::LegalHoldPlaced(fact)) => {
                let of_session = fact.session.is_some_and(|session| sessions.contains(&session));
                let of_person = |person: &Arc<str>| people.contains(person);
                let is_concerned = of_session || fact.subject.as_ref().is_some_and(of_person);
                self.holds.extend(item.id.filter(|_| is_concerned));
                Some(is_concerned)
            }
            Some(Event::LegalHoldLifted(fact)) => Some(self.holds.contains(&fact.hold)),
            _ => None,
        }
    }

    /// Whether an event behind the range tells what became of payloads of these sessions: that they
    /// were erased, or that a hold of the range did not keep them any more.
    pub(super) fn accounts_for(&self, item: &Item, absent: &BTreeSet<SessionId>) -> bool {
        match &item.event {
            Some(Event::LegalHoldLifted(fact)) => self.holds.contains(&fact.hold),
            _ => erasing(item).iter().any(|session| absent.contains(session)),
        }
    }

    fn is_of_a_call(&self, item: &Item) -> bool {
        let has = |call: &CallId| self.survey.calls.contains(call);
        let mentioned = match &item.event {
            Some(Event::FindingRaised(fact)) => fact.evidence.iter().any(has),
            Some(Event::MessageRelayed(fact)) => fact.call.as_ref().is_some_and(has),
            _ => false,
        };
        mentioned || item.call.as_ref().is_some_and(has)
    }
}

/// The sessions that an event says are erased, or are to be.
pub(super) fn erasing(item: &Item) -> &[SessionId] {
    match &item.event {
        Some(Event::EraseRequested(fact)) => &fact.sessions,
        Some(Event::PayloadErased(fact)) => &fact.sessions,
        _ => &[],
    }
}
