//! Learns from whoever holds calls what was asked and what became of it. What people's own words
//! rest on is on record here as well; that a request waits, or a call was made, is on record there.

use super::taking::draft_of;
use super::{Desk, Table};
use crate::hold::{Hold, State, Step};
use events::{Draft, Envelope, Event, EventId, PayloadRef};
use ledger::RecordError;

/// What is done with an event that is on record elsewhere.
enum Lesson {
    /// It changes nothing, or is of no hold that is here.
    Nothing,
    /// It counts, and is not recorded.
    Heard,
    /// It counts, and is recorded.
    Kept,
}

impl Desk {
    /// Takes notice of what a process that holds calls has on record about them. To be told the
    /// same twice changes nothing. The events of one process are to be told in order.
    pub async fn learn(&self, told: &[Envelope]) -> Result<(), RecordError> {
        for told in told {
            let lesson = self.table().lesson(told);
            match lesson {
                Lesson::Nothing => {}
                Lesson::Heard => self.table().fold(told, &self.0.settings),
                Lesson::Kept => self.copy(without_payload(draft_of(told))).await?,
            }
        }
        // What a vote led to stands behind it.
        for told in told {
            if let Some(is_heard) = self.table().awaited.get_mut(&told.id) {
                *is_heard = true;
            }
        }
        self.tell();
        Ok(())
    }
}

impl Table {
    fn lesson(&mut self, told: &Envelope) -> Lesson {
        let event = &told.event;
        let is_new = if let Event::CallHeld(_) = event {
            told.call.is_some_and(|call| !self.holds.contains_key(&call))
        } else if let Event::GrantOpened(_) = event {
            self.grants.get(told.id).is_none()
        } else if let Event::GrantRevoked(fact) = event {
            self.grants.get(fact.grant).is_some_and(|grant| grant.ended.is_none())
        } else if let Event::AgentRevoked(fact) = event {
            self.roster.revoked_agent(&fact.agent).is_none()
        } else if let Event::AgentRestored(fact) = event {
            self.roster.revoked_agent(&fact.agent).is_some()
        } else {
            return self.lesson_of_hold(told);
        };
        if is_new { Lesson::Kept } else { Lesson::Nothing }
    }

    fn lesson_of_hold(&mut self, told: &Envelope) -> Lesson {
        let Some(step) = Step::of(&told.event) else { return Lesson::Nothing };
        let Some(call) = told.call else { return Lesson::Nothing };
        let Some(slot) = self.holds.get(&call) else {
            // A call that a grant of a kind covers was never held.
            let is_made = matches!(step, Step::Dispatched(_));
            return if is_made { Lesson::Heard } else { Lesson::Nothing };
        };
        let mut after = slot.hold.clone();
        after.apply(told.id, told.time, step.clone());
        if after == slot.hold {
            return Lesson::Nothing;
        }
        match &step {
            Step::Rejoined(_) | Step::Left(_) | Step::Dispatched(_) => Lesson::Heard,
            Step::Voted(_) | Step::Commented(_) | Step::Viewed(_) => Lesson::Nothing,
            Step::Granted(_)
            | Step::Refused(_)
            | Step::Edited(_)
            | Step::Expired(_)
            | Step::Withdrawn(_) => {
                if self.aside.contains(&call) {
                    return Lesson::Heard;
                }
                if rests_on_words(&slot.hold, &after) {
                    return Lesson::Kept;
                }
                self.aside.insert(call);
                Lesson::Heard
            }
        }
    }
}

/// Whether the votes that a decision names are here, and count. Else it rests on what was said
/// before people came here, or in another order than it was told here.
fn rests_on_words(before: &Hold, after: &Hold) -> bool {
    let is_here = |id: &EventId| before.votes.iter().any(|cast| cast.id == *id && !cast.is_void);
    match &after.state {
        State::Granted { votes, .. } | State::Refused { votes, .. } => votes.iter().all(is_here),
        State::Pending
        | State::Expired { .. }
        | State::Withdrawn { .. }
        | State::Dispatched { .. } => true,
    }
}

/// The same, and it says that the content is not kept here.
fn without_payload(mut draft: Draft<Event>) -> Draft<Event> {
    let discard = |reference: &mut PayloadRef| reference.discarded = true;
    if let Event::CallHeld(fact) = &mut draft.fact {
        fact.request.iter_mut().for_each(discard);
    } else if let Event::HoldEdited(fact) = &mut draft.fact {
        discard(&mut fact.request);
    } else if let Event::GrantOpened(fact) = &mut draft.fact {
        discard(&mut fact.shape);
    }
    draft
}
