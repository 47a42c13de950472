//! People, what is given to them and to agents, what is taken from them, and policies.

use crate::words;
use events::{
    DelegationOpened, PasskeyRegistered, PasskeyRemoved, PersonAdded, PersonRefused,
    PersonSignedIn, PolicyLoaded, PolicyRejected, SignInFailed,
};
use std::sync::Arc;

pub(super) fn added(fact: &PersonAdded) -> String {
    format!("{}: {}, {}", fact.by, fact.person.email, belongs(&fact.roles, &fact.groups))
}

/// Roles and groups in words.
fn belongs(roles: &[Arc<str>], groups: &[Arc<str>]) -> String {
    let roles = if roles.is_empty() { "no role".to_owned() } else { roles.join(", ") };
    if groups.is_empty() { roles } else { format!("{roles}, of {}", groups.join(", ")) }
}

fn from(peer: Option<&str>) -> String {
    peer.map_or(String::new(), |peer| format!(" from {peer}"))
}

pub(super) fn signed_in(fact: &PersonSignedIn) -> String {
    let (from, what) = (from(fact.peer.as_deref()), belongs(&fact.roles, &fact.groups));
    let until = words::moment(fact.expires);
    format!("{} by {}{from}, {what}, until {until}", fact.person.email, fact.method)
}

pub(super) fn passkey_registered(fact: &PasskeyRegistered) -> String {
    format!("{} for {} ({})", fact.person.email, fact.origin, fact.credential)
}

pub(super) fn passkey_removed(fact: &PasskeyRemoved) -> String {
    format!("{}: {} ({})", fact.by, fact.person.email, fact.credential)
}

pub(super) fn sign_in_failed(fact: &SignInFailed) -> String {
    let who = fact.account.as_deref().unwrap_or("somebody");
    format!("{who} by {}{}: {}", fact.method, from(fact.peer.as_deref()), fact.detail)
}

pub(super) fn refused(fact: &PersonRefused) -> String {
    let who = fact.by.as_ref().map_or("somebody", |by| &by.email);
    format!("{who}: {}: {} ({})", fact.what, fact.detail, fact.code)
}

pub(super) fn delegated(fact: &DelegationOpened) -> String {
    let (from, until) = (&fact.from.email, words::moment(fact.until));
    let what = belongs(&fact.roles, &fact.groups);
    format!("{} in place of {from} until {until}, {what}: {}", fact.to, fact.reason)
}

pub(super) fn loaded(fact: &PolicyLoaded) -> String {
    let (digest, decide) = (words::beginning(&fact.digest), words::grouped(fact.policies));
    let watched =
        if fact.shadow == 0 { String::new() } else { format!(", {} watched", fact.shadow) };
    format!("{digest}, {decide} decide{watched}: {}", fact.files.join(", "))
}

pub(super) fn rejected(fact: &PolicyRejected) -> String {
    let digest = words::beginning(&fact.digest);
    let problem = fact.problems.first().map_or("no problem is named", |problem| problem);
    let more = match fact.problems.len() {
        0 | 1 => String::new(),
        count => format!(", and {} more", count - 1),
    };
    format!("{digest}, {}: {problem}{more}", fact.files.join(", "))
}
