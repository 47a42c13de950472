//! How many bytes recorded sessions take in the ledger, compared with those that crossed the wire.

use super::cases::AGENT_KEY;
use super::children::{Process, Upstreams, gateway};
use super::figures::float;
use crate::standin::player::{Era, Options, Player, play_all};
use crate::standin::recording::Recordings;
use serde::Serialize;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// How many agents play at a time.
const AGENTS: usize = 8;

/// What the sessions took.
#[derive(Clone, Debug, Serialize)]
pub struct Stored {
    /// Sessions played to their end.
    pub sessions: usize,
    /// Requests of all kinds.
    pub requests: usize,
    /// Bytes of the bodies of requests and answers, as the agents saw them.
    pub wire_bytes: f64,
    /// Bytes that events and payloads took on the disk.
    pub stored_bytes: f64,
    /// Sessions that ended early, and why the first did.
    pub failed: Option<String>,
}

/// Plays all sessions once through a gateway of their own.
pub async fn measure(
    folder: &Path,
    standin: &Process,
    recordings: Arc<Recordings>,
) -> io::Result<Stored> {
    let upstreams = Upstreams {
        provider: standin.address("recorded-provider")?,
        tools: standin.address("recorded-tools")?,
        stamped: standin.address("stamped")?,
    };
    let gateway = gateway(folder, upstreams, false).await?;
    let agents = gateway.address("agents")?;
    let options = |index: usize| Options {
        model_url: format!("http://{agents}/v1"),
        tools_url: format!("http://{agents}/mcp/airline"),
        key: Some(AGENT_KEY.to_owned()),
        era: if index.is_multiple_of(2) { Era::Modern } else { Era::Legacy },
        stream: index % 4 == 3,
    };
    let players =
        (0..AGENTS).map(|index| Player::new(Arc::clone(&recordings), options(index))).collect();
    let played = play_all(players, 0..recordings.sessions().len()).await;
    let counters = gateway.counters().await?;
    gateway.stop().await?;
    Ok(Stored {
        sessions: played.sessions,
        requests: played.model_requests + played.tool_requests,
        wire_bytes: float(played.bytes_sent + played.bytes_received),
        stored_bytes: counters.read("ledger_stored_bytes_total"),
        failed: played.first_failure,
    })
}
