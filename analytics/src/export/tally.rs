//! What the summary says of the events: counts, and the first of each kind of thing worth a line.

mod approvals;

use super::item::Item;
use crate::safe_text::one_line;
use crate::summary::summary;
use crate::words::{finding, grouped};
use approvals::Approvals;
use events::{CallId, Event, Operation, SessionId, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// The most sessions, findings and erasures that are listed one by one; all are counted.
const LISTED_MAX: usize = 200;

/// The most kinds of events that are counted each by itself; more than there are.
const KINDS_MAX: usize = 200;

/// The most columns of a text of others.
const COLUMNS_MAX: usize = 160;

/// See the module.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) events: u64,
    pub(super) kinds: BTreeMap<String, u64>,
    pub(super) first: Option<(u64, Timestamp)>,
    pub(super) last: Option<(u64, Timestamp)>,
    pub(super) sessions: BTreeMap<SessionId, SessionRow>,
    /// Calls of sessions that are not listed.
    pub(super) unlisted_calls: u64,
    pub(super) findings: Listing,
    pub(super) custody: Listing,
    pub(super) approvals: Approvals,
    /// What was given to people and agents, and taken from them.
    pub(super) rights: Listing,
    /// Calls that wait: when they are dispatched, they are no other calls.
    held: BTreeSet<CallId>,
}

/// Lines, as many as are shown, and how many there were.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) lines: Vec<ListedEvent>,
    pub(super) count: u64,
}

/// One line about one event.
pub(super) struct ListedEvent {
    pub(super) sequence: u64,
    pub(super) time: Timestamp,
    pub(super) kind: String,
    pub(super) text: String,
}

/// What was seen of a session.
pub(super) struct SessionRow {
    pub(super) began: Timestamp,
    pub(super) ended: Timestamp,
    pub(super) agent: String,
    pub(super) person: String,
    pub(super) calls: u64,
    pub(super) tools: u64,
    pub(super) denied: u64,
    pub(super) held: u64,
    pub(super) failed: u64,
    pub(super) tokens: u64,
}

impl Tally {
    /// Takes in the next event.
    pub(super) fn add(&mut self, item: &Item) {
        let here = (item.sequence, item.time);
        self.events += 1;
        self.first.get_or_insert(here);
        self.last = Some(here);
        if self.kinds.len() < KINDS_MAX || self.kinds.contains_key(&item.kind) {
            *self.kinds.entry(item.kind.clone()).or_default() += 1;
        }
        self.session(item);
        self.approvals.add(item);
        match &item.event {
            Some(Event::FindingRaised(fact)) => {
                let kind = finding(fact.kind).to_owned();
                self.findings.add(item, kind, &fact.detail);
            }
            Some(
                event @ (Event::EraseRequested(_)
                | Event::PayloadErased(_)
                | Event::LegalHoldPlaced(_)
                | Event::LegalHoldLifted(_)
                | Event::LedgerGap(_)
                | Event::LedgerExported(_)),
            ) => self.custody.add(item, item.kind.clone(), &summary(event)),
            Some(
                event @ (Event::GrantOpened(_)
                | Event::GrantRevoked(_)
                | Event::PasskeyRegistered(_)
                | Event::PasskeyRemoved(_)
                | Event::PersonAdded(_)
                | Event::PersonRevoked(_)
                | Event::PersonRestored(_)
                | Event::AgentRevoked(_)
                | Event::AgentRestored(_)
                | Event::DelegationOpened(_)
                | Event::DelegationClosed(_)
                | Event::PolicyLoaded(_)),
            ) => self.rights.add(item, item.kind.clone(), &summary(event)),
            _ => {}
        }
    }

    fn session(&mut self, item: &Item) {
        let Some(session) = item.session else { return };
        let is_call = match &item.event {
            Some(Event::CallHeld(_)) => item.call.is_some_and(|call| self.held.insert(call)),
            Some(Event::CallDispatched(_)) => !item.call.is_some_and(|it| self.held.remove(&it)),
            Some(Event::CallDenied(_)) => true,
            _ => false,
        };
        if self.sessions.len() >= LISTED_MAX && !self.sessions.contains_key(&session) {
            self.unlisted_calls += u64::from(is_call);
            return;
        }
        let row = self.sessions.entry(session).or_insert_with(|| SessionRow {
            began: item.time,
            ended: item.time,
            agent: String::new(),
            person: String::new(),
            calls: 0,
            tools: 0,
            denied: 0,
            held: 0,
            failed: 0,
            tokens: 0,
        });
        row.add(item, is_call);
    }

    /// A number for people.
    pub(super) fn events_text(&self) -> String {
        grouped(self.events)
    }
}

impl SessionRow {
    fn add(&mut self, item: &Item, is_call: bool) {
        self.ended = self.ended.max(item.time);
        self.calls += u64::from(is_call);
        if let Some(principal) = item.principal().filter(|_| self.agent.is_empty()) {
            self.agent = one_line(&principal.agent, COLUMNS_MAX);
            self.person = one_line(&principal.owner, COLUMNS_MAX);
        }
        let mut count = |usage: Option<events::Usage>| {
            let usage = usage.unwrap_or_default();
            self.tokens += usage.input.unwrap_or(0) + usage.output.unwrap_or(0);
        };
        match &item.event {
            Some(Event::CallDispatched(fact)) if is_call => self.tools(fact.operation),
            Some(Event::CallHeld(fact)) => {
                self.held += 1;
                self.tools(fact.operation);
            }
            Some(Event::CallDenied(_)) => self.denied += 1,
            Some(Event::CallCompleted(fact)) => count(fact.usage),
            Some(Event::CallFailed(fact)) => {
                count(fact.usage);
                self.failed += 1;
            }
            Some(Event::CallCancelled(_) | Event::CallInDoubt(_)) => self.failed += 1,
            _ => {}
        }
    }
}

impl SessionRow {
    fn tools(&mut self, operation: Operation) {
        self.tools += u64::from(operation == Operation::ExecuteTool);
    }
}

impl Listing {
    fn add(&mut self, item: &Item, kind: String, text: &str) {
        self.count += 1;
        if self.lines.len() < LISTED_MAX {
            let (sequence, time) = (item.sequence, item.time);
            self.lines.push(ListedEvent {
                sequence,
                time,
                kind,
                text: one_line(text, COLUMNS_MAX),
            });
        }
    }

    /// How many are not shown.
    pub(super) fn unlisted(&self) -> u64 {
        self.count.saturating_sub(u64::try_from(self.lines.len()).unwrap_or(u64::MAX))
    }
}
