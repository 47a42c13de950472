//! Carries out one command at a time on each hold, and on all holds at once.

use super::claim::{Claim, Edited, Under};
use super::command::{CommandError, Standing};
use super::record::{envelopes, record_steps};
use super::waiting::{Decided, No, Waiting, Why};
use super::{Desk, Table};
use crate::hold::{Command, Hold, State, Step};
use events::{CallId, Draft, EventId, HoldVoted, Timestamp};
use ledger::payload::Packed;
use std::sync::{Arc, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// What belongs to a command beside what it says.
#[derive(Debug, Default)]
pub(super) struct With {
    /// The payloads that its events name.
    pub(super) payloads: Vec<Packed>,
    /// The arguments of an edit.
    pub(super) text: Option<Arc<str>>,
    /// Where it was said elsewhere: when, and what it must come to here.
    pub(super) said: Option<(Timestamp, HoldVoted)>,
}

/// Where the answer to a command goes, once.
struct Reply(Option<oneshot::Sender<Result<Standing, CommandError>>>);

impl Reply {
    fn send(&mut self, answer: Result<Standing, CommandError>) {
        if let Some(sender) = self.0.take() {
            // Whoever asked may be gone; what was decided is so all the same.
            drop(sender.send(answer));
        }
    }
}

/// When it was said, if what was said elsewhere is what it comes to here.
fn check_said(
    said: Option<(Timestamp, HoldVoted)>,
    steps: &[Step],
) -> Result<Option<Timestamp>, CommandError> {
    let Some((time, said)) = said else { return Ok(None) };
    if matches!(steps.first(), Some(Step::Voted(vote)) if **vote == said) {
        return Ok(Some(time));
    }
    let detail = "a vote that was given elsewhere would be another one here".to_owned();
    Err(CommandError::Elsewhere { answered: true, detail })
}

impl Desk {
    /// Never held while something is waited for.
    pub(super) fn table(&self) -> MutexGuard<'_, Table> {
        self.0.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Carries out a command, when its turn comes. Whoever drops this before leaves it to chance
    /// whether the command is carried out, and changes nothing about how.
    pub(super) async fn carry_out(
        &self,
        id: CallId,
        command: Command,
        payloads: Vec<Packed>,
    ) -> Result<Standing, CommandError> {
        self.carry_out_with(id, command, With { payloads, ..With::default() }).await
    }

    /// The same, with what belongs to it.
    pub(super) async fn carry_out_with(
        &self,
        id: CallId,
        command: Command,
        with: With,
    ) -> Result<Standing, CommandError> {
        let turn = self.table().holds.get(&id).map(|slot| Arc::clone(&slot.turn));
        let turn = turn.ok_or(CommandError::Unknown)?.lock_owned().await;
        let calm = Arc::clone(&self.0.calm).read_owned().await;
        let (sender, answer) = oneshot::channel();
        let desk = self.clone();
        tokio::spawn(async move {
            let mut reply = Reply(Some(sender));
            let answer = desk.in_turn(id, command, with, &mut reply).await;
            drop((turn, calm));
            reply.send(answer);
        });
        answer.await.unwrap_or(Err(CommandError::Stopping))
    }

    async fn in_turn(
        &self,
        id: CallId,
        command: Command,
        With { payloads, text, said }: With,
        reply: &mut Reply,
    ) -> Result<Standing, CommandError> {
        let now = self.0.clock.now();
        let steps = self.table().decide(id, &command, (now, &self.0.settings));
        let mut steps = steps.ok_or(CommandError::Unknown)??;
        if self.0.holder.is_some() {
            // What becomes of the call is for whoever holds it to say.
            steps.retain(Step::is_said);
        }
        if steps.is_empty() {
            return self.standing(id, false);
        }
        let said = check_said(said, &steps)?;
        let drafts = self.drafts(id, &command, (steps, now, said)).ok_or(CommandError::Unknown)?;
        let envelopes = envelopes(&drafts);
        let mut late = |error| reply.send(Err(CommandError::Record(error)));
        for envelope in &envelopes {
            self.table().expect(envelope.id);
        }
        let recorded = record_steps(&self.0.ledger, drafts, payloads, &mut late).await;
        let mut table = self.table();
        for envelope in &envelopes {
            table.met(envelope, recorded.is_ok(), &self.0.settings);
        }
        recorded?;
        if let (Some(text), Some(slot)) = (text, table.holds.get_mut(&id)) {
            slot.text = Some((slot.hold.version, text));
        }
        drop(table);
        self.tell();
        self.standing(id, true)
    }

    /// The first step's event has the id that the command says, and causes the others.
    fn drafts(
        &self,
        id: CallId,
        command: &Command,
        (steps, now, said): (Vec<Step>, Timestamp, Option<Timestamp>),
    ) -> Option<Vec<Draft<Step>>> {
        let (held, session) =
            self.table().holds.get(&id).map(|slot| (slot.hold.event, slot.hold.session))?;
        let first = match command {
            Command::Vote(event, _) => *event,
            Command::Edit(_)
            | Command::Comment(..)
            | Command::View(..)
            | Command::BreakGlass(_)
            | Command::TakeBack(..)
            | Command::Withdraw(..)
            | Command::Rejoin(_)
            | Command::Leave(_)
            | Command::Expire
            | Command::Settle => self.0.clock.event_id(),
        };
        let draft = |(index, fact)| Draft {
            id: if index == 0 { first } else { self.0.clock.event_id() },
            time: said.filter(|_| index == 0).unwrap_or(now),
            session: Some(session),
            cause: Some(if index == 0 { held } else { first }),
            call: Some(id),
            fact,
        };
        Some(steps.into_iter().enumerate().map(draft).collect())
    }

    pub(super) fn standing(&self, id: CallId, changed: bool) -> Result<Standing, CommandError> {
        let view = self.hold(id).ok_or(CommandError::Unknown)?;
        let Hold { state, version, digest, .. } = view.hold;
        Ok(Standing { state, version, digest, progress: view.progress, changed })
    }

    /// Somebody may want to look again.
    pub(super) fn tell(&self) {
        self.0.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    /// Lets a request wait by a hold.
    pub(super) fn wait_by(&self, id: CallId, is_new: bool) -> Option<Waiting> {
        let mut table = self.table();
        let slot = table.holds.get_mut(&id)?;
        slot.waiters += 1;
        Some(Waiting {
            desk: self.clone(),
            id,
            digest: slot.hold.digest,
            fact: Arc::clone(&slot.hold.fact),
            is_new,
            signal: slot.signal.subscribe(),
            detail: "the agent hung up".into(),
        })
    }

    /// A request goes; whether it was the last by a hold that is not decided.
    pub(super) fn is_last_to_go(&self, id: CallId) -> bool {
        let mut table = self.table();
        let Some(slot) = table.holds.get_mut(&id) else { return false };
        slot.waiters = slot.waiters.saturating_sub(1);
        slot.waiters == 0 && !slot.hold.state.is_final() && !slot.is_claimed
    }

    /// What became of a hold; `None` while that is open, or another has the claim.
    pub(super) async fn outcome(&self, id: CallId) -> Option<Decided> {
        let look = || {
            let table = self.table();
            let Some(slot) = table.holds.get(&id) else { return Some(Decided::Taken) };
            match &slot.hold.state {
                State::Dispatched { .. } => Some(Decided::Taken),
                State::Pending | State::Granted { .. } => None,
                State::Refused { .. } | State::Expired { .. } | State::Withdrawn { .. } => {
                    No::of(&slot.hold).map(|no| match no.why {
                        Why::Refused => Decided::Refused(no),
                        Why::Undecided | Why::Unclaimed => Decided::Expired(no),
                        Why::Withdrawn => Decided::Withdrawn(no),
                    })
                }
            }
        };
        match look() {
            Some(decided) => Some(decided),
            None => self.take(id).await.map(Decided::Granted),
        }
    }

    /// Takes the claim of a granted hold, if it is free.
    pub(super) async fn take(&self, id: CallId) -> Option<Claim> {
        let turn = {
            let table = self.table();
            let slot = table.holds.get(&id)?;
            let is_free = matches!(slot.hold.state, State::Granted { .. }) && !slot.is_claimed;
            is_free.then(|| Arc::clone(&slot.turn))?
        };
        let _turn = turn.lock().await;
        let now = self.0.clock.now();
        let mut table = self.table();
        let principal = &table.holds.get(&id)?.hold.fact.principal;
        let (roster, owner) = (&table.roster, &principal.owner);
        if roster.revoked_agent(&principal.agent).is_some()
            || roster.revoked_person(owner).is_some()
        {
            return None;
        }
        let slot = table.holds.get_mut(&id)?;
        let State::Granted { grant, claim_until, .. } = &slot.hold.state else { return None };
        let (grant, until) = (*grant, *claim_until);
        if slot.is_claimed || until <= now {
            return None;
        }
        slot.is_claimed = true;
        let text = slot.text.as_ref().filter(|(version, _)| *version == slot.hold.version);
        let text = text.map(|(_, text)| Arc::clone(text));
        let edited = slot.hold.edits.last().map(|edit| &edit.fact);
        let edited = edited.map(|fact| {
            let (arguments, request) = (fact.arguments, fact.request);
            Edited { arguments, request, text }
        });
        Some(Claim {
            desk: self.clone(),
            under: Under::Hold,
            call: id,
            session: slot.hold.session,
            grant,
            held: Arc::clone(&slot.hold.fact),
            edited,
            until,
            is_spent: false,
        })
    }

    /// A claim ends, spent or not.
    pub(super) fn put_back(&self, under: Under, (call, grant): (CallId, EventId), is_spent: bool) {
        let now = self.0.clock.now();
        let mut table = self.table();
        match under {
            Under::Grant if is_spent => table.grants.settle(grant, call),
            Under::Grant => table.grants.release(grant, call),
            Under::Hold => table.unclaim(call, is_spent.then_some((grant, now))),
        }
        drop(table);
        self.tell();
    }
}
