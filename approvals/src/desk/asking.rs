//! What becomes of a call that an agent asks for: an answer that there is already, a place by the
//! hold that there is, or a hold of its own.

use super::claim::{Claim, Under};
use super::command::CommandError;
use super::record::{envelope, record, replaced};
use super::table::{Slot, no_until};
use super::waiting::No;
use super::{Asked, Desk, DeskError, NewHold};
use crate::grant::{Grant, Shape, Sought};
use crate::hold::{Command, State, digest_of};
use crate::threshold::{Seat, Terms};
use crate::time::after;
use events::{CallHeld, CallId, Draft, Event, EventId, Mark, Operation, Timestamp};
use ledger::{Entry, payload};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedMutexGuard, oneshot};

/// What there is already for somebody who asks.
enum Found {
    /// Nothing that answers.
    Nothing,
    /// A no.
    No(No),
    /// A hold to wait by, or to take the claim of.
    Open(CallId),
    /// A hold whose time is over, which is not on record yet.
    Over(CallId),
    /// A hold of something else by now, for this reason.
    Changed(CallId, &'static str),
}

/// The turn of one identity, which is forgotten when nobody waits for it.
struct Turn {
    desk: Desk,
    identity: Mark,
    guard: Option<OwnedMutexGuard<()>>,
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.guard = None;
        let mut turns = self.desk.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if turns.get(&self.identity).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(&self.identity);
        }
    }
}

impl Desk {
    /// Puts a call before people, unless there is an answer already: the same call that waits, was
    /// granted and not made, or was refused a short time ago; or a grant for calls of its kind.
    pub async fn ask(&self, ask: NewHold) -> Result<Asked, DeskError> {
        let turn = self.turn(ask.fact.identity).await;
        self.check_agent(&ask.fact.principal.agent)?;
        loop {
            match self.find(&ask.fact) {
                Found::No(no) => return Ok(Asked::Refused(no)),
                Found::Open(id) => {
                    if let Some(asked) = self.join(id, "identical").await? {
                        return Ok(asked);
                    }
                }
                Found::Over(id) => self.precede(id, Command::Expire).await?,
                Found::Changed(id, reason) => {
                    let command = Command::Withdraw("gateway".into(), reason.into());
                    self.precede(id, command).await?;
                }
                Found::Nothing => break,
            }
        }
        if let Some(claim) = self.covered(&ask).await {
            return Ok(Asked::Granted(claim));
        }
        self.hold_anew(ask, turn).await
    }

    /// Comes back to a hold that the client names; `None` if there is none of this identity, or
    /// its call was made.
    pub async fn rejoin(&self, hold: CallId, identity: &Mark) -> Result<Option<Asked>, DeskError> {
        let found = {
            let table = self.table();
            let slot = table.holds.get(&hold).filter(|slot| slot.hold.fact.identity == *identity);
            let Some(slot) = slot else { return Ok(None) };
            (slot.hold.state.is_final(), No::of(&slot.hold))
        };
        match found {
            (_, Some(no)) => Ok(Some(Asked::Refused(no))),
            (true, None) => Ok(None),
            (false, None) => self.join(hold, "request_state").await,
        }
    }

    async fn turn(&self, identity: Mark) -> Turn {
        let turn = {
            let mut turns = self.0.turns.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(turns.entry(identity).or_default())
        };
        // Made first, so that it is tidied up if nobody waits for the turn any more.
        let mut own = Turn { desk: self.clone(), identity, guard: None };
        own.guard = Some(turn.lock_owned().await);
        own
    }

    fn check_agent(&self, agent: &str) -> Result<(), DeskError> {
        let table = self.table();
        let Some(revoked) = table.roster.revoked_agent(agent) else { return Ok(()) };
        let (agent, reason) = (Arc::clone(&revoked.agent), revoked.reason.clone());
        Err(DeskError::Revoked { agent, reason })
    }

    fn find(&self, asked: &CallHeld) -> Found {
        let now = self.0.clock.now();
        let table = self.table();
        let Some(slot) = table.of_identity(&asked.identity) else { return Found::Nothing };
        let id = slot.hold.id;
        match &slot.hold.state {
            State::Pending | State::Granted { .. } if slot.is_claimed => Found::Open(id),
            State::Pending | State::Granted { .. } => {
                if slot.hold.due().is_some_and(|due| due <= now) {
                    return Found::Over(id);
                }
                change(slot, asked).map_or(Found::Open(id), |why| Found::Changed(id, why))
            }
            State::Refused { .. } | State::Expired { .. } => {
                let answers = no_until(&slot.hold.state).is_some_and(|until| now < until);
                No::of(&slot.hold).filter(|_| answers).map_or(Found::Nothing, Found::No)
            }
            State::Withdrawn { .. } | State::Dispatched { .. } => Found::Nothing,
        }
    }

    /// Carries out what has to come before the answer. That it came too late does not matter: it
    /// is looked again.
    async fn precede(&self, id: CallId, command: Command) -> Result<(), DeskError> {
        match self.carry_out(id, command, Vec::new()).await {
            Ok(_) | Err(CommandError::Unknown | CommandError::Refused(_)) => Ok(()),
            Err(CommandError::Record(error)) => Err(error.into()),
            Err(
                CommandError::Stopping
                | CommandError::Elsewhere { .. }
                | CommandError::Grant(_)
                | CommandError::Delegation(_),
            ) => Err(DeskError::Stopping),
        }
    }

    /// Waits by a hold, or takes its claim; `None` if it is not open any more.
    async fn join(&self, id: CallId, by: &str) -> Result<Option<Asked>, DeskError> {
        let Some(waiting) = self.wait_by(id, false) else { return Ok(None) };
        let joined = self.carry_out(id, Command::Rejoin(by.into()), Vec::new()).await;
        let is_open = match joined {
            Ok(standing) => !standing.state.is_final(),
            Err(CommandError::Record(error)) => return Err(error.into()),
            Err(CommandError::Unknown | CommandError::Refused(_)) => false,
            Err(
                CommandError::Stopping
                | CommandError::Elsewhere { .. }
                | CommandError::Grant(_)
                | CommandError::Delegation(_),
            ) => {
                return Err(DeskError::Stopping);
            }
        };
        if !is_open {
            // Whoever comes by what the client was given is told what became of it.
            let no = self.table().holds.get(&id).and_then(|slot| No::of(&slot.hold));
            return Ok(no.map(Asked::Refused));
        }
        match self.take(id).await {
            Some(claim) => Ok(Some(Asked::Granted(claim))),
            None => Ok(Some(Asked::Waits(waiting))),
        }
    }

    /// A claim under a grant for calls of this kind, if there is one.
    async fn covered(&self, ask: &NewHold) -> Option<Claim> {
        let arguments = ask.arguments.as_deref()?;
        let now = self.0.clock.now();
        for (id, grant) in self.candidates(&ask.fact, now) {
            let shape = self.shape(id, &grant).await;
            if !shape.is_some_and(|shape| shape.matches(arguments)) {
                continue;
            }
            if !self.table().grants.reserve(id, ask.call, now) {
                continue;
            }
            return Some(Claim {
                desk: self.clone(),
                under: Under::Grant,
                call: ask.call,
                session: ask.session,
                grant: id,
                held: Arc::new(CallHeld { expires: grant.fact.until, ..ask.fact.clone() }),
                edited: None,
                until: grant.fact.until,
                is_spent: false,
            });
        }
        None
    }

    /// The grants for this tool, each as good as its opener's yes to this very call would be now.
    fn candidates(&self, fact: &CallHeld, now: Timestamp) -> Vec<(EventId, Grant)> {
        let Some(target) = fact.target.as_deref() else { return Vec::new() };
        if fact.operation != Operation::ExecuteTool || fact.rule.risk == events::Risk::Critical {
            return Vec::new();
        }
        let (rule, principal) = (&fact.rule, &fact.principal);
        let sought = Sought {
            agent: &principal.agent,
            owner: &principal.owner,
            upstream: &fact.upstream,
            target,
        };
        let table = self.table();
        let terms = Terms { rule, principal, editor: None, roster: &table.roster, now };
        let open = table.grants.open_for(sought, now).filter(|(_, grant)| {
            table.roster.known(&grant.fact.by.email).is_some_and(|known| {
                let (groups, roles) = (&known.groups, &known.roles);
                let person = &grant.fact.by;
                terms.suffices(Seat { person, hand: person, groups, roles })
            })
        });
        open.map(|(id, grant)| (id, grant.clone())).collect()
    }

    /// The shape of a grant. One that was erased covers nothing.
    async fn shape(&self, id: EventId, grant: &Grant) -> Option<Arc<Shape>> {
        if let Some(shape) = self.table().shapes.get(&id) {
            return shape.clone();
        }
        let (session, reference) = (grant.session?, grant.fact.shape);
        let ledger = self.0.ledger.clone();
        let read = move || {
            let reader = ledger.reader();
            payload::load(reader.as_ref(), ledger.keys(), session, &reference)
        };
        let loaded = tokio::task::spawn_blocking(read).await.ok()?;
        let shape = loaded.ok()?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let shape: Option<Arc<Shape>> = shape.map(Arc::new);
        self.table().shapes.insert(id, shape.clone());
        shape
    }

    /// Puts a call before people. Once it is being recorded that goes on without whoever asked.
    async fn hold_anew(&self, ask: NewHold, turn: Turn) -> Result<Asked, DeskError> {
        let calm = Arc::clone(&self.0.calm).read_owned().await;
        let agent = Arc::clone(&ask.fact.principal.agent);
        self.check_agent(&agent)?;
        let now = self.0.clock.now();
        if let Err(too_many) = self.table().begin_asking(&agent, &self.0.settings, now) {
            return Ok(Asked::TooMany(too_many));
        }
        let (sender, answer) = oneshot::channel();
        let desk = self.clone();
        tokio::spawn(async move {
            let mut reply = Some(sender);
            let mut late = |error| {
                if let Some(sender) = reply.take() {
                    drop(sender.send(Err(DeskError::Record(error))));
                }
            };
            let asked = desk.record_hold(ask, now, &mut late).await;
            desk.table().end_asking(&agent);
            drop((calm, turn));
            // Nobody waits by it if whoever asked is gone, which is recorded when this is dropped.
            if let Some(sender) = reply {
                drop(sender.send(asked));
            }
        });
        answer.await.unwrap_or(Err(DeskError::Stopping))
    }

    async fn record_hold(
        &self,
        ask: NewHold,
        now: Timestamp,
        late: super::record::Late<'_>,
    ) -> Result<Asked, DeskError> {
        let NewHold { call, session, cause, mut fact, payload, also, arguments: _ } = ask;
        fact.expires = after(now, Duration::from_secs(fact.rule.expires_s));
        fact.digest = digest_of(&fact, fact.request.as_ref());
        let id = self.0.clock.event_id();
        let (session, call_id) = (Some(session), Some(call));
        let draft = Draft { id, time: now, session, cause, call: call_id, fact };
        let held = envelope(replaced(&draft, Event::CallHeld(draft.fact.clone())));
        let payloads = payload.into_iter().collect();
        let entry = Entry { draft, also, payloads, reserved: false };
        self.table().expect(id);
        let recorded = record(&self.0.ledger, entry, late).await;
        self.table().met(&held, recorded.is_ok(), &self.0.settings);
        self.tell();
        recorded?;
        self.wait_by(call, true).map(Asked::Waits).ok_or(DeskError::Stopping)
    }
}

/// What is different about a call that is asked again, so that another decision is needed.
fn change(slot: &Slot, asked: &CallHeld) -> Option<&'static str> {
    let held = &slot.hold.fact;
    let (old, new) = (&held.rule, &asked.rule);
    // One that was not seen then, or not again since a start, is not known to have changed.
    let definitions = held.definition.zip(asked.definition);
    if definitions.is_some_and(|(then, now)| then != now) {
        return Some("the tool's definition has changed since people were asked");
    }
    let is_same = old.approvers == new.approvers && old.own == new.own && old.edit == new.edit;
    if is_same && old.reason == new.reason && old.risk == new.risk {
        return None;
    }
    Some("the policy has changed since people were asked")
}
