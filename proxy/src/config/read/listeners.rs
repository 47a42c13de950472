//! Reads `[listen]`: addresses, and the host names and browser origins that may be used with them.

use std::net::SocketAddr;

use super::super::base_url::BaseUrl;
use super::super::diagnostic::{At, Report, quoted};
use super::super::section;
use super::super::shape::Listen;
use super::super::walk::{Node, Table};
use super::Reading;
use super::addresses::public_url;

pub(super) fn listen(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> Listen {
    let report = &mut reading.report;
    let mut listen = Listen::default();
    let Some(table) = root.table("listen", &section::LISTEN, report) else { return listen };
    let agents = table.get("agents");
    let people = table.get("people");
    let read = |node: &Option<Node<'_, '_>>, default, report: &mut Report<'_>| {
        node.as_ref().and_then(|node| address(node, report)).unwrap_or(default)
    };
    listen.agents = read(&agents, listen.agents, report);
    listen.people = read(&people, listen.people, report);
    if clash(listen.agents, listen.people) {
        let at = people.or(agents).map_or(table.at.clone(), |node| node.at);
        report
            .problem(&at, "`agents` and `people` listen on the same port")
            .hint("give each its own: agents must not reach the pages where calls are approved");
    }
    listen.agents_url = table.get("agents_url").and_then(|node| public_url(&node, report));
    (listen.hosts, listen.origins) = callers(&table, report);
    listen
}

/// The host names and the browser origins.
fn callers(table: &Table<'_, '_>, report: &mut Report<'_>) -> (Vec<String>, Vec<String>) {
    let hosts = table.get("hosts").map(|node| node.items(report)).unwrap_or_default();
    let hosts = hosts.iter().filter_map(|item| host(item, report)).collect();
    let origins = table.get("origins").map(|node| node.items(report)).unwrap_or_default();
    (hosts, origins.iter().filter_map(|item| origin(item, report)).collect())
}

/// The listener of a service where people decide: it has no agents.
pub(super) fn of_people(root: &Table<'_, '_>, reading: &mut Reading<'_>) -> Listen {
    let report = &mut reading.report;
    let mut listen = Listen::default();
    let Some(table) = root.table("listen", &section::LISTEN_PEOPLE, report) else { return listen };
    let people = table.get("people").and_then(|node| address(&node, report));
    listen.people = people.unwrap_or(listen.people);
    (listen.hosts, listen.origins) = callers(&table, report);
    listen
}

/// Lets the listeners answer to the names by which the gateway is reached.
pub(super) fn answer_to<'u>(listen: &mut Listen, urls: impl IntoIterator<Item = &'u BaseUrl>) {
    for url in urls.into_iter().filter(|url| !url.is_loopback()) {
        let host = url.authority().as_str().to_lowercase();
        if !listen.hosts.contains(&host) {
            listen.hosts.push(host);
        }
    }
}

pub(super) fn address(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<SocketAddr> {
    let text = node.text(report)?;
    let Ok(address) = text.parse::<SocketAddr>() else {
        report
            .problem(&node.at, format!("expected an address and a port, found {}", quoted(text)))
            .hint("write numbers, as in `127.0.0.1:8080` or `[::1]:8080`");
        return None;
    };
    warn_if_open(address, &node.at, report);
    Some(address)
}

fn warn_if_open(address: SocketAddr, at: &At, report: &mut Report<'_>) {
    if !address.ip().is_loopback() {
        report
            .warning(at, format!("`{address}` is open to other machines, without TLS"))
            .hint("put a TLS terminator before it and name its host in `hosts`");
    }
}

/// Whether two listeners want the same port; port 0 is a fresh one each time.
fn clash(a: SocketAddr, b: SocketAddr) -> bool {
    let same_machine = a.ip() == b.ip() || a.ip().is_unspecified() || b.ip().is_unspecified();
    a.port() != 0 && a.port() == b.port() && same_machine
}

fn host(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let text = node.text(report)?;
    let url = BaseUrl::parse(&format!("http://{text}"));
    if !url.is_ok_and(|url| url.authority().as_str() == text) || text.contains('*') {
        report
            .problem(&node.at, format!("expected a host name, found {}", quoted(text)))
            .hint("write it as in `gateway.example.com` or `gateway.example.com:8443`");
        return None;
    }
    Some(text.to_lowercase())
}

fn origin(node: &Node<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let text = node.text(report)?;
    let url = BaseUrl::parse(text);
    if !url.is_ok_and(|url| url.prefix().is_empty() && url.to_string() == text)
        || text.contains('*')
    {
        report
            .problem(&node.at, format!("expected a browser origin, found {}", quoted(text)))
            .hint("write each one out, as in `https://console.example.com`, without a path");
        return None;
    }
    Some(text.to_lowercase())
}
