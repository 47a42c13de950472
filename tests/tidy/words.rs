//! Files say what they are: in their name, and in their first sentence.

use crate::tree::{File, Tree};

/// Names that say nothing about what a file does.
const VAGUE: &[&str] = &[
    "common", "core", "helper", "helpers", "lib2", "manager", "misc", "mod", "shared", "types",
    "util", "utils",
];

fn check_names(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in tree.files() {
        let parts = file.path.split('/').map(|part| part.split('.').next().unwrap_or_default());
        for part in parts.filter(|part| VAGUE.contains(part)) {
            complaints.push(format!("{}: `{part}` says nothing: name what it does", file.path));
        }
    }
    complaints
}

fn check_openings(tree: &Tree) -> Vec<String> {
    let opens = |file: &&File| !opens_with_a_sentence(&file.text);
    tree.ending(".rs")
        .filter(opens)
        .map(|file| format!("{}: does not open with `//! One sentence.`: add it", file.path))
        .collect()
}

/// Whether the first paragraph of the file's own documentation is at least one whole sentence.
fn opens_with_a_sentence(text: &str) -> bool {
    let lines = text.lines().map_while(|line| line.strip_prefix("//! "));
    let paragraph: String = lines.collect::<Vec<_>>().join(" ");
    paragraph.split_whitespace().count() >= 3 && paragraph.ends_with(['.', ':'])
}

#[test]
fn names_say_what_is_inside() {
    crate::assert_tidy(check_names);
}

#[test]
fn files_open_with_a_sentence() {
    crate::assert_tidy(check_openings);
}

#[test]
fn a_vague_name_or_a_silent_opening_is_noticed() {
    crate::assert_noticed(check_names, &[("proxy/src/utils.rs", "")], "`utils` says nothing");
    crate::assert_noticed(check_names, &[("proxy/src/common/a.rs", "")], "`common` says nothing");
    crate::assert_passed(check_names, &[("proxy/src/gate.rs", "")]);
    crate::assert_noticed(check_openings, &[("a.rs", "use std::fmt;\n")], "does not open");
    crate::assert_noticed(check_openings, &[("a.rs", "//! The gate\n")], "does not open");
    crate::assert_passed(
        check_openings,
        &[("a.rs", "//! The order of\n//! a call.\n//!\n//! B\n")],
    );
}
