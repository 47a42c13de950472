//! Custody: each erasure was asked for, nothing was erased under a legal hold, and each absent
//! payload is accounted for.

use crate::finding::{Check, Finding, Findings, Place};
use crate::record::Record;
use events::{Envelope, Event, EventId, LegalHoldPlaced, PayloadErased, PayloadRef, SessionId};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// How many sessions are remembered, for holds that name a person and for erasures.
const OWNED_MAX: usize = 1 << 20;

/// What has become of a payload that an event names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadState {
    /// It is there, and is what the event commits to.
    Present,
    /// It is not there.
    Absent,
    /// It is there, and its key is not.
    Undecryptable,
    /// It is there, and is not what the event commits to, or cannot be read.
    Damaged(String),
    /// The file that holds it is damaged at this place.
    DamagedAt(Place, String),
    /// This evidence has no payloads.
    Unread,
}

/// What has become of the payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct PayloadCounts {
    pub(crate) present: u64,
    pub(crate) erased: u64,
    pub(crate) discarded: u64,
    pub(crate) unread: u64,
}

/// Payloads of one session that are absent, so far without a reason.
struct Absent {
    count: u64,
    first: u64,
    place: Place,
    keyless: bool,
}

/// What an erasure was asked to take.
struct Request {
    sessions: HashSet<SessionId>,
    /// Those that a hold kept when it was asked: what a crash breaks off then is completed later,
    /// whatever was placed meanwhile.
    held: HashMap<SessionId, EventId>,
}

/// Whether an event may be in an export of a range although it stands behind: it tells what became
/// of payloads of the range.
pub(super) const fn may_stand_behind(event: &Event) -> bool {
    matches!(event, Event::EraseRequested(_) | Event::PayloadErased(_) | Event::LegalHoldLifted(_))
}

#[derive(Default)]
pub(super) struct Custody {
    requests: HashMap<EventId, Request>,
    /// Those of them that were carried out.
    done: HashSet<EventId>,
    holds: HashMap<EventId, LegalHoldPlaced>,
    owned: HashSet<(SessionId, Arc<str>)>,
    names: HashSet<Arc<str>>,
    absent: HashMap<SessionId, Absent>,
    /// Sessions of which a payload was found, since their latest erasure.
    present: HashSet<SessionId>,
    /// The latest erasure of each session, where that is asked for.
    pub(super) erased: Option<HashMap<SessionId, u64>>,
    pub(super) payloads: PayloadCounts,
    pub(super) erasures: u64,
    /// What is wrong unless its reason stands before the part that was read.
    pub(super) unless_before: Findings,
}

impl Custody {
    pub(super) fn payload(
        &mut self,
        record: &Record<'_>,
        session: Option<SessionId>,
        payload: &PayloadRef,
        state: PayloadState,
    ) -> Option<Finding> {
        let keyless = state == PayloadState::Undecryptable;
        match state {
            PayloadState::Present => {
                self.payloads.present += 1;
                if let Some(session) = session.filter(|_| self.present.len() < OWNED_MAX) {
                    self.present.insert(session);
                }
            }
            PayloadState::Damaged(how) => {
                let detail = format!("the payload {} is damaged: {how}", payload.digest);
                return Some(Finding::new(Check::Payloads, detail));
            }
            PayloadState::DamagedAt(place, how) => {
                let detail = format!("the payload {} is damaged: {how}", payload.digest);
                return Some(Finding::new(Check::Payloads, detail).at(place));
            }
            _ if payload.discarded => self.payloads.discarded += 1,
            PayloadState::Unread => self.payloads.unread += 1,
            PayloadState::Absent | PayloadState::Undecryptable => {
                let Some(session) = session else {
                    let detail = "a payload is absent, and the event names no session";
                    return Some(Finding::new(Check::Payloads, detail));
                };
                let absent = self.absent.entry(session).or_insert_with(|| Absent {
                    count: 0,
                    first: record.index,
                    place: record.place(),
                    keyless,
                });
                absent.count += 1;
            }
        }
        None
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds say nothing of custody")]
    pub(super) fn apply(
        &mut self,
        record: &Record<'_>,
        envelope: &Envelope,
        findings: &mut Findings,
    ) {
        let mut add = |check, detail: String| {
            findings.add(Finding::new(check, detail).about(record.index).at(record.place()));
        };
        match &envelope.event {
            Event::CallDispatched(fact) => self.own(envelope.session, &fact.principal.owner),
            Event::CallDenied(fact) => self.own(envelope.session, &fact.principal.owner),
            Event::CallHeld(fact) => self.own(envelope.session, &fact.principal.owner),
            Event::MessageRelayed(fact) => self.own(envelope.session, &fact.principal.owner),
            Event::EraseRequested(fact) => {
                let sessions = || fact.sessions.iter().copied();
                let held = |session| self.hold_of(session).map(|hold| (session, hold));
                let held = sessions().filter_map(held).collect();
                let request = Request { sessions: sessions().collect(), held };
                self.requests.insert(envelope.id, request);
            }
            Event::LegalHoldPlaced(fact) => {
                if fact.session.is_none() && fact.subject.is_none() {
                    add(Check::Holds, "a legal hold names neither session nor person".to_owned());
                }
                self.holds.insert(envelope.id, fact.clone());
            }
            Event::LegalHoldLifted(fact) => {
                let finding = self.lift(fact.hold);
                self.doubt(record, finding);
            }
            Event::PayloadErased(fact) => {
                self.erasures += 1;
                for session in &fact.sessions {
                    let asked = envelope.cause.and_then(|cause| self.requests.get(&cause));
                    let hold = match asked {
                        Some(asked) => asked.held.get(session).copied(),
                        None => self.hold_of(*session),
                    };
                    if let Some(hold) = hold {
                        add(Check::Holds, format!("`{session}` was erased under hold `{hold}`"));
                    }
                    if self.present.remove(session) {
                        let detail =
                            format!("`{session}` is said to be erased, and is still there");
                        add(Check::Erasures, detail);
                    }
                }
                self.done.extend(envelope.cause);
                match (envelope.cause, self.unasked(envelope.cause, fact)) {
                    (Some(cause), finding) if !self.requests.contains_key(&cause) => {
                        self.doubt(record, finding);
                    }
                    (_, Some(finding)) => add(finding.check, finding.detail),
                    (_, None) => {}
                }
                self.erase(record.index, fact);
            }
            _ => {}
        }
    }

    /// Adds what is wrong unless its reason stands before the part that was read.
    fn doubt(&mut self, record: &Record<'_>, finding: Option<Finding>) {
        if let Some(finding) = finding {
            self.unless_before.add(finding.about(record.index).at(record.place()));
        }
    }

    fn lift(&mut self, hold: EventId) -> Option<Finding> {
        let detail = || format!("no legal hold `{hold}` was in force");
        let before = self.holds.remove(&hold);
        before.is_none().then(|| Finding::new(Check::Holds, detail()))
    }

    fn own(&mut self, session: Option<SessionId>, owner: &Arc<str>) {
        let Some(session) = session else { return };
        if self.owned.len() >= OWNED_MAX {
            return;
        }
        // One copy of each name.
        let name = match self.names.get(owner) {
            Some(name) => Arc::clone(name),
            None => Arc::clone(owner),
        };
        self.names.insert(Arc::clone(&name));
        self.owned.insert((session, name));
    }

    /// Whether more sessions were seen than are remembered.
    pub(super) fn forgot_sessions(&self) -> bool {
        self.owned.len() >= OWNED_MAX || self.present.len() >= OWNED_MAX
    }

    fn hold_of(&self, session: SessionId) -> Option<EventId> {
        let holds = |hold: &LegalHoldPlaced| {
            hold.session == Some(session)
                || hold
                    .subject
                    .as_ref()
                    .is_some_and(|subject| self.owned.contains(&(session, Arc::clone(subject))))
        };
        self.holds.iter().filter(|(_, hold)| holds(hold)).map(|(id, _)| *id).min()
    }

    /// What is wrong with an erasure's reason.
    fn unasked(&self, cause: Option<EventId>, fact: &PayloadErased) -> Option<Finding> {
        let Some(cause) = cause else {
            return Some(Finding::new(Check::Erasures, "payloads were erased without a request"));
        };
        let Some(asked) = self.requests.get(&cause) else {
            let detail = format!("payloads were erased, and no request `{cause}` comes before");
            return Some(Finding::new(Check::Erasures, detail));
        };
        let unasked = fact.sessions.iter().find(|session| !asked.sessions.contains(session))?;
        let detail = format!("`{unasked}` was erased, which the request does not name");
        Some(Finding::new(Check::Erasures, detail))
    }

    fn erase(&mut self, at: u64, fact: &PayloadErased) {
        for session in &fact.sessions {
            if let Some(absent) = self.absent.remove(session) {
                self.payloads.erased += absent.count;
            }
            if let Some(erased) = &mut self.erased {
                erased.insert(*session, at);
            }
        }
    }

    /// Payloads that are absent, and nothing says why.
    pub(super) fn finish(&mut self, findings: &mut Findings) {
        let mut absent: Vec<_> = self.absent.drain().collect();
        absent.sort_unstable_by_key(|(_, absent)| absent.first);
        let open = self.requests.iter().filter(|(id, _)| !self.done.contains(id));
        let open: HashSet<SessionId> = open.flat_map(|(_, it)| &it.sessions).copied().collect();
        if !open.is_empty() {
            let detail = format!(
                "an erasure of {} sessions was asked for and is not recorded as done: it goes on, \
                 or is completed when the gateway starts",
                open.len()
            );
            findings.note(Finding::new(Check::Erasures, detail));
        }
        for (session, absent) in absent {
            if open.contains(&session) {
                self.payloads.erased += absent.count;
                continue;
            }
            let how = if absent.keyless { "have lost their key" } else { "are absent" };
            let detail = format!(
                "{} payloads of `{session}` {how}, and no erasure of it is recorded later",
                absent.count
            );
            let finding = Finding::new(Check::Payloads, detail);
            findings.add(finding.about(absent.first).at(absent.place));
        }
    }
}
