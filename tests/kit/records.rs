//! What the ledger on disk says, read as any other program would read it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use events::{
    CallDispatched, CallId, CallRefused, Envelope, Event, FindingKind, PayloadRef, SessionId,
};
use ledger::Sequence;
use ledger::backend::file::FileReader;
use ledger::log::Reader as _;
use ledger::payload::{self, KeyEncryption, Keys, read_key_folder};

/// How much is read at a time.
const READ_BYTES_MAX: usize = 1 << 20;

/// All events of a ledger, in order.
pub struct Records {
    /// Each with its place.
    pub events: Vec<Envelope>,
    reader: FileReader,
    keys: Keys,
}

impl Records {
    /// Reads the ledger in a gateway's data folder, beside its writer if there is one.
    pub fn read(data: &Path) -> Self {
        Self::try_read(data).unwrap_or_else(|error| panic!("the ledger cannot be read: {error}"))
    }

    /// As [`Records::read`], for a ledger that may be damaged.
    pub fn try_read(data: &Path) -> Result<Self, String> {
        let reader = FileReader::open(&data.join("ledger")).map_err(|error| error.to_string())?;
        let mut events: Vec<Envelope> = Vec::new();
        loop {
            let next = u64::try_from(events.len()).unwrap_or(u64::MAX);
            let records = reader
                .read(Sequence::new(next), READ_BYTES_MAX)
                .map_err(|error| error.to_string())?;
            if records.is_empty() {
                break;
            }
            for record in records {
                events.push(Envelope::parse(&record).map_err(|error| error.to_string())?);
            }
        }
        for (place, envelope) in (0..).zip(&events) {
            assert_eq!(envelope.sequence, place, "the sequence has a gap or a double");
        }
        let keys = read_key_folder(&data.join("keys")).map_err(|error| error.to_string())?;
        let keys = keys.into_iter().map(|kek| Arc::new(kek) as Arc<dyn KeyEncryption>);
        Ok(Self { events, reader, keys: Keys::reading(keys) })
    }

    /// Every dispatch, by its call.
    pub fn dispatched(&self) -> BTreeMap<CallId, &CallDispatched> {
        let mut found = BTreeMap::new();
        for envelope in &self.events {
            if let (Event::CallDispatched(fact), Some(call)) = (&envelope.event, envelope.call) {
                found.insert(call, fact);
            }
        }
        found
    }

    /// These refusals alone are on record, by their code and status, in any order.
    pub fn assert_refused(&self, expected: &[(&str, u16)]) {
        let mut found: Vec<(&str, u16)> =
            self.refused().iter().map(|refused| (&*refused.code, refused.status)).collect();
        let mut expected = expected.to_vec();
        found.sort_unstable();
        expected.sort_unstable();
        assert_eq!(found, expected);
    }

    /// Every refusal.
    pub fn refused(&self) -> Vec<&CallRefused> {
        let mut found = Vec::new();
        for envelope in &self.events {
            if let Event::CallRefused(fact) = &envelope.event {
                found.push(fact);
            }
        }
        found
    }

    /// The outcomes of one call.
    pub fn outcomes(&self, call: CallId) -> Vec<&Event> {
        let about = self.events.iter().filter(|envelope| envelope.call == Some(call));
        about.map(|envelope| &envelope.event).filter(|event| is_outcome(event)).collect()
    }

    /// The only outcome of the only call that asked for `model`; nothing before it is there.
    pub fn outcome_of(&self, model: &str) -> Option<&Event> {
        let asked = self.dispatched();
        let mut calls = asked.iter().filter(|(_, fact)| fact.model.as_deref() == Some(model));
        let (call, _) = calls.next()?;
        assert!(calls.next().is_none(), "more than one call of `{model}`");
        let outcomes = self.outcomes(*call);
        assert!(outcomes.len() < 2, "two outcomes: {outcomes:?}");
        outcomes.first().copied()
    }

    /// The outcomes of all calls of a tool, by its server's name for it.
    pub fn outcomes_of_tool(&self, tool: &str) -> Vec<&Event> {
        let asked = self.dispatched();
        let calls = asked.iter().filter(|(_, fact)| fact.target.as_deref() == Some(tool));
        calls.flat_map(|(call, _)| self.outcomes(*call)).collect()
    }

    /// How many events of this kind there are.
    pub fn count(&self, kind: &str) -> usize {
        self.events.iter().filter(|envelope| envelope.event.kind() == kind).count()
    }

    /// How many findings of this kind there are.
    pub fn count_findings(&self, kind: FindingKind) -> usize {
        let found = self.events.iter().filter(|envelope| {
            matches!(&envelope.event, Event::FindingRaised(finding) if finding.kind == kind)
        });
        found.count()
    }

    /// Fails unless every dispatched call has exactly one outcome, and behind it, and no call that
    /// was not dispatched has any.
    pub fn assert_complete(&self) {
        let mut open = BTreeSet::new();
        let mut ended = BTreeSet::new();
        for envelope in &self.events {
            let Some(call) = envelope.call else { continue };
            if matches!(envelope.event, Event::CallDispatched(_)) {
                assert!(open.insert(call), "{call} was dispatched twice");
                assert!(!ended.contains(&call), "{call} was dispatched behind its outcome");
            } else if is_outcome(&envelope.event) {
                assert!(open.remove(&call), "{call} has an outcome without a dispatch, or two");
                ended.insert(call);
            }
        }
        assert!(open.is_empty(), "calls without outcome: {open:?}");
    }

    /// The content of every payload that an event of a call names, in order.
    pub fn payloads(&self) -> Result<Vec<Vec<u8>>, String> {
        let mut contents = Vec::new();
        for envelope in &self.events {
            let reference = match &envelope.event {
                Event::CallDispatched(fact) => fact.request,
                Event::CallCompleted(fact) => fact.answer,
                _ => None,
            };
            let (Some(reference), Some(session)) = (reference, envelope.session) else { continue };
            let content = payload::load(&self.reader, &self.keys, session, &reference);
            let content = content.map_err(|error| error.to_string())?;
            contents.push(content.ok_or_else(|| format!("no payload {}", reference.digest))?);
        }
        Ok(contents)
    }

    /// The content of a payload.
    pub fn payload(&self, session: Option<SessionId>, reference: &PayloadRef) -> Vec<u8> {
        self.kept(session, reference).unwrap_or_else(|| {
            panic!("the store does not have payload {}", reference.digest);
        })
    }

    /// The content of a payload, if the store has it.
    pub fn kept(&self, session: Option<SessionId>, reference: &PayloadRef) -> Option<Vec<u8>> {
        let session = session.unwrap_or_else(|| panic!("a payload without session"));
        payload::load(&self.reader, &self.keys, session, reference).unwrap()
    }
}

/// Whether an event ends a call.
pub const fn is_outcome(event: &Event) -> bool {
    matches!(
        event,
        Event::CallCompleted(_)
            | Event::CallFailed(_)
            | Event::CallCancelled(_)
            | Event::CallInDoubt(_)
    )
}
