//! What lies on a desk: every hold that matters, and what decides about it. It is folded from
//! events, but for who waits and who is about to make a call.

use super::rights_shown::Kept;
use super::{HoldFilter, HoldView, Settings};
use crate::grant::{Grants, Shape};
use crate::hold::{Command, Context, Hold, Refusal, State, Step, decide, terms};
use crate::limits::{Asks, TooMany, Waiting};
use events::{CallId, Envelope, Event, EventId, Mark, Timestamp};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use tokio::sync::{Mutex, watch};

/// A hold, and who is about it now.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) hold: Hold,
    /// Held from the decision about a command to what is on record of it, and while a claim is
    /// taken.
    pub(super) turn: Arc<Mutex<()>>,
    /// How many requests wait by it.
    pub(super) waiters: usize,
    /// Whether somebody has the claim.
    pub(super) is_claimed: bool,
    /// Told whenever it changes.
    pub(super) signal: watch::Sender<()>,
    /// The arguments of the last edit, and its version.
    pub(super) text: Option<(u32, Arc<str>)>,
    /// As it stands in the index.
    due: Option<Timestamp>,
    /// Whether it stands among those decided.
    is_filed: bool,
}

/// Everything on the desk.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) holds: BTreeMap<CallId, Slot>,
    pub(super) roster: Kept,
    pub(super) grants: Grants,
    /// The shapes that were read already; `None` for those that are gone.
    pub(super) shapes: BTreeMap<EventId, Option<Arc<Shape>>>,
    /// Holds whose agent was revoked.
    pub(super) unsettled: BTreeSet<CallId>,
    asks: Asks,
    /// The last hold of each identity.
    identities: BTreeMap<Mark, CallId>,
    pending: BTreeMap<Arc<str>, BTreeSet<CallId>>,
    pending_count: usize,
    /// How many calls of each agent are being recorded.
    asking: BTreeMap<Arc<str>, usize>,
    due: BTreeSet<(Timestamp, CallId)>,
    /// In the order in which they were decided.
    decided: VecDeque<CallId>,
    /// Where each shard goes on.
    next: BTreeMap<Arc<str>, u64>,
    /// What is recorded here and was not shown yet.
    pub(super) own: BTreeSet<EventId>,
    /// What people said and do, by its events, where it is taken from another process.
    pub(super) taken: BTreeSet<EventId>,
    /// Votes that whoever holds their call is waited for to have heard of, and whether it has.
    pub(super) awaited: BTreeMap<EventId, bool>,
    /// Holds of which not all is on record here, so that nothing more is.
    pub(super) aside: BTreeSet<CallId>,
}

impl Table {
    /// Takes notice of an event that was shown: each counts once.
    pub(super) fn show(&mut self, envelope: &Envelope, settings: &Settings) {
        let next = self.next.entry(Arc::clone(&envelope.source)).or_default();
        if envelope.sequence < *next {
            return;
        }
        *next = envelope.sequence + 1;
        if !self.own.remove(&envelope.id) {
            self.fold(envelope, settings);
        }
    }

    /// An event is going to be recorded here: it may be shown before that is known here.
    pub(super) fn expect(&mut self, id: EventId) {
        self.own.insert(id);
    }

    /// Takes notice of an expected event, if it was recorded.
    pub(super) fn met(&mut self, envelope: &Envelope, is_recorded: bool, settings: &Settings) {
        if is_recorded {
            self.fold(envelope, settings);
        } else {
            self.own.remove(&envelope.id);
        }
    }

    pub(super) fn fold(&mut self, envelope: &Envelope, settings: &Settings) {
        if settings.takes && is_of_people(&envelope.event) {
            self.taken.insert(envelope.id);
        }
        self.roster.apply(envelope);
        self.grants.apply(envelope);
        if let Some(hold) = Hold::begin(envelope) {
            self.begin(hold);
        } else if let Event::PersonRevoked(fact) = &envelope.event {
            for slot in self.holds.values_mut() {
                slot.hold.void_votes_of(&fact.email);
            }
            let of_them = |slot: &&Slot| {
                slot.hold.fact.principal.owner.to_lowercase() == fact.email.to_lowercase()
            };
            let open: Vec<_> = self.open().filter(of_them).map(|slot| slot.hold.id).collect();
            self.unsettled.extend(open);
        } else if let Event::AgentRevoked(fact) = &envelope.event {
            let open = self.open().filter(|slot| slot.hold.fact.principal.agent == fact.agent);
            self.unsettled = open.map(|slot| slot.hold.id).collect();
        } else if let Some((call, step)) = envelope.call.zip(Step::of(&envelope.event)) {
            self.step(call, envelope, step);
            self.forget(settings.decided_max, envelope.time);
        }
    }

    fn step(&mut self, call: CallId, envelope: &Envelope, step: Step) {
        if let Some(slot) = self.holds.get_mut(&call) {
            slot.hold.apply(envelope.id, envelope.time, step);
            self.touch(call);
        }
    }

    fn begin(&mut self, hold: Hold) {
        let id = hold.id;
        self.asks.note(&hold.fact.principal.agent, hold.at);
        self.identities.insert(hold.fact.identity, id);
        let slot = Slot {
            hold,
            turn: Arc::default(),
            waiters: 0,
            is_claimed: false,
            signal: watch::Sender::new(()),
            text: None,
            due: None,
            is_filed: false,
        };
        if let std::collections::btree_map::Entry::Vacant(place) = self.holds.entry(id) {
            place.insert(slot);
            self.touch(id);
        }
    }

    /// Brings the indexes up to date with a hold, and wakes who waits by it.
    fn touch(&mut self, id: CallId) {
        let Some(slot) = self.holds.get_mut(&id) else { return };
        if let Some(due) = slot.due {
            self.due.remove(&(due, id));
        }
        slot.due = slot.hold.due();
        if let Some(due) = slot.due {
            self.due.insert((due, id));
        }
        let agent = Arc::clone(&slot.hold.fact.principal.agent);
        if slot.hold.state.is_pending() {
            let is_new = self.pending.entry(agent).or_default().insert(id);
            self.pending_count += usize::from(is_new);
        } else if let Some(pending) = self.pending.get_mut(&agent)
            && pending.remove(&id)
        {
            self.pending_count -= 1;
            if pending.is_empty() {
                self.pending.remove(&agent);
            }
        }
        if slot.hold.state.is_final() && !std::mem::replace(&mut slot.is_filed, true) {
            self.decided.push_back(id);
        }
        slot.signal.send_replace(());
    }

    /// Forgets the oldest of those decided when there are too many, unless they still matter.
    fn forget(&mut self, most: usize, now: Timestamp) {
        while most < self.decided.len() {
            let Some(slot) = self.decided.front().and_then(|id| self.holds.get(id)) else { return };
            let answers = no_until(&slot.hold.state).is_some_and(|until| now < until);
            if answers || slot.waiters > 0 {
                return;
            }
            let (id, identity) = (slot.hold.id, slot.hold.fact.identity);
            self.decided.pop_front();
            self.holds.remove(&id);
            if self.identities.get(&identity) == Some(&id) {
                self.identities.remove(&identity);
            }
        }
    }

    fn open(&self) -> impl Iterator<Item = &Slot> {
        self.holds.values().filter(|slot| !slot.hold.state.is_final())
    }

    /// The holds that something may still become of.
    pub(super) fn open_ids(&self) -> Vec<CallId> {
        self.open().map(|slot| slot.hold.id).collect()
    }

    /// The last hold of who asks for what.
    pub(super) fn of_identity(&self, identity: &Mark) -> Option<&Slot> {
        self.identities.get(identity).and_then(|id| self.holds.get(id))
    }

    /// What has to be recorded to carry out a command; `None` if there is no such hold.
    pub(super) fn decide(
        &self,
        id: CallId,
        command: &Command,
        (now, settings): (Timestamp, &Settings),
    ) -> Option<Result<Vec<Step>, Refusal>> {
        let slot = self.holds.get(&id)?;
        // Somebody may have come since the last one left.
        if matches!(command, Command::Leave(_)) && slot.waiters > 0 {
            return Some(Ok(Vec::new()));
        }
        Some(decide(&slot.hold, command, &self.context(slot, now, settings)))
    }

    fn context<'a>(&'a self, slot: &Slot, now: Timestamp, settings: &'a Settings) -> Context<'a> {
        Context {
            now,
            roster: &self.roster,
            no_answers_for: settings.no_answers_for,
            break_glass: &settings.break_glass,
            is_claimed: slot.is_claimed,
        }
    }

    /// Lets an agent's call be recorded as held, within the limits.
    pub(super) fn begin_asking(
        &mut self,
        agent: &Arc<str>,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<(), TooMany> {
        let asking = self.asking.get(agent).copied().unwrap_or_default();
        let waiting = Waiting {
            of_agent: self.pending.get(agent).map_or(0, BTreeSet::len),
            in_all: self.pending_count + self.asking.values().sum::<usize>(),
            asking,
        };
        self.asks.check(agent, waiting, &settings.limits, now)?;
        self.asking.insert(Arc::clone(agent), asking + 1);
        Ok(())
    }

    /// The call is on record now, or will not be.
    pub(super) fn end_asking(&mut self, agent: &Arc<str>) {
        if let Some(asking) = self.asking.get_mut(agent) {
            *asking = asking.saturating_sub(1);
            if *asking == 0 {
                self.asking.remove(agent);
            }
        }
    }

    /// The holds whose time is over.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<CallId> {
        let is_free = |id: &CallId| self.holds.get(id).is_some_and(|slot| !slot.is_claimed);
        let due = self.due.iter().take_while(|(due, _)| *due <= now);
        due.map(|(_, id)| *id).filter(is_free).collect()
    }

    /// When the next hold's time is over; one that could not be dealt with is not next.
    pub(super) fn next_due(&self, now: Timestamp) -> Option<Timestamp> {
        self.due.iter().map(|(due, _)| *due).find(|due| now < *due)
    }

    /// A claim ends; with the grant, if it was spent.
    pub(super) fn unclaim(&mut self, id: CallId, spent: Option<(EventId, Timestamp)>) {
        let Some(slot) = self.holds.get_mut(&id) else { return };
        slot.is_claimed = false;
        if let Some((grant, at)) = spent {
            slot.hold.apply(grant, at, Step::Dispatched(grant));
        }
        self.touch(id);
    }

    /// A hold as it is shown.
    pub(super) fn view(&self, slot: &Slot, now: Timestamp, settings: &Settings) -> HoldView {
        let context = self.context(slot, now, settings);
        let terms = terms(&slot.hold, &context);
        HoldView {
            hold: slot.hold.clone(),
            waiting: slot.waiters,
            is_being_made: slot.is_claimed,
            is_answerable: terms.is_answerable(),
            progress: terms.progress(&slot.hold.standing()),
        }
    }

    /// The holds that fit, the newest first.
    pub(super) fn fitting<'a>(
        &'a self,
        filter: &'a HoldFilter,
    ) -> Box<dyn Iterator<Item = &'a Slot> + 'a> {
        let before = filter.before;
        let older = move |id: CallId| before.is_none_or(|before| id < before);
        let most = if filter.limit == 0 { usize::MAX } else { filter.limit };
        let slots = self.holds.values().rev();
        let fits = move |slot: &&Slot| {
            let principal = &slot.hold.fact.principal;
            older(slot.hold.id)
                && filter.pending.is_none_or(|it| slot.hold.state.is_pending() == it)
                && filter.agent.as_ref().is_none_or(|it| *it == principal.agent)
        };
        Box::new(slots.filter(fits).take(most))
    }
}

/// Whether a person said or did it, so that it may be taken from another process.
pub(super) const fn is_of_people(event: &Event) -> bool {
    matches!(
        event,
        Event::AgentRestored(_)
            | Event::AgentRevoked(_)
            | Event::DelegationClosed(_)
            | Event::DelegationOpened(_)
            | Event::HoldCommented(_)
            | Event::HoldViewed(_)
            | Event::HoldVoted(_)
            | Event::PersonAdded(_)
            | Event::PersonRestored(_)
            | Event::PersonRevoked(_)
            | Event::PersonSignedIn(_)
            | Event::PersonSignedOut(_)
    )
}

/// Until when a no answers the same call.
pub(super) fn no_until(state: &State) -> Option<Timestamp> {
    match state {
        State::Refused { until, .. } | State::Expired { until, .. } => Some(*until),
        State::Pending
        | State::Granted { .. }
        | State::Withdrawn { .. }
        | State::Dispatched { .. } => None,
    }
}
