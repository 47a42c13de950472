//! What others have to say for the record: sign-ins, policies that were proposed, and the like.

use super::Desk;
use super::record::{envelope, replaced};
use events::{Draft, Event, EventId};
use ledger::RecordError;

impl Desk {
    /// Records a fact that is about no call, and takes notice of it. After `Ok` it is durable.
    pub async fn note(&self, fact: impl Into<Event>) -> Result<EventId, RecordError> {
        let clock = &self.0.clock;
        let (id, time) = (clock.event_id(), clock.now());
        let draft = Draft { id, time, session: None, cause: None, call: None, fact: fact.into() };
        self.0.ledger.record_event(replaced(&draft, draft.fact.clone())).await?;
        self.apply(&envelope(draft));
        Ok(id)
    }
}
