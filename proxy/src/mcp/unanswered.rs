//! The gateway's own answer to a question of a server that no agent can be asked. It puts no
//! question to anybody.

use events::Relay;

use crate::json::Limits;

use super::clerk::{Call, Talk};
use super::envelope::{METHOD_NOT_FOUND, Message};
use super::line::Line;
use super::pump::Bench;
use super::reply::{error_text, result_text};

/// Answers a question, on record: that the gateway is there, or that nobody can be asked. A server
/// that got no answer would wait for one.
pub(crate) async fn decline(
    bench: &Bench,
    (talk, line): (&Talk, &Line),
    call: Option<&Call>,
    question: &Message<'_>,
) {
    let Some(id) = question.id() else { return };
    let text = if question.asks("ping") {
        result_text(id, "{}")
    } else {
        let detail = format!("no agent can be asked `{}` here", question.method());
        error_text(Some(id), METHOD_NOT_FOUND, &detail)
    };
    let limits = Limits { depth_max: bench.limits.json_depth_max };
    let Ok(message) = Message::read(text.as_bytes(), limits) else { return };
    let said = (message.method(), text.as_bytes());
    let Ok(permit) = bench.clerk.relay(talk, Relay::ToUpstream, call, said).await else { return };
    if let Err(failure) = line.tell(permit, &message).await {
        let server = &talk.server;
        tracing::warn!(%server, "its question was not answered: {}", failure.detail);
    }
}
