//! The way out: a dispatched call stays open until its one outcome is durable.

use super::Gate;
use crate::clock;
use crate::config::Keep;
use crate::dialect::Answer;
use crate::problem::{ErrorCode, Problem};
use events::{
    CallCancelled, CallCompleted, CallFailed, CallId, Draft, EventId, Fact, FailureReason,
    Operation, SessionId,
};
use ledger::payload::Packed;
use ledger::{Entry, Recorded};
use std::sync::Arc;
use std::time::Instant;

/// A call that was sent upstream and has no outcome yet.
///
/// Dropping it records that the gateway gave it up.
pub struct OpenCall {
    gate: Arc<Gate>,
    id: CallId,
    session: SessionId,
    operation: Operation,
    keep: Keep,
    upstream: Arc<str>,
    model: Option<Arc<str>>,
    began: Instant,
    first_byte_us: Option<u64>,
    closed: bool,
}

/// What correlation needs to know of an answer.
#[derive(Debug)]
pub enum Answered<'a> {
    /// A model's.
    Model(&'a Answer),
    /// A tool's: the JSON-RPC result object as text.
    Tool(&'a str),
    /// Anything else.
    Other,
}

impl std::fmt::Debug for OpenCall {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("OpenCall").field("id", &self.id).finish_non_exhaustive()
    }
}

impl OpenCall {
    pub(super) fn new(
        gate: Arc<Gate>,
        id: CallId,
        session: SessionId,
        (operation, keep): (Operation, Keep),
        (upstream, model): (Arc<str>, Option<Arc<str>>),
    ) -> Self {
        let began = Instant::now();
        let (first_byte_us, closed) = (None, false);
        Self { gate, id, session, operation, keep, upstream, model, began, first_byte_us, closed }
    }

    /// The call's id.
    pub const fn id(&self) -> CallId {
        self.id
    }

    /// The call's session.
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The upstream it went to.
    pub const fn upstream(&self) -> &Arc<str> {
        &self.upstream
    }

    /// Whether what comes back is kept.
    pub fn keeps_answers(&self) -> bool {
        self.keep == Keep::Everything
    }

    /// Takes note that the answer has begun.
    pub fn first_byte(&mut self) {
        self.first_byte_us.get_or_insert_with(|| clock::micros_since(self.began));
    }

    /// Records that a whole answer came. Only after `Ok` may the end of it be released.
    ///
    /// `completed` says what the dialect read; times, payload and correlation are filled in here.
    pub async fn complete(
        mut self,
        mut completed: CallCompleted,
        answered: Answered<'_>,
        answer: &[u8],
    ) -> Result<Recorded<CallCompleted>, Problem> {
        let packed = self.pack(answer)?;
        completed.answer = super::reference(packed.as_ref());
        completed.duration_us = clock::micros_since(self.began);
        completed.first_byte_us = self.first_byte_us;
        match answered {
            Answered::Model(answer) => {
                let now = clock::now();
                let outcome = self.gate.correlator().model_answered(self.id, answer, now);
                completed.conversation = outcome.conversation;
                completed.tool_calls = outcome.tool_calls;
            }
            Answered::Tool(result) => {
                completed.result = self.gate.correlator().tool_answered(self.id, result);
            }
            Answered::Other => {}
        }
        // Before it is recorded: what was spent is spent, and the agent may go on when it is.
        if let Some(usage) = &completed.usage {
            let models = [self.model.as_deref(), completed.model.as_deref()];
            self.gate.facts().used(self.session, usage, models);
        }
        let recorded = self.close(completed, packed).await?;
        self.gate.metrics.calls_completed.increment();
        Ok(recorded)
    }

    /// Records that no whole answer came; `partial` is what did.
    pub async fn fail(
        mut self,
        reason: FailureReason,
        detail: String,
        status: Option<u16>,
        partial: &[u8],
    ) -> Result<Recorded<CallFailed>, Problem> {
        self.gate.correlator().unanswered(self.id);
        let packed = self.pack(partial)?;
        let failed = CallFailed {
            answer: super::reference(packed.as_ref()),
            detail: shortened(detail),
            duration_us: clock::micros_since(self.began),
            may_have_acted: reason != FailureReason::Unreachable && self.operation.is_act(),
            reason,
            status,
            usage: None,
        };
        let recorded = self.close(failed, packed).await?;
        self.gate.metrics.calls_failed.increment();
        Ok(recorded)
    }

    /// Records that the caller gave up; `partial` is what had come of the answer.
    pub async fn cancel(
        mut self,
        detail: &str,
        partial: &[u8],
    ) -> Result<Recorded<CallCancelled>, Problem> {
        self.gate.correlator().unanswered(self.id);
        let packed = self.pack(partial)?;
        let cancelled = CallCancelled {
            answer: super::reference(packed.as_ref()),
            by: "agent".into(),
            detail: detail.into(),
            duration_us: clock::micros_since(self.began),
            may_have_acted: self.operation.is_act(),
        };
        let recorded = self.close(cancelled, packed).await?;
        self.gate.metrics.calls_cancelled.increment();
        Ok(recorded)
    }

    fn pack(&self, body: &[u8]) -> Result<Option<Packed>, Problem> {
        match body {
            [] => Ok(None),
            body => {
                let kept = self.keep == Keep::Everything;
                let content = super::later(self.session, body, kept);
                self.gate.pack(content).map(Some).map_err(withheld)
            }
        }
    }

    async fn close<F: Fact>(
        &mut self,
        fact: F,
        packed: Option<Packed>,
    ) -> Result<Recorded<F>, Problem> {
        let draft = self.draft(fact);
        let payloads = packed.into_iter().collect();
        let entry = Entry { payloads, reserved: true, ..draft.into() };
        let submitted = self.gate.ledger.submit(entry).await;
        // Whatever comes of it, a second outcome must not be written for this call.
        self.closed = true;
        let recorded = match submitted {
            Ok(mut pending) => pending.durable().await,
            Err(error) => Err(error),
        };
        recorded.map_err(|error| {
            drop(self.gate.unrecorded(&error));
            withheld(Problem::new(ErrorCode::OutcomeUnrecorded, ""))
        })
    }

    fn draft<F>(&self, fact: F) -> Draft<F> {
        Draft {
            id: clock::event_id(),
            time: clock::now(),
            session: Some(self.session),
            cause: Some(EventId::new(self.id.ulid())),
            call: Some(self.id),
            fact,
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        if self.closed || tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let abandoned = self.draft(CallCancelled {
            answer: None,
            by: "gateway".into(),
            detail: "the gateway gave it up before its outcome was known".into(),
            duration_us: clock::micros_since(self.began),
            may_have_acted: self.operation.is_act(),
        });
        self.gate.correlator().unanswered(self.id);
        let gate = Arc::clone(&self.gate);
        self.gate.tasks.spawn(async move {
            let call = abandoned.call;
            if let Err(error) = gate.ledger.record(Entry::from(abandoned).reserved()).await {
                tracing::error!(%error, ?call, "an abandoned call stays without outcome");
            }
            gate.metrics.calls_cancelled.increment();
        });
    }
}

/// How many characters of an error's text are recorded.
const DETAIL_CHARS_MAX: usize = 1000;

fn shortened(detail: String) -> String {
    match detail.char_indices().nth(DETAIL_CHARS_MAX) {
        Some((end, _)) => {
            format!("{}… ({} bytes in all)", &detail.get(..end).unwrap_or_default(), detail.len())
        }
        None => detail,
    }
}

fn withheld(_: Problem) -> Problem {
    let message = "the call was made, but its outcome could not be recorded, so its result is \
                   withheld; find out what it did before you repeat it";
    Problem::new(ErrorCode::OutcomeUnrecorded, message)
}
