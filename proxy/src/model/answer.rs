//! From the provider's answer to its outcome on record, and only then to the agent.

use super::{Models, Passing, Reply, problem_reply};
use crate::body::{Bounds, Outgoing, ReceiveError, receive_patiently};
use crate::dialect::{self, Route, read_answer};
use crate::gate::{Answered, OpenCall};
use crate::memory::Held;
use crate::problem::{ErrorCode, Problem};
use crate::upstream::{SendError, returned};
use bytes::Bytes;
use events::{CallCompleted, FailureReason, Usage};
use http::{HeaderValue, Response, header};
use hyper::body::Incoming;
use std::future::Future;
use tokio::sync::oneshot;

impl Models {
    /// Waits for the answer and releases it when its outcome is durable. An error means that the
    /// outcome could not be recorded, so that the answer is withheld.
    pub(super) async fn release(
        &self,
        passing: &mut Passing,
        mut call: OpenCall,
        answer: impl Future<Output = Result<Response<Incoming>, SendError>>,
        reply: &mut Option<oneshot::Sender<Reply>>,
    ) -> Result<(), Problem> {
        let Some(to_agent) = reply.as_mut() else { return Ok(()) };
        let answer = tokio::select! {
            answer = answer => answer,
            () = to_agent.closed() => {
                call.cancel("the agent left before the answer began", &[]).await?;
                return Ok(());
            }
        };
        match answer {
            Err(error) => self.unanswered(passing, call, error, reply).await,
            Ok(answer) => {
                call.first_byte();
                if is_event_stream(&answer) {
                    self.relay_stream(passing, call, answer, reply).await
                } else {
                    self.relay_whole(passing, call, answer, reply).await
                }
            }
        }
    }

    async fn unanswered(
        &self,
        passing: &Passing,
        call: OpenCall,
        error: SendError,
        reply: &mut Option<oneshot::Sender<Reply>>,
    ) -> Result<(), Problem> {
        let (reason, code) = match &error {
            SendError::Unreachable(_) => {
                (FailureReason::Unreachable, ErrorCode::UpstreamUnreachable)
            }
            SendError::Broken(_) => (FailureReason::Broken, ErrorCode::UpstreamBroken),
            SendError::TimedOut(_) => (FailureReason::TimedOut, ErrorCode::UpstreamTimedOut),
        };
        let message = format!("provider `{}`: {error}", call.upstream());
        let id = call.id();
        call.fail(reason, error.to_string(), None, &[]).await?;
        answer(reply, problem_reply(passing.route, &Problem::new(code, message).recorded_as(id)));
        Ok(())
    }

    async fn relay_whole(
        &self,
        passing: &mut Passing,
        call: OpenCall,
        response: Response<Incoming>,
        reply: &mut Option<oneshot::Sender<Reply>>,
    ) -> Result<(), Problem> {
        let (head, body) = response.into_parts();
        let status = head.status.as_u16();
        let id = call.id();
        let guard = self.guard(passing, &call).filter(|_| !is_error(status));
        let whole = {
            let Some(to_agent) = reply.as_mut() else { return Ok(()) };
            let bounds = self.answer_bounds();
            let mut memory = self.memory.hold_answer();
            tokio::select! {
                received = receive_patiently(body, &mut memory, bounds) =>
                    received.map(|bytes| (bytes, memory)),
                () = to_agent.closed() => {
                    call.cancel("the agent left before the answer was whole", &[]).await?;
                    return Ok(());
                }
            }
        };
        let (body, memory): (Bytes, Held) = match whole {
            Ok(whole) => whole,
            Err((error, _)) => {
                let (reason, code) = answer_problem(&error);
                let message = format!("provider `{}`: {error}", call.upstream());
                call.fail(reason, error.to_string(), Some(status), &[]).await?;
                let problem = Problem::new(code, message).recorded_as(id);
                answer(reply, problem_reply(passing.route, &problem));
                return Ok(());
            }
        };
        let read = read_answer(passing.route, &body);
        let completed = completed(&read, status);
        let answered = answered(passing.route, &read);
        call.complete(completed, answered, &body).await?; // durable: now release
        let body = match (guard, reply.as_mut()) {
            (None, _) => Some(body),
            (Some(_), None) => None,
            (Some(guard), Some(to_agent)) => guard.whole(body, to_agent.closed()).await?,
        };
        let Some(body) = body else { return Ok(()) };
        drop(memory);
        let mut response = Response::new(Outgoing::from(body));
        *response.status_mut() = head.status;
        *response.headers_mut() = returned(&head.headers);
        if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
            response.headers_mut().insert("countersign-call", id);
        }
        answer(reply, response);
        Ok(())
    }

    pub(super) fn answer_bounds(&self) -> Bounds {
        let limits = &self.config.limits;
        Bounds { bytes_max: limits.answer_bytes_max, timeout: limits.upstream_idle_timeout }
    }
}

/// Hands the answer over; if the agent has left meanwhile, the record is what remains.
pub(super) fn answer(reply: &mut Option<oneshot::Sender<Reply>>, response: Reply) {
    if let Some(reply) = reply.take() {
        drop(reply.send(response));
    }
}

pub(super) fn answer_problem(error: &ReceiveError) -> (FailureReason, ErrorCode) {
    match error {
        ReceiveError::TooLarge(_) | ReceiveError::Memory(_) => {
            (FailureReason::AnswerTooLarge, ErrorCode::AnswerTooLarge)
        }
        ReceiveError::TooSlow(_) => (FailureReason::TimedOut, ErrorCode::UpstreamTimedOut),
        ReceiveError::Broken(_) => (FailureReason::Broken, ErrorCode::UpstreamBroken),
    }
}

/// What correlation learns from an answer: only conversations have something to tell.
pub(super) fn answered(route: Route, answer: &dialect::Answer) -> Answered<'_> {
    match route.operation() {
        Some("chat") => Answered::Model(answer),
        _ => Answered::Other,
    }
}

/// What the dialect read, as the outcome says it.
pub(super) fn completed(answer: &dialect::Answer, status: u16) -> CallCompleted {
    let usage = answer.usage;
    let usage = Usage {
        cache_write: usage.cache_write_tokens,
        cached_input: usage.cached_input_tokens,
        input: usage.input_tokens,
        output: usage.output_tokens,
        reasoning: usage.reasoning_tokens,
    };
    // Bytes that are not even JSON: they are released as they are, but they are no success.
    let unreadable = answer.problems.listed().iter().any(|problem| problem.place.is_empty());
    CallCompleted {
        finish: answer.finish_reasons.clone(),
        model: answer.model.clone(),
        response: answer.id.clone(),
        status,
        unsuccessful: answer.error.is_some() || is_error(status) || unreadable,
        usage: (usage != Usage::default()).then_some(usage),
        ..CallCompleted::default()
    }
}

/// Whether clients take an answer of this status for an error, and read nothing else in it.
const fn is_error(status: u16) -> bool {
    400 <= status
}

fn is_event_stream(response: &Response<Incoming>) -> bool {
    response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).is_some_and(
        |value| value.trim_start().to_ascii_lowercase().starts_with("text/event-stream"),
    )
}
