//! Every invariant in ARCHITECTURE.md names tests that exist, or says that it is not kept yet.
//!
//! An invariant is a paragraph that begins `**I1.`. Its tests follow `Kept by:`, each as
//! `` `part::of::path::name` ``, where the name is a test or a file of tests, or as
//! `` `path/to/file.rs` ``, whose documentation has tests. What waits for a later part follows
//! `Not yet:`.

use crate::tree::{File, Tree};

const DOCUMENT: &str = "ARCHITECTURE.md";
const COUNT: usize = 10;

fn check(tree: &Tree) -> Vec<String> {
    let text = tree.text(DOCUMENT).unwrap_or_default();
    let paragraphs: Vec<&str> =
        text.split("\n\n").filter(|paragraph| paragraph.trim().starts_with("**I")).collect();
    let mut complaints = Vec::new();
    for number in 1..=COUNT {
        let start = format!("**I{number}.");
        let found: Vec<_> =
            paragraphs.iter().filter(|paragraph| paragraph.trim().starts_with(&start)).collect();
        match found.as_slice() {
            [paragraph] => complaints.extend(check_invariant(tree, number, paragraph)),
            _ => complaints.push(format!(
                "{DOCUMENT}: I{number} stands there {} times: write each of the {COUNT} once",
                found.len()
            )),
        }
    }
    complaints
}

fn check_invariant(tree: &Tree, number: usize, paragraph: &str) -> Vec<String> {
    let Some((_, tests)) = paragraph.split_once("Kept by:") else {
        let excused = paragraph.contains("Not yet:");
        let complaint = format!(
            "{DOCUMENT}: I{number} names no test: add `Kept by:` with one, or `Not yet:` and why"
        );
        return if excused { Vec::new() } else { vec![complaint] };
    };
    let tests = tests.split("Not yet:").next().unwrap_or_default();
    let names: Vec<&str> = tests.split('`').skip(1).step_by(2).collect();
    let mut complaints: Vec<String> = names
        .iter()
        .filter(|name| !exists(tree, name))
        .map(|name| {
            format!("{DOCUMENT}: I{number} names the test `{name}`, which is not there: correct it")
        })
        .collect();
    if names.is_empty() {
        complaints
            .push(format!("{DOCUMENT}: I{number} says `Kept by:` and names no test: add one"));
    }
    complaints
}

/// Whether a test of this name is in a file whose path has the other parts, in their order.
fn exists(tree: &Tree, name: &str) -> bool {
    if name.contains('/') {
        return tree.text(name).is_some_and(|text| text.contains("/// ```"));
    }
    let suite = format!("/{}.rs", name.replace("::", "/"));
    if tree.files().any(|file| file.path.ends_with(&suite) && has_tests(file)) {
        return true;
    }
    let mut parts: Vec<&str> = name.split("::").collect();
    let function = format!("fn {}(", parts.pop().unwrap_or_default());
    tree.ending(".rs").any(|file| {
        let mut path = file.path.trim_end_matches(".rs").split('/');
        parts.iter().all(|part| path.any(|found| found == *part))
            && has_tests(file)
            && file.text.contains(&function)
    })
}

/// Whether a file has tests; the conformance suite has functions that a macro turns into tests.
fn has_tests(file: &File) -> bool {
    file.text.contains("#[test]")
        || file.text.contains("::test]")
        || file.path == "ledger/src/conformance.rs"
}

#[test]
fn every_invariant_names_tests_that_exist() {
    crate::assert_tidy(check);
}

#[test]
fn an_invariant_without_a_test_is_noticed() {
    let suite = ("tests/gate/main.rs", "#[test]\nfn nothing_leaves() {}\n");
    let write = |first: &str| {
        let later: Vec<String> = (2..=COUNT).map(|n| format!("**I{n}. B.** Not yet: x.")).collect();
        format!("# A\n\n**I1. A.** {first}\n\n{}\n", later.join("\n\n"))
    };
    let with = |text: &str, complaint: &str| {
        crate::assert_noticed(check, &[suite, (DOCUMENT, &write(text))], complaint);
    };
    crate::assert_passed(check, &[suite, (DOCUMENT, &write("Kept by: `gate::nothing_leaves`."))]);
    crate::assert_passed(check, &[suite, (DOCUMENT, &write("Kept by: `gate::main`."))]);
    with("Kept by: `gate::something_leaves`.", "`gate::something_leaves`, which is not there");
    with("Kept by: `ledger::nothing_leaves`.", "which is not there");
    with("Kept by: hope.", "names no test");
    with("It just is.", "I1 names no test");
    with("Kept by: `gate::nothing_leaves`.\n\n**I1. Again.** Not yet: x.", "2 times");
}
