//! Files, functions and lines stay small enough to read.

use crate::source::{code, item_end, production, words};
use crate::tree::{File, Tree};

/// Lines of a file that are not tests.
const FILE_LINES_MAX: usize = 500;
/// Lines of `lib.rs` and `main.rs`, which say what there is and do little.
const ROOT_LINES_MAX: usize = 100;
/// Lines of tests in a file of something else.
const TEST_LINES_MAX: usize = 100;
/// Lines of code in a function.
const FUNCTION_LINES_MAX: usize = 70;
/// Characters of a line.
const COLUMNS_MAX: usize = 100;
/// Lines of documents that people read from top to bottom.
const DOCUMENTS: &[(&str, usize)] =
    &[("ARCHITECTURE.md", 300), ("CONTRIBUTING.md", 150), ("README.md", 150)];

fn check_files(tree: &Tree) -> Vec<String> {
    tree.ending(".rs").flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<String> {
    let (path, code) = (&file.path, code(&file.text));
    let all = file.text.lines().count();
    let tests = test_lines(&code);
    let is_suite = path.contains("/tests/") || path.ends_with("/tests.rs");
    let mut complaints = Vec::new();
    let is_root = path.ends_with("src/lib.rs") || path.ends_with("src/main.rs");
    let most = if is_root && !path.starts_with("tests/") { ROOT_LINES_MAX } else { FILE_LINES_MAX };
    if all - tests > most {
        complaints.push(format!(
            "{path}: {} lines that are not tests, {most} at most: split it by what it does",
            all - tests
        ));
    }
    if tests > TEST_LINES_MAX && !is_suite {
        complaints.push(format!(
            "{path}: {tests} lines of tests, {TEST_LINES_MAX} at most: move them to `{}/tests.rs`",
            path.trim_end_matches(".rs")
        ));
    }
    for (line, name, lines) in functions(&code) {
        if lines > FUNCTION_LINES_MAX {
            complaints.push(format!(
                "{path}:{line}: `{name}` has {lines} lines, {FUNCTION_LINES_MAX} at most: \
                 give its steps names"
            ));
        }
    }
    complaints
}

/// How many lines the items for tests alone take.
fn test_lines(code: &str) -> usize {
    let (all, kept) = (code.lines(), production(code));
    all.zip(kept.lines()).filter(|(all, kept)| all.trim() != kept.trim()).count()
}

/// Each function's first line, name, and lines of code between its braces.
fn functions(code: &str) -> Vec<(usize, String, usize)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let (before, rest) = code.split_at(at);
        let item = rest.split_at(item_end(rest)).0;
        if before.ends_with(|last: char| last.is_alphanumeric() || last == '_') {
            continue;
        }
        if let (Some(name), Some((_, body))) = (words(item).nth(1), item.split_once('{')) {
            let lines = body.lines().filter(|line| !line.trim().is_empty()).count();
            found.push((before.lines().count().max(1), name.to_owned(), lines.saturating_sub(1)));
        }
    }
    found
}

fn check_columns(tree: &Tree) -> Vec<String> {
    let mut complaints = Vec::new();
    for file in tree.ending(".rs").chain(tree.ending(".md")) {
        let code = if is_document(file) { String::new() } else { code(&file.text) };
        let mut code = code.lines();
        for (line, text) in file.text.lines().enumerate() {
            let code = code.next();
            let is_wide = text.chars().count() > COLUMNS_MAX;
            if is_wide && !text.contains("://") && !cannot_be_broken(text, code) {
                complaints.push(format!(
                    "{}:{}: over {COLUMNS_MAX} columns: break the line",
                    file.path,
                    line + 1
                ));
            }
        }
    }
    complaints
}

fn is_document(file: &File) -> bool {
    file.path.rsplit('.').next() == Some("md")
}

/// Whether a line is a table's row in a document, or, in Rust, a long string above all.
fn cannot_be_broken(text: &str, code: Option<&str>) -> bool {
    code.map_or(text.starts_with('|'), |code| {
        let blank = code.chars().filter(|next| *next == ' ').count();
        blank > COLUMNS_MAX / 2 && !text.contains("//")
    })
}

fn check_documents(tree: &Tree) -> Vec<String> {
    let lines = |path| tree.text(path).map_or(0, |text| text.lines().count());
    let long = DOCUMENTS.iter().filter(|(path, most)| lines(path) > *most);
    long.map(|(path, most)| {
        format!("{path}: {} lines, {most} at most: move detail to docs/", lines(path))
    })
    .collect()
}

#[test]
fn files_and_functions_are_small() {
    crate::assert_tidy(check_files);
}

#[test]
fn lines_are_at_most_100_columns_wide() {
    crate::assert_tidy(check_columns);
}

#[test]
fn documents_are_short() {
    crate::assert_tidy(check_documents);
}

#[test]
fn what_is_too_long_is_noticed() {
    let long = "const X: u8 = 1;\n".repeat(501);
    crate::assert_noticed(check_files, &[("ledger/src/a.rs", &long)], "501 lines");
    let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "const X: u8 = 1;\n".repeat(100));
    crate::assert_noticed(
        check_files,
        &[("ledger/src/a.rs", &tests)],
        "move them to `ledger/src/a/",
    );
    crate::assert_passed(check_files, &[("ledger/src/a/tests.rs", &tests)]);
    let function =
        |lines| format!("fn f(x: [u8; 2]) {{\n{}}}\n", "// why\n    g();\n".repeat(lines));
    crate::assert_noticed(check_files, &[("a.rs", &function(71))], "a.rs:1: `f` has 71 lines");
    crate::assert_passed(check_files, &[("a.rs", &function(70))]);
    let wide = "x".repeat(101);
    crate::assert_noticed(check_columns, &[("docs/a.md", &wide)], "docs/a.md:1: over 100 columns");
    crate::assert_noticed(check_columns, &[("a.rs", &format!("f({wide})"))], "a.rs:1: over 100");
    crate::assert_passed(check_columns, &[("docs/a.md", &format!("| {wide} |"))]);
    crate::assert_passed(check_columns, &[("a.rs", &format!("f(\n    r#\"{wide}\"#\n)"))]);
    crate::assert_noticed(check_documents, &[("README.md", &"\n".repeat(151))], "151 lines");
}
