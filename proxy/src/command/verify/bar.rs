//! Shows on a terminal how far a verification has come.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};
use verify::Progress;

/// How often the line is drawn anew.
const DRAWN_EVERY: Duration = Duration::from_millis(100);

/// One line on standard error, where that is a terminal.
pub(super) struct Bar {
    shown: bool,
    all: Option<u64>,
    records: u64,
    bytes: u64,
    began: Instant,
    drawn: Instant,
}

impl Bar {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        let shown = std::io::stderr().is_terminal();
        Self { shown, all: None, records: 0, bytes: 0, began: now, drawn: now }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        if self.shown {
            // A terminal that is gone need not be wiped.
            drop(write!(std::io::stderr(), "\r\x1b[K"));
        }
    }

    fn draw(&self) {
        let seconds = self.began.elapsed().as_secs_f64().max(0.001);
        #[expect(clippy::cast_precision_loss, reason = "a figure for people")]
        let rate = self.bytes as f64 / 1_000_000.0 / seconds;
        let records = self.records;
        let part = self.all.filter(|all| *all > 0).map_or(String::new(), |all| {
            format!(" of {all} ({} %)", records.saturating_mul(100) / all)
        });
        drop(write!(std::io::stderr(), "\r\x1b[K{records}{part} events, {rate:.0} MB/s"));
    }
}

impl Progress for Bar {
    fn begin(&mut self, records: Option<u64>) {
        (self.all, self.records, self.bytes) = (records, 0, 0);
        self.began = Instant::now();
    }

    fn advance(&mut self, records: u64, bytes: u64) {
        self.records += records;
        self.bytes += bytes;
        if self.shown && self.drawn.elapsed() >= DRAWN_EVERY {
            self.drawn = Instant::now();
            self.draw();
        }
    }
}
