//! Nothing in the tree is unfinished, or depends on one machine or one package registry.

use crate::source::words;
use crate::tree::Tree;

/// Marks of unfinished work; spelled in halves, so that this file passes.
const UNFINISHED: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME")];

/// Paths of one machine, and hosts that only a package manager should know.
const FOREIGN: &[&str] = &[
    concat!("/wo", "rk/"),
    concat!("/ro", "ot/"),
    concat!("registry.np", "mjs.org"),
    concat!("py", "pi.org"),
    concat!("python", "hosted.org"),
    concat!("static.crates", ".io"),
    concat!("index.crates", ".io"),
    concat!("proxy.golang", ".org"),
];

fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in tree.files().filter(|file| !file.path.ends_with("Cargo.lock")) {
        for (line, text) in file.text.lines().enumerate() {
            let place = format!("{}:{}", file.path, line + 1);
            if let Some(mark) = words(text).find(|word| UNFINISHED.contains(word)) {
                complaints.push(format!("{place}: `{mark}`: finish it, or open an issue"));
            }
            if let Some(foreign) = FOREIGN.iter().find(|foreign| text.contains(**foreign)) {
                complaints.push(format!(
                    "{place}: `{foreign}` exists on one machine or network alone: leave it out"
                ));
            }
        }
    }
    complaints
}

#[test]
fn the_tree_is_finished_and_belongs_to_no_machine() {
    crate::assert_tidy(check);
}

#[test]
fn a_mark_or_a_foreign_place_is_noticed() {
    let mark = concat!("let x = 1; // TO", "DO: think\n");
    crate::assert_noticed(check, &[("a.rs", mark)], "a.rs:1: ");
    let place = concat!("\ncd /wo", "rk/main\n");
    crate::assert_noticed(check, &[("run", place)], "run:2: ");
    crate::assert_passed(check, &[("a.md", "How to do it, at work.\n")]);
}
