//! All that is remembered, and the few ways in which it changes, live and when it is rebuilt.

use super::limits::Limits;
use super::marks::Marks;
use super::remembered::{Agent, Asked, Open, OpenKind, Place, Served, call_mark};
use super::session::answer_mark;
use super::shelf::{RowId, Shelf};
use events::{CallId, Mark, SessionId, Timestamp, ToolCallAsked};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that is remembered.
pub(super) struct Memory {
    pub(super) marks: Marks,
    pub(super) limits: Limits,
    pub(super) agents: BTreeMap<Arc<str>, Agent>,
    pub(super) open: BTreeMap<CallId, Open>,
    heard: u64,
}

/// A model call that begins.
pub(super) struct ModelBegun<'a> {
    pub(super) agent: &'a str,
    pub(super) call: CallId,
    pub(super) session: SessionId,
    /// Whether it began its session.
    pub(super) opening: bool,
    /// The head of its chain.
    pub(super) head: Option<[u8; 32]>,
    /// The mark of that.
    pub(super) conversation: Option<Mark>,
    pub(super) trace: Option<Mark>,
}

/// A model call that was answered.
pub(super) struct ModelEnded<'a> {
    pub(super) call: CallId,
    pub(super) now: Timestamp,
    /// The mark of the conversation with the answer.
    pub(super) conversation: Option<Mark>,
    /// The provider's id of the answer.
    pub(super) answer: Option<&'a str>,
    /// Each with the mark of its reduced arguments.
    pub(super) tool_calls: &'a [(ToolCallAsked, Mark)],
}

impl Memory {
    pub(super) fn new(key: [u8; 32], limits: Limits) -> Self {
        Self {
            marks: Marks::new(key),
            limits,
            agents: BTreeMap::new(),
            open: BTreeMap::new(),
            heard: 0,
        }
    }

    /// An agent's memory, begun if there is none, with what is needed to look things up in it.
    pub(super) fn agent(&mut self, name: &str) -> (&Marks, &mut Agent) {
        self.heard += 1;
        if !self.agents.contains_key(name) {
            self.make_room();
        }
        let agent = self.agents.entry(name.into()).or_default();
        agent.used = self.heard;
        (&self.marks, agent)
    }

    pub(super) fn model_begun(&mut self, begun: &ModelBegun<'_>) {
        let place = Place {
            session: begun.session,
            opening: begun.opening,
            failed: false,
            continued: false,
        };
        let (_, agent) = self.agent(begun.agent);
        let place = begun.conversation.map(|mark| agent.places.insert(place, [mark]));
        let kind = OpenKind::Model {
            head: begun.head,
            conversation: begun.conversation,
            place,
            trace: begun.trace,
        };
        self.opened(begun.agent, begun.call, begun.session, kind);
    }

    /// Takes note of an answer.
    pub(super) fn model_ended(&mut self, ended: &ModelEnded<'_>) {
        let Some(open) = self.open.remove(&ended.call) else { return };
        let OpenKind::Model { conversation, trace, .. } = open.kind else { return };
        let (marks, agent) = self.agent(&open.agent);
        let marks = marks.clone();
        let place =
            Place { session: open.session, opening: false, failed: false, continued: false };
        let answer = ended.answer.map(|id| answer_mark(&marks, id));
        if ended.conversation.is_some() || answer.is_some() {
            agent.places.insert(place, ended.conversation.into_iter().chain(answer));
        }
        supersede(agent, conversation, open.session);
        for (asked, reduced) in ended.tool_calls {
            let id = asked.id.as_deref().map(|id| marks.tool_call(id));
            let in_session = asked.id.as_deref().map(|id| marks.tool_call_in(open.session, id));
            let (arguments, reduced) = (Some(asked.arguments), Some(*reduced));
            let found_by = [id, in_session, arguments, reduced, trace, conversation];
            let row = Asked {
                cause: ended.call,
                session: open.session,
                id: asked.id.clone(),
                name: asked.name.clone(),
                arguments: asked.arguments,
                answered: ended.now,
                claimed: None,
                closed: false,
                superseded: false,
            };
            agent.asked.insert(row, found_by.into_iter().flatten());
        }
        self.trim();
    }

    /// Takes note that a call ended without an answer.
    pub(super) fn unanswered(&mut self, call: CallId) {
        let Some(open) = self.open.remove(&call) else { return };
        if let OpenKind::Model { place: Some(place), .. } = open.kind
            && let Some(place) = self.agent(&open.agent).1.places.get_mut(place)
        {
            place.failed = true;
        }
    }

    /// Takes note of a tool call that is about to be made.
    pub(super) fn tool_begun(
        &mut self,
        agent: &str,
        call: CallId,
        session: SessionId,
        arguments: Mark,
    ) -> RowId {
        let served = Served {
            call,
            arguments,
            asked: None,
            certain: false,
            confirmed: false,
            answered: false,
        };
        let row = self.agent(agent).1.served.insert(served, [call_mark(call)]);
        self.opened(agent, call, session, OpenKind::Tool { served: row });
        row
    }

    /// Takes note of a result by its marks.
    pub(super) fn tool_ended(&mut self, call: CallId, marks: &[Mark]) {
        let Some(open) = self.open.remove(&call) else { return };
        let OpenKind::Tool { served } = open.kind else { return };
        let (_, agent) = self.agent(&open.agent);
        for mark in marks {
            agent.served.add_mark(served, *mark);
        }
        if let Some(served) = agent.served.get_mut(served) {
            served.answered = !marks.is_empty();
        }
    }

    fn opened(&mut self, agent: &str, call: CallId, session: SessionId, kind: OpenKind) {
        let agent = self
            .agents
            .get_key_value(agent)
            .map_or_else(|| agent.into(), |(name, _)| Arc::clone(name));
        self.open.insert(call, Open { agent, session, kind });
        while self.open.len() > self.limits.open {
            self.open.pop_first();
        }
        self.trim();
    }

    /// Forgets agents until there is room for one more, with their open calls: these know rows.
    fn make_room(&mut self) {
        while self.agents.len() >= self.limits.agents.max(1) {
            let oldest = self.agents.iter().min_by_key(|(_, agent)| agent.used);
            let Some(name) = oldest.map(|(name, _)| Arc::clone(name)) else { return };
            self.agents.remove(&name);
            self.open.retain(|_, open| open.agent != name);
        }
    }

    /// Brings all rows back under their limits.
    pub(super) fn trim(&mut self) {
        let Limits { places, asked, served, told, protocol, .. } = self.limits;
        shorten(&mut self.agents, places, |agent| &mut agent.places);
        shorten(&mut self.agents, asked, |agent| &mut agent.asked);
        shorten(&mut self.agents, served, |agent| &mut agent.served);
        shorten(&mut self.agents, told, |agent| &mut agent.told);
        shorten(&mut self.agents, protocol, |agent| &mut agent.protocol);
    }
}

/// The tool calls of an earlier answer to the same request will hardly be made any more.
fn supersede(agent: &mut Agent, conversation: Option<Mark>, session: SessionId) {
    let rows = conversation.into_iter().flat_map(|mark| agent.asked.find(mark));
    let rows: Vec<_> =
        rows.filter(|(_, asked)| asked.session == session).map(|(row, _)| row).collect();
    for row in rows {
        if let Some(asked) = agent.asked.get_mut(row) {
            asked.superseded = true;
        }
    }
}

/// Takes the oldest rows of whoever has the most, until all together are within the limit.
fn shorten<T>(
    agents: &mut BTreeMap<Arc<str>, Agent>,
    limit: usize,
    shelf: impl Fn(&mut Agent) -> &mut Shelf<T>,
) {
    let total: usize = agents.values_mut().map(|agent| shelf(agent).len()).sum();
    for _ in limit..total {
        let longest = agents.values_mut().map(&shelf).max_by_key(|shelf| shelf.len());
        let Some(longest) = longest else { return };
        longest.drop_oldest();
    }
}
