//! Reads `[[issuer]]`: whose tokens identify agents.

use std::collections::BTreeMap;

use super::super::diagnostic::{At, Report, quoted};
use super::super::section;
use super::super::shape::TokenIssuer;
use super::super::walk::Table;
use super::addresses::{document, issuer};
use super::{Taken, is_name, line, name};

/// Longest audience and longest name of a claim, in bytes.
const TEXT_BYTES_MAX: usize = 512;

/// The issuers that can be used, and the names of all that were written.
pub(super) fn issuers(
    root: &Table<'_, '_>,
    report: &mut Report<'_>,
) -> (Vec<TokenIssuer>, Vec<String>) {
    let (mut names, mut urls) = (Taken::default(), BTreeMap::new());
    let mut issuers = Vec::new();
    for table in root.tables("issuer", &section::ISSUER, report) {
        issuers.extend(token_issuer(&table, (&mut names, &mut urls), report));
    }
    (issuers, names.0.into_keys().collect())
}

/// Of two issuers with one address, nobody could say whose a token is.
fn take_url(url: &str, at: &At, urls: &mut BTreeMap<String, usize>, report: &mut Report<'_>) {
    let line = report.line_of(at);
    let first = *urls.entry(url.to_owned()).or_insert(line);
    if first != line {
        let message = format!("{} is the issuer on line {first} already", quoted(url));
        report.problem(at, message).hint("write one `[[issuer]]` for it");
    }
}

fn token_issuer(
    table: &Table<'_, '_>,
    (names, urls): (&mut Taken, &mut BTreeMap<String, usize>),
    report: &mut Report<'_>,
) -> Option<TokenIssuer> {
    let name = name(table, names, is_name, report);
    let hint = "what `iss` says in its tokens, as in `url = \"https://login.example.com\"`";
    let node = table.require("url", hint, report);
    let url = node.as_ref().and_then(|node| issuer(node, report));
    if let (Some(url), Some(node)) = (&url, &node) {
        take_url(url, &node.at, urls, report);
    }
    let hint = "what `aud` says in tokens for this gateway: a token for others must not open it";
    let audience = table.require("audience", hint, report);
    let audience = audience.and_then(|node| line(&node, TEXT_BYTES_MAX, report));
    let jwks = match table.get("jwks") {
        Some(node) => document(&node, report).map(Some),
        None => Some(None),
    };
    let claim = table.get("agent_claim").map(|node| line(&node, TEXT_BYTES_MAX, report));
    let owner_claim = match table.get("owner_claim") {
        Some(node) => line(&node, TEXT_BYTES_MAX, report).map(Some),
        None => Some(None),
    };
    Some(TokenIssuer {
        name: name?,
        url: url?,
        audience: audience?,
        jwks: jwks?,
        agent_claim: claim.unwrap_or_else(|| Some("client_id".to_owned()))?,
        owner_claim: owner_claim?,
    })
}
