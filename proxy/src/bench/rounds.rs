//! Rounds of slots, interleaved: direct, bare, gateway, and again, so that a noisy machine hurts
//! all alike.

use super::cases::Case;
use super::children::{Process, Upstreams};
use super::figures::{Figures, float, ratio};
use super::load::{Load, LoadError, Target};
use serde::Serialize;
use std::io;
use std::time::Duration;

/// How many rounds each figure is the median of.
pub const ROUNDS: usize = 3;

/// Why a measurement failed.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    /// A process or a file.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A call.
    #[error("{path}: {source}")]
    Load {
        /// Which way it went.
        path: &'static str,
        /// What happened to it.
        source: LoadError,
    },
}

/// The processes that take part.
pub struct Scene {
    /// The fixed answers.
    pub upstreams: Upstreams,
    /// The proxy that does nothing.
    pub bare: Process,
    /// The gateway as it is meant to be.
    pub gateway: Process,
    /// The gateway that waits for no disk.
    pub relaxed: Process,
}

/// What one case showed at one number of connections.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// Connections, each with one call under way.
    pub connections: usize,
    /// Without anything in between.
    pub direct: Figures,
    /// Through the proxy that does nothing.
    pub bare: Figures,
    /// Through the gateway.
    pub gateway: Figures,
    /// Through the gateway that waits for no disk; at one connection alone.
    pub relaxed: Option<Figures>,
    /// Processor time of the bare proxy for each call, in microseconds.
    pub bare_processor_us: f64,
    /// Processor time of the gateway for each call, in microseconds.
    pub gateway_processor_us: f64,
    /// Batches made durable for each call.
    pub syncs_per_call: f64,
    /// Bytes that each call takes on the disk, events and payloads.
    pub stored_bytes_per_call: f64,
    /// Resident memory of the gateway with these connections open, in KiB.
    pub memory_kib: u64,
}

impl Scene {
    /// Where a case's calls go directly, and by way of a gateway or of the bare proxy.
    fn targets(&self, case: Case) -> io::Result<[Target; 4]> {
        let (upstream, path, through) = match case {
            Case::Tools => (self.upstreams.tools, "/mcp", "/mcp/airline"),
            Case::Model1k | Case::Model64k | Case::Stream => (self.upstreams.provider, CHAT, CHAT),
        };
        Ok([
            Target::new(upstream, path),
            Target::new(self.bare.address("bare")?, path),
            Target::new(self.gateway.address("agents")?, through),
            Target::new(self.relaxed.address("agents")?, through),
        ])
    }

    /// Whether the gateway serves a case at all; if not, why.
    pub async fn serves(&self, case: Case) -> Result<(), MeasureError> {
        let [_, _, gateway, _] = self.targets(case)?;
        Load::open(case, &gateway, 1).await.map_err(on("gateway")).map(drop)
    }

    /// Measures one case at one number of connections.
    pub async fn measure(
        &self,
        case: Case,
        connections: usize,
        slot: Duration,
    ) -> Result<Row, MeasureError> {
        let [direct, bare, gateway, relaxed] = self.targets(case)?;
        let mut direct = Lane::open("direct", case, &direct, connections).await?;
        let mut bare = Lane::open("bare proxy", case, &bare, connections).await?;
        let mut gateway = Lane::open("gateway", case, &gateway, connections).await?;
        let mut relaxed = match connections {
            1 => Some(Lane::open("relaxed gateway", case, &relaxed, 1).await?),
            _ => None,
        };
        let (mut calls, mut syncs, mut stored_bytes) = (0.0, 0.0, 0.0);
        let (mut bare_calls, mut bare_us, mut gateway_us) = (0.0, 0.0, 0.0);
        let mut memory_kib = 0;
        for _ in 0..ROUNDS {
            direct.run(slot).await?;
            bare_us -= self.bare.processor_us();
            bare_calls += float(bare.run(slot).await?);
            bare_us += self.bare.processor_us();
            gateway_us -= self.gateway.processor_us();
            let before = self.gateway.counters().await?;
            calls += float(gateway.run(slot).await?);
            gateway_us += self.gateway.processor_us();
            let after = self.gateway.counters().await?;
            let grown = |name: &str| after.read(name) - before.read(name);
            syncs += grown("ledger_batches_total");
            stored_bytes += grown("ledger_stored_bytes_total");
            memory_kib = memory_kib.max(self.gateway.memory_kib("VmRSS"));
            if let Some(relaxed) = &mut relaxed {
                relaxed.run(slot).await?;
            }
        }
        Ok(Row {
            case,
            connections,
            direct: direct.median(),
            bare: bare.median(),
            gateway: gateway.median(),
            relaxed: relaxed.as_ref().map(Lane::median),
            bare_processor_us: ratio(bare_us, bare_calls),
            gateway_processor_us: ratio(gateway_us, calls),
            syncs_per_call: ratio(syncs, calls),
            stored_bytes_per_call: ratio(stored_bytes, calls),
            memory_kib,
        })
    }
}

/// The model path of every target.
pub const CHAT: &str = "/v1/chat/completions";

/// One way of getting there, with what was measured on it.
struct Lane {
    path: &'static str,
    load: Load,
    rounds: Vec<Figures>,
}

impl Lane {
    async fn open(
        path: &'static str,
        case: Case,
        target: &Target,
        connections: usize,
    ) -> Result<Self, MeasureError> {
        let load = Load::open(case, target, connections).await.map_err(on(path))?;
        Ok(Self { path, load, rounds: Vec::new() })
    }

    async fn run(&mut self, slot: Duration) -> Result<usize, MeasureError> {
        let (calls, figures) = self.load.run(slot).await.map_err(on(self.path))?;
        self.rounds.push(figures);
        Ok(calls)
    }

    fn median(&self) -> Figures {
        Figures::median(&self.rounds)
    }
}

/// Says on which way a call failed.
pub fn on(path: &'static str) -> impl Fn(LoadError) -> MeasureError {
    move |source| MeasureError::Load { path, source }
}
