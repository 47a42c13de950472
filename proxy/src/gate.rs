//! The gate: every call is identified, decided and recorded here before it may go upstream, and
//! every outcome is recorded here before it may be released.
//!
//! What a call looks like on the wire is not known here; see `model` and `mcp` for that.

mod gap;

mod keep;

mod open;

mod ask;

mod deed;

mod place;

mod judge;

mod send;

mod admit;

mod local;

mod edit;

mod refuse;

pub use admit::{Admitted, Held, pending};
pub use ask::{Ask, Content};
pub use deed::Deed;
pub use gap::{Carried, Gap};
pub use local::{LocalAnswer, LocalAsk, Rewritten};
pub use open::{Answered, OpenCall};
pub use refuse::Refused;
pub use send::Dispatched;

use crate::caller::Caller;
use crate::clock;
use crate::config::{Config, Keep, Of, PayloadRule, keep};
use crate::correlate::{Correlator, Note};
use crate::credentials::presented_key;
use crate::facts::SessionFacts;
use crate::keyring::Keyring;
use crate::metrics::Metrics;
use crate::problem::{ErrorCode, Problem};
use crate::rules::Rules;
use crate::standing::revoked;
use crate::tasks::Tasks;
use crate::tokens::Tokens;
use crate::upstream::Permit;
use approvals::Desk;
use events::{Draft, Event, MessageRelayed, PayloadRef, Relay, SessionId};
use http::HeaderMap;
use ledger::payload::{Packed, Unpacked};
use ledger::{Entry, Ledger, RecordError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The gate; one for the whole process.
pub struct Gate {
    ledger: Ledger,
    correlator: Mutex<Correlator>,
    keyring: Keyring,
    tokens: Tokens,
    payload_rules: Vec<PayloadRule>,
    desk: Desk,
    rules: Arc<Rules>,
    facts: Mutex<SessionFacts>,
    /// What it counts.
    pub metrics: Metrics,
    /// What must end before the program may.
    pub tasks: Tasks,
    /// What was turned away without a record.
    pub gap: Gap,
}

/// A message that is neither a call nor its outcome.
#[derive(Debug)]
pub struct Relayed<'a> {
    /// The agent concerned.
    pub caller: &'a Caller,
    /// The session it belongs to.
    pub session: SessionId,
    /// The call in whose course it came.
    pub call: Option<events::CallId>,
    /// Which way it goes.
    pub direction: Relay,
    /// Its JSON-RPC method, or `response`.
    pub method: &'a str,
    /// The upstream concerned.
    pub upstream: Arc<str>,
    /// The message.
    pub body: &'a [u8],
}

/// What a gate decides by.
pub struct Deciding {
    /// Where calls belong.
    pub correlator: Correlator,
    /// Where calls wait for people.
    pub desk: Desk,
    /// The policies.
    pub rules: Arc<Rules>,
    /// What sessions have done.
    pub facts: SessionFacts,
    /// Whose tokens identify agents.
    pub tokens: Tokens,
}

impl Gate {
    /// A gate for the agents of `config`, that records in `ledger`.
    pub fn new(config: &Config, ledger: Ledger, deciding: Deciding) -> Self {
        let Deciding { correlator, desk, rules, facts, tokens } = deciding;
        Self {
            ledger,
            correlator: Mutex::new(correlator),
            keyring: Keyring::new(&config.agents),
            tokens,
            payload_rules: config.payloads.clone(),
            desk,
            rules,
            facts: Mutex::new(facts),
            metrics: Metrics::default(),
            tasks: Tasks::default(),
            gap: Gap::default(),
        }
    }

    /// Whose key the headers carry, or whose token that opens this path. For a key nothing is
    /// waited for, and for a token only while a key of its issuer has to be fetched.
    pub async fn identify(&self, headers: &HeaderMap, path: &str) -> Result<Arc<Caller>, Problem> {
        let Some(key) = presented_key(headers) else {
            let message = "no API key: send the agent's key as `Authorization: Bearer …`";
            return Err(Problem::new(ErrorCode::InvalidKey, message));
        };
        let caller = match self.keyring.find(key) {
            Some(caller) => Arc::clone(caller),
            None if self.tokens.could_be(key) => self.tokens.identify(key, path).await?,
            None => {
                let message = "the API key is not one that this gateway knows";
                return Err(Problem::new(ErrorCode::InvalidKey, message));
            }
        };
        revoked(&self.desk, &caller).map_or(Ok(caller), Err)
    }

    /// Whose tokens identify agents.
    pub const fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// How much is kept of the payloads of a call of this model, or else of this tool of an
    /// upstream; a request for no tool is under the rules for all tools of its server.
    fn keep_of(&self, model: Option<&str>, tool: Option<&str>, upstream: &str) -> Keep {
        let tool = || Of::Tool(upstream, tool.unwrap_or_default());
        keep(&self.payload_rules, model.map_or_else(tool, Of::Model))
    }

    /// Records a message before it is passed on; on an error it must not be.
    pub async fn relay(&self, relayed: Relayed<'_>) -> Result<Permit, Problem> {
        let keep = self.keep_of(None, None, &relayed.upstream);
        let kept = match relayed.direction {
            Relay::ToUpstream => keep != Keep::Nothing,
            Relay::ToAgent => keep == Keep::Everything,
        };
        let packed = self.pack_new(later(relayed.session, relayed.body, kept))?;
        let fact = MessageRelayed {
            call: relayed.call,
            direction: relayed.direction,
            method: relayed.method.into(),
            payload: packed.reference,
            principal: relayed.caller.principal.clone(),
            upstream: relayed.upstream,
        };
        let draft = Draft {
            id: clock::event_id(),
            time: clock::now(),
            session: Some(relayed.session),
            cause: relayed.call.map(|call| events::EventId::new(call.ulid())),
            call: relayed.call,
            fact,
        };
        let entry = Entry { payloads: vec![packed], ..draft.into() };
        let recorded = self.keep(entry).await.map_err(|error| self.unrecorded(&error))?;
        Ok(Permit::from_relayed(&recorded))
    }

    /// Records what the gateway itself did or saw.
    pub async fn note(&self, event: impl Into<Event>) -> Result<(), Problem> {
        let draft = Draft {
            id: clock::event_id(),
            time: clock::now(),
            session: None,
            cause: None,
            call: None,
            fact: event.into(),
        };
        let recorded = self.ledger.record_event(draft).await;
        recorded.map(drop).map_err(|error| {
            // One that took too long may be on record yet.
            if !matches!(error, RecordError::TimedOut(_)) {
                self.gap.count(&error);
            }
            self.unrecorded(&error)
        })
    }

    /// The session of everything that comes over one MCP session of one caller.
    pub fn protocol_session(&self, caller: &Caller, protocol_session: &str) -> SessionId {
        self.correlator().protocol_session(&caller.known_as, protocol_session)
    }

    /// Where calls wait for people.
    pub const fn desk(&self) -> &Desk {
        &self.desk
    }

    /// The policies, and what is known of the tools.
    pub const fn rules(&self) -> &Arc<Rules> {
        &self.rules
    }

    /// The ledger that this gate records in.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn correlator(&self) -> MutexGuard<'_, Correlator> {
        self.correlator.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn facts(&self) -> MutexGuard<'_, SessionFacts> {
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Packs content of something that was not done yet.
    fn pack_new(&self, content: Unpacked<'_>) -> Result<Packed, Problem> {
        self.pack(content).inspect_err(|_| self.gap.count(&"a payload could not be packed"))
    }

    fn pack(&self, content: Unpacked<'_>) -> Result<Packed, Problem> {
        self.ledger.pack(content).map_err(|error| {
            tracing::error!(%error, "a payload could not be packed");
            self.metrics.unrecorded.increment();
            Problem::new(ErrorCode::LedgerUnavailable, UNAVAILABLE)
        })
    }

    fn unrecorded(&self, error: &RecordError) -> Problem {
        tracing::error!(%error, "an event could not be recorded");
        self.metrics.unrecorded.increment();
        Problem::new(ErrorCode::LedgerUnavailable, UNAVAILABLE)
    }

    /// What the correlator noticed, as events of the moment.
    fn drafts(&self, notes: Vec<Note>) -> Vec<Draft<Event>> {
        let time = clock::now();
        let drafts = notes.into_iter().map(|note| {
            let finding = matches!(note.event, Event::FindingRaised(_));
            let counter = if finding { &self.metrics.findings } else { &self.metrics.links };
            counter.increment();
            Draft {
                id: clock::event_id(),
                time,
                session: Some(note.session),
                cause: note.cause.map(|call| events::EventId::new(call.ulid())),
                call: note.call,
                fact: note.event,
            }
        });
        drafts.collect()
    }
}

const UNAVAILABLE: &str =
    "the ledger cannot record at the moment, so nothing was done; try again later";

/// Content without turns, of a session that may have begun long ago.
const fn later(session: SessionId, bytes: &[u8], kept: bool) -> Unpacked<'_> {
    Unpacked { session, is_first: false, bytes, cuts: &[], kept }
}

/// Nothing where there is no content, so that the event says so.
fn reference(packed: Option<&Packed>) -> Option<PayloadRef> {
    packed.map(|packed| packed.reference)
}
