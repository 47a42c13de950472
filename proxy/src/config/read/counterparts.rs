//! Reads who the other process is, where people decide in another one than calls wait in:
//! `[approvals.service]` of a gateway, and `[[gateway]]` of the service.

use super::super::base_url::BaseUrl;
use super::super::diagnostic::{Report, quoted};
use super::super::key_hash::{KEY_BYTES_MIN, KeyHash};
use super::super::secret::Secret;
use super::super::section;
use super::super::shape::Counterpart;
use super::super::walk::{Node, Table};
use super::addresses::issuer;
use super::secrets::header_secret;
use super::{Reading, Taken, is_name, name};

/// The service where people decide on this gateway's calls.
pub(super) fn service(approvals: &Table<'_, '_>, reading: &mut Reading<'_>) -> Option<Counterpart> {
    let table = approvals.table("service", &section::SERVICE, &mut reading.report)?;
    let (url, key) = (url(&table, reading), key(&table, reading));
    Some(Counterpart { name: "service".to_owned(), url: url?, key: key? })
}

/// The gateways whose calls people decide on; at least one.
pub(super) fn gateways(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> Vec<Counterpart> {
    let tables = root.tables("gateway", &section::GATEWAY, &mut reading.report);
    if tables.is_empty() && root.get("gateway").is_none() {
        let hint = "write `[[gateway]]`, and below it `name`, `url` and `key`";
        let message = "there is no gateway whose calls could be decided on";
        reading.report.problem(&root.at, message).hint(hint);
    }
    let (mut names, mut keys) = (Taken::default(), Vec::new());
    let mut gateways = Vec::new();
    for table in &tables {
        let name = name(table, &mut names, is_name, &mut reading.report);
        let (url, key) = (url(table, reading), key(table, reading));
        let (Some(name), Some(url), Some(key)) = (name, url, key) else { continue };
        let hash = KeyHash::of(key.expose());
        if keys.contains(&hash) {
            let message = format!("the key of {} is that of another gateway", quoted(&name));
            let hint = "each gateway shares a key of its own with the service";
            reading.report.problem(&table.at, message).hint(hint);
        }
        keys.push(hash);
        gateways.push(Counterpart { name, url, key });
    }
    gateways
}

fn url(table: &Table<'_, '_>, reading: &mut Reading<'_>) -> Option<BaseUrl> {
    let hint = "its people's listener, as in `url = \"https://countersign.example.com\"`";
    let node = table.require("url", hint, &mut reading.report)?;
    let text = issuer(&node, &mut reading.report)?;
    plain(&node, &text, &mut reading.report)
}

/// What is below an address is the other process's own.
fn plain(node: &Node<'_, '_>, text: &str, report: &mut Report<'_>) -> Option<BaseUrl> {
    let url = BaseUrl::parse(text).ok()?;
    if url.prefix().is_empty() {
        return Some(url);
    }
    let message = format!("expected an address without a path, found {}", quoted(url.prefix()));
    report.problem(&node.at, message).hint("give it a host name of its own");
    None
}

fn key(table: &Table<'_, '_>, reading: &mut Reading<'_>) -> Option<Secret> {
    let hint = "the secret that both share, as in `key = { env = \"APPROVALS_KEY\" }`";
    let node = table.require("key", hint, &mut reading.report)?;
    let key = header_secret(&node, reading)?;
    if KEY_BYTES_MIN <= key.expose().len() {
        return Some(key);
    }
    let message = format!("the key has fewer than {KEY_BYTES_MIN} bytes");
    reading.report.problem(&node.at, message).hint("`countersign keygen` makes one");
    None
}
