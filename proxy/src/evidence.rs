//! What exports need of a ledger that is open for writing.

use crate::clock;
use crate::custody::plain;
use analytics::export::StoredPayloads;
use dashboards::ExportSource;
use ledger::sealer::POLICY;
use ledger::{Ledger, Sealing};
use std::sync::Arc;

/// Exports of this ledger, each of which is recorded in it first.
pub fn export_source(ledger: &Ledger, sealing: Sealing) -> ExportSource {
    let reader = Arc::clone(ledger.reader());
    let own = ledger.clone();
    ExportSource {
        payloads: Arc::new(StoredPayloads::new(Arc::clone(&reader), ledger.keys().clone())),
        reader,
        policy: policy(&sealing).into(),
        sealing,
        now: clock::now,
        announce: Arc::new(move |fact| {
            let ledger = own.clone();
            Box::pin(async move {
                let recorded = ledger.record(plain(fact)).await;
                recorded.map(drop).map_err(|error| error.to_string())
            })
        }),
    }
}

/// Whom a verifier has to believe, as a tlog-policy; it lies beside the log.
fn policy(sealing: &Sealing) -> String {
    let beside = sealing.files().read(POLICY).ok().flatten();
    let beside = beside.and_then(|text| String::from_utf8(text).ok());
    beside.unwrap_or_else(|| format!("log {}\nquorum none\n", sealing.key()))
}
