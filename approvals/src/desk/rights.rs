//! Changes of rights: who may act, who stands in for whom, and grants for calls of a kind.

use super::command::{CommandError, Delegate, DelegationRefusal, GrantRefusal, OpenGrant};
use super::elsewhere::Order;
use super::record::{envelope, record, replaced};
use super::{Desk, Table};
use crate::hold::{Command, Hold, Refusal, Voter, terms};
use crate::roster::same_email;
use crate::threshold::{Ineligible, Seat};
use crate::time::after;
use events::{
    AgentRestored, AgentRevoked, CallId, DelegationClosed, DelegationOpened, Draft, Event, EventId,
    Fact, GrantOpened, GrantRevoked, Operation, PersonRestored, PersonRevoked,
    REMARK_CHARACTERS_MAX, Risk, SessionId,
};
use ledger::Entry;
use ledger::payload::{Packed, Unpacked};
use std::sync::Arc;
use tokio::sync::{OwnedRwLockWriteGuard, oneshot};

/// Where a change belongs, and what is recorded with it.
#[derive(Debug, Default)]
struct With {
    session: Option<SessionId>,
    cause: Option<EventId>,
    payloads: Vec<Packed>,
}

impl Desk {
    /// Takes all rights from an agent: it may make no call any more, and what it had held is taken
    /// back. Says how many holds that were. To do it again changes nothing.
    pub async fn revoke_agent(
        &self,
        agent: Arc<str>,
        by: Arc<str>,
        reason: String,
    ) -> Result<usize, CommandError> {
        let reason = reasoned(reason)?;
        let calm = self.calm().await;
        if self.table().roster.revoked_agent(&agent).is_none() {
            self.change(AgentRevoked { agent, by, reason }, With::default(), calm).await?;
        } else {
            drop(calm);
        }
        self.settle_all().await
    }

    /// Gives an agent its rights back; false if they were not taken.
    pub async fn restore_agent(
        &self,
        agent: Arc<str>,
        by: Arc<str>,
        reason: String,
    ) -> Result<bool, CommandError> {
        let reason = reasoned(reason)?;
        let calm = self.calm().await;
        if self.table().roster.revoked_agent(&agent).is_none() {
            return Ok(false);
        }
        self.change(AgentRestored { agent, by, reason }, With::default(), calm).await?;
        Ok(true)
    }

    /// Takes all rights from a person: every sign-in ends, votes on what is not decided are void,
    /// delegations and grants end, and what agents had held for them is taken back. False if that
    /// was so already.
    pub async fn revoke_person(
        &self,
        email: Arc<str>,
        by: Arc<str>,
        reason: String,
    ) -> Result<bool, CommandError> {
        let reason = reasoned(reason)?;
        let calm = self.calm().await;
        if self.table().roster.revoked_person(&email).is_some() {
            return Ok(false);
        }
        self.change(PersonRevoked { by, email, reason }, With::default(), calm).await?;
        self.settle_all().await?;
        Ok(true)
    }

    /// Gives a person their rights back, but nothing of what they had; false if they were not
    /// taken.
    pub async fn restore_person(
        &self,
        email: Arc<str>,
        by: Arc<str>,
        reason: String,
    ) -> Result<bool, CommandError> {
        let reason = reasoned(reason)?;
        let calm = self.calm().await;
        if self.table().roster.revoked_person(&email).is_none() {
            return Ok(false);
        }
        self.change(PersonRestored { by, email, reason }, With::default(), calm).await?;
        Ok(true)
    }

    /// Lets somebody vote in a person's place; the id names the delegation.
    pub async fn delegate(&self, wish: Delegate) -> Result<EventId, CommandError> {
        let reason = reasoned(wish.reason)?;
        let calm = self.calm().await;
        let Delegate { voter, to, groups, roles, until, .. } = wish;
        let now = self.0.clock.now();
        check_voter(&self.table(), &voter)?;
        let person = &voter.person.email;
        if same_email(&to, person) {
            return Err(DelegationRefusal::ToSelf.into());
        }
        let groups_not_had = groups.iter().filter(|group| !voter.groups.contains(group));
        let roles_not_had = roles.iter().filter(|role| !voter.roles.contains(role));
        if let Some(what) = groups_not_had.chain(roles_not_had).next() {
            let (person, what) = (Arc::clone(person), Arc::clone(what));
            return Err(DelegationRefusal::NotHad { person, what }.into());
        }
        let max = after(now, self.0.settings.delegation_time_max);
        if until <= now || max < until {
            return Err(DelegationRefusal::Until { max }.into());
        }
        let fact = DelegationOpened { from: voter.person, groups, reason, roles, to, until };
        self.change(fact, With::default(), calm).await
    }

    /// Ends a delegation before its time. Votes that were given by it stay.
    pub async fn end_delegation(
        &self,
        delegation: EventId,
        by: Arc<str>,
    ) -> Result<(), CommandError> {
        let calm = self.calm().await;
        let now = self.0.clock.now();
        let is_known = self.table().roster.delegations(now).any(|(id, _)| id == delegation);
        if !is_known {
            return Err(DelegationRefusal::Unknown(delegation).into());
        }
        self.change(DelegationClosed { by, delegation }, With::default(), calm).await?;
        Ok(())
    }

    /// Allows calls of the kind of one that is or was held, for a time; the id names the grant.
    /// Only who could decide such a call alone can, and never for calls of critical risk.
    pub async fn open_grant(&self, hold: CallId, wish: OpenGrant) -> Result<EventId, CommandError> {
        if let Some(holder) = &self.0.holder {
            let opened = holder.carry_out(Order::OpenGrant(hold, wish)).await?;
            let grant = opened.ok_or(CommandError::Stopping)?;
            self.comes_about(|table| table.grants.get(grant).is_some()).await;
            return Ok(grant);
        }
        let calm = self.calm().await;
        let (session, cause, fact) = self.check_grant(hold, &wish)?;
        let json = serde_json::to_vec(&wish.shape).map_err(ledger::RecordError::from)?;
        let bytes = json.as_slice();
        let packed = Unpacked { session, is_first: false, bytes, cuts: &[], kept: true };
        let packed = self.0.ledger.pack(packed).map_err(GrantRefusal::from)?;
        let fact = fact(packed.reference);
        let place = With { session: Some(session), cause: Some(cause), payloads: vec![packed] };
        let id = self.change(fact, place, calm).await?;
        self.table().shapes.insert(id, Some(Arc::new(wish.shape)));
        Ok(id)
    }

    fn check_grant(
        &self,
        hold: CallId,
        wish: &OpenGrant,
    ) -> Result<(SessionId, EventId, impl FnOnce(events::PayloadRef) -> GrantOpened), CommandError>
    {
        let now = self.0.clock.now();
        let table = self.table();
        let hold = &table.holds.get(&hold).ok_or(CommandError::Unknown)?.hold;
        let target = check_kind(hold)?;
        check_voter(&table, &wish.voter)?;
        let person = &wish.voter.person;
        let context = crate::hold::Context {
            now,
            roster: &table.roster,
            no_answers_for: self.0.settings.no_answers_for,
            break_glass: &[],
            is_claimed: false,
        };
        let (groups, roles) = (&wish.voter.groups, &wish.voter.roles);
        let seat = Seat { person, hand: person, groups, roles };
        let terms = terms(hold, &context);
        terms.eligible(seat).map_err(Refusal::from)?;
        if !terms.suffices(seat) {
            return Err(GrantRefusal::NotAlone { person: Arc::clone(&person.email) }.into());
        }
        if !wish.shape.matches(&wish.arguments) {
            return Err(GrantRefusal::NotItself.into());
        }
        let (budget, max) = (wish.budget, self.0.settings.grant_budget_max);
        if budget == 0 || max < budget {
            return Err(GrantRefusal::Budget { budget, max }.into());
        }
        let (until, max) = (wish.until, after(now, self.0.settings.grant_time_max));
        if until <= now || max < until {
            return Err(GrantRefusal::Until { max }.into());
        }
        let (principal, by) = (hold.fact.principal.clone(), person.clone());
        let upstream = Arc::clone(&hold.fact.upstream);
        let fact = move |shape| GrantOpened {
            agent: principal.agent,
            budget,
            by,
            owner: principal.owner,
            shape,
            target,
            until,
            upstream,
        };
        Ok((hold.session, hold.event, fact))
    }

    /// Ends a grant for calls of a kind.
    pub async fn revoke_grant(
        &self,
        grant: EventId,
        voter: Voter,
        reason: String,
    ) -> Result<(), CommandError> {
        let reason = reasoned(reason)?;
        if let Some(holder) = &self.0.holder {
            holder.carry_out(Order::RevokeGrant(grant, voter, reason)).await?;
            let has_ended = |table: &Table| table.grants.get(grant)?.ended.clone();
            self.comes_about(|table| has_ended(table).is_some()).await;
            return Ok(());
        }
        let calm = self.calm().await;
        let now = self.0.clock.now();
        check_voter(&self.table(), &voter)?;
        let session = {
            let table = self.table();
            let open =
                table.grants.get(grant).filter(|it| it.ended.is_none() && now < it.fact.until);
            open.ok_or(GrantRefusal::Unknown(grant))?.session
        };
        let with = With { session, cause: Some(grant), payloads: Vec::new() };
        self.change(GrantRevoked { by: voter.person, grant, reason }, with, calm).await?;
        Ok(())
    }

    pub(super) async fn calm(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.0.calm).write_owned().await
    }

    /// Records a change of rights while nothing is decided, and makes it so. It goes on without
    /// whoever asked for it.
    async fn change<F>(
        &self,
        fact: F,
        with: With,
        calm: OwnedRwLockWriteGuard<()>,
    ) -> Result<EventId, CommandError>
    where
        F: Fact + Clone + Into<Event> + Send + Sync + 'static,
    {
        let (id, time) = (self.0.clock.event_id(), self.0.clock.now());
        let With { session, cause, payloads } = with;
        let draft = Draft { id, time, session, cause, call: None, fact };
        let (sender, answer) = oneshot::channel();
        let desk = self.clone();
        tokio::spawn(async move {
            let mut reply = Some(sender);
            let mut late = |error| {
                if let Some(sender) = reply.take() {
                    drop(sender.send(Err(CommandError::Record(error))));
                }
            };
            let changed = envelope(replaced(&draft, draft.fact.clone().into()));
            let entry = Entry { payloads, ..Entry::from(draft) };
            desk.table().expect(id);
            let recorded = record(&desk.0.ledger, entry, &mut late).await;
            desk.table().met(&changed, recorded.is_ok(), &desk.0.settings);
            desk.tell();
            drop(calm);
            if let Some(sender) = reply {
                drop(sender.send(recorded.map(|()| id).map_err(CommandError::from)));
            }
        });
        answer.await.unwrap_or(Err(CommandError::Stopping))
    }

    /// Takes back what revoked agents have waiting; says how many holds that were.
    pub(super) async fn settle_all(&self) -> Result<usize, CommandError> {
        if self.0.holder.is_some() {
            // Whoever holds them takes them back.
            return Ok(0);
        }
        let holds: Vec<CallId> = self.table().unsettled.iter().copied().collect();
        let mut settled = 0;
        for id in holds {
            match self.carry_out(id, Command::Settle, Vec::new()).await {
                Ok(standing) => settled += usize::from(standing.changed),
                Err(CommandError::Unknown | CommandError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
            let mut table = self.table();
            if table.holds.get(&id).is_none_or(|slot| slot.hold.state.is_final()) {
                table.unsettled.remove(&id);
            }
        }
        Ok(settled)
    }
}

fn reasoned(reason: String) -> Result<String, Refusal> {
    let characters = reason.chars().count();
    if REMARK_CHARACTERS_MAX < characters {
        return Err(Refusal::TooLong { characters });
    }
    if reason.trim().is_empty() {
        return Err(Refusal::ReasonRequired);
    }
    Ok(reason)
}

fn check_voter(table: &Table, voter: &Voter) -> Result<(), Refusal> {
    let email = &voter.person.email;
    if table.roster.revoked_person(email).is_some() {
        return Err(Ineligible::Revoked(Arc::clone(email)).into());
    }
    if voter.sign_in.as_deref().is_some_and(|it| table.roster.is_signed_out(it)) {
        return Err(Refusal::SignedOut);
    }
    Ok(())
}

/// The tool of a hold whose kind may be allowed for a time.
fn check_kind(hold: &Hold) -> Result<Arc<str>, GrantRefusal> {
    let target =
        hold.fact.target.as_ref().filter(|_| hold.fact.operation == Operation::ExecuteTool);
    let target = target.ok_or(GrantRefusal::NotTool)?;
    if hold.fact.rule.risk == Risk::Critical {
        return Err(GrantRefusal::TooRisky);
    }
    if hold.fact.rule.step_up {
        return Err(GrantRefusal::Signed);
    }
    Ok(Arc::clone(target))
}
