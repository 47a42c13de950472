//! The part of an agent's subscription at a server of the legacy era, which knows none: what the
//! server tells of its own accord, and of resources where it is asked to, in the words of
//! 2026-07-28.

use std::sync::Arc;
use std::time::Duration;

use events::Relay;
use tokio::time::timeout;

use crate::json;

use super::carrier::NoResponse;
use super::connect::Visitor;
use super::envelope::{Message, quoted};
use super::errand::To;
use super::host::{Host, Open};
use super::line::Line;
use super::line_link::SUBSCRIPTION;
use super::merged_text::{inward_subscription, outward_message};
use super::news::{Listening, Wants};
use super::speaker::Speaker;

/// How long to wait for the head of a server's stream. Some send it with the first event only.
const HEARD_WITHIN: Duration = Duration::from_secs(1);

/// How long a server may take to begin or end the subscription to one resource.
const ASKED_WITHIN: Duration = Duration::from_secs(5);

/// Who listens to which server for what.
struct Ear<'a> {
    visitor: &'a Visitor,
    member: usize,
    open: Arc<Open>,
    wants: Wants,
    /// The subscription's id, as the agent wrote it.
    id: &'a str,
}

impl Host {
    /// Tells an agent what it has subscribed to, until it has gone or the line can tell no more;
    /// then it is true. What the server tells before the next line is open nobody can know.
    pub(crate) async fn subscribe_legacy(
        &self,
        (visitor, member): (&Visitor, usize),
        open: Arc<Open>,
        message: &Message<'_>,
        fork: &mut Speaker,
    ) -> bool {
        let Some(server) = self.members.get(member) else { return false };
        let text = inward_subscription(message.text, &server.name);
        let Ok(own) = Message::read(text.as_bytes(), self.limits()) else { return false };
        let wants = Wants::of(&own, &open.capabilities);
        if wants.are_none() {
            return false;
        }
        let ear = Ear { visitor, member, open, wants, id: message.id().unwrap_or("null") };
        let mut listening = self.begin(&ear);
        let left = fork.left();
        let lost = tokio::select! {
            () = self.hear_news(&ear, &mut listening, fork) => true,
            () = left => false,
        };
        drop(listening);
        if lost {
            tracing::warn!(server = %server.name, "its part of a subscription was lost");
        } else {
            self.forget_resources(&ear).await;
        }
        lost
    }

    fn begin(&self, ear: &Ear<'_>) -> Listening {
        let (listening, opens) = ear.open.news.listen(ear.wants.clone());
        if opens {
            let slot = self.slot(None, &ear.visitor.talk.caller, ear.member);
            self.attend_shared(&ear.open, slot, self.talk(ear.visitor, ear.member));
        }
        listening
    }

    /// Passes on what the server tells, each message on record; returns when it can tell no more.
    async fn hear_news(&self, ear: &Ear<'_>, listening: &mut Listening, fork: &mut Speaker) {
        // A server that is slow to begin its stream has got the request for it all the same.
        drop(timeout(HEARD_WITHIN, ear.open.news.ready()).await);
        {
            let _turn = ear.open.news.turn.lock().await;
            for uri in &ear.wants.resources {
                if !self.ask_for(ear, "resources/subscribe", uri).await {
                    break;
                }
            }
        }
        fork.acknowledged().await;
        let talk = self.talk(ear.visitor, ear.member);
        loop {
            let text = tokio::select! {
                text = listening.next() => text,
                () = closed(&ear.open.line) => None,
            };
            let Some(text) = text else { return };
            let Ok(message) = Message::read(text.as_bytes(), self.limits()) else { continue };
            let said = (message.method(), text.as_bytes());
            if self.bench.clerk.relay(&talk, Relay::ToAgent, None, said).await.is_err() {
                continue; // What cannot be recorded is not passed on, and the gate says so.
            }
            let tagged = json::set(&text, &SUBSCRIPTION, ear.id).unwrap_or_else(|_| text.clone());
            fork.say(&outward_message(&tagged, &talk.server)).await;
        }
    }

    /// Ends the subscriptions to resources that nobody else on the line has.
    async fn forget_resources(&self, ear: &Ear<'_>) {
        let _turn = ear.open.news.turn.lock().await;
        for uri in ear.wants.resources.iter().filter(|uri| !ear.open.news.want(uri)) {
            if !self.ask_for(ear, "resources/unsubscribe", uri).await {
                return;
            }
        }
    }

    /// False when nothing more need be asked: the server has not answered in time, which holds up
    /// all others on the line, or has forgotten the session.
    async fn ask_for(&self, ear: &Ear<'_>, method: &str, uri: &str) -> bool {
        let (id, uri) = (quoted("countersign-subscribe"), quoted(uri));
        let text = format!(
            r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"uri":{uri}}}}}"#
        );
        let Ok(message) = Message::read(text.as_bytes(), self.limits()) else { return true };
        let to = To { member: ear.member, open: &ear.open, exposed: None };
        // Dropped, the call is on record as given up.
        let carried = timeout(ASKED_WITHIN, self.carry(ear.visitor, to, &message, None)).await;
        match carried {
            Ok(Ok(carried)) => {
                if json::find(&carried.text, &["error"]).is_some() {
                    tracing::warn!("a tool server does not tell of {uri}: {}", carried.text);
                }
            }
            Ok(Err(NoResponse::Refused(refusal))) => self.log_absent(ear.member, &refusal),
            Ok(Err(NoResponse::SessionGone(_))) => {
                self.reopen(ear.visitor, ear.member, &ear.open).await;
                return false;
            }
            Ok(Err(NoResponse::Cancelled)) => {}
            Err(_) => {
                tracing::warn!("a tool server did not answer a {method} in time");
                return false;
            }
        }
        true
    }
}

/// Returns when a process has ended. An HTTP server's session ends with its news.
async fn closed(line: &Line) {
    match line {
        Line::Stdio { running, .. } => running.link.closed().await,
        Line::Http(_) => std::future::pending().await,
    }
}
