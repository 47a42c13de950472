//! `ledger-verify`: the auditor's program.

fn main() {}
