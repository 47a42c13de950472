//! Reads who cosigns: `[[witness]]` of a gateway, and the whole file of a witness.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use tlog::{KeyKind, VerifierKey, check_name, parse_cosigning_key};
use toml::de::DeTable;

use super::super::base_url::BaseUrl;
use super::super::diagnostic::{At, Report, quoted};
use super::super::secret::Secret;
use super::super::section;
use super::super::shape::Witness;
use super::super::walk::{Node, Table, inside_quotes};
use super::super::witness_role::WitnessRole;
use super::listeners::address;
use super::secrets::secret;
use super::{Reading, Taken, is_name, line, name, path, resolved};

/// Longest name of a key, and longest key as text, in bytes.
const KEY_TEXT_BYTES_MAX: usize = 512;

/// The witnesses that can be used, and how many were written.
pub(super) fn witnesses(root: &Table<'_, '_>, report: &mut Report<'_>) -> (Vec<Witness>, usize) {
    let tables = root.tables("witness", &section::WITNESS, report);
    let (mut names, mut keys) = (Taken::default(), Keys::default());
    let written = tables.len();
    let witness = |table| witness(&table, &mut names, &mut keys, report);
    (tables.into_iter().filter_map(witness).collect(), written)
}

fn witness(
    table: &Table<'_, '_>,
    names: &mut Taken,
    keys: &mut Keys,
    report: &mut Report<'_>,
) -> Option<Witness> {
    let name = name(table, names, is_name, report);
    let hint = "where the witness is, as in `url = \"https://witness.example.com\"`";
    let url = table.require("url", hint, report).and_then(|node| url(&node, report));
    let key = key(table, KeyKind::Cosignature, keys, report);
    Some(Witness { name: name?, url: url?, key: key? })
}

fn url(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<BaseUrl> {
    let read = BaseUrl::parse(node.text(report)?);
    read.map_err(|error| _ = report.problem(&node.at, error.to_string())).ok()
}

/// How many of them must cosign, of so many as were written: all, unless it is written.
pub(super) fn needed(checkpoints: &Table<'_, '_>, all: usize, report: &mut Report<'_>) -> usize {
    match checkpoints.get("witnesses_needed") {
        None => all,
        Some(node) if node.as_text() == Some("all") => all,
        Some(node) if all == 0 => {
            let hint = "write `[[witness]]` for each that is to cosign";
            report.problem(&node.at, "there is no witness").hint(hint);
            all
        }
        Some(_) => checkpoints.count("witnesses_needed", 1..=all, report).unwrap_or(all),
    }
}

/// Where a witness listens unless its file says otherwise.
const LISTEN: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8082);

/// Reads the file of a witness. The result is usable only if the report has no problem; there is
/// none without one.
pub(in super::super) fn witness_role(
    document: &DeTable<'_>,
    reading: &mut Reading<'_>,
) -> Option<WitnessRole> {
    let root = Table::root(document, &section::ROLE, &mut reading.report);
    let data = match root.get("data") {
        Some(node) => path(&node, reading),
        None => Some(resolved(reading.folder, Path::new("./data"))),
    };
    let hint = "this is the file of a witness: write `[witness]`, and `name` below it";
    let table = root.require("witness", hint, &mut reading.report)?;
    let table = table.table(&section::ROLE_WITNESS, &mut reading.report)?;
    let listen = match table.get("listen") {
        Some(node) => address(&node, &mut reading.report),
        None => Some(LISTEN),
    };
    let name = key_name(&table, &mut reading.report);
    let key = match table.get("key") {
        Some(node) => private_key(&node, name.as_deref(), reading).map(Some),
        None => Some(None),
    };
    let logs = logs(&table, &mut reading.report);
    Some(WitnessRole { data: data?, listen: listen?, name: name?, key: key?, logs })
}

fn key_name(table: &Table<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let hint = "the name in its cosignatures, as in `name = \"witness.example.com\"`";
    let node = table.require("name", hint, report)?;
    let name = line(&node, KEY_TEXT_BYTES_MAX, report)?;
    let fits = check_name(&name).map_err(|error| _ = report.problem(&node.at, error.to_string()));
    fits.ok().map(|()| name)
}

/// A private key of this name.
fn private_key(
    node: &Node<'_, '_>,
    name: Option<&str>,
    reading: &mut Reading<'_>,
) -> Option<Secret> {
    let secret = secret(node, reading)?;
    let problem = match parse_cosigning_key(secret.expose().trim()) {
        Ok(key) if name.is_none_or(|name| name == key.verifier().name()) => return Some(secret),
        Ok(key) => format!("it is the key of {}", quoted(key.verifier().name())),
        Err(error) => error.to_string(),
    };
    let hint = "`countersign keygen --witness NAME` makes one";
    reading.report.problem(&node.at, problem).hint(hint);
    None
}

fn logs(table: &Table<'_, '_>, report: &mut Report<'_>) -> Vec<VerifierKey> {
    let tables = table.tables("log", &section::ROLE_LOG, report);
    if tables.is_empty() && table.get("log").is_none() {
        let hint = "write `[[witness.log]]`, and below it the `key` that the gateway shows";
        report.problem(&table.at, "a witness needs a log to cosign for").hint(hint);
    }
    let mut keys = Keys::default();
    tables.iter().filter_map(|table| key(table, KeyKind::Note, &mut keys, report)).collect()
}

/// Keys already there, each with its line.
#[derive(Default)]
struct Keys(BTreeMap<Vec<u8>, usize>);

/// A verifier key of this kind that is nobody else's.
fn key(
    table: &Table<'_, '_>,
    kind: KeyKind,
    keys: &mut Keys,
    report: &mut Report<'_>,
) -> Option<VerifierKey> {
    let hint = "a verifier key: `key = \"<name>+<8 hexadecimal digits>+<base64>\"`";
    let node = table.require("key", hint, report)?;
    let text = line(&node, KEY_TEXT_BYTES_MAX, report)?;
    let key = match text.parse::<VerifierKey>() {
        Ok(key) => key,
        Err(error) => {
            // What was meant may be the private key.
            report.conceal(&inside_quotes(&node.at.span));
            report.problem(&node.at, error.to_string()).hint(hint);
            return None;
        }
    };
    if key.kind() != kind {
        let message = match kind {
            KeyKind::Cosignature => "this is the key of a log, not of a witness",
            KeyKind::Note => "this is the key of a witness, not of a log",
        };
        report.problem(&node.at, message).hint(format!("it is that of {}", quoted(key.name())));
        return None;
    }
    keys.take(&key, &node.at, report);
    Some(key)
}

impl Keys {
    fn take(&mut self, key: &VerifierKey, at: &At, report: &mut Report<'_>) {
        let line = report.line_of(at);
        // One witness under two names would count twice; one key may well sign many logs.
        let key = match key.kind() {
            KeyKind::Cosignature => key.public().to_vec(),
            KeyKind::Note => key.to_string().into_bytes(),
        };
        if let Some(first) = self.0.get(&key) {
            report
                .problem(at, "this key is there twice")
                .hint(format!("it is used on line {first} as well, and counts once"));
        } else {
            self.0.insert(key, line);
        }
    }
}
