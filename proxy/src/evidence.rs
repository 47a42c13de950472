//! What exports need of a ledger that is open for writing.

use crate::clock;
use crate::custody::plain;
use analytics::export::StoredPayloads;
use dashboards::ExportSource;
use ledger::{Ledger, Sealing};
use std::sync::Arc;
use tlog::VerifierKey;

/// Exports of this ledger, each of which is recorded in it first.
pub fn export_source(ledger: &Ledger, sealing: Sealing) -> ExportSource {
    let reader = Arc::clone(ledger.reader());
    let own = ledger.clone();
    ExportSource {
        payloads: Arc::new(StoredPayloads::new(Arc::clone(&reader), ledger.keys().clone())),
        reader,
        policy: policy(sealing.key()).into(),
        sealing,
        now: clock::now,
        announce: Arc::new(move |fact| {
            let ledger = own.clone();
            Box::pin(async move {
                ledger.record(plain(fact)).await.map_err(|error| error.to_string())?;
                Ok(())
            })
        }),
    }
}

/// Whom a verifier has to believe, as a tlog-policy.
fn policy(key: &VerifierKey) -> String {
    format!("log {key}\nquorum none\n")
}
