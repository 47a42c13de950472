//! The way in, its last step: the dispatch on record, and only then a permit.

use super::keep::settled;
use super::place::Origin;
use super::{Ask, Carried, Gate, OpenCall, reference};
use crate::clock;
use crate::config::Keep;
use crate::problem::{ErrorCode, Problem};
use crate::upstream::Permit;
use events::{
    CallCancelled, CallDispatched, CallId, Draft, Event, EventId, Mark, SessionId, SessionMethod,
    Verdict,
};
use ledger::payload::Unpacked;
use ledger::{Entry, Pending, RecordError, Recorded};
use std::sync::Arc;
use std::time::Instant;

/// A call that is on record and may be made.
#[derive(Debug)]
pub struct Dispatched {
    /// Lets it through the only door out.
    pub permit: Permit,
    /// Must be closed with its outcome.
    pub call: OpenCall,
    /// What is to be sent instead of what was asked, where an approver changed it.
    pub edited: Option<String>,
}

/// What lets a call go, and what its dispatch says beside what was asked.
pub(super) struct Clearance {
    pub(super) call: CallId,
    pub(super) session: SessionId,
    pub(super) method: SessionMethod,
    /// Whether the session begins with this call.
    pub(super) is_first: bool,
    pub(super) cause: Option<CallId>,
    pub(super) conversation: Option<Mark>,
    pub(super) arguments: Option<Mark>,
    pub(super) tool_call: Option<Arc<str>>,
    /// Its links and findings, where they are not on record yet.
    pub(super) also: Vec<Draft<Event>>,
    pub(super) verdict: Verdict,
    pub(super) shadow: Option<Verdict>,
    /// The grant that it uses up.
    pub(super) grant: Option<EventId>,
    /// Whether it was held, so that its first event is on record.
    pub(super) was_held: bool,
    /// The body as an approver changed it.
    pub(super) edited: Option<String>,
}

impl Clearance {
    /// Lets a call go because the policy allows it.
    pub(super) fn allowed(origin: Origin, verdict: Verdict, shadow: Option<Verdict>) -> Self {
        let Origin { call, place, also } = origin;
        Self {
            call,
            session: place.session,
            method: place.method,
            is_first: place.method == SessionMethod::New,
            cause: place.cause,
            conversation: place.conversation,
            arguments: place.arguments,
            tool_call: place.tool_call.map(Into::into),
            also,
            verdict,
            shadow,
            grant: None,
            was_held: false,
            edited: None,
        }
    }
}

/// A dispatch that did not come about.
pub(super) struct Unsent {
    pub(super) problem: Problem,
    /// Whether it may be on record all the same.
    pub(super) may_be_recorded: bool,
}

/// A dispatch on its way to the disk. Dropped before that is settled, it is disowned.
struct Sending {
    gate: Arc<Gate>,
    call: CallId,
    session: SessionId,
    under_way: Option<(Pending<CallDispatched>, Carried)>,
}

impl Sending {
    async fn durable(&mut self) -> Result<Recorded<CallDispatched>, RecordError> {
        let Some((pending, _)) = &mut self.under_way else {
            return Err(RecordError::Stopped("".into()));
        };
        let recorded = pending.durable().await;
        if matches!(recorded, Err(RecordError::TimedOut(_))) {
            return recorded;
        }
        if let Some((_, carried)) = self.under_way.take() {
            self.gate.gap.settle(recorded.as_ref().err(), carried);
        }
        recorded
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let Some(under_way) = self.under_way.take() else { return };
        if tokio::runtime::Handle::try_current().is_ok() {
            self.gate.disown(self.call, self.session, under_way);
        }
    }
}

impl Gate {
    /// Records the dispatch with its payload and links. `Ok` means that they are durable.
    pub(super) async fn send(
        self: &Arc<Self>,
        ask: &Ask<'_>,
        clearance: Clearance,
    ) -> Result<Dispatched, Unsent> {
        let unsent = |problem| Unsent { problem, may_be_recorded: false };
        let (call, session) = (clearance.call, clearance.session);
        // Before it is sent: of two calls at once, the second is decided in the light of the first.
        self.facts().dispatched(session, ask.operation, &ask.upstream, ask.target.as_deref());
        let keep = self.keep_of(ask.model.as_deref(), ask.target.as_deref(), &ask.upstream);
        let (entry, edited) = self.dispatch_entry(ask, clearance, keep).map_err(unsent)?;
        let under_way = self.begin(entry).await.map_err(|error| unsent(self.unrecorded(&error)))?;
        let gate = Arc::clone(self);
        let mut sending = Sending { gate, call, session, under_way: Some(under_way) };
        let dispatched = sending.durable().await.map_err(|error| Unsent {
            problem: self.unrecorded(&error),
            may_be_recorded: matches!(error, RecordError::TimedOut(_)),
        })?;
        self.metrics.calls_dispatched.increment();
        let asked = (Arc::clone(&ask.upstream), ask.model.clone());
        let permit = Permit::from_dispatched(&dispatched).ok_or_else(|| {
            let message = "a verdict that does not allow was sent on";
            unsent(Problem::new(ErrorCode::Internal, message))
        })?;
        let call = OpenCall::new(Arc::clone(self), call, session, (ask.operation, keep), asked);
        Ok(Dispatched { permit, call, edited })
    }

    fn dispatch_entry(
        &self,
        ask: &Ask<'_>,
        clearance: Clearance,
        keep: Keep,
    ) -> Result<(Entry<CallDispatched>, Option<String>), Problem> {
        let Clearance { call, session, is_first, cause, also, edited, .. } = clearance;
        let body = edited.as_deref().map_or(ask.body, str::as_bytes);
        let cuts = if edited.is_some() { &[] } else { ask.cuts };
        let kept = keep != Keep::Nothing;
        let packed = match body {
            [] => None,
            bytes => Some(self.pack_new(Unpacked { session, is_first, bytes, cuts, kept })?),
        };
        let fact = CallDispatched {
            arguments: clearance.arguments,
            conversation: clearance.conversation,
            dialect: ask.dialect,
            grant: clearance.grant,
            method: Arc::clone(&ask.method),
            model: ask.model.clone(),
            operation: ask.operation,
            principal: ask.caller.principal.clone(),
            request: reference(packed.as_ref()),
            session: clearance.method,
            shadow: clearance.shadow,
            stream: ask.stream,
            target: ask.target.clone(),
            tool_call: clearance.tool_call,
            trace: ask.trace.map(Into::into),
            upstream: Arc::clone(&ask.upstream),
            verdict: clearance.verdict,
        };
        let first = EventId::new(call.ulid());
        let id = if clearance.was_held { clock::event_id() } else { first };
        let cause = cause.map(|cause| EventId::new(cause.ulid()));
        let draft =
            Draft { id, time: clock::now(), session: Some(session), cause, call: Some(call), fact };
        let entry = Entry { draft, also, payloads: packed.into_iter().collect(), reserved: false };
        Ok((entry, edited))
    }

    /// Waits for a dispatch that became durable too late, and records that it was never made.
    fn disown(
        self: &Arc<Self>,
        call: CallId,
        session: SessionId,
        (mut pending, carried): (Pending<CallDispatched>, Carried),
    ) {
        let gate = Arc::clone(self);
        let began = Instant::now();
        self.tasks.spawn(async move {
            let recorded = settled(&mut pending).await;
            gate.gap.settle(recorded.as_ref().err(), carried);
            if recorded.is_err() {
                return;
            }
            let outcome = Draft {
                id: clock::event_id(),
                time: clock::now(),
                session: Some(session),
                cause: Some(EventId::new(call.ulid())),
                call: Some(call),
                fact: CallCancelled {
                    answer: None,
                    by: "gateway".into(),
                    detail: "nobody waited for its dispatch any more, so it was never sent".into(),
                    duration_us: clock::micros_since(began),
                    may_have_acted: false,
                },
            };
            if let Err(error) = gate.ledger.record(Entry::from(outcome).reserved()).await {
                tracing::error!(%error, %call, "a late dispatch stays without outcome");
            }
        });
    }
}
