//! Carries one request over a line to its response, each step on record before the next; what is
//! done with the response is the caller's matter.

use events::Relay;
use http::{HeaderMap, HeaderValue};

use crate::json::Limits;

use super::clerk::{Call, Talk};
use super::envelope::{Kind, Message};
use super::floor::{Floor, Unasked};
use super::line::{Asked, Line};
use super::pump::Bench;
use super::reading::reserve;
use super::reply::Refusal;
use super::speaker::Speaker;

/// One line, and in whose name it is used.
pub(crate) struct Carrier<'a> {
    pub(crate) bench: &'a Bench,
    pub(crate) talk: &'a Talk,
    pub(crate) line: &'a Line,
    /// Headers of the agent that the server should see.
    pub(crate) extra: &'a HeaderMap,
}

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
        let (permit, mut call) = self.bench.clerk.begin(self.talk, message, exposed).await?;
        let asked = match self.line.ask(permit, message, self.extra).await {
            Ok(asked) => asked,
            Err(failure) => {
                let gone = failure.status == Some(404);
                let refusal = call.fail(failure, &[]).await;
                return Err(if gone {
                    NoResponse::SessionGone(refusal)
                } else {
                    NoResponse::Refused(refusal)
                });
            }
        };
        call.first_byte();
        self.follow(asked, call, &mut audience).await
    }

    async fn follow(
        &self,
        mut asked: Asked,
        call: Call,
        audience: &mut Option<Audience<'_>>,
    ) -> Result<Carried, NoResponse> {
        let limits = Limits { depth_max: self.bench.limits.json_depth_max };
        let mut kept = String::new();
        let mut held = self.bench.memory.hold();
        let patience = self.bench.limits.upstream_idle_timeout;
        let mut flying = audience.as_ref().and_then(|audience| {
            Some(audience.floor?.fly(audience.member, audience.id, asked.own_id()))
        });
        loop {
            let hangs_up = audience.as_ref().is_some_and(|audience| audience.modern);
            let next = tokio::select! {
                next = tokio::time::timeout(patience, asked.next(limits)) => next,
                Some(aside) = aside(&mut flying) => {
                    self.say(&call, audience, aside).await?;
                    continue;
                }
                () = gone(audience), if hangs_up => {
                    self.tell_cancelled(&call, &asked.own_id()).await;
                    call.cancel("the agent hung up", kept.as_bytes()).await;
                    return Err(NoResponse::Cancelled);
                }
            };
            let next = next.unwrap_or_else(|_| Err(silent(patience)));
            let text = match next {
                Ok(text) => text,
                Err(failure) => return Err(call.fail(failure, kept.as_bytes()).await.into()),
            };
            kept.push_str(&text);
            let bytes_max = self.bench.limits.answer_bytes_max;
            if let Err(failure) = reserve(&mut held, kept.len(), bytes_max).await {
                return Err(call.fail(failure, kept.as_bytes()).await.into());
            }
            let Ok(message) = Message::read(text.as_bytes(), limits) else { continue };
            if let Kind::Response { .. } = message.kind {
                call.complete(asked.status(), Some(&message), kept.as_bytes()).await?;
                let (status, session) = (asked.status(), asked.session());
                return Ok(Carried { text, status, session });
            }
            kept.push('\n');
            let member = audience.as_ref().map_or(0, |audience| audience.member);
            self.say(&call, audience, Unasked { member, text }).await?;
        }
    }

    /// Tells a server that keeps no stream open for a request that nobody waits for it any more.
    async fn tell_cancelled(&self, call: &Call, own: &str) {
        if matches!(self.line, Line::Http(_)) && self.line.is_modern() {
            return; // closing the stream says it
        }
        let text = cancelled_text(own);
        let limits = Limits { depth_max: self.bench.limits.json_depth_max };
        let Ok(message) = Message::read(text.as_bytes(), limits) else { return };
        let said = (message.method(), text.as_bytes());
        let relayed = self.bench.clerk.relay(self.talk, Relay::ToUpstream, Some(call), said).await;
        if let Ok(permit) = relayed
            && let Err(failure) = self.line.tell(permit, &message).await
        {
            tracing::warn!(server = %self.talk.server, "not told of a cancellation: {}", failure.detail);
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
        let limits = Limits { depth_max: self.bench.limits.json_depth_max };
        let Some(audience) = audience else { return Ok(()) };
        let Ok(message) = Message::read(unasked.text.as_bytes(), limits) else { return Ok(()) };
        if let Kind::Request { .. } = message.kind {
            let said = (message.method(), message.text.as_bytes());
            self.bench.clerk.relay(self.talk, Relay::ToAgent, Some(call), said).await?;
            if audience.modern {
                tracing::warn!(server = %self.talk.server, "asked an agent that takes no questions");
                return Ok(());
            }
        }
        let outward = match audience.floor {
            Some(floor) => floor.outward(&unasked, limits),
            None => Some(unasked.text),
        };
        if let Some(text) = outward {
            audience.speaker.say(&text).await;
        }
        Ok(())
    }
}

/// The notification that the request with this id (as written) is cancelled.
fn cancelled_text(id: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{id},"reason":"the agent hung up"}}}}"#
    )
}

fn silent(patience: std::time::Duration) -> super::clerk::Failure {
    let detail = format!("it said nothing for {patience:?}");
    super::clerk::Failure::new(events::FailureReason::TimedOut, detail)
}

async fn aside(flying: &mut Option<super::floor::Flying<'_>>) -> Option<Unasked> {
    match flying {
        Some(flying) => flying.asides.recv().await,
        None => None,
    }
}

async fn gone(audience: &mut Option<Audience<'_>>) {
    match audience {
        Some(audience) => audience.speaker.gone().await,
        None => std::future::pending().await,
    }
}
