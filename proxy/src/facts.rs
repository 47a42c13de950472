//! What a session has done so far, as far as policies ask: a fold over dispatches and outcomes. Not
//! what the calls were about.

use crate::prices::Prices;
use crate::rules::Rules;
use events::{CallId, Envelope, Event, Operation, SessionId, Usage};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What one session has done: just what policies are told.
pub use policy::SessionFacts as Facts;

/// How many sessions are remembered. The one begun first is forgotten first.
const SESSIONS_MAX: usize = 100_000;

/// The facts of all sessions.
pub struct SessionFacts {
    rules: Arc<Rules>,
    prices: Prices,
    sessions: BTreeMap<SessionId, Facts>,
    order: VecDeque<SessionId>,
    /// While events are taken over: the models asked by calls that have no outcome yet.
    asked: BTreeMap<CallId, Arc<str>>,
}

impl SessionFacts {
    /// Knows no session yet.
    pub fn new(rules: Arc<Rules>, prices: Prices) -> Self {
        let (sessions, asked) = (BTreeMap::new(), BTreeMap::new());
        Self { rules, prices, sessions, order: VecDeque::new(), asked }
    }

    /// What a session has done.
    pub fn of(&self, session: SessionId) -> Facts {
        self.sessions.get(&session).copied().unwrap_or_default()
    }

    /// Takes over one recorded event; all of them in their order, before the first call.
    pub fn apply(&mut self, envelope: &Envelope) {
        let (Some(session), Some(call)) = (envelope.session, envelope.call) else { return };
        if let Event::CallDispatched(fact) = &envelope.event {
            let tool = fact.target.as_deref();
            self.dispatched(session, fact.operation, &fact.upstream, tool);
            self.asked.extend(fact.model.clone().map(|model| (call, model)));
        } else if envelope.event.is_outcome() {
            let asked = self.asked.remove(&call);
            if let Event::CallCompleted(fact) = &envelope.event
                && let Some(usage) = &fact.usage
            {
                self.used(session, usage, [asked.as_deref(), fact.model.as_deref()]);
            }
        }
    }

    /// Takes note of a call that may go upstream. What it may read counts as read from then on: its
    /// answer may be lost on the way back, and is known to the agent all the same.
    pub fn dispatched(
        &mut self,
        session: SessionId,
        operation: Operation,
        upstream: &str,
        target: Option<&str>,
    ) {
        let is_tool = matches!(operation, Operation::ExecuteTool | Operation::Retrieval);
        let tool = target.filter(|_| is_tool);
        let traits = tool.map(|tool| self.rules.traits(upstream, tool));
        let facts = self.row(session);
        facts.calls += 1;
        let Some(traits) = traits else { return };
        facts.read_private |= traits.private;
        facts.read_untrusted |= traits.untrusted;
        facts.sent_outside |= traits.outside;
    }

    /// Takes note of what a model took and gave that was asked for by the first of these names,
    /// and answered by the second.
    pub fn used(&mut self, session: SessionId, usage: &Usage, models: [Option<&str>; 2]) {
        let tokens = usage.input.unwrap_or(0).saturating_add(usage.output.unwrap_or(0));
        let cost_micros = self.prices.cost(usage, models);
        let facts = self.row(session);
        facts.tokens = facts.tokens.saturating_add(tokens);
        facts.cost_micros = facts.cost_micros.saturating_add(cost_micros);
    }

    fn row(&mut self, session: SessionId) -> &mut Facts {
        if !self.sessions.contains_key(&session) {
            if SESSIONS_MAX <= self.order.len()
                && let Some(oldest) = self.order.pop_front()
            {
                self.sessions.remove(&oldest);
            }
            self.order.push_back(session);
        }
        self.sessions.entry(session).or_default()
    }
}
