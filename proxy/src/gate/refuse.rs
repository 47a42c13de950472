//! Input that never becomes a call is on record too.

use super::Gate;
use crate::caller::Caller;
use crate::clock;
use crate::problem::Problem;
use events::{CallRefused, Dialect, Draft, EventId};
use std::net::SocketAddr;

/// How many characters of a request line are recorded.
const METHOD_CHARS_MAX: usize = 256;

/// How many characters of an explanation are recorded.
const DETAIL_CHARS_MAX: usize = 1000;

/// What was refused.
#[derive(Debug)]
pub struct Refused<'a> {
    /// Why.
    pub problem: Problem,
    /// The dialect of the path, where it has one.
    pub dialect: Option<Dialect>,
    /// HTTP method and path.
    pub method: Option<String>,
    /// Who asked, where that is known.
    pub caller: Option<&'a Caller>,
    /// How many bytes of body had come.
    pub bytes: usize,
    /// Where from.
    pub peer: Option<SocketAddr>,
}

impl Gate {
    /// Records a refusal, and gives the problem back as it is to be answered. If even that cannot
    /// be recorded the caller still gets the refusal: nothing was done, and nothing will be.
    pub async fn refuse(&self, refused: Refused<'_>) -> Problem {
        let status = refused.problem.code.status().as_u16();
        self.refuse_as(refused, status).await
    }

    /// As [`Gate::refuse`], where the caller gets another status than the problem's own; 0 where
    /// the connection is closed instead.
    pub async fn refuse_as(&self, refused: Refused<'_>, status: u16) -> Problem {
        let call = clock::call_id();
        let problem = refused.problem;
        let fact = CallRefused {
            bytes: u64::try_from(refused.bytes).unwrap_or(u64::MAX),
            code: problem.code.text().into(),
            detail: problem.message.chars().take(DETAIL_CHARS_MAX).collect(),
            dialect: refused.dialect,
            method: refused.method.map(|text| text.chars().take(METHOD_CHARS_MAX).collect()),
            peer: refused.peer.map(|peer| peer.to_string()),
            principal: refused.caller.map(|caller| caller.principal.clone()),
            status,
        };
        let draft = Draft {
            id: EventId::new(call.ulid()),
            time: clock::now(),
            session: None,
            cause: None,
            call: Some(call),
            fact,
        };
        self.metrics.calls_refused.increment();
        if let Err(error) = self.keep(draft).await {
            tracing::error!(%error, code = problem.code.text(), "a refusal could not be recorded");
            self.metrics.unrecorded.increment();
        }
        problem.recorded_as(call)
    }
}
