//! Figures for Prometheus: every name is declared here, with what it means.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! metrics {
    ($($field:ident: $kind:literal $name:literal = $help:literal;)*) => {
        /// What the gateway counts; every figure starts at zero with the process.
        #[derive(Debug, Default)]
        pub struct Metrics {
            $(#[doc = $help] pub $field: Figure,)*
        }

        /// The name of every figure that the gateway counts itself.
        pub const NAMES: &[&str] = &[$($name),*];

        impl Metrics {
            /// The Prometheus text form, version 0.0.4.
            pub fn exposition(&self) -> String {
                let mut text = String::new();
                $(expose(&mut text, $name, $kind, $help, self.$field.read());)*
                text
            }
        }
    };
}

metrics! {
    calls_cancelled: "counter" "countersign_calls_cancelled_total" = "Dispatched calls that the agent or the gateway gave up.";
    calls_completed: "counter" "countersign_calls_completed_total" = "Dispatched calls that got a whole answer.";
    calls_denied: "counter" "countersign_calls_denied_total" = "Calls that the policy forbade.";
    calls_dispatched: "counter" "countersign_calls_dispatched_total" = "Calls recorded and sent upstream.";
    calls_failed: "counter" "countersign_calls_failed_total" = "Dispatched calls that got no whole answer.";
    calls_refused: "counter" "countersign_calls_refused_total" = "Input that never became a call.";
    connections: "gauge" "countersign_connections" = "Connections of agents that are open.";
    findings: "counter" "countersign_findings_total" = "Irregularities found while correlating.";
    ledger_disk_bytes_free: "gauge" "countersign_ledger_disk_bytes_free" = "Bytes free on the ledger's disk; 0 where there is none.";
    links: "counter" "countersign_links_total" = "Links recorded between calls.";
    unrecorded: "counter" "countersign_unrecorded_total" = "Calls refused or results withheld because the ledger could not record.";
}

/// One figure.
#[derive(Debug, Default)]
pub struct Figure(AtomicU64);

impl Figure {
    /// One more.
    pub fn increment(&self) {
        self.add(1);
    }

    /// So many more.
    pub fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// It is so much now.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// One less.
    pub fn decrement(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// Its value.
    pub fn read(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Appends one figure to an exposition.
pub fn expose(text: &mut String, name: &str, kind: &str, help: &str, value: u64) {
    for line in ["# HELP ", name, " ", help, "\n# TYPE ", name, " ", kind, "\n", name, " "] {
        text.push_str(line);
    }
    text.push_str(&value.to_string());
    text.push('\n');
}
