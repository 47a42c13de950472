//! Takes what people said in another process: the same events, on record here before they count.

use super::Desk;
use super::command::CommandError;
use super::record::{envelope, replaced};
use super::shell::With;
use super::table::is_of_people;
use crate::hold::{Ballot, Command, Voter};
use events::{CallId, Draft, Envelope, Event, EventId, HoldVoted, Timestamp};
use ledger::RecordError;
use std::sync::Arc;

impl Desk {
    /// Takes what a person said or did, from the process where people are. Each event is taken
    /// once, with its id, time and words; a vote only if it counts here too, and with what follows
    /// from it. What is not of people, or of no hold that is here, is passed over. The events of
    /// one process are to be told in order.
    pub async fn take_word(&self, said: &Envelope) -> Result<(), CommandError> {
        if !is_of_people(&said.event) || self.table().taken.contains(&said.id) {
            return Ok(());
        }
        let is_here = |call: CallId| self.table().holds.contains_key(&call);
        match (&said.event, said.call) {
            (Event::HoldVoted(vote), Some(call)) if is_here(call) => {
                self.take_vote(call, (said.id, said.time), vote).await
            }
            (Event::HoldCommented(_) | Event::HoldViewed(_), Some(call)) if is_here(call) => {
                let _calm = self.0.calm.read().await;
                Ok(self.copy(draft_of(said)).await?)
            }
            (event, None) => {
                let ends_agent = matches!(event, Event::AgentRevoked(_));
                let calm = self.calm().await;
                self.copy(draft_of(said)).await?;
                drop(calm);
                if ends_agent {
                    self.settle_all().await?;
                }
                Ok(())
            }
            (_, Some(_)) => Ok(()),
        }
    }

    async fn take_vote(
        &self,
        call: CallId,
        (id, time): (EventId, Timestamp),
        vote: &HoldVoted,
    ) -> Result<(), CommandError> {
        let voter = Voter {
            person: vote.by.clone(),
            groups: vote.groups.clone(),
            roles: vote.roles.clone(),
            sign_in: vote.sign_in.clone(),
            channel: vote.channel,
        };
        let ballot = Ballot {
            voter,
            vote: vote.vote,
            digest: vote.digest,
            version: vote.version,
            reason: vote.reason.clone(),
            view: vote.view.clone(),
            for_person: vote.for_person.as_ref().map(|person| Arc::clone(&person.email)),
            assertion: vote.assertion.clone(),
        };
        let with = With { said: Some((time, vote.clone())), ..With::default() };
        self.carry_out_with(call, Command::Vote(id, ballot), with).await.map(drop)
    }

    /// Records a copy of what is on record elsewhere, and takes notice of it. It goes on without
    /// whoever wanted it.
    pub(super) async fn copy(&self, draft: Draft<Event>) -> Result<(), RecordError> {
        let desk = self.clone();
        let copying = tokio::spawn(async move {
            let copied = envelope(replaced(&draft, draft.fact.clone()));
            desk.table().expect(copied.id);
            let recorded = desk.0.ledger.record_event(draft).await;
            desk.table().met(&copied, recorded.is_ok(), &desk.0.settings);
            desk.tell();
            recorded.map(drop)
        });
        let stopped = |_| RecordError::Stopped("the gateway stops".into());
        copying.await.map_err(stopped)?
    }
}

/// An event to be recorded once more, with all that it says but its place.
pub(super) fn draft_of(said: &Envelope) -> Draft<Event> {
    Draft {
        id: said.id,
        time: said.time,
        session: said.session,
        cause: said.cause,
        call: said.call,
        fact: said.event.clone(),
    }
}
