//! Code that decides, reads or encodes knows no clock, disk, network, environment, chance or task.

use crate::paths::named;
use crate::source::{code, production, words};
use crate::tree::Tree;

/// Where pure code lives: a path that begins so, and goes on with `/` or `.rs`.
const PURE: &[&str] = &[
    "approvals/identity/src/cbor",
    "approvals/identity/src/challenge",
    "approvals/identity/src/claims",
    "approvals/identity/src/cookie",
    "approvals/identity/src/jwk",
    "approvals/identity/src/jwt",
    "approvals/identity/src/person",
    "approvals/identity/src/role",
    "approvals/identity/src/strict",
    "approvals/src/grant",
    "approvals/src/hold",
    "approvals/src/limits",
    "approvals/src/oversight",
    "approvals/src/roster",
    "approvals/src/threshold",
    "approvals/src/time",
    "dashboards/src/pages",
    "dashboards/src/truth",
    "ledger/events/src",
    "ledger/tlog/src",
    "ledger/verify/src/audit",
    "ledger/verify/src/finding",
    "ledger/verify/src/record",
    "ledger/verify/src/report",
    "ledger/verify/src/trust",
    "proxy/policy/src",
    "proxy/src/correlate",
    "proxy/src/dialect",
    "proxy/src/json",
    "proxy/src/sse",
];

/// Parts of the standard library that reach outside.
const OUTSIDE: &[&str] = &["env", "fs", "net", "process", "thread"];

/// Words that pure code has no use for.
const WORDS: &[&str] = &["Instant", "SystemTime", "async", "await", "getrandom", "rand", "tokio"];

fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    let pure = |path: &str| {
        PURE.iter()
            .filter_map(|start| path.strip_prefix(start))
            .any(|rest| rest.starts_with('/') || rest == ".rs")
            && !path.contains("/tests")
    };
    for file in tree.ending(".rs").filter(|file| pure(&file.path)) {
        let code = production(&code(&file.text));
        let mut complain = |line: usize, word: &str| {
            complaints.push(format!(
                "{}:{line}: pure code names `{word}`: let the caller pass in what it yields",
                file.path
            ));
        };
        for found in named(&code, &["std"]) {
            if let Some(part) = found.path.get(1).filter(|part| OUTSIDE.contains(&part.as_str())) {
                complain(found.line, part);
            }
        }
        for (line, text) in code.lines().enumerate() {
            if text.contains("::now(") {
                complain(line + 1, "now");
            }
            words(text)
                .filter(|word| WORDS.contains(word))
                .for_each(|word| complain(line + 1, word));
        }
    }
    complaints
}

#[test]
fn pure_code_reaches_nothing_outside() {
    crate::assert_tidy(check);
}

#[test]
fn a_clock_or_a_disk_in_pure_code_is_noticed() {
    let clock = "//! It does not know what time it is now.\nfn f() {\n    Clock::now();\n}\n";
    crate::assert_noticed(
        check,
        &[("proxy/src/json.rs", clock)],
        "json.rs:3: pure code names `now`",
    );
    crate::assert_passed(check, &[("proxy/src/correlate.rs", "fn f(now: u64) { g(now) }\n")]);
    let disk = "use std::{fmt, fs};\n";
    crate::assert_noticed(check, &[("ledger/events/src/id.rs", disk)], "names `fs`");
    crate::assert_passed(check, &[("proxy/src/standin.rs", disk)]);
    let test = "#[cfg(test)]\nmod tests {\n    use std::fs;\n}\n";
    crate::assert_passed(check, &[("proxy/src/json/read.rs", test)]);
}
