//! Reads `[mail]` and `[[webhook]]`: who hears of calls that wait, and how.

use super::super::base_url::BaseUrl;
use super::super::diagnostic::{Report, quoted};
use super::super::secret::Secret;
use super::super::section;
use super::super::shape::{MailConfig, MailTls, Setting, Webhook, WebhookKind};
use super::super::walk::{Node, Table};
use super::addresses::{check_concealed, email, host, is_loopback, issuer, mailbox};
use super::secrets::{refuse_inline, secret};
use super::{Reading, Taken, is_name, line, name, path};

const TLS: [(&str, MailTls); 3] =
    [("starttls", MailTls::StartTls), ("implicit", MailTls::Implicit), ("none", MailTls::None)];
/// Where mail is submitted, and where it is with TLS from the first byte (RFC 8314 §3.3).
const SUBMISSION: usize = 587;
const SUBMISSIONS: usize = 465;

/// Shortest text that signs, in characters.
const SIGNING_TEXT_MIN: usize = 24;
/// How many bytes a key in base64 has, as Standard Webhooks wants it.
const SIGNING_KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const SIGNING_HINT: &str = "`echo whsec_$(openssl rand -base64 32)` makes one";

pub(super) fn mail(
    root: &Table<'_, '_>,
    pages: Option<&BaseUrl>,
    reading: &mut Reading<'_>,
) -> Option<MailConfig> {
    let table = root.table("mail", &section::MAIL, &mut reading.report)?;
    let login = login(&table, reading);
    let report = &mut reading.report;
    let hint = "whom it comes from: `from = \"Countersign <countersign@example.com>\"`";
    let from = table.require("from", hint, report).and_then(|node| mailbox(&node, report));
    let hint = "the server that takes it: `host = \"smtp.example.com\"`";
    let host = table.require("host", hint, report).and_then(|node| host(&node, report));
    let tls = table.choice("tls", &TLS, report).unwrap_or(MailTls::StartTls);
    let port = port(&table, tls, report);
    if let (MailTls::None, Some(host), Some(node)) = (tls, &host, table.get("tls"))
        && !is_loopback(host)
    {
        let message = format!("mail would travel to {} without TLS", quoted(host));
        report.problem(&node.at, message).hint("write `tls = \"starttls\"` or `\"implicit\"`");
    }
    let fallback = fallback(&table, report);
    if pages.is_none_or(BaseUrl::is_loopback) {
        let message = "links in mail lead to this machine, which is nowhere for others";
        let hint = "say how people reach the pages: `url` in `[approvals]`";
        report.warning(&table.at, message).hint(hint);
    }
    let ca = table.get("ca").and_then(|node| path(&node, reading));
    Some(MailConfig { from: from?, host: host?, port: port?, tls, ca, login, fallback })
}

/// Account and password; nothing if neither is written, or if what is has been reported.
fn login(table: &Table<'_, '_>, reading: &mut Reading<'_>) -> Option<(String, Secret)> {
    let user = table.get("user").map(|node| line(&node, 256, &mut reading.report));
    let password = table.get("password").map(|node| secret(&node, reading));
    match (user, password) {
        (None, None) => None,
        (Some(user), Some(password)) => Some((user?, password?)),
        (Some(_), None) | (None, Some(_)) => {
            let hint = "a server that asks for neither takes mail without";
            let message = "`user` and `password` go together";
            reading.report.problem(&table.at, message).hint(hint);
            None
        }
    }
}

fn port(table: &Table<'_, '_>, tls: MailTls, report: &mut Report<'_>) -> Option<u16> {
    let usual = match tls {
        MailTls::Implicit => SUBMISSIONS,
        MailTls::None | MailTls::StartTls => SUBMISSION,
    };
    let Some(node) = table.get("port") else { return u16::try_from(usual).ok() };
    let port = table.count("port", 1..=65_535, report)?;
    if port == SUBMISSIONS && tls == MailTls::StartTls {
        let message = "servers speak TLS on this port from the first byte";
        report.warning(&node.at, message).hint("write `tls = \"implicit\"`");
    }
    u16::try_from(port).ok()
}

fn fallback(table: &Table<'_, '_>, report: &mut Report<'_>) -> Vec<String> {
    let hint = "who gets what nobody else would get: `fallback = [\"ops@example.com\"]`";
    let Some(node) = table.require("fallback", hint, report) else { return Vec::new() };
    let items = node.items(report);
    if node.is_list() && items.is_empty() {
        report.problem(&node.at, "expected at least one address").hint(hint);
    }
    items.iter().filter_map(|item| email(item, report)).collect()
}

pub(super) fn webhooks(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> Vec<Webhook> {
    let tables = root.tables("webhook", &section::WEBHOOK, &mut reading.report);
    let mut names = Taken::default();
    let webhook = |table| webhook(&table, &mut names, reading);
    tables.into_iter().filter_map(webhook).collect()
}

/// What the file calls the kinds of webhooks.
#[derive(Clone, Copy)]
enum Kind {
    Standard,
    Slack,
}

fn webhook(table: &Table<'_, '_>, names: &mut Taken, reading: &mut Reading<'_>) -> Option<Webhook> {
    let name = name(table, names, is_webhook_name, &mut reading.report);
    let kinds = [("standard", Kind::Standard), ("slack", Kind::Slack)];
    let kind = table.choice("kind", &kinds, &mut reading.report).unwrap_or(Kind::Standard);
    let hint = match kind {
        Kind::Standard => "where it is: `url = \"https://hooks.example.com/countersign\"`",
        Kind::Slack => "where it is: `url = { env = \"SLACK_WEBHOOK_URL\" }`",
    };
    let url = table.require("url", hint, &mut reading.report);
    let url = url.and_then(|node| url_of(&node, kind, reading));
    let kind = match (kind, table.get("secret")) {
        (Kind::Standard, Some(node)) => signing(&node, reading),
        (Kind::Standard, None) => {
            let report = &mut reading.report;
            report.problem(&table.at, "`secret` is missing").hint(SIGNING_HINT);
            None
        }
        (Kind::Slack, None) => Some(WebhookKind::Slack),
        (Kind::Slack, Some(node)) => {
            if !node.is_table() {
                reading.report.conceal(&node.at.span);
            }
            let message = "`secret` goes with `kind = \"standard\"`: Slack checks no signature";
            reading.report.problem(&node.at, message);
            None
        }
    };
    Some(Webhook { name: name?, url: url?, kind: kind? })
}

fn is_webhook_name(text: &str) -> Result<(), &'static str> {
    is_name(text)?;
    if text == "mail" { Err("another name: on record, `mail` is mail") } else { Ok(()) }
}

/// Whoever knows the address of a Slack webhook can post to it, so that it is a secret.
fn url_of(node: &Node<'_, '_>, kind: Kind, reading: &mut Reading<'_>) -> Option<Setting> {
    match (node.as_text(), kind) {
        (Some(_), Kind::Standard) => issuer(node, &mut reading.report).map(Setting::Plain),
        (Some(_), Kind::Slack) => {
            refuse_inline(node, &mut reading.report);
            None
        }
        (None, Kind::Standard | Kind::Slack) => {
            let url = secret(node, reading)?;
            let checked = check_concealed(url.expose());
            if let Err(why) = &checked {
                let message = format!("the address that is kept there is none: {why}");
                reading.report.problem(&node.at, message);
            }
            checked.ok().map(|()| Setting::Secret(url))
        }
    }
}

fn signing(node: &Node<'_, '_>, reading: &mut Reading<'_>) -> Option<WebhookKind> {
    let secret = secret(node, reading)?;
    let problem = match secret.expose().strip_prefix("whsec_") {
        Some(key) if !base64_bytes(key).is_some_and(|n| SIGNING_KEY_BYTES.contains(&n)) => {
            "expected 24 to 64 bytes in base64 after `whsec_`"
        }
        None if secret.expose().chars().count() < SIGNING_TEXT_MIN => {
            "the secret has fewer than 24 characters"
        }
        Some(_) | None => return Some(WebhookKind::Standard { secret }),
    };
    reading.report.problem(&node.at, problem).hint(SIGNING_HINT);
    None
}

/// How many bytes a text stands for in base64, if it is that.
fn base64_bytes(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches('=');
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
    let padded = text.len().is_multiple_of(4) && text.len() - digits.len() <= 2;
    (padded && digits.chars().all(fits)).then_some(digits.len() * 3 / 4)
}
