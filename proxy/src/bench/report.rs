//! What a benchmark found, for people and for machines, and whether it is good enough.

use super::cases::Case;
use super::delays::Delays;
use super::figures::{float, ratio};
use super::rounds::Row;
use super::sessions::Stored;
use serde::Serialize;
use std::io::{self, Write};

/// Everything that one run found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The program's version.
    pub version: &'static str,
    /// Processors that load, upstream, proxies and gateway share.
    pub processors: usize,
    /// A write of 4 KiB and its sync on this disk, median, in microseconds.
    pub sync_us: f64,
    /// The same after the disk has rested, as it does between the calls of few agents.
    pub rested_sync_us: f64,
    /// The calls.
    pub rows: Vec<Row>,
    /// The streams.
    pub delays: Option<Delays>,
    /// The recorded sessions.
    pub sessions: Option<Stored>,
    /// The most resident memory that the gateway ever had, in KiB.
    pub memory_peak_kib: u64,
    /// What was not measured, and why.
    pub skipped: Vec<String>,
    /// What was aimed at, and what was reached.
    pub goals: Vec<Goal>,
}

/// Something that was aimed at.
#[derive(Clone, Debug, Serialize)]
pub struct Goal {
    /// What, in words.
    pub what: String,
    /// What was measured.
    pub reached: f64,
    /// The bound.
    pub bound: f64,
    /// Its unit.
    pub unit: &'static str,
    /// Whether it is kept.
    pub met: bool,
}

impl Goal {
    fn at_least(what: String, reached: f64, bound: f64, unit: &'static str) -> Self {
        Self { what, reached, bound, unit, met: bound <= reached }
    }

    fn at_most(what: String, reached: f64, bound: f64, unit: &'static str) -> Self {
        Self { what, reached, bound, unit, met: reached <= bound }
    }
}

/// Beyond the wait for the disk, what one call may take, in microseconds.
const OVERHEAD_US: f64 = 100.0;

/// What a later chunk may take, in microseconds.
const CHUNK_US: f64 = 50.0;

/// The part of the bare proxy's throughput that is aimed at, in percent.
const OF_BARE: f64 = 60.0;

/// The part of what shared syncs leave possible that is aimed at.
const OF_POSSIBLE: f64 = 0.8;

/// The most resident memory, in MiB.
const MEMORY_MIB: f64 = 64.0;

/// The most that sessions may take in the store, in percent of the wire.
const STORED_PERCENT: f64 = 10.0;

impl Report {
    /// Compares what was found with what was aimed at.
    pub fn judge(&mut self) {
        let mut goals: Vec<Goal> = self.rows.iter().flat_map(|row| self.of_row(row)).collect();
        if let Some(delays) = &self.delays {
            let first = delays.gateway_first_us - delays.direct_first_us;
            let later = delays.gateway_chunk_us - delays.direct_chunk_us;
            let bound = self.rested_sync_us + OVERHEAD_US;
            goals.push(Goal::at_most("first chunk of a stream, added".into(), first, bound, "µs"));
            goals.push(Goal::at_most("each later chunk, added".into(), later, CHUNK_US, "µs"));
        }
        let peak = mib(self.memory_peak_kib);
        goals.push(Goal::at_most("resident memory, at most".into(), peak, MEMORY_MIB, "MiB"));
        if let Some(stored) = &self.sessions {
            let percent = 100.0 * ratio(stored.stored_bytes, stored.wire_bytes);
            let what = format!("{} sessions, stored of wire", stored.sessions);
            goals.push(Goal::at_most(what, percent, STORED_PERCENT, "%"));
        }
        self.goals = goals;
    }

    fn of_row(&self, row: &Row) -> Vec<Goal> {
        let title = row.case.title();
        let of_bare = 100.0 * ratio(row.gateway.per_second, row.bare.per_second);
        let is_short = matches!(row.case, Case::Model1k | Case::Tools);
        match row.connections {
            1 if row.case != Case::Stream => {
                let added = row.gateway.p50_us - row.direct.p50_us;
                let what = format!("{title}: added p50, 1 connection");
                let durable = Goal::at_most(what, added, 2.0 * self.sync_us + OVERHEAD_US, "µs");
                let relaxed = row.relaxed.map(|relaxed| {
                    let added = relaxed.p50_us - row.direct.p50_us;
                    let what = format!("{title}: added p50, relaxed");
                    Goal::at_most(what, added, OVERHEAD_US, "µs")
                });
                std::iter::once(durable).chain(relaxed).collect()
            }
            64 if is_short => {
                let possible = self.possible(row);
                let bound =
                    (100.0 * OF_POSSIBLE * ratio(possible, row.bare.per_second)).min(OF_BARE);
                let what = format!("{title}: of the bare proxy, 64 connections");
                vec![Goal::at_least(what, of_bare, bound, "%")]
            }
            256 if is_short => {
                let what = format!("{title}: of the bare proxy, 256 connections");
                vec![Goal::at_least(what, of_bare, OF_BARE, "%")]
            }
            _ => Vec::new(),
        }
    }

    /// The throughput of a proxy as fast as the bare one whose calls wait for two syncs each, which
    /// they share with all others.
    fn possible(&self, row: &Row) -> f64 {
        let connections = float(row.connections);
        let call_seconds = ratio(connections, row.bare.per_second);
        ratio(connections, call_seconds + 2.0 * self.sync_us / 1e6)
    }

    /// Writes it as people read it.
    pub fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "countersign {}, {} processors for load, upstream and gateway; one sync of this disk \
             takes {:.0} µs, after a rest {:.0} µs",
            self.version, self.processors, self.sync_us, self.rested_sync_us
        )?;
        let mut shown = None;
        for row in &self.rows {
            if shown != Some(row.case) {
                shown = Some(row.case);
                writeln!(out, "\n{}\n{HEAD}", row.case.title())?;
            }
            print_row(row, out)?;
        }
        if let Some(delays) = &self.delays {
            writeln!(
                out,
                "\nstreams      first chunk {:.0} µs direct, {:.0} µs through the gateway; later \
                 ones {:.0} µs and {:.0} µs",
                delays.direct_first_us,
                delays.gateway_first_us,
                delays.direct_chunk_us,
                delays.gateway_chunk_us
            )?;
        }
        if let Some(stored) = &self.sessions {
            print_stored(stored, out)?;
        }
        for skipped in &self.skipped {
            writeln!(out, "skipped      {skipped}")?;
        }
        writeln!(out, "\ngoals")?;
        for goal in &self.goals {
            let sign = if goal.met { "met   " } else { "MISSED" };
            let Goal { what, reached, bound, unit, .. } = goal;
            writeln!(out, "  {sign}  {what:<52} {reached:>8.1} {unit:<3}  (goal {bound:.1})")?;
        }
        Ok(())
    }
}

const HEAD: &str = "  conn      direct/s      bare/s   gateway/s  of bare    p50 µs direct    bare \
    gateway    p99 µs   relaxed  µs CPU bare gateway  \
    syncs/call  bytes/call     MiB";

fn print_row(row: &Row, out: &mut dyn Write) -> io::Result<()> {
    let Row { direct, bare, gateway, .. } = row;
    let relaxed =
        row.relaxed.map_or_else(|| "-".into(), |relaxed| format!("{:.0}", relaxed.p50_us));
    let of_bare = 100.0 * ratio(gateway.per_second, bare.per_second);
    writeln!(
        out,
        "  {:>4}  {:>12.0}{:>12.0}{:>12.0}{:>8.0} %  {:>15.0} {:>7.0} {:>7.0}{:>10.0}{relaxed:>10}  \
         {:>11.0}{:>8.0}  {:>10.2}{:>12.0}{:>8.1}",
        row.connections,
        direct.per_second,
        bare.per_second,
        gateway.per_second,
        of_bare,
        direct.p50_us,
        bare.p50_us,
        gateway.p50_us,
        gateway.p99_us,
        row.bare_processor_us,
        row.gateway_processor_us,
        row.syncs_per_call,
        row.stored_bytes_per_call,
        mib(row.memory_kib),
    )
}

fn print_stored(stored: &Stored, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "sessions     {} played with {} requests: {:.2} MB on the wire, {:.2} MB stored ({:.1} %)",
        stored.sessions,
        stored.requests,
        stored.wire_bytes / 1e6,
        stored.stored_bytes / 1e6,
        100.0 * ratio(stored.stored_bytes, stored.wire_bytes)
    )?;
    match &stored.failed {
        Some(failure) => writeln!(out, "             a session ended early: {failure}"),
        None => Ok(()),
    }
}

fn mib(kib: u64) -> f64 {
    f64::from(u32::try_from(kib).unwrap_or(u32::MAX)) / 1024.0
}
