//! What servers say unasked: heard on whatever carries it, and handed to whom it concerns. What
//! comes in the course of a request is the carrier's matter.

use std::sync::{Arc, Weak};

use events::Relay;

use crate::json::Limits;

use super::clerk::Talk;
use super::floor::{Floor, Unasked};
use super::host::{Host, Open, Said, Session};
use super::line::Line;
use super::pump::Bench;

impl Host {
    /// Hears what a server says unasked on a line that has just been opened, for as long as it and
    /// its session live.
    pub(crate) fn attend(
        &self,
        session: Option<&Arc<Session>>,
        open: &Arc<Open>,
        said: Option<Said>,
        (talk, member): (Talk, usize),
    ) {
        if let Some(said) = said {
            let floor = session.map(|session| Arc::downgrade(&session.floor));
            tokio::spawn(hear(said, floor, member));
        }
        let Some(session) = session else { return };
        if !matches!(open.line, Line::Http(_)) || open.line.is_modern() {
            return;
        }
        let (bench, floor) = (self.bench.clone(), Arc::downgrade(&session.floor));
        let (open, mut alive) = (Arc::downgrade(open), session.ended());
        tokio::spawn(async move {
            tokio::select! {
                () = hear_stream(&bench, &floor, &open, (talk, member)) => {}
                _ = alive.changed() => {}
            }
        });
    }
}

async fn hear(mut said: Said, floor: Option<Weak<Floor>>, member: usize) {
    while let Some(text) = said.recv().await {
        if let Some(floor) = floor.as_ref().and_then(Weak::upgrade) {
            floor.unasked(Unasked { member, text });
        } else {
            // Whom it concerns cannot be known when many agents share one process.
            tracing::warn!("a tool server said what nobody asked: {text}");
        }
    }
}

async fn hear_stream(
    bench: &Bench,
    floor: &Weak<Floor>,
    open: &Weak<Open>,
    (talk, member): (Talk, usize),
) {
    let Ok(permit) = bench.clerk.relay(&talk, Relay::ToUpstream, None, ("GET", b"")).await else {
        return;
    };
    let asking = {
        let Some(open) = open.upgrade() else { return };
        let Line::Http(line) = &open.line else { return };
        match line.listen(permit).await {
            Ok(Some(asking)) => asking,
            Ok(None) => return,
            Err(failure) => {
                let server = &talk.server;
                tracing::warn!(%server, "no stream of what it says: {}", failure.detail);
                return;
            }
        }
    };
    let limits = Limits { depth_max: bench.limits.json_depth_max };
    let mut asking = asking;
    while let Ok(Some(text)) = asking.next(limits).await {
        let Some(floor) = floor.upgrade() else { return };
        floor.wait(Unasked { member, text });
    }
}
