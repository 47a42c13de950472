//! What servers say unasked: heard on whatever carries it, and handed to whom it concerns. What
//! comes in the course of a request is the carrier's matter.

use std::sync::{Arc, Weak};
use std::time::Duration;

use events::{FailureReason, Relay};

use crate::json::Limits;

use super::clerk::{Failure, Talk};
use super::envelope::{Kind, Message};
use super::floor::{Floor, Unasked};
use super::host::{Host, Open, Said, Session, Slot};
use super::http_line::HttpAsking;
use super::line::Line;
use super::news::News;
use super::pump::Bench;
use super::unanswered::decline;

/// How long to wait before a stream is opened anew: as the server says (but not less than the
/// least), or twice as long each time that it brings nothing.
const REOPEN_LEAST: Duration = Duration::from_millis(100);
const REOPEN_MIN: Duration = Duration::from_secs(1);
const REOPEN_MAX: Duration = Duration::from_secs(30);

/// A stream was given up because nothing came for as long as a server may be silent. It is no
/// failure of the server, and what it says while no stream is open may be lost, so that the next
/// is opened at once.
struct Silent;

/// How long a stream that nobody wants is kept for who may want it again: a server that has not
/// noticed its end refuses the next.
const LINGER: Duration = Duration::from_secs(5);

/// Hears one line.
struct Hearer {
    bench: Bench,
    talk: Talk,
    open: Weak<Open>,
    whom: Whom,
}

/// Whom it concerns what a server says.
enum Whom {
    /// One session; the server is its member of this number.
    Session(Weak<Floor>, usize),
    /// Whoever has subscribed to it: who shares the line cannot be told apart.
    Subscribers,
}

impl Host {
    /// Hears what a server says unasked on a line that has just been opened, for as long as it and
    /// its session live. What HTTP servers say without a session is heard when somebody wants it.
    pub(crate) fn attend(
        &self,
        session: Option<&Arc<Session>>,
        open: &Arc<Open>,
        said: Option<Said>,
        (talk, member): (Talk, usize),
    ) {
        let whom = match session {
            Some(session) => Whom::Session(Arc::downgrade(&session.floor), member),
            None => Whom::Subscribers,
        };
        let hearer = Hearer { bench: self.bench.clone(), talk, open: Arc::downgrade(open), whom };
        if let Some(said) = said {
            open.news.heard();
            tokio::spawn(hearer.hear(said));
            return;
        }
        let Some(session) = session.filter(|_| !open.line.is_modern()) else { return };
        let (mut alive, mut stopping) = (session.ended(), self.bench.stopping.clone());
        tokio::spawn(async move {
            tokio::select! {
                _ = hearer.hear_stream() => {}
                _ = alive.changed() => {}
                _ = stopping.wait_for(|stop| *stop) => {}
            }
        });
    }

    /// Hears what an HTTP server says on a line that requests without sessions share, until nobody
    /// has a subscription there any more.
    pub(crate) fn attend_shared(&self, open: &Arc<Open>, slot: Arc<Slot>, talk: Talk) {
        let (news, stale) = (Arc::clone(&open.news), Arc::downgrade(open));
        let open = Weak::clone(&stale);
        let hearer = Hearer { bench: self.bench.clone(), talk, open, whom: Whom::Subscribers };
        let mut stopping = self.bench.stopping.clone();
        tokio::spawn(async move {
            let hearing = async {
                if hearer.hear_stream().await {
                    // The next use of the line opens another session.
                    let mut place = slot.0.lock().await;
                    place.take_if(|open| Weak::ptr_eq(&Arc::downgrade(open), &stale));
                    news.end();
                }
                // Where there is nothing to hear, subscriptions wait for nothing.
                news.heard();
                std::future::pending::<()>().await;
            };
            tokio::select! {
                () = hearing => {}
                () = left_alone(&news) => {}
                _ = stopping.wait_for(|stop| *stop) => {}
            }
        });
    }
}

/// Returns when nobody has wanted the news for a while, and their stream is no longer needed.
async fn left_alone(news: &News) {
    loop {
        news.unwanted().await;
        tokio::time::sleep(LINGER).await;
        if news.close() {
            return;
        }
    }
}

impl Hearer {
    /// Hears a process.
    async fn hear(self, mut said: Said) {
        while let Some(text) = said.recv().await {
            if let Whom::Session(floor, member) = &self.whom {
                let Some(floor) = floor.upgrade() else { continue };
                floor.unasked(Unasked { member: *member, text });
            } else {
                self.hand_on(text).await;
            }
        }
    }

    /// Hears the stream of an HTTP server, which is opened anew when it ends. True when the server
    /// has forgotten the session, false when there is nothing to hear.
    async fn hear_stream(&self) -> bool {
        let mut wait = REOPEN_MIN;
        let mut last = None;
        loop {
            let Some(open) = self.open.upgrade() else { return false };
            let opened = self.open_stream(&open, last.as_deref()).await;
            let had_stream = open.news.had_stream();
            drop(open); // the stream alone does not keep it
            match opened {
                Ok(Some(mut asking)) => {
                    let brought = self.hear_one(&mut asking).await;
                    let (event, retry) = asking.last();
                    last = event.or(last);
                    match brought {
                        Ok(true) => wait = retry.max(REOPEN_LEAST),
                        Ok(false) => wait = wait.max(retry),
                        Err(Silent) => continue,
                    }
                }
                // What is behind an event that it has forgotten is lost; what comes is not.
                Ok(None) if last.is_some() => last = None,
                Ok(None) => return false,
                // One that never had a stream may mean that it has none.
                Err(failure) if failure.status == Some(404) => return had_stream,
                Err(failure) if failure.reason == FailureReason::TimedOut => continue,
                Err(failure) => {
                    let server = &self.talk.server;
                    tracing::warn!(%server, "no stream of what it says: {}", failure.detail);
                }
            }
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(REOPEN_MAX);
        }
    }

    /// `None` when the server has none.
    async fn open_stream(
        &self,
        open: &Open,
        last: Option<&str>,
    ) -> Result<Option<HttpAsking>, Failure> {
        let Line::Http(line) = &open.line else { return Ok(None) };
        let said = ("GET", &b""[..]);
        let relayed = self.bench.clerk.relay(&self.talk, Relay::ToUpstream, None, said).await;
        let permit = relayed
            .map_err(|refusal| Failure::new(FailureReason::Unreachable, refusal.problem.message))?;
        let opened = line.listen(permit, last).await;
        if matches!(opened, Ok(Some(_))) {
            open.news.has_stream();
        }
        opened
    }

    /// Hears one stream to its end; whether it brought anything.
    async fn hear_one(&self, asking: &mut HttpAsking) -> Result<bool, Silent> {
        let mut brought = false;
        loop {
            match asking.next(self.limits()).await {
                Ok(Some(text)) => self.hand_on(text).await,
                Err(failure) if failure.reason == FailureReason::TimedOut => return Err(Silent),
                Ok(None) | Err(_) => return Ok(brought),
            }
            brought = true;
        }
    }

    async fn hand_on(&self, text: String) {
        let Some(open) = self.open.upgrade() else { return };
        if let Whom::Session(floor, member) = &self.whom {
            if let Some(floor) = floor.upgrade() {
                floor.wait(Unasked { member: *member, text });
            }
            return;
        }
        let Ok(message) = Message::read(text.as_bytes(), self.limits()) else { return };
        let server = &self.talk.server;
        match message.kind {
            Kind::Notification { .. } if open.news.tell(&message) => {}
            Kind::Request { .. } if !open.line.is_modern() => {
                let said = (message.method(), text.as_bytes());
                let relayed = self.bench.clerk.relay(&self.talk, Relay::ToAgent, None, said).await;
                if relayed.is_ok() {
                    decline(&self.bench, (&self.talk, &open.line), None, &message).await;
                }
            }
            // Whom it concerns cannot be known when many agents share one line.
            Kind::Request { .. } | Kind::Notification { .. } | Kind::Response { .. } => {
                tracing::info!(%server, method = message.method(), "it said what nobody asked");
            }
        }
    }

    fn limits(&self) -> Limits {
        Limits { depth_max: self.bench.limits.json_depth_max }
    }
}
