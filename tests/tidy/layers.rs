//! Arrows between crates point down only, and heavy outside crates stay in the one that needs them.

use crate::manifests::dependencies;
use crate::tree::Tree;

/// Each crate, its folder, and the crates it may know.
pub(crate) const CRATES: &[(&str, &str, &[&str])] = &[
    ("events", "ledger/events", &[]),
    ("tlog", "ledger/tlog", &[]),
    ("verify", "ledger/verify", &["events", "tlog"]),
    ("policy", "proxy/policy", &["events"]),
    ("ledger", "ledger", &["events", "tlog"]),
    ("identity", "approvals/identity", &["events"]),
    ("approvals", "approvals", &["events", "ledger", "policy", "identity"]),
    ("analytics", "analytics", &["events", "tlog", "ledger", "policy"]),
    (
        "dashboards",
        "dashboards",
        &["events", "tlog", "ledger", "identity", "approvals", "analytics"],
    ),
    (
        "proxy",
        "proxy",
        &[
            "events",
            "tlog",
            "verify",
            "policy",
            "ledger",
            "identity",
            "approvals",
            "analytics",
            "dashboards",
        ],
    ),
    ("tests", "tests", &["events", "tlog", "ledger", "approvals", "proxy"]),
];

/// Outside crates that cost much to build, or that would blur a border, and who may name them.
const CONFINED: &[(&str, &[&str])] = &[
    ("arrow", &["analytics"]),
    ("async-nats", &["ledger"]),
    ("axum", &["proxy", "approvals", "dashboards"]),
    ("datafusion", &["analytics"]),
    ("lettre", &["approvals"]),
    ("parquet", &["analytics"]),
    ("rdkafka", &["ledger"]),
];

fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, folder, allowed) in CRATES {
        let path = format!("{folder}/Cargo.toml");
        for used in tree.text(&path).into_iter().flat_map(dependencies) {
            let inside = CRATES.iter().any(|(inside, ..)| *inside == used);
            if inside && !allowed.contains(&used.as_str()) {
                complaints.push(format!(
                    "{path}: `{name}` must not know `{used}`: arrows point down only, \
                     so move what it needs to a crate below both"
                ));
            }
            let confined = CONFINED.iter().find(|(outside, _)| *outside == used);
            if let Some((outside, homes)) = confined
                && !homes.contains(name)
            {
                complaints.push(format!(
                    "{path}: `{outside}` belongs to {}: ask that crate for what you need",
                    homes.join(", ")
                ));
            }
        }
    }
    complaints
}

#[test]
fn crates_know_only_crates_below_them() {
    crate::assert_tidy(check);
}

#[test]
fn an_arrow_that_points_up_is_noticed() {
    let up = ("ledger/Cargo.toml", "[dependencies]\nproxy.workspace = true\n");
    crate::assert_noticed(check, &[up], "ledger/Cargo.toml: `ledger` must not know `proxy`");
    let heavy = ("ledger/Cargo.toml", "[dev-dependencies]\ndatafusion = { workspace = true }\n");
    crate::assert_noticed(check, &[heavy], "`datafusion` belongs to analytics");
    let down = ("ledger/Cargo.toml", "[dependencies]\nevents.workspace = true\n");
    crate::assert_passed(check, &[down]);
}
