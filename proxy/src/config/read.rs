//! From a document to a configuration: what each key means, and what may stand together. Goes on
//! after a problem, with the default in the wrong value's place, so that all problems are found at
//! once.

mod addresses;
mod listeners;
mod secrets;

mod counterparts;

mod agents;
mod issuers;
mod notices;
mod payload_keys;
mod people;
mod policy;
mod upstreams;
mod witnesses;

pub(super) use witnesses::witness_role;

mod payload_rules;

mod approvals_role;

pub(super) use approvals_role::approvals_role;
mod prices;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use toml::de::DeTable;

use super::diagnostic::{At, Report, quoted};
use super::limits::{GIB, KIB, Limits, MIB};
use super::secret::Lookup;
use super::section;
use super::shape::{Backend, Checkpoints, Config, Durability, Kept, LedgerConfig, Mcp, PrefixRule};
use super::walk::{Node, Table};

/// Longest name of an upstream, an agent or a team, in bytes.
const NAME_BYTES_MAX: usize = 64;

const MILLISECOND: Duration = Duration::from_millis(1);
const DAY: Duration = Duration::from_hours(24);

/// What reading needs beside the document, and what it has to say.
pub(super) struct Reading<'r> {
    /// What there is to say.
    pub(super) report: Report<'r>,
    /// The folder that relative paths start from: the configuration file's.
    pub(super) folder: &'r Path,
    /// How secrets are found.
    pub(super) lookup: &'r Lookup<'r>,
}

/// Reads the whole document. The result is usable only if the report has no problem.
pub(super) fn config(document: &DeTable<'_>, reading: &mut Reading<'_>) -> Config {
    let root = Table::root(document, &section::ROOT, &mut reading.report);
    let data = data(&root, reading);
    let (models, tools) = (upstreams::models(&root, reading), upstreams::tools(&root, reading));
    let (witnesses, witnesses_written) = witnesses::witnesses(&root, &mut reading.report);
    let (issuers, issuers_written) = issuers::issuers(&root, &mut reading.report);
    let agents = agents::agents(&root, &issuers_written, (&models, &tools), reading);
    let payloads = payload_rules::payload_rules(&root, &mut reading.report);
    let (approvals, service) = people::approvals(&root, reading);
    let providers = people::providers(&root, reading);
    let mut listen = listeners::listen(&root, reading);
    let reached = [&listen.agents_url, &approvals.url].map(Clone::clone);
    listeners::answer_to(&mut listen, reached.iter().flatten());
    let mut config = Config {
        data,
        listen,
        limits: limits(&root, &mut reading.report),
        ledger: ledger(&root, reading),
        checkpoints: checkpoints(&root, witnesses_written, reading),
        witnesses,
        policy: policy::policy(&root, reading),
        people: people::people(&root, &providers, &mut reading.report),
        mail: notices::mail(&root, approvals.url.as_ref(), reading),
        webhooks: notices::webhooks(&root, reading),
        mcp: mcp(&root, &mut reading.report),
        prices: prices::prices(&root, &mut reading.report),
        approvals,
        service,
        providers,
        issuers,
        payloads,
        models,
        tools,
        agents,
    };
    people::leave_to_service(&root, &mut config, &mut reading.report);
    config
}

/// Reads where payloads are and their keys, and looks for no other secret.
pub(super) fn kept(document: &DeTable<'_>, reading: &mut Reading<'_>) -> Kept {
    let root = Table::root(document, &section::ROOT, &mut reading.report);
    let data = data(&root, reading);
    Kept { data, payload_keys: ledger(&root, reading).payload_keys }
}

fn data(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> PathBuf {
    let default = Config::default().data;
    match root.get("data") {
        Some(node) => path(&node, reading).unwrap_or(default),
        None => resolved(reading.folder, &default),
    }
}

fn limits(root: &Table<'_, '_>, report: &mut Report<'_>) -> Limits {
    let mut limits = Limits::default();
    let Some(table) = root.table("limits", &section::LIMITS, report) else { return limits };
    let sizes = [
        ("body_bytes_max", &mut limits.body_bytes_max, KIB..=GIB),
        ("memory_bytes_max", &mut limits.memory_bytes_max, MIB..=1024 * GIB),
        ("answer_bytes_max", &mut limits.answer_bytes_max, KIB..=GIB),
    ];
    for (key, limit, range) in sizes {
        *limit = table.bytes(key, range, report).unwrap_or(*limit);
    }
    let counts = [
        ("connections_max", &mut limits.connections_max, 1..=1_000_000),
        ("json_depth_max", &mut limits.json_depth_max, 8..=1024),
    ];
    for (key, limit, range) in counts {
        *limit = table.count(key, range, report).unwrap_or(*limit);
    }
    let timeouts = [
        ("header_timeout", &mut limits.header_timeout),
        ("idle_timeout", &mut limits.idle_timeout),
        ("body_timeout", &mut limits.body_timeout),
        ("upstream_connect_timeout", &mut limits.upstream_connect_timeout),
        ("upstream_idle_timeout", &mut limits.upstream_idle_timeout),
        ("drain_timeout", &mut limits.drain_timeout),
    ];
    for (key, limit) in timeouts {
        *limit = table.duration(key, MILLISECOND..=DAY, report).unwrap_or(*limit);
    }
    if limits.body_bytes_max > limits.memory_bytes_max {
        let node = table.get("body_bytes_max").or_else(|| table.get("memory_bytes_max"));
        let at = node.map_or(table.at, |node| node.at);
        report
            .problem(&at, "`body_bytes_max` is more than `memory_bytes_max`")
            .hint("the largest body must fit into the memory for all bodies");
    }
    limits
}

fn ledger(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> LedgerConfig {
    let mut ledger = LedgerConfig::default();
    let Some(table) = root.table("ledger", &section::LEDGER, &mut reading.report) else {
        return ledger;
    };
    ledger.payload_keys = payload_keys::payload_keys(&table, reading);
    let report = &mut reading.report;
    let backends = [("file", Backend::File), ("memory", Backend::Memory)];
    let durabilities = [("synced", Durability::Synced), ("relaxed", Durability::Relaxed)];
    ledger.backend = table.choice("backend", &backends, report).unwrap_or(ledger.backend);
    ledger.durability =
        table.choice("durability", &durabilities, report).unwrap_or(ledger.durability);
    let segment = table.bytes("segment_bytes", MIB..=4 * GIB, report);
    ledger.segment_bytes = segment.map_or(ledger.segment_bytes, |bytes| bytes as u64);
    let timeout = table.duration("append_timeout", MILLISECOND..=DAY, report);
    ledger.append_timeout = timeout.unwrap_or(ledger.append_timeout);
    let queue = table.count("queue_records_max", 1..=1_000_000, report);
    ledger.queue_records_max = queue.unwrap_or(ledger.queue_records_max);
    let reserve = table.bytes("reserve_bytes", 0..=GIB, report);
    ledger.reserve_bytes = reserve.map_or(ledger.reserve_bytes, |bytes| bytes as u64);
    let low = table.bytes("disk_bytes_low", 0..=1024 * GIB, report);
    ledger.disk_bytes_low = low.map_or(ledger.disk_bytes_low, |bytes| bytes as u64);

    if let (Backend::Memory, Some(node)) = (ledger.backend, table.get("backend")) {
        report
            .warning(&node.at, "the ledger is lost when the gateway stops")
            .hint("for anything but a trial, write `backend = \"file\"`");
    }
    if let (Durability::Relaxed, Some(node)) = (ledger.durability, table.get("durability")) {
        report
            .warning(&node.at, "a power failure may lose records of calls made")
            .hint("for anything but a measurement, write `durability = \"synced\"`");
    }
    ledger
}

fn checkpoints(root: &Table<'_, '_>, witnesses: usize, reading: &mut Reading<'_>) -> Checkpoints {
    let mut checkpoints = Checkpoints { witnesses_needed: witnesses, ..Checkpoints::default() };
    let Some(table) = root.table("checkpoints", &section::CHECKPOINTS, &mut reading.report) else {
        return checkpoints;
    };
    if let Some(node) = table.get("origin") {
        checkpoints.origin = line(&node, tlog::NAME_BYTES_MAX, &mut reading.report);
        let name = checkpoints.origin.as_deref().map(tlog::check_name);
        if let Some(Err(error)) = name {
            reading.report.problem(&node.at, error.to_string());
        }
    }
    if let Some(node) = table.get("key") {
        checkpoints.key = secrets::secret(&node, reading);
        let key = checkpoints.key.as_ref().map(|key| tlog::parse_private_key(key.expose().trim()));
        if let Some(Err(error)) = key {
            reading.report.problem(&node.at, error.to_string());
        }
    }
    checkpoints.lock = table.get("lock").and_then(|node| path(&node, reading));
    let interval = table.duration("interval", MILLISECOND..=DAY, &mut reading.report);
    checkpoints.interval = interval.unwrap_or(checkpoints.interval);
    checkpoints.witnesses_needed = witnesses::needed(&table, witnesses, &mut reading.report);
    checkpoints
}

fn mcp(root: &Table<'_, '_>, report: &mut Report<'_>) -> Mcp {
    let rules = [
        ("always", PrefixRule::Always),
        ("when_needed", PrefixRule::WhenNeeded),
        ("never", PrefixRule::Never),
    ];
    let table = root.table("mcp", &section::MCP, report);
    let prefix = table.and_then(|table| table.choice("prefix", &rules, report));
    Mcp { prefix: prefix.unwrap_or_default() }
}

/// A path, resolved against the configuration file's folder.
fn path(node: &Node<'_, '_>, reading: &mut Reading<'_>) -> Option<PathBuf> {
    let text = line(node, 4096, &mut reading.report)?;
    Some(resolved(reading.folder, Path::new(&text)))
}

fn resolved(folder: &Path, path: &Path) -> PathBuf {
    folder.join(path.strip_prefix("./").unwrap_or(path))
}

/// A text on one line that is not empty.
fn line(node: &Node<'_, '_>, bytes_max: usize, report: &mut Report<'_>) -> Option<String> {
    let text = node.text(report)?;
    let problem = if text.trim().is_empty() {
        "must not be empty".to_owned()
    } else if text.len() > bytes_max {
        format!("must have at most {bytes_max} bytes, found {}", text.len())
    } else if text.chars().any(char::is_control) {
        format!("must not hold control characters, found {}", quoted(text))
    } else {
        return Some(text.to_owned());
    };
    report.problem(&node.at, problem);
    None
}

/// Names already taken, each with the line that took it.
#[derive(Default)]
struct Taken(BTreeMap<String, usize>);

impl Taken {
    /// Takes a name; one that was taken before is a problem.
    fn take(&mut self, name: &str, at: &At, report: &mut Report<'_>) {
        let line = report.line_of(at);
        if let Some(first) = self.0.get(name) {
            report
                .problem(at, format!("{} is taken", quoted(name)))
                .hint(format!("it is used on line {first}; choose another name"));
        } else {
            self.0.insert(name.to_owned(), line);
        }
    }
}

/// A name that is nobody else's.
fn name(
    table: &Table<'_, '_>,
    taken: &mut Taken,
    fits: fn(&str) -> Result<(), &'static str>,
    report: &mut Report<'_>,
) -> Option<String> {
    let node = table.require("name", "give it a name: `name = \"…\"`", report)?;
    let name = line(&node, NAME_BYTES_MAX, report)?;
    if let Err(expected) = fits(&name) {
        report.problem(&node.at, format!("expected {expected}, found {}", quoted(&name)));
        return None;
    }
    taken.take(&name, &node.at, report);
    Some(name)
}

/// A name of letters, digits, `.`, `_` and `-`.
fn is_name(text: &str) -> Result<(), &'static str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let fits = text.chars().all(fits) && text.starts_with(|c: char| c.is_ascii_alphanumeric());
    fits.then_some(()).ok_or("a name of letters, digits, `.`, `_` and `-`")
}
