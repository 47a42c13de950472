//! What others have to say for the record: sign-ins, policies that were proposed, and the like.

use super::Desk;
use super::record::{envelope, replaced};
use events::{Draft, Event, EventId};
use ledger::RecordError;

impl Desk {
    /// Records a fact that is about no call, and takes notice of it. After `Ok` it is durable. It
    /// goes on without whoever asked for it.
    pub async fn note(&self, fact: impl Into<Event>) -> Result<EventId, RecordError> {
        let (id, time) = (self.0.clock.event_id(), self.0.clock.now());
        let draft = Draft { id, time, session: None, cause: None, call: None, fact: fact.into() };
        let desk = self.clone();
        let noting = tokio::spawn(async move {
            let noted = envelope(replaced(&draft, draft.fact.clone()));
            desk.table().expect(id);
            let recorded = desk.0.ledger.record_event(draft).await;
            // What took too long and is recorded all the same is shown when it is.
            desk.table().met(&noted, recorded.is_ok(), &desk.0.settings);
            desk.tell();
            recorded
        });
        let stopped = |_| RecordError::Stopped("the gateway stops".into());
        noting.await.map_err(stopped)?.map(|_| id)
    }
}
