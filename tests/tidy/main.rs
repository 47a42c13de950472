//! What the compiler does not check about the house; a suite like any other.
//!
//! Every complaint names the file and the remedy. Every check has a test of its own, on a small
//! tree that breaks the rule.

#![expect(clippy::unwrap_used, reason = "a check that cannot read the tree must fail")]

mod tree;

mod source;

mod paths;

mod documents;

mod invariants;

mod layers;

mod manifests;

mod marks;

mod modules;

mod pages;

mod purity;

mod sizes;

mod words;

use tree::Tree;

/// Fails with all complaints of a check about the repository, one per line.
#[track_caller]
fn assert_tidy(check: fn(&Tree) -> Vec<String>) {
    let complaints = check(&Tree::of_repository());
    assert!(complaints.is_empty(), "\n{}\n", complaints.join("\n"));
}

/// Fails unless a check complains about these files exactly once, with these words.
#[track_caller]
fn assert_noticed(check: fn(&Tree) -> Vec<String>, files: &[(&str, &str)], words: &str) {
    let complaints = check(&Tree::of(files));
    assert_eq!(complaints.len(), 1, "{complaints:#?}");
    assert!(complaints.iter().all(|complaint| complaint.contains(words)), "{complaints:#?}");
}

/// Fails if a check complains about these files.
#[track_caller]
fn assert_passed(check: fn(&Tree) -> Vec<String>, files: &[(&str, &str)]) {
    assert_eq!(check(&Tree::of(files)), Vec::<String>::new());
}
