//! Reads `[approvals]`, `[people]` and `[[provider]]`: how long calls wait for people, how these
//! are reached, and through whom they sign in.

use std::time::Duration;

use super::super::diagnostic::{Report, quoted};
use super::super::secret::Secret;
use super::super::section;
use super::super::shape::{
    ApprovalsConfig, Config, Counterpart, PeopleConfig, RoleHolder, Roles, SignInProvider,
};
use super::super::walk::{Node, Table};
use super::addresses::{is_email, issuer, public_url};
use super::counterparts::service;
use super::secrets::secret;
use super::{DAY, Reading, Taken, line, name};

const SECOND: Duration = Duration::from_secs(1);
const HOLD_MAX: Duration = Duration::from_mins(5);
const HOLD_MODELS_MAX: Duration = Duration::from_hours(1);
const SIGN_IN_MIN: Duration = Duration::from_mins(5);
const SIGN_IN_MAX: Duration = Duration::from_hours(7 * 24);

/// Longest name of a group, a claim or a client, in bytes.
const WORD_BYTES_MAX: usize = 256;
/// What people, sign-ins and whoever else acts are called that come from no provider.
const NAMES_RESERVED: [&str; 5] = ["gateway", "link", "local", "operator", "password"];
/// What a provider is asked for unless the file says otherwise.
const SCOPES: [&str; 3] = ["openid", "email", "profile"];

pub(super) fn approvals(
    root: &Table<'_, '_>,
    reading: &mut Reading<'_>,
) -> (ApprovalsConfig, Option<Counterpart>) {
    let mut approvals = ApprovalsConfig::default();
    let Some(table) = root.table("approvals", &section::APPROVALS, &mut reading.report) else {
        return (approvals, None);
    };
    let service = service(&table, reading);
    let report = &mut reading.report;
    approvals.url = table.get("url").and_then(|node| public_url(&node, report));
    let durations = [
        ("hold", &mut approvals.hold, SECOND..=HOLD_MAX),
        ("hold_models", &mut approvals.hold_models, SECOND..=HOLD_MODELS_MAX),
        ("no_answers_for", &mut approvals.no_answers_for, Duration::ZERO..=DAY),
    ];
    for (key, duration, range) in durations {
        *duration = table.duration(key, range, report).unwrap_or(*duration);
    }
    let counts = [
        ("asks_per_hour", &mut approvals.asks_per_hour, 1..=100_000),
        ("pending_max", &mut approvals.pending_max, 1..=10_000),
    ];
    for (key, count, range) in counts {
        *count = table.count(key, range, report).unwrap_or(*count);
    }
    (approvals, service)
}

/// Where people decide elsewhere, they sign in there, and are told from there.
pub(super) fn leave_to_service(root: &Table<'_, '_>, config: &mut Config, report: &mut Report<'_>) {
    if config.service.is_none() {
        return;
    }
    for key in ["people", "provider", "mail", "webhook"] {
        if let Some(node) = root.get(key) {
            let message = format!("`{key}` is not used: people decide at the service");
            report.warning(&node.at, message).hint("write it in the service's own file");
        }
    }
    config.people = PeopleConfig { accounts: false, ..PeopleConfig::default() };
    (config.providers, config.webhooks, config.mail) = (Vec::new(), Vec::new(), None);
}

pub(super) fn people(
    root: &Table<'_, '_>,
    providers: &[SignInProvider],
    report: &mut Report<'_>,
) -> PeopleConfig {
    let mut people = PeopleConfig::default();
    let Some(table) = root.table("people", &section::PEOPLE, report) else { return people };
    people.accounts = table.truth("accounts", report).unwrap_or(people.accounts);
    let lasts = table.duration("sign_in_lasts", SIGN_IN_MIN..=SIGN_IN_MAX, report);
    people.sign_in_lasts = lasts.unwrap_or(people.sign_in_lasts);
    people.roles = roles(&table, report);
    if !people.accounts {
        let at = table.get("accounts").map_or(table.at, |node| node.at);
        if providers.is_empty() {
            let hint = "add a `[[provider]]`, or write `accounts = true`";
            report.warning(&at, "nobody can sign in").hint(hint);
        } else if people.roles.administrator.is_empty() {
            let hint = "name some: `roles = { administrator = [\"person:ada@example.com\"] }`";
            report.warning(&at, "nobody is an administrator").hint(hint);
        }
    }
    people
}

fn roles(people: &Table<'_, '_>, report: &mut Report<'_>) -> Roles {
    let mut roles = Roles::default();
    let Some(table) = people.table("roles", &section::ROLES, report) else { return roles };
    let written = [
        ("approver", &mut roles.approver),
        ("analyst", &mut roles.analyst),
        ("compliance", &mut roles.compliance),
        ("operator", &mut roles.operator),
        ("administrator", &mut roles.administrator),
    ];
    for (role, holders) in written {
        let items = table.get(role).map(|node| node.items(report)).unwrap_or_default();
        holders.extend(items.iter().filter_map(|item| holder(item, report)));
    }
    roles
}

fn holder(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<RoleHolder> {
    let text = line(node, WORD_BYTES_MAX, report)?;
    let (kind, name) = match text.split_once(':') {
        Some((kind @ ("group" | "person"), name)) => (kind, name),
        Some(_) | None => ("", text.as_str()),
    };
    if kind == "person" {
        if is_email(name) {
            return Some(RoleHolder::Person(name.to_lowercase()));
        }
        let message =
            format!("expected an address of mail after `person:`, found {}", quoted(name));
        report.problem(&node.at, message).hint("as in `person:ada@example.com`");
        return None;
    }
    if kind.is_empty() && name.contains('@') {
        let message = format!("{} may be a person or a group", quoted(name));
        let hint = format!("write `person:{name}` or `group:{name}`");
        report.problem(&node.at, message).hint(hint);
        return None;
    }
    if name.is_empty() || name.trim() != name {
        let message = "expected the name of a group, without spaces around it";
        report.problem(&node.at, format!("{message}, found {}", quoted(&text)));
        return None;
    }
    Some(RoleHolder::Group(name.to_owned()))
}

pub(super) fn providers(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> Vec<SignInProvider> {
    let tables = root.tables("provider", &section::PROVIDER, &mut reading.report);
    let mut names = Taken::default();
    let provider = |table| provider(&table, &mut names, reading);
    tables.into_iter().filter_map(provider).collect()
}

fn provider(
    table: &Table<'_, '_>,
    names: &mut Taken,
    reading: &mut Reading<'_>,
) -> Option<SignInProvider> {
    let report = &mut reading.report;
    let name = name(table, names, is_provider_name, report);
    let hint = "what the provider says it is, as in `issuer = \"https://login.example.com\"`";
    let issuer = table.require("issuer", hint, report).and_then(|node| issuer(&node, report));
    let hint = "who the gateway is there: `client_id = \"countersign\"`";
    let client = table.require("client_id", hint, report);
    let client_id = client.and_then(|node| line(&node, WORD_BYTES_MAX, report));
    let claim = table.get("groups_claim").map(|node| line(&node, WORD_BYTES_MAX, report));
    let groups_claim = claim.unwrap_or_else(|| Some("groups".to_owned()));
    let trust_email = table.truth("trust_email", report).unwrap_or(false);
    let scopes = match table.get("scopes") {
        Some(node) => scopes(&node, report),
        None => SCOPES.map(str::to_owned).to_vec(),
    };
    let client_secret: Option<Option<Secret>> = match table.get("client_secret") {
        Some(node) => secret(&node, reading).map(Some),
        None => Some(None),
    };
    Some(SignInProvider {
        name: name?,
        issuer: issuer?,
        client_id: client_id?,
        client_secret: client_secret?,
        scopes,
        groups_claim: groups_claim?,
        trust_email,
    })
}

fn is_provider_name(text: &str) -> Result<(), &'static str> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if !text.chars().all(fits) || text.starts_with('-') {
        return Err("small letters, digits and `-`");
    }
    let expected = "a name that the gateway itself does not use";
    if NAMES_RESERVED.contains(&text) { Err(expected) } else { Ok(()) }
}

fn scopes(node: &Node<'_, '_>, report: &mut Report<'_>) -> Vec<String> {
    let items = node.items(report);
    let mut scopes = Vec::new();
    for item in &items {
        let Some(scope) = item.text(report) else { continue };
        // RFC 6749 §3.3.
        let fits = |c: char| c.is_ascii_graphic() && c != '"' && c != '\\';
        if scope.is_empty() || !scope.chars().all(fits) {
            let message = format!("expected one scope, without spaces, found {}", quoted(scope));
            report.problem(&item.at, message);
        }
        scopes.push(scope.to_owned());
    }
    if node.is_list() && !scopes.iter().any(|scope| scope == "openid") {
        let hint = "without it the provider says nothing about who signed in";
        report.problem(&node.at, "`openid` is missing").hint(hint);
    }
    scopes
}
