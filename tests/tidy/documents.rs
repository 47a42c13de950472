//! Every link within the tree leads somewhere: between documents, also to the right heading, and
//! from code to documents.

use crate::tree::{File, Tree};

fn check(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in tree.ending(".md") {
        for link in links(&file.text) {
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if path.is_empty() { file.path.clone() } else { joined(&file.path, path) };
            let there = tree.holds(&target);
            let headed = heading.is_empty()
                || tree.files().any(|file| file.path == target && has_heading(file, heading));
            if !there || !headed {
                complaints.push(format!(
                    "{}: the link to `{link}` leads nowhere: correct it, or write the page",
                    file.path
                ));
            }
        }
    }
    complaints
}

/// Complains about documents that a comment names by their path and that are not there.
fn check_mentions(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in tree.ending(".rs").filter(|file| !file.path.starts_with("tests/tidy/")) {
        let comments = file.text.lines().filter(|line| line.trim_start().starts_with("//"));
        for word in comments.flat_map(|line| line.split([' ', '`', '"', '(', ')', ','])) {
            let word = word.trim_end_matches(['.', ':', ';']);
            if word.starts_with("docs/") && !tree.holds(word) {
                complaints.push(format!("{}: names `{word}`: correct it, or write it", file.path));
            }
        }
    }
    complaints
}

/// The targets of links that stay within the tree.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    targets.filter(|link| !link.contains("://") && !link.starts_with("mailto:"))
}

/// The path of a link, from the root of the tree.
fn joined(file: &str, link: &str) -> String {
    let mut parts: Vec<&str> = file.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// Whether a document has a heading of this anchor, formed as forges form it.
fn has_heading(file: &File, anchor: &str) -> bool {
    file.text.lines().filter(|line| line.starts_with('#')).any(|line| {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        let kept = title.chars().filter(|next| next.is_alphanumeric() || " -_".contains(*next));
        kept.collect::<String>().replace(' ', "-") == anchor
    })
}

#[test]
fn every_link_leads_somewhere() {
    crate::assert_tidy(check);
}

#[test]
fn every_document_that_code_names_is_there() {
    crate::assert_tidy(check_mentions);
}

#[test]
fn a_broken_link_is_noticed() {
    let page = ("docs/a.md", "# A page, first\n");
    let good = ("README.md", "[a](docs/a.md), [b](docs/a.md#a-page-first), [c](https://x.org)");
    crate::assert_passed(check, &[page, good, ("docs/b.md", "[up](../README.md) [all](.)")]);
    crate::assert_noticed(check, &[page, ("README.md", "[a](docs/c.md)")], "`docs/c.md` leads");
    crate::assert_noticed(check, &[page, ("README.md", "[a](docs/a.md#b)")], "`docs/a.md#b` leads");
    let comment = ("a.rs", "//! The format is `docs/formats/a.md`.\n");
    crate::assert_noticed(check_mentions, &[comment], "a.rs: names `docs/formats/a.md`");
    crate::assert_passed(check_mentions, &[comment, ("docs/formats/a.md", "")]);
}
