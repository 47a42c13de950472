//! A subscription at the merged endpoint: one of the agent's, opened at every server, and
//! acknowledged as a whole. What the servers tell in it passes through the carrier.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::StatusCode;
use tokio::sync::{oneshot, watch};
use tokio::time::{sleep, timeout};

use super::carrier::NoResponse;
use super::connect::Visitor;
use super::envelope::{Message, quoted};
use super::errand::To;
use super::host::{Host, Open};
use super::merged_text::inward_subscription;
use super::reply::result_text;
use super::speaker::{Part, Speaker};

/// How long one server may delay the acknowledgement of a subscription to many.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait before a part that broke off is renewed: so long for the first, twice for the
/// second in a row, and at most so many times as long. After a long life the row begins anew.
const RENEWED_AFTER: Duration = Duration::from_secs(1);
const ROW_MAX: u32 = 30;
const LONG_LIFE: Duration = Duration::from_secs(30);

impl Host {
    /// A subscription: opened at every server that has subscriptions, acknowledged when each has
    /// acknowledged it (or has taken too long), so that no change between is missed, and then open
    /// until the agent or the gateway ends it.
    pub(crate) async fn subscribe(
        &self,
        visitor: &Visitor,
        message: &Message<'_>,
        mut speaker: Speaker,
    ) {
        let id = message.id().unwrap_or("null");
        speaker.comment().await;
        let (told, _) = watch::channel(false);
        let (mut listening, mut acknowledged) = (Vec::new(), Vec::new());
        for member in self.reachable(visitor) {
            let (sender, receiver) = oneshot::channel();
            acknowledged.push(receiver);
            let part = Part { acknowledged: Some(sender), told: told.subscribe() };
            listening.push(self.subscribe_one(visitor, member, message, speaker.fork(part)));
        }
        let mut stopping = self.bench.stopping.clone();
        let stopped = async move { drop(stopping.wait_for(|stop| *stop).await) };
        let acknowledge = async {
            // Whoever is late is passed over: its subscription may still come.
            drop(timeout(ACKNOWLEDGED_WITHIN, join_all(acknowledged)).await);
            speaker.say(&acknowledgement(message, id)).await;
            told.send_replace(true);
            speaker.gone().await;
        };
        // Each subscription ends by itself when the agent has gone, and that on record.
        let listened = async { tokio::join!(join_all(listening), acknowledge) };
        tokio::select! {
            _ = listened => {}
            () = stopped => {}
        }
        let meta = format!(r#"{{"io.modelcontextprotocol/subscriptionId":{id}}}"#);
        let result = format!(r#"{{"resultType":"complete","_meta":{meta}}}"#);
        speaker.finish(StatusCode::OK, result_text(id, &result)).await;
    }

    /// One server's part, renewed when it breaks off: the agent, whose stream goes on, would not
    /// notice that it hears nothing more of this server.
    async fn subscribe_one(
        &self,
        visitor: &Visitor,
        member: usize,
        message: &Message<'_>,
        mut fork: Speaker,
    ) {
        let mut broken = 0;
        loop {
            let began = Instant::now();
            let connected = tokio::select! {
                connected = self.connect(visitor, member) => connected,
                () = fork.gone() => return,
            };
            match connected {
                Ok(open) if open.line.is_modern() => {
                    let ended = self.subscribe_at(visitor, (member, &open), message, &mut fork);
                    let Err(NoResponse::Refused(refusal) | NoResponse::SessionGone(refusal)) =
                        ended.await
                    else {
                        return;
                    };
                    self.log_absent(member, &refusal);
                    if !fork.has_acknowledged() {
                        return; // It takes no subscriptions.
                    }
                }
                Ok(open) => {
                    let lost = self.subscribe_legacy((visitor, member), open, message, &mut fork);
                    if !lost.await {
                        return;
                    }
                }
                // It may come up later, and the others need not wait for that.
                Err(refusal) => {
                    self.log_absent(member, &refusal);
                    fork.pass_over();
                }
            }
            broken = if began.elapsed() < LONG_LIFE { broken + 1 } else { 1 };
            if !fork.has_acknowledged() {
                return;
            }
            tokio::select! {
                () = sleep(RENEWED_AFTER * broken.min(ROW_MAX)) => {}
                () = fork.gone() => return,
            }
        }
    }

    async fn subscribe_at(
        &self,
        visitor: &Visitor,
        (member, open): (usize, &Arc<Open>),
        message: &Message<'_>,
        fork: &mut Speaker,
    ) -> Result<(), NoResponse> {
        let Some(server) = self.members.get(member) else { return Ok(()) };
        let text = inward_subscription(message.text, &server.name);
        let Ok(own) = Message::read(text.as_bytes(), self.limits()) else { return Ok(()) };
        let to = To { member, open, exposed: None };
        self.carry(visitor, to, &own, Some(fork)).await?;
        tracing::info!(server = %server.name, "it has ended its part of a subscription");
        Ok(())
    }
}

fn acknowledgement(message: &Message<'_>, id: &str) -> String {
    let asked = message.value(&["params", "notifications"]).unwrap_or("{}");
    let meta = format!(r#"{{"io.modelcontextprotocol/subscriptionId":{id}}}"#);
    let params = format!(r#"{{"notifications":{asked},"_meta":{meta}}}"#);
    let method = quoted("notifications/subscriptions/acknowledged");
    format!(r#"{{"jsonrpc":"2.0","method":{method},"params":{params}}}"#)
}
