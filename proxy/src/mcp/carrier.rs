//! Carries one request over a line to its response, each step on record before the next; what is
//! done with the response is the caller's matter.

use std::sync::Arc;
use std::time::Duration;

use events::{FailureReason, Relay};
use http::{HeaderMap, HeaderValue};
use tokio::sync::Notify;

use crate::json::Limits;
use crate::memory::Held;

use super::clerk::{Begun, Call, Failure, NotBegun, Talk, Waits};
use super::envelope::{Kind, Message};
use super::floor::{Floor, Flying, Unasked};
use super::line::{Asked, Line};
use super::merged_text::outward_message;
use super::pump::Bench;
use super::reading::reserve;
use super::reply::Refusal;
use super::speaker::Speaker;
use super::unanswered::decline;

/// One line, and in whose name it is used.
pub(crate) struct Carrier<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) talk: &'a Talk,
    pub(crate) line: &'a Line,
    /// Headers of the agent that the server should see.
    pub(crate) extra: &'a HeaderMap,
    /// Whether agents see the server among others.
    pub(crate) merged: bool,
    /// Whether the request is a subscription: without end, and each message on record.
    pub(crate) listens: bool,
}

/// How long a subscription may be silent: a year, which no process lives.
const FOREVER: Duration = Duration::from_hours(365 * 24);

/// Why an agent's call ended before its answer did, as it stands on record.
const CANCELLED: &str = "the agent cancelled the request";
const HUNG_UP: &str = "the agent hung up";

/// Who hears what comes before the response.
pub(crate) struct Audience<'a> {
    pub(crate) speaker: &'a mut Speaker,
    /// The session's floor, where there is a session.
    pub(crate) floor: Option<&'a Floor>,
    /// The server's place.
    pub(crate) member: usize,
    /// The request's id as the agent knows it.
    pub(crate) id: &'a str,
    /// Whether to hang up is to cancel.
    pub(crate) modern: bool,
}

/// A response.
#[derive(Clone, Debug)]
pub(crate) struct Carried {
    /// The message, with the id of its request.
    pub(crate) text: String,
    /// The HTTP status; 0 where there is none.
    pub(crate) status: u16,
    /// The session that the answer opens.
    pub(crate) session: Option<HeaderValue>,
}

/// Why there is no response.
#[derive(Debug)]
pub(crate) enum NoResponse {
    /// For this reason, which is on record.
    Refused(Refusal),
    /// The server does not know its session any more; nothing was done.
    SessionGone(Refusal),
    /// The agent gave up.
    Cancelled,
}

impl From<Refusal> for NoResponse {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Carrier<'_> {
    /// Carries a request. `exposed` is the tool's name as the agent used it.
    pub(crate) async fn carry(
        &self,
        message: &Message<'_>,
        exposed: Option<&str>,
        mut audience: Option<Audience<'_>>,
    ) -> Result<Carried, NoResponse> {
        let own = self.line.number();
        let mut flying = audience.as_ref().and_then(|audience| {
            Some(audience.floor?.fly(audience.member, audience.id, own.to_string()))
        });
        let told = flying.as_ref().map(|flying| Arc::clone(&flying.cancelled));
        let begun = self.begin((message, exposed), told.as_deref(), &mut audience).await?;
        let Begun { permit, mut call, text } = begun;
        let sent = self.sent(text.as_deref())?;
        let message = sent.as_ref().unwrap_or(message);
        let hangs_up = audience.as_ref().is_some_and(|audience| audience.modern);
        // The answer may begin late, or come as one; until then to give up must work as well.
        let asked = tokio::select! {
            asked = self.line.ask(permit, own, message, self.extra) => asked,
            () = cancelled(told.as_deref()) => {
                call.cancel(CANCELLED, &[]).await;
                return Err(NoResponse::Cancelled);
            }
            () = gone(&mut audience), if hangs_up => {
                self.tell_cancelled(&call, &own.to_string()).await;
                call.cancel(HUNG_UP, &[]).await;
                return Err(NoResponse::Cancelled);
            }
        };
        let asked = match asked {
            Ok(asked) => asked,
            Err(failure) => {
                // Any other 404 may be an answer to what was done.
                let gone =
                    failure.status == Some(404) && failure.reason == FailureReason::Unreachable;
                let refusal = call.fail(failure, &[]).await;
                return Err(if gone {
                    NoResponse::SessionGone(refusal)
                } else {
                    NoResponse::Refused(refusal)
                });
            }
        };
        call.first_byte();
        self.follow((asked, flying.as_mut()), call, &mut audience).await
    }

    /// Waits for people, if it must, until the agent has gone or cancels.
    async fn begin(
        &self,
        asked: (&Message<'_>, Option<&str>),
        told: Option<&Notify>,
        audience: &mut Option<Audience<'_>>,
    ) -> Result<Begun, NoResponse> {
        let modern = audience.as_ref().is_some_and(|audience| audience.modern);
        let gone = async {
            tokio::select! {
                () = cancelled(told) => {}
                () = gone(audience) => {}
            }
        };
        let begun = self.bench.clerk.begin(self.talk, asked, Waits { modern, gone }).await;
        begun.map_err(|not_begun| match not_begun {
            NotBegun::Refused(refusal) => NoResponse::Refused(refusal),
            NotBegun::Gone => NoResponse::Cancelled,
        })
    }

    /// What is sent instead of what was asked.
    fn sent<'t>(&self, text: Option<&'t str>) -> Result<Option<Message<'t>>, Refusal> {
        let read = text.map(|text| Message::read(text.as_bytes(), self.limits())).transpose();
        read.map_err(|malformed| Refusal::malformed(malformed.code, malformed.detail))
    }

    async fn follow(
        &self,
        (mut asked, mut flying): (Asked, Option<&mut Flying<'_>>),
        call: Call,
        audience: &mut Option<Audience<'_>>,
    ) -> Result<Carried, NoResponse> {
        let limits = self.limits();
        let mut kept = Kept { text: String::new(), held: self.bench.memory.hold_answer() };
        let member = audience.as_ref().map_or(0, |audience| audience.member);
        let told = flying.as_ref().map(|flying| Arc::clone(&flying.cancelled));
        loop {
            let hangs_up = audience.as_ref().is_some_and(|audience| audience.modern);
            let next = tokio::select! {
                next = self.next(&call, &mut asked) => next,
                Some(aside) = aside(flying.as_deref_mut()) => {
                    self.say(&call, audience, aside).await?;
                    continue;
                }
                () = cancelled(told.as_deref()) => {
                    call.cancel(CANCELLED, kept.text.as_bytes()).await;
                    return Err(NoResponse::Cancelled);
                }
                () = gone(audience), if hangs_up => {
                    self.tell_cancelled(&call, &asked.own_id()).await;
                    call.cancel(HUNG_UP, kept.text.as_bytes()).await;
                    return Err(NoResponse::Cancelled);
                }
            };
            let text = match next {
                Ok(text) => text,
                Err(failure) => return Err(call.fail(failure, kept.text.as_bytes()).await.into()),
            };
            let Ok(message) = Message::read(text.as_bytes(), limits) else { continue };
            let responds = matches!(message.kind, Kind::Response { .. });
            let bytes_max = self.bench.limits.answer_bytes_max;
            let added =
                if responds || !self.listens { kept.add(&text, bytes_max).await } else { Ok(()) };
            if let Err(failure) = added {
                return Err(call.fail(failure, kept.text.as_bytes()).await.into());
            }
            if responds {
                let whole = kept.text.as_bytes();
                let noted = call.complete(asked.status(), Some(&message), whole).await?;
                let (status, session) = (asked.status(), asked.session());
                return Ok(Carried { text: noted.unwrap_or(text), status, session });
            }
            self.say(&call, audience, Unasked { member, text }).await?;
        }
    }

    /// The next message of an answer, which is resumed where it breaks off and can be.
    async fn next(&self, call: &Call, asked: &mut Asked) -> Result<String, Failure> {
        let patience = if self.listens { FOREVER } else { self.bench.limits.upstream_idle_timeout };
        loop {
            let failure = match asked.next(self.limits(), patience).await {
                Ok(text) => return Ok(text),
                Err(failure) => failure,
            };
            let broken = matches!(failure.reason, FailureReason::Truncated | FailureReason::Broken);
            let Some(wait) = asked.resumable().filter(|_| broken) else { return Err(failure) };
            tokio::time::sleep(wait).await;
            let said = ("GET", &b""[..]);
            let relayed =
                self.bench.clerk.relay(self.talk, Relay::ToUpstream, Some(call), said).await;
            let Ok(permit) = relayed else { return Err(failure) };
            self.line.resume(permit, asked).await?;
        }
    }

    fn limits(&self) -> Limits {
        Limits { depth_max: self.bench.limits.json_depth_max }
    }

    /// Tells a server that keeps no stream open for a request that nobody waits for it any more.
    async fn tell_cancelled(&self, call: &Call, own: &str) {
        if matches!(self.line, Line::Http(_)) && self.line.is_modern() {
            return; // closing the stream says it
        }
        let text = cancelled_text(own);
        let Ok(message) = Message::read(text.as_bytes(), self.limits()) else { return };
        let said = (message.method(), text.as_bytes());
        let relayed = self.bench.clerk.relay(self.talk, Relay::ToUpstream, Some(call), said).await;
        if let Ok(permit) = relayed
            && let Err(failure) = self.line.tell(permit, &message).await
        {
            let server = &self.talk.server;
            tracing::warn!(%server, "not told of a cancellation: {}", failure.detail);
        }
    }

    /// Passes on what the server says before the response: a notification as part of the answer, a
    /// question on record of its own.
    async fn say(
        &self,
        call: &Call,
        audience: &mut Option<Audience<'_>>,
        unasked: Unasked,
    ) -> Result<(), Refusal> {
        let limits = self.limits();
        let Some(audience) = audience else { return Ok(()) };
        let Ok(message) = Message::read(unasked.text.as_bytes(), limits) else { return Ok(()) };
        let on_record = matches!(message.kind, Kind::Request { .. }) || self.listens;
        if on_record {
            let said = (message.method(), message.text.as_bytes());
            let relayed = self.bench.clerk.relay(self.talk, Relay::ToAgent, Some(call), said);
            relayed.await.map_err(|_| Refusal::withheld())?;
            if audience.modern && matches!(message.kind, Kind::Request { .. }) {
                let server = &self.talk.server;
                tracing::warn!(%server, "it asked an agent that takes no questions");
                if !self.line.is_modern() {
                    decline(self.bench, (self.talk, self.line), Some(call), &message).await;
                }
                return Ok(());
            }
        }
        let outward = match audience.floor {
            Some(floor) => floor.outward(&unasked, limits),
            None => Some(unasked.text.clone()),
        };
        if self.merged && self.listens {
            // One that tells of something has begun, whether it says so or not.
            audience.speaker.acknowledged().await;
            if message.method() == "notifications/subscriptions/acknowledged" {
                return Ok(());
            }
        }
        if let Some(text) = outward {
            let text = if self.merged { outward_message(&text, &self.talk.server) } else { text };
            audience.speaker.say(&text).await;
        }
        Ok(())
    }
}

/// What has come of an answer, a line for each message, and the memory for it.
struct Kept {
    text: String,
    held: Held,
}

impl Kept {
    async fn add(&mut self, message: &str, bytes_max: usize) -> Result<(), Failure> {
        reserve(&mut self.held, self.text.len() + message.len() + 1, bytes_max).await?;
        if !self.text.is_empty() {
            self.text.push('\n');
        }
        self.text.push_str(message);
        Ok(())
    }
}

/// The notification that the request with this id (as written) is cancelled.
fn cancelled_text(id: &str) -> String {
    let params = format!(r#"{{"requestId":{id},"reason":"the agent hung up"}}"#);
    format!(r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}"#)
}

async fn aside(flying: Option<&mut Flying<'_>>) -> Option<Unasked> {
    match flying {
        Some(flying) => flying.asides.recv().await,
        None => None,
    }
}

async fn cancelled(told: Option<&Notify>) {
    match told {
        Some(cancelled) => cancelled.notified().await,
        None => std::future::pending().await,
    }
}

async fn gone(audience: &mut Option<Audience<'_>>) {
    match audience {
        Some(audience) => audience.speaker.gone().await,
        None => std::future::pending().await,
    }
}
