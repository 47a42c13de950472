//! Where a call belongs: its session, what caused it, and by what it will be recognised.

use super::Gate;
use super::ask::{Ask, Content};
use crate::clock;
use crate::correlate::{ModelAsked, Note, ToolAsked};
use events::{CallId, Draft, Event, Mark, SessionId, SessionMethod};

/// What correlation made of a call.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) session: SessionId,
    pub(super) method: SessionMethod,
    pub(super) conversation: Option<Mark>,
    pub(super) arguments: Option<Mark>,
    pub(super) cause: Option<CallId>,
    pub(super) tool_call: Option<String>,
    pub(super) notes: Vec<Note>,
}

/// What was made of the request that asks, be it the first for its call or not.
#[derive(Debug)]
pub(super) struct Origin {
    /// The call that it would be if nobody had asked for it before.
    pub(super) call: CallId,
    pub(super) place: Place,
    /// Its links and findings, for the first event about it.
    pub(super) also: Vec<Draft<Event>>,
}

impl Gate {
    pub(super) fn place(&self, ask: &Ask<'_>, call: CallId) -> Place {
        let agent = &*ask.caller.known_as;
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
            Content::Other { protocol_session, .. } => {
                let known = protocol_session.map(|id| self.protocol_session(ask.caller, id));
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
