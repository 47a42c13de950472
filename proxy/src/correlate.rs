//! Tells which calls belong together, from what passes by alone; it records and forwards nothing.
//!
//! A model call is put into a session: the one that its caller names, else the one whose
//! conversation it goes on, else a new one. A tool call is linked to the tool call of a model's
//! answer that it carries out, and belongs to that session. When its result comes back in a later
//! model request, the link is proved, or a finding is raised.
//!
//! Agents never meet: nothing that one does changes what is decided about another, but for the
//! total of what is remembered. Of contents only keyed digests are kept. There is no clock and no
//! chance in it: the same calls give the same decisions, and so do, after a restart, the events
//! that were recorded of them.
//!
//! The order of use: `*_asked` before a call is recorded; the notes go to the ledger behind its
//! `call.dispatched`, in the same batch; then `*_answered` before its outcome is recorded, or
//! [`Correlator::unanswered`] if there was no answer.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod limits;

mod marks;

mod shelf;

mod asked;

mod tool_name;

mod result_text;

mod claim;

mod remembered;

mod session;

mod cause;

mod confirm;

mod memory;

mod rebuild;

#[cfg(test)]
mod tests;

pub use asked::{ModelAsked, ModelOutcome, ModelPlace, Note, Released, ToolAsked, ToolPlace};
pub use limits::Limits;

use crate::dialect::{Answer, ToolCall};
use cause::{Search, Sought};
use confirm::Confirming;
use events::{
    CallId, CallLinked, Envelope, FindingKind, FindingRaised, Mark, SessionId, SessionMethod,
    Timestamp, ToolCallAsked,
};
use memory::{Memory, ModelBegun, ModelEnded};
use remembered::{OpenKind, Protocol, is_certain};
use session::Conversation;
use shelf::RowId;
use tool_name::ToolName;

/// Decides which calls belong together. Its memory is bounded by [`Limits`].
pub struct Correlator {
    memory: Memory,
}

impl Correlator {
    /// A correlator that remembers nothing. Marks can be compared with those that were made with
    /// the same key alone.
    pub fn new(key: [u8; 32], limits: Limits) -> Self {
        Self { memory: Memory::new(key, limits) }
    }

    /// Puts a model call into its session, and compares the tool results in it.
    pub fn model_asked(&mut self, asked: ModelAsked<'_>) -> ModelPlace {
        let conversation = Conversation::of(asked.request);
        let head = conversation.head(asked.request);
        let (marks, agent) = self.memory.agent(asked.agent);
        let standing = session::find(marks, agent, &asked, &conversation);
        let confirming = Confirming::new(marks, agent, standing.session, asked.call);
        let notes = confirming.run(conversation.results(standing.known));
        let mark = head.map(|head| marks.conversation(head));
        let trace = claim::trace(marks, asked.trace, None);
        self.memory.model_begun(&ModelBegun {
            agent: asked.agent,
            call: asked.call,
            session: standing.session,
            opening: standing.method == SessionMethod::New,
            head,
            conversation: mark,
            trace,
        });
        ModelPlace { session: standing.session, method: standing.method, conversation: mark, notes }
    }

    /// Takes note of an answer, whole or streamed: from now on its tool calls are expected. An
    /// answer that is an error counts as none.
    pub fn model_answered(
        &mut self,
        call: CallId,
        answer: &Answer,
        now: Timestamp,
    ) -> ModelOutcome {
        if answer.error.is_some() {
            self.unanswered(call);
            return ModelOutcome::default();
        }
        let tool_calls = self.tool_calls(&answer.tool_calls);
        let conversation = self.memory.open.get(&call).and_then(|open| match open.kind {
            OpenKind::Model { head: Some(head), .. } => answer.heads(head).first().copied(),
            OpenKind::Model { .. } | OpenKind::Tool { .. } => None,
        });
        let conversation = conversation.map(|head| self.memory.marks.conversation(head));
        self.memory.model_ended(&ModelEnded {
            call,
            now,
            conversation,
            answer: answer.id.as_deref(),
            tool_calls: &tool_calls,
        });
        let tool_calls = tool_calls.into_iter().map(|(asked, _)| asked).collect();
        ModelOutcome { conversation, tool_calls }
    }

    /// Takes note that a call of either kind failed or was cancelled. An equal model request
    /// later repeats it.
    pub fn unanswered(&mut self, call: CallId) {
        self.memory.unanswered(call);
    }

    /// Links a tool call to what asked for it, and puts it into that session.
    pub fn tool_asked(&mut self, asked: ToolAsked<'_>) -> ToolPlace {
        let (sought, claimed) = self.sought(&asked);
        let (marks, agent) = self.memory.agent(asked.agent);
        let search = cause::search(agent, &sought);
        let linked = search.found.and_then(|found| Some((found, agent.asked.get(found.row)?)));
        let linked = linked.map(|(found, row)| (found, row.cause, row.id.clone(), row.session));
        let (session, method) = match (&linked, asked.protocol_session) {
            (Some((.., session)), _) => (*session, SessionMethod::Link),
            (None, Some(id)) => {
                (marks.session(asked.agent, "protocol session", id), SessionMethod::Protocol)
            }
            (None, None) => (asked.fresh, SessionMethod::New),
        };
        let mut notes = Vec::new();
        notes.extend(self.mismatch(&asked, session, search));
        let arguments = sought.arguments;
        let row = self.memory.tool_begun(asked.agent, asked.call, session, arguments);
        let cause = linked.as_ref().map(|(_, cause, ..)| *cause);
        if let Some((found, cause, tool_call, _)) = linked {
            let agent = self.memory.agent(asked.agent).1;
            let (confidence, method) = (found.confidence, found.method);
            let candidates = found.candidates;
            let link = CallLinked { candidates, cause, confidence, method, tool_call };
            agent.claim(row, found.row, is_certain(&link));
            notes.push(Note::link(session, asked.call, cause, link));
            self.meet(&asked, session);
        } else {
            notes.push(unasked(&asked, session, claimed.as_deref()));
        }
        ToolPlace { session, method, arguments, cause, claimed, notes }
    }

    /// The session of everything that comes over one protocol session of one agent: always the
    /// same one.
    pub fn protocol_session(&self, agent: &str, protocol_session: &str) -> SessionId {
        self.memory.marks.session(agent, "protocol session", protocol_session)
    }

    /// Takes note of a tool's result, the JSON-RPC `result` object, and gives the mark of its
    /// text. A result without text and structured content can't be recognised later.
    pub fn tool_answered(&mut self, call: CallId, result: &str) -> Option<Mark> {
        let marks = result_text::served(&self.memory.marks, result);
        self.memory.tool_ended(call, &marks);
        marks.first().copied()
    }

    /// Takes note that a tool call of an answer is released to its agent, which runs it out of
    /// sight: what the model is told of it later is the agent's own word. Gives the link.
    pub fn released(&mut self, released: Released<'_>) -> Note {
        let Released { agent: name, call, session, arguments, cause, asked_in, tool_call } =
            released;
        let row = self.memory.tool_begun(name, call, session, arguments);
        let (marks, agent) = self.memory.agent(name);
        let id = Some(marks.shortened(tool_call)).filter(|id| !id.is_empty());
        let mark = id.as_deref().map(|id| marks.tool_call_in(asked_in, id));
        let found = agent.asked.find(mark.unwrap_or(arguments));
        let asked = found.filter(|(_, asked)| asked.cause == cause).map(|(row, _)| row).next();
        if let Some(asked) = asked {
            agent.claim(row, asked, true);
        }
        let tool_call = id.map(std::borrow::Cow::into_owned);
        let (confidence, method) = (100, events::LinkMethod::ToolCallId);
        let link = CallLinked { candidates: None, cause, confidence, method, tool_call };
        self.memory.tool_ended(call, &[]);
        Note::link(asked_in, call, cause, link)
    }

    /// A keyed digest of these fields, which serves this purpose alone.
    pub fn mark(&self, purpose: &str, fields: &[&[u8]]) -> Mark {
        self.memory.marks.mark(purpose, fields)
    }

    /// The mark of a tool call's arguments, as events have it.
    pub fn arguments(&self, text: &str) -> Mark {
        self.memory.marks.arguments(text)
    }

    /// Takes over a recorded event; all of them in their order, before the first call.
    pub fn apply(&mut self, envelope: &Envelope) {
        rebuild::apply(&mut self.memory, envelope);
    }

    /// What is to be looked for, and the id that the caller claims.
    fn sought<'a>(&mut self, asked: &ToolAsked<'a>) -> (Sought<'a>, Option<String>) {
        let window_us = self.memory.limits.window_us;
        let (marks, agent) = self.memory.agent(asked.agent);
        let mut ids = Vec::new();
        let mut claimed = None;
        for (known, id) in claim::ids(asked.meta) {
            let id = marks.shortened(&id);
            let mark = marks.tool_call(&id);
            let expected = agent.asked.find(mark).next().is_some();
            if claimed.is_none() && (known || expected) {
                claimed = Some(id.into_owned());
            }
            ids.extend(expected.then_some(mark));
        }
        let arguments = asked.arguments.unwrap_or_default();
        let protocol = asked.protocol_session.map(|id| protocol_mark(marks, id));
        let protocol = protocol.and_then(|mark| agent.protocol.find(mark).next_back());
        let sought = Sought {
            name: ToolName { server: asked.server, tool: asked.tool, exposed: asked.exposed },
            arguments: marks.arguments(arguments),
            reduced: marks.reduced(arguments),
            trace: claim::trace(marks, asked.trace, asked.meta),
            ids,
            session: protocol.and_then(|(_, protocol)| protocol.session),
            now: asked.now,
            window_us,
        };
        (sought, claimed)
    }

    /// The whole tool calls that an agent is to make, as many as an event can hold, each with the
    /// mark of its reduced arguments.
    fn tool_calls(&self, calls: &[ToolCall<'_>]) -> Vec<(ToolCallAsked, Mark)> {
        let marks = &self.memory.marks;
        let mut left = limits::TOOL_CALLS_BYTES_MAX;
        let expected = calls.iter().filter(|call| call.whole && !call.by_provider);
        let asked = expected.map(|call| {
            let id = Some(&call.id).filter(|id| !id.is_empty());
            let asked = ToolCallAsked {
                arguments: marks.arguments(&call.arguments),
                id: id.map(|id| marks.shortened(id).into_owned()),
                name: marks.shortened(&call.name).into_owned(),
            };
            (asked, marks.reduced(&call.arguments))
        });
        let fitting = asked.take_while(|(asked, _)| {
            let bytes = serde_json::to_string(asked).map_or(usize::MAX, |json| json.len() + 1);
            let fits = bytes <= left;
            left = left.saturating_sub(bytes);
            fits
        });
        fitting.collect()
    }

    /// The finding that the caller claims a tool call that is another.
    fn mismatch(
        &mut self,
        asked: &ToolAsked<'_>,
        session: SessionId,
        search: Search,
    ) -> Option<Note> {
        let (_, agent) = self.memory.agent(asked.agent);
        let claimed = agent.asked.get(search.mismatch?)?;
        let finding = FindingRaised {
            detail: "the caller claims to carry out a tool call of a model whose name or \
                     arguments differ"
                .to_owned(),
            evidence: vec![asked.call, claimed.cause],
            kind: FindingKind::ClaimMismatch,
            tool_call: claimed.id.clone(),
        };
        Some(Note::finding(session, asked.call, Some(claimed.cause), finding))
    }

    /// Remembers to which session the calls over a protocol session belong.
    fn meet(&mut self, asked: &ToolAsked<'_>, session: SessionId) {
        let Some(id) = asked.protocol_session else { return };
        let (marks, agent) = self.memory.agent(asked.agent);
        let mark = protocol_mark(marks, id);
        let known: Option<RowId> = agent.protocol.find(mark).next_back().map(|(row, _)| row);
        match known.and_then(|row| agent.protocol.get_mut(row)) {
            Some(protocol) => protocol.session = protocol.session.filter(|same| *same == session),
            None => drop(agent.protocol.insert(Protocol { session: Some(session) }, [mark])),
        }
        self.memory.trim();
    }
}

/// Whether a model that asks for `asked` means this tool of a server; `exposed` is the name under
/// which the gateway itself offers it.
pub fn names(asked: &str, server: &str, tool: &str, exposed: &str) -> bool {
    ToolName { server, tool, exposed }.fit(asked) == Some(tool_name::Fit::Whole)
}

fn protocol_mark(marks: &marks::Marks, id: &str) -> Mark {
    marks.mark("protocol", &[id.as_bytes()])
}

/// The finding that no model asked for a tool call.
fn unasked(asked: &ToolAsked<'_>, session: SessionId, claimed: Option<&str>) -> Note {
    let finding = FindingRaised {
        detail: "no model that the gateway heard asked for this tool call".to_owned(),
        evidence: vec![asked.call],
        kind: FindingKind::UnaskedCall,
        tool_call: claimed.map(str::to_owned),
    };
    Note::finding(session, asked.call, None, finding)
}
