//! Reads `[[agent]]`: who may call, by which keys or tokens, and what.

use std::collections::BTreeMap;

use super::super::diagnostic::{At, Report, nearest, quoted};
use super::super::key_hash::{KEY_BYTES_MIN, KeyHash, KeyHashError};
use super::super::pattern::{Pattern, PatternError, ToolPattern};
use super::super::section;
use super::super::shape::{Agent, ModelUpstream, ToolUpstream};
use super::super::walk::{Node, Table, inside_quotes};
use super::secrets::secret;
use super::{NAME_BYTES_MAX, Reading, Taken, is_name, line, name};

const KEY_HINT: &str = "`countersign keygen` makes a key and its `key_hash`";

/// Who has a key already, and on which line.
type Keys = BTreeMap<KeyHash, (String, usize)>;
/// Who has a subject of an issuer already, and on which line.
type Subjects = BTreeMap<(String, String), (String, usize)>;

/// What belongs to one agent alone, and is somebody's already.
#[derive(Default)]
struct Held {
    names: Taken,
    keys: Keys,
    subjects: Subjects,
}

pub(super) fn agents(
    root: &Table<'_, '_>,
    issuers: &[String],
    (models, tools): (&[ModelUpstream], &[ToolUpstream]),
    reading: &mut Reading<'_>,
) -> Vec<Agent> {
    let mut held = Held::default();
    let mut agents = Vec::new();
    for table in root.tables("agent", &section::AGENT, &mut reading.report) {
        let allowed = Allowed::read(&table, &mut reading.report);
        allowed.warn_if_idle(&table.at, models, tools, &mut reading.report);
        agents.extend(agent(&table, allowed, issuers, &mut held, reading));
    }
    agents
}

fn agent(
    table: &Table<'_, '_>,
    allowed: Allowed,
    issuers: &[String],
    held: &mut Held,
    reading: &mut Reading<'_>,
) -> Option<Agent> {
    let name = name(table, &mut held.names, is_name, &mut reading.report);
    let team = table.get("team").map(|node| line(&node, NAME_BYTES_MAX, &mut reading.report));
    let hint = "every call is made for someone: `owner = \"ada@example.com\"`";
    let owner = table.require("owner", hint, &mut reading.report);
    let owner = owner.and_then(|node| line(&node, 256, &mut reading.report));
    let keys = keys(table, reading);
    let holder = name.clone().unwrap_or_else(|| table.at.path.clone());
    for (key, at) in &keys {
        take_key(*key, at, &holder, &mut held.keys, &mut reading.report);
    }
    let issuer = table.get("issuer").map(|node| issuer(&node, issuers, &mut reading.report));
    let subject = subject(table, name.as_deref(), &mut reading.report);
    if let (Some(Some(issuer)), Some(subject)) = (&issuer, &subject) {
        let of = (issuer.clone(), subject.clone());
        take_subject(table, of, &holder, &mut held.subjects, &mut reading.report);
    }
    Some(Agent {
        issuer: issuer.map_or(Some(None), |read| read.map(Some))?,
        subject: subject?,
        name: name?,
        team: team.unwrap_or(Some(String::new()))?,
        owner: owner?,
        keys: keys.into_iter().map(|(key, _)| key).collect(),
        models: allowed.models.into_iter().map(|(pattern, _)| pattern).collect(),
        tools: allowed.tools.into_iter().map(|(pattern, _)| pattern).collect(),
    })
}

/// The name of an issuer that there is.
fn issuer(node: &Node<'_, '_>, issuers: &[String], report: &mut Report<'_>) -> Option<String> {
    let written = node.text(report)?;
    if issuers.iter().any(|issuer| issuer == written) {
        return Some(written.to_owned());
    }
    let known: Vec<_> = issuers.iter().map(String::as_str).collect();
    let finding = report.problem(&node.at, format!("there is no issuer {}", quoted(written)));
    finding.hint(match nearest(written, &known) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => "add an `[[issuer]]` of this name".to_owned(),
    });
    None
}

/// What tokens call the agent: its name, unless it is written.
fn subject(table: &Table<'_, '_>, name: Option<&str>, report: &mut Report<'_>) -> Option<String> {
    let Some(node) = table.get("subject") else { return name.map(str::to_owned) };
    if table.get("issuer").is_none() {
        let hint = "it is what tokens of that `[[issuer]]` call this agent";
        report.problem(&node.at, "`subject` goes with `issuer`, which is not here").hint(hint);
    }
    line(&node, 256, report)
}

fn take_subject(
    table: &Table<'_, '_>,
    of: (String, String),
    holder: &str,
    taken: &mut Subjects,
    report: &mut Report<'_>,
) {
    let node = table.get("subject").or_else(|| table.get("name"));
    let at = node.map_or_else(|| table.at.clone(), |node| node.at);
    let line = report.line_of(&at);
    if let Some((first, first_line)) = taken.get(&of) {
        let message = format!("{} is what tokens call agent {}", quoted(&of.1), quoted(first));
        let hint = format!("see line {first_line}; a token of an issuer is one agent's");
        report.problem(&at, message).hint(hint);
    } else {
        taken.insert(of, (holder.to_owned(), line));
    }
}

/// The keys of an agent, from all three ways to write them; having neither one nor an issuer is a
/// problem.
fn keys(table: &Table<'_, '_>, reading: &mut Reading<'_>) -> Vec<(KeyHash, At)> {
    let mut keys = Vec::new();
    let mut written = 0;
    if let Some(node) = table.get("key") {
        written += 1;
        keys.extend(hashed(&node, reading));
    }
    if let Some(node) = table.get("key_hash") {
        written += 1;
        keys.extend(hash(&node, &mut reading.report));
    }
    if let Some(node) = table.get("keys") {
        if !node.is_list() {
            reading.report.conceal(&node.at.span);
        }
        let items = node.items(&mut reading.report);
        written += if node.is_list() { items.len() } else { 1 };
        for item in items {
            let is_hash = item.as_text().is_some();
            let key =
                if is_hash { hash(&item, &mut reading.report) } else { hashed(&item, reading) };
            keys.extend(key);
        }
    }
    if written == 0 && table.get("issuer").is_none() {
        let message = "an agent needs a key: `key`, `key_hash` or `keys`";
        reading.report.problem(&table.at, message).hint(KEY_HINT);
    }
    keys
}

/// The hash of a key that is kept elsewhere; the key itself is forgotten here.
fn hashed(node: &Node<'_, '_>, reading: &mut Reading<'_>) -> Option<(KeyHash, At)> {
    let key = secret(node, reading)?;
    if key.expose().len() < KEY_BYTES_MIN {
        let message = format!("the key has fewer than {KEY_BYTES_MIN} characters");
        reading.report.problem(&node.at, message).hint(KEY_HINT);
        return None;
    }
    if !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = "the key holds characters that no client can send in a header";
        reading.report.problem(&node.at, message).hint(KEY_HINT);
        return None;
    }
    Some((KeyHash::of(key.expose()), node.at.clone()))
}

fn hash(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<(KeyHash, At)> {
    let parsed = node.as_text().ok_or(KeyHashError).and_then(KeyHash::parse);
    if let Err(error) = &parsed {
        // It may be the key itself.
        report.conceal(&inside_quotes(&node.at.span));
        report.problem(&node.at, error.to_string()).hint(KEY_HINT);
    }
    Some((parsed.ok()?, node.at.clone()))
}

fn take_key(key: KeyHash, at: &At, holder: &str, taken: &mut Keys, report: &mut Report<'_>) {
    let line = report.line_of(at);
    if let Some((first, first_line)) = taken.get(&key) {
        report
            .problem(at, format!("this key is the same as one of {}", quoted(first)))
            .hint(format!("it is used on line {first_line}; each key belongs to one agent, once"));
    } else {
        taken.insert(key, (holder.to_owned(), line));
    }
}

pub(super) fn patterns<T>(
    table: &Table<'_, '_>,
    key: &'static str,
    parse: fn(&str) -> Result<T, PatternError>,
    report: &mut Report<'_>,
) -> Vec<(T, At)> {
    let mut read = Vec::new();
    for item in table.get(key).map(|node| node.items(report)).unwrap_or_default() {
        match item.text(report).map(parse) {
            Some(Ok(pattern)) => read.push((pattern, item.at)),
            Some(Err(error)) => _ = report.problem(&item.at, error.to_string()),
            None => {}
        }
    }
    read
}

/// What an agent may use, each pattern with its place.
struct Allowed {
    models: Vec<(Pattern, At)>,
    tools: Vec<(ToolPattern, At)>,
}

impl Allowed {
    fn read(table: &Table<'_, '_>, report: &mut Report<'_>) -> Self {
        let models = patterns(table, "models", Pattern::parse, report);
        Self { models, tools: patterns(table, "tools", ToolPattern::parse, report) }
    }

    /// Warns of patterns that no configured upstream can fit: they are most likely misspelt.
    fn warn_if_idle(
        &self,
        agent: &At,
        models: &[ModelUpstream],
        tools: &[ToolUpstream],
        report: &mut Report<'_>,
    ) {
        let serves = || models.iter().flat_map(|model| &model.serves);
        for (pattern, at) in &self.models {
            if !serves().any(|serves| serves.overlaps(pattern)) {
                let message = format!("no model provider serves {}", quoted(pattern.as_str()));
                let hint = "add it to `serves` of a `[[model]]`, or take it away here";
                report.warning(at, message).hint(hint);
            }
        }
        for (ToolPattern { server, .. }, at) in &self.tools {
            if !tools.iter().any(|tool| server.matches(&tool.name)) {
                let message = format!("no tool server is called {}", quoted(server.as_str()));
                let hint = "add a `[[tools]]` of this name, or take it away here";
                report.warning(at, message).hint(hint);
            }
        }
        if self.models.is_empty() && self.tools.is_empty() {
            let hint = "allow some: `models = [\"*\"]`, `tools = [\"crm/*\"]`";
            report.warning(agent, "this agent may use no model and no tool").hint(hint);
        }
    }
}
