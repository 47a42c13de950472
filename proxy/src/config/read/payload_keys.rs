//! Reads `payload_keys`: what payloads are encrypted with, and where that is kept.

use ledger::payload::LocalKek;

use super::super::shape::PayloadKey;
use super::super::walk::{Node, Table};
use super::Reading;
use super::secrets::located;

const KEY_HINT: &str = "`openssl rand -hex 32` makes a key";

/// The keys, the one for new sessions first.
pub(super) fn payload_keys(table: &Table<'_, '_>, reading: &mut Reading<'_>) -> Vec<PayloadKey> {
    let Some(node) = table.get("payload_keys") else { return Vec::new() };
    if !node.is_list() {
        // It may be the key itself.
        reading.report.conceal(&node.at.span);
    }
    let items = node.items(&mut reading.report);
    if items.is_empty() && node.is_list() {
        let hint = "take the line away, and a key in the data folder is used";
        reading.report.problem(&node.at, "expected at least one key").hint(hint);
    }
    let mut keys: Vec<PayloadKey> = Vec::new();
    for item in items {
        let Some(key) = key(&item, reading) else { continue };
        if let Some(first) = keys.iter().find(|known| known.kek == key.kek) {
            let message = format!("{} is the same as {}", key.place, first.place);
            reading.report.problem(&item.at, message);
        }
        keys.push(key);
    }
    keys
}

fn key(node: &Node<'_, '_>, reading: &mut Reading<'_>) -> Option<PayloadKey> {
    let (place, secret) = located(node, reading)?;
    match LocalKek::parse(secret.expose()) {
        Ok(kek) => Some(PayloadKey { place, kek }),
        Err(error) => {
            reading.report.problem(&node.at, format!("{place}: {error}")).hint(KEY_HINT);
            None
        }
    }
}
