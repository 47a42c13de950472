//! The way in: place the call in its session, decide, record, and only then permit.

use super::keep::settled;
use super::{Carried, Gate, OpenCall, reference};
use crate::clock;
use crate::config::{Agent, Keep};
use crate::correlate::{ModelAsked, Note, ToolAsked};
use crate::dialect::Request;
use crate::problem::{ErrorCode, Problem};
use crate::upstream::Permit;
use events::{
    CallCancelled, CallDenied, CallDispatched, CallId, Decision, Dialect, Draft, EventId, Mark,
    Operation, SessionId, SessionMethod, Verdict,
};
use ledger::payload::Unpacked;
use ledger::{Entry, Pending, RecordError, Recorded};
use std::sync::Arc;
use std::time::Instant;

/// What an agent asks for, as its dialect was understood.
#[derive(Debug)]
pub struct Ask<'a> {
    /// Who asks.
    pub agent: &'a Agent,
    /// The dialect spoken.
    pub dialect: Dialect,
    /// What kind of thing is asked.
    pub operation: Operation,
    /// The protocol's own name of it.
    pub method: Arc<str>,
    /// The model asked for.
    pub model: Option<Arc<str>>,
    /// The tool, resource or prompt, by its upstream's name.
    pub target: Option<Arc<str>>,
    /// Where it would go.
    pub upstream: Arc<str>,
    /// Whether a stream is asked for.
    pub stream: bool,
    /// `traceparent` as sent.
    pub trace: Option<&'a str>,
    /// Exactly the bytes that would go upstream.
    pub body: &'a [u8],
    /// The ends of the conversation's turns in `body`.
    pub cuts: &'a [usize],
    /// What is asked for, in words, for a denial.
    pub object: String,
    /// Whether the agent's lists name it.
    pub listed: bool,
    /// What correlation needs.
    pub content: Content<'a>,
}

/// What correlation needs to know of a call.
#[derive(Debug)]
pub enum Content<'a> {
    /// A model call.
    Model {
        /// Its body as read.
        request: &'a Request<'a>,
        /// A session id that the caller sent in a header.
        claimed_session: Option<&'a str>,
    },
    /// A tool call.
    Tool {
        /// The tool server.
        server: &'a str,
        /// The tool by its own name.
        tool: &'a str,
        /// The tool by the name that the agent used.
        exposed: &'a str,
        /// Its arguments as JSON text.
        arguments: Option<&'a str>,
        /// `params._meta` as JSON text.
        meta: Option<&'a str>,
        /// The MCP session, where the protocol has one.
        protocol_session: Option<&'a str>,
    },
    /// Anything else.
    Other {
        /// The MCP session, where the protocol has one.
        protocol_session: Option<&'a str>,
    },
}

/// A call that is on record and may be made.
#[derive(Debug)]
pub struct Dispatched {
    /// Lets it through the only door out.
    pub permit: Permit,
    /// Must be closed with its outcome.
    pub call: OpenCall,
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

struct Place {
    session: SessionId,
    method: SessionMethod,
    conversation: Option<Mark>,
    arguments: Option<Mark>,
    cause: Option<CallId>,
    tool_call: Option<String>,
    notes: Vec<Note>,
}

impl Gate {
    /// Decides about a call and records it. `Ok` means that the dispatch, its payload and its links
    /// are durable; `Err` means that nothing may go upstream, and a denial is on record.
    pub async fn dispatch(self: &Arc<Self>, ask: Ask<'_>) -> Result<Dispatched, Problem> {
        let call = clock::call_id();
        let verdict = policy::decide(&policy::Request {
            agent: &ask.agent.name,
            object: &ask.object,
            listed: ask.listed,
        });
        if verdict.decision != Decision::Allow {
            return Err(self.deny(ask, call, verdict).await);
        }
        let place = self.place(&ask, call);
        self.send(call, ask, verdict, place).await
    }

    async fn send(
        self: &Arc<Self>,
        call: CallId,
        ask: Ask<'_>,
        verdict: Verdict,
        mut place: Place,
    ) -> Result<Dispatched, Problem> {
        let session = place.session;
        let keep = self.keep_of(ask.model.as_deref(), ask.target.as_deref(), &ask.upstream);
        let packed = match ask.body {
            [] => None,
            bytes => {
                let is_first = place.method == SessionMethod::New;
                let cuts = ask.cuts;
                let kept = keep != Keep::Nothing;
                Some(self.pack_new(Unpacked { session, is_first, bytes, cuts, kept })?)
            }
        };
        let also = self.drafts(std::mem::take(&mut place.notes));
        let operation = ask.operation;
        let upstream = Arc::clone(&ask.upstream);
        let cause = place.cause;
        let fact = CallDispatched {
            arguments: place.arguments,
            conversation: place.conversation,
            dialect: ask.dialect,
            grant: None,
            method: ask.method,
            model: ask.model,
            operation: ask.operation,
            principal: self.principal(ask.agent),
            request: reference(packed.as_ref()),
            session: place.method,
            shadow: None,
            stream: ask.stream,
            target: ask.target,
            tool_call: place.tool_call.map(Into::into),
            trace: ask.trace.map(Into::into),
            upstream: ask.upstream,
            verdict,
        };
        let draft = draft(call, Some(session), cause, fact);
        let entry = Entry { draft, also, payloads: packed.into_iter().collect(), reserved: false };
        let under_way = self.begin(entry).await.map_err(|error| self.unrecorded(&error))?;
        let gate = Arc::clone(self);
        let mut sending = Sending { gate, call, session, under_way: Some(under_way) };
        match sending.durable().await {
            Ok(dispatched) => {
                self.metrics.calls_dispatched.increment();
                let permit = Permit::from_dispatched(&dispatched).ok_or_else(|| {
                    Problem::new(ErrorCode::Internal, "a verdict that does not allow was sent on")
                })?;
                let call =
                    OpenCall::new(Arc::clone(self), call, session, (operation, keep), upstream);
                Ok(Dispatched { permit, call })
            }
            Err(error) => Err(self.unrecorded(&error)),
        }
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
            let fact = CallCancelled {
                answer: None,
                by: "gateway".into(),
                detail: "nobody waited for its dispatch any more, so it was never sent".into(),
                duration_us: clock::micros_since(began),
                may_have_acted: false,
            };
            let mut outcome = draft(call, Some(session), Some(call), fact);
            outcome.id = clock::event_id();
            if let Err(error) = gate.ledger.record(Entry::from(outcome).reserved()).await {
                tracing::error!(%error, %call, "a late dispatch stays without outcome");
            }
        });
    }

    async fn deny(&self, ask: Ask<'_>, call: CallId, verdict: Verdict) -> Problem {
        let session = clock::session_id();
        let keep = self.keep_of(ask.model.as_deref(), ask.target.as_deref(), &ask.upstream);
        let packed = match ask.body {
            [] => None,
            body => match self.pack_new(super::later(session, body, keep != Keep::Nothing)) {
                Ok(packed) => Some(packed),
                Err(problem) => return problem,
            },
        };
        let reason = verdict.reason.clone().unwrap_or_else(|| "the policy forbids it".into());
        let fact = CallDenied {
            dialect: ask.dialect,
            method: ask.method,
            model: ask.model,
            operation: ask.operation,
            principal: self.principal(ask.agent),
            request: reference(packed.as_ref()),
            shadow: None,
            target: ask.target,
            upstream: Some(ask.upstream),
            verdict,
        };
        let draft = draft(call, Some(session), None, fact);
        let entry = Entry { payloads: packed.into_iter().collect(), ..draft.into() };
        match self.keep(entry).await {
            Ok(_) => {
                self.metrics.calls_denied.increment();
                Problem::new(ErrorCode::PolicyDenied, reason).recorded_as(call)
            }
            Err(error) => self.unrecorded(&error),
        }
    }

    fn place(&self, ask: &Ask<'_>, call: CallId) -> Place {
        let agent = ask.agent.name.as_str();
        let (now, fresh) = (clock::now(), clock::session_id());
        match ask.content {
            Content::Model { request, claimed_session } => {
                let trace = ask.trace;
                let asked = ModelAsked { call, agent, now, fresh, claimed_session, trace, request };
                let place = self.correlator().model_asked(asked);
                Place {
                    session: place.session,
                    method: place.method,
                    conversation: place.conversation,
                    arguments: None,
                    cause: None,
                    tool_call: None,
                    notes: place.notes,
                }
            }
            Content::Tool { server, tool, exposed, arguments, meta, protocol_session } => {
                let trace = ask.trace;
                let place = self.correlator().tool_asked(ToolAsked {
                    call,
                    agent,
                    now,
                    fresh,
                    server,
                    tool,
                    exposed,
                    arguments,
                    meta,
                    trace,
                    protocol_session,
                });
                Place {
                    session: place.session,
                    method: place.method,
                    conversation: None,
                    arguments: Some(place.arguments),
                    cause: place.cause,
                    tool_call: place.claimed,
                    notes: place.notes,
                }
            }
            Content::Other { protocol_session } => {
                let known = protocol_session.map(|id| self.protocol_session(ask.agent, id));
                Place {
                    session: known.unwrap_or(fresh),
                    method: known.map_or(SessionMethod::New, |_| SessionMethod::Protocol),
                    conversation: None,
                    arguments: None,
                    cause: None,
                    tool_call: None,
                    notes: Vec::new(),
                }
            }
        }
    }
}

/// The first event about a call shares its ULID.
fn draft<F>(call: CallId, session: Option<SessionId>, cause: Option<CallId>, fact: F) -> Draft<F> {
    Draft {
        id: EventId::new(call.ulid()),
        time: clock::now(),
        session,
        cause: cause.map(|cause| EventId::new(cause.ulid())),
        call: Some(call),
        fact,
    }
}
