//! Grants: nothing that had to wait for people was made without them, and nothing twice.
//!
//! Decides again whether each grant is as the call's rule says, from the events alone.

mod thresholds;

mod lateness;

mod passkeys;

mod roster;

mod hold;

use super::calls::{ENDED_MAX, Wrong};
use events::{
    CallDispatched, CallId, Decision, Envelope, Event, EventId, GrantOpened, HoldGranted, Timestamp,
};
use hold::Hold;
use lateness::is_past;
use passkeys::Passkeys;
use roster::Roster;
use std::collections::{HashMap, VecDeque};

/// What grants add up to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct GrantCounts {
    /// Calls that were held.
    pub(crate) held: u64,
    /// Grants of them.
    pub(crate) granted: u64,
    /// Calls that were made under such a grant.
    pub(crate) made: u64,
    /// Grants of a kind.
    pub(crate) opened: u64,
    /// Calls that were made under one of those.
    pub(crate) used: u64,
}

/// A grant of a kind.
struct Kind {
    opened: GrantOpened,
    used: u32,
    is_revoked: bool,
}

/// The fold; see the module. Remembers what is open, and the latest holds that ended.
#[derive(Default)]
pub(super) struct Grants {
    roster: Roster,
    passkeys: Passkeys,
    holds: HashMap<CallId, Hold>,
    ended: HashMap<CallId, &'static str>,
    /// Those that ended, in order, with the grant of each.
    order: VecDeque<(CallId, Option<EventId>)>,
    /// Which call a grant lets go.
    granted: HashMap<EventId, CallId>,
    kinds: HashMap<EventId, Kind>,
    pub(super) counts: GrantCounts,
}

fn surely(call: CallId, detail: &str) -> Wrong {
    Wrong::Surely(format!("`{call}`: {detail}"))
}

impl Grants {
    /// Takes the next event; says what is wrong with it.
    #[expect(clippy::wildcard_enum_match_arm, reason = "most kinds are about no hold")]
    pub(super) fn apply(&mut self, envelope: &Envelope) -> Option<Wrong> {
        self.roster.apply(envelope.id, envelope.time, &envelope.event);
        self.passkeys.apply(envelope.time, &envelope.event);
        match &envelope.event {
            Event::GrantOpened(fact) => {
                self.counts.opened += 1;
                let kind = Kind { opened: fact.clone(), used: 0, is_revoked: false };
                self.kinds.insert(envelope.id, kind);
                None
            }
            Event::GrantRevoked(fact) => self.revoked(fact.grant),
            Event::PersonRevoked(fact) => {
                self.holds.values_mut().for_each(|hold| hold.void(&fact.email));
                self.end_kinds(|opened| opened.by.email.eq_ignore_ascii_case(&fact.email));
                None
            }
            Event::AgentRevoked(fact) => {
                self.end_kinds(|opened| opened.agent == fact.agent);
                None
            }
            Event::CallDispatched(fact) => self.dispatched(envelope, fact),
            Event::CallHeld(_)
            | Event::HoldVoted(_)
            | Event::HoldEdited(_)
            | Event::HoldGranted(_)
            | Event::HoldRefused(_)
            | Event::HoldExpired(_)
            | Event::HoldWithdrawn(_) => {
                let Some(call) = envelope.call else {
                    let kind = envelope.event.kind();
                    return Some(Wrong::Surely(format!("a `{kind}` names no call")));
                };
                self.of_hold(call, envelope)
            }
            _ => None,
        }
    }

    fn revoked(&mut self, grant: EventId) -> Option<Wrong> {
        let Some(kind) = self.kinds.get_mut(&grant) else {
            let detail = format!("no grant `{grant}` was opened, and it is revoked");
            return Some(Wrong::UnlessBefore(detail));
        };
        kind.is_revoked = true;
        None
    }

    fn end_kinds(&mut self, ends: impl Fn(&GrantOpened) -> bool) {
        for kind in self.kinds.values_mut() {
            kind.is_revoked |= ends(&kind.opened);
        }
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "others end no hold")]
    fn of_hold(&mut self, call: CallId, envelope: &Envelope) -> Option<Wrong> {
        if let Some(end) = self.ended.get(&call) {
            let kind = envelope.event.kind();
            return Some(surely(call, &format!("a `{kind}` after it was {end}")));
        }
        if let Event::CallHeld(fact) = &envelope.event {
            self.counts.held += 1;
            let (hold, wrong) = Hold::begin(fact);
            let twice = self.holds.insert(call, hold).is_some();
            let wrong = wrong.or_else(|| twice.then(|| "it is held a second time".to_owned()));
            return wrong.map(|detail| surely(call, &detail));
        }
        let mut unseen = None;
        if !self.holds.contains_key(&call) {
            let kind = envelope.event.kind();
            let detail = format!("a `{kind}` of `{call}`, which is not held");
            unseen = Some(Wrong::UnlessBefore(detail));
        }
        let hold = self.holds.entry(call).or_insert_with(Hold::unseen);
        let (id, time) = (envelope.id, envelope.time);
        let goes_on = matches!(envelope.event, Event::HoldExpired(_) | Event::HoldWithdrawn(_));
        if hold.granted.is_some() && !goes_on {
            let kind = envelope.event.kind();
            return Some(surely(call, &format!("a `{kind}` after it was granted")));
        }
        let wrong = match &envelope.event {
            Event::HoldVoted(vote) => {
                let wrong = hold.vote(id, time, vote).map(|detail| surely(call, &detail));
                let doubt = self.roster.doubt(vote, time);
                let doubt = doubt.or_else(|| self.passkeys.doubt(call, vote, time));
                let doubt = doubt.map(|(detail, before)| {
                    let detail = format!("`{call}`: {detail}");
                    if before { Wrong::UnlessBefore(detail) } else { Wrong::Surely(detail) }
                });
                return wrong.or(unseen).or(doubt);
            }
            Event::HoldEdited(edit) => hold.edit(edit),
            Event::HoldGranted(grant) => self.granted(call, id, time, grant),
            Event::HoldRefused(refusal) => {
                let wrong = hold.refuse(refusal);
                self.end(call, "refused");
                wrong
            }
            Event::HoldExpired(expired) => {
                let differs = hold.is_seen() && hold.granted.is_some() != expired.granted;
                self.end(call, "expired");
                let detail = "it expired, and says otherwise of whether it was granted";
                differs.then(|| detail.to_owned())
            }
            Event::HoldWithdrawn(_) => {
                self.end(call, "withdrawn");
                None
            }
            _ => None,
        };
        wrong.map(|detail| surely(call, &detail)).or(unseen)
    }

    fn granted(
        &mut self,
        call: CallId,
        id: EventId,
        time: Timestamp,
        grant: &HoldGranted,
    ) -> Option<String> {
        self.counts.granted += 1;
        self.granted.insert(id, call);
        self.holds.get_mut(&call)?.grant(id, time, grant, &self.roster)
    }

    fn dispatched(&mut self, envelope: &Envelope, fact: &CallDispatched) -> Option<Wrong> {
        let call = envelope.call?;
        let Some(id) = fact.grant else {
            let was_held = self.holds.contains_key(&call);
            self.end_if_open(call);
            if was_held {
                return Some(surely(call, "it was held, and dispatched without a grant"));
            }
            let must = fact.verdict.decision == Decision::Hold;
            return must.then(|| surely(call, "people had to decide, and it names no grant"));
        };
        if let Some(kind) = self.kinds.get_mut(&id) {
            self.counts.used += 1;
            kind.used = kind.used.saturating_add(1);
            let wrong = kind.wrong(envelope.time, fact);
            self.end_if_open(call);
            return wrong.map(|detail| surely(call, &detail));
        }
        self.counts.made += 1;
        let Some(of) = self.granted.get(&id) else {
            self.end_if_open(call);
            let detail = format!("`{call}` names the grant `{id}`, which is not there before");
            return Some(Wrong::UnlessBefore(detail));
        };
        let wrong = if *of != call {
            Some(format!("its grant `{id}` is of `{of}`"))
        } else if let Some(hold) = self.holds.get(&call) {
            hold.make(id, envelope.time, fact)
        } else {
            let end = self.ended.get(&call).copied().unwrap_or("ended");
            Some(format!("its grant `{id}` is used after it was {end}"))
        };
        self.end_if_open(call);
        wrong.map(|detail| surely(call, &detail))
    }

    fn end_if_open(&mut self, call: CallId) {
        if self.holds.contains_key(&call) {
            self.end(call, "dispatched");
        }
    }

    fn end(&mut self, call: CallId, how: &'static str) {
        let hold = self.holds.remove(&call);
        let grant = hold.and_then(|hold| hold.granted).map(|granted| granted.id);
        self.ended.insert(call, how);
        self.order.push_back((call, grant));
        if self.order.len() > ENDED_MAX
            && let Some((oldest, grant)) = self.order.pop_front()
        {
            self.ended.remove(&oldest);
            grant.and_then(|grant| self.granted.remove(&grant));
        }
    }
}

impl Kind {
    /// What is wrong with a call under it.
    fn wrong(&self, time: Timestamp, made: &CallDispatched) -> Option<String> {
        let opened = &self.opened;
        let (agent, owner) = (&made.principal.agent, &made.principal.owner);
        if self.is_revoked {
            return Some("its grant was revoked before".to_owned());
        }
        if is_past(time, opened.until) {
            return Some(format!("it was dispatched after its grant ended at {}", opened.until));
        }
        if self.used > opened.budget {
            return Some(format!("call {} under a grant of {}", self.used, opened.budget));
        }
        let target = made.target.as_ref() == Some(&opened.target);
        let is_for = *agent == opened.agent && owner.eq_ignore_ascii_case(&opened.owner) && target;
        let fits = is_for && made.upstream == opened.upstream;
        (!fits).then(|| "its grant is for another agent, owner or tool".to_owned())
    }
}
