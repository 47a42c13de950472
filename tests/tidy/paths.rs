//! The paths that code names (`crate::a::B`), with `use` trees spread out.

use crate::source::words;

/// A path and the line it stands in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Named {
    /// Counted from 1.
    pub(crate) line: usize,
    /// Its segments.
    pub(crate) path: Vec<String>,
}

/// Every path in `code` (without comments and strings) that begins with one of these roots.
pub(crate) fn named(code: &str, roots: &[&str]) -> Vec<Named> {
    let tokens = tokens(code);
    let mut found = Vec::new();
    for (at, (line, token)) in tokens.iter().enumerate() {
        let text = |index: usize| tokens.get(index).map(|(_, token)| token.as_str());
        let inside = at > 0 && text(at - 1) == Some("::");
        if roots.contains(&token.as_str()) && !inside && text(at + 1) == Some("::") {
            let mut paths = Vec::new();
            spread(&tokens, at, Vec::new(), &mut paths);
            found.extend(paths.into_iter().map(|path| Named { line: *line, path }));
        }
    }
    found
}

/// Follows one path or tree from `at`; returns where it ends.
fn spread(
    tokens: &[(usize, String)],
    mut at: usize,
    mut path: Vec<String>,
    found: &mut Vec<Vec<String>>,
) -> usize {
    let text = |index: usize| tokens.get(index).map_or("", |(_, token)| token.as_str());
    while text(at).starts_with(|first: char| first.is_alphanumeric() || first == '_') {
        path.push(text(at).to_owned());
        at += 1;
        if text(at) != "::" {
            found.push(path);
            return at;
        }
        at += 1;
    }
    if text(at) != "{" {
        found.push(path);
        return at + 1;
    }
    at += 1;
    while !matches!(text(at), "}" | "") {
        at = spread(tokens, at, path.clone(), found);
        while !matches!(text(at), "," | "}" | "") {
            at += 1;
        }
        at += usize::from(text(at) == ",");
    }
    at + 1
}

/// Words, `::`, and every other sign by itself, each with its line.
fn tokens(code: &str) -> Vec<(usize, String)> {
    let mut tokens = Vec::new();
    for (line, text) in code.lines().enumerate() {
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let length = if first.is_alphanumeric() || first == '_' {
                words(rest).next().map_or(1, str::len)
            } else if rest.starts_with("::") {
                2
            } else {
                first.len_utf8()
            };
            let (token, after) = rest.split_at(length);
            tokens.push((line + 1, token.to_owned()));
            rest = after.trim_start();
        }
    }
    tokens
}

#[test]
fn use_trees_are_spread_out() {
    let code = "use crate::{\n  a::{B, c::D as E},\n  F,\n};\nlet x = super::g::<u8>(crate::h());";
    let paths: Vec<String> = named(code, &["crate", "super"])
        .iter()
        .map(|named| format!("{} {}", named.line, named.path.join(" ")))
        .collect();
    assert_eq!(paths, ["1 crate a B", "1 crate a c D", "1 crate F", "5 super g", "5 crate h"],);
}
