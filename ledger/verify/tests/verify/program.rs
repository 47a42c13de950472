//! The program as auditors run it: what it prints, and how it ends.

use crate::made::{Made, key};
use std::fs;
use std::process::Command;

fn run(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output =
        Command::new(env!("CARGO_BIN_EXE_ledger-verify")).args(arguments).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn it_ends_with_0_for_verified_evidence_and_with_1_for_findings() {
    let log = Made::whole(3).log();
    let path = log.path().to_str().unwrap();
    let vkey = key().verifier().to_string();
    let (code, out, _) = run(&["--vkey", &vkey, path]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("records            ok") && out.ends_with("in order\n"), "{out}");
    let (code, out, _) = run(&[path]);
    assert_eq!(code, Some(1), "{out}");
    assert!(out.contains("NOT VERIFIED: 1 findings"), "{out}");
    let (code, out, _) = run(&["--json", "--vkey", &vkey, path]);
    let document: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &document[0]["verified"]), (Some(0), &true.into()), "{out}");
}

#[test]
fn it_ends_with_64_for_bad_usage_and_with_74_for_what_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().to_str().unwrap();
    assert_eq!(run(&[]).0, Some(64));
    assert_eq!(run(&["--no-such-thing", empty]).0, Some(64));
    assert_eq!(run(&["--vkey", "nonsense", empty]).0, Some(64));
    assert_eq!(run(&["--policy", "no-such-file", empty]).0, Some(74));
    assert_eq!(run(&["no-such-thing"]).0, Some(74));
    assert_eq!(run(&[empty]).0, Some(74));
    assert_eq!(run(&["http://127.0.0.1:9/"]).0, Some(74));
    assert_eq!(run(&["--help"]).0, Some(0));
}

#[test]
fn a_policy_from_a_file_is_used() {
    let log = Made::whole(3).log();
    let policy = log.path().join("mine");
    fs::write(&policy, format!("log {}\nquorum none\n", key().verifier())).unwrap();
    let known = log.path().join("checkpoint");
    let arguments = [
        "--policy",
        policy.to_str().unwrap(),
        "--known",
        known.to_str().unwrap(),
        log.path().to_str().unwrap(),
    ];
    let (code, out, _) = run(&arguments);
    assert_eq!(code, Some(0), "{out}");
}
