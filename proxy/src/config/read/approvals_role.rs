//! Reads the whole file of a service where people decide.

use toml::de::DeTable;

use super::super::approvals_role::ApprovalsRole;
use super::super::section;
use super::super::shape::Config;
use super::super::walk::Table;
use super::{
    Reading, checkpoints, counterparts, data, ledger, listeners, notices, people, witnesses,
};

/// Reads the document. The result is usable only if the report has no problem.
pub(in super::super) fn approvals_role(
    document: &DeTable<'_>,
    reading: &mut Reading<'_>,
) -> ApprovalsRole {
    let root = Table::root(document, &section::ROLE_APPROVALS, &mut reading.report);
    let data = data(&root, reading);
    let (witnesses, written) = witnesses::witnesses(&root, &mut reading.report);
    let (approvals, service) = people::approvals(&root, reading);
    if service.is_some()
        && let Some(node) = root.get("approvals")
    {
        let message = "this is the service where people decide, and names another one";
        reading.report.problem(&node.at, message).hint("remove `service`");
    }
    let providers = people::providers(&root, reading);
    let mut listen = listeners::of_people(&root, reading);
    listeners::answer_to(&mut listen, &approvals.url);
    let config = Config {
        data,
        listen,
        ledger: ledger(&root, reading),
        checkpoints: checkpoints(&root, written, reading),
        witnesses,
        people: people::people(&root, &providers, &mut reading.report),
        mail: notices::mail(&root, approvals.url.as_ref(), reading),
        webhooks: notices::webhooks(&root, reading),
        approvals,
        providers,
        ..Config::default()
    };
    ApprovalsRole { config, gateways: counterparts::gateways(&root, reading) }
}
