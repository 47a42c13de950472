//! Rust text with what is not code blanked out. A scanner of its own, not a parser: it knows
//! comments, strings, characters and braces, which is all that the checks need.

/// The same lines with comments and the insides of strings and characters replaced by spaces.
pub(crate) fn code(text: &str) -> String {
    let mut rest: Vec<char> = text.chars().rev().collect();
    let mut out = String::with_capacity(text.len());
    while let Some(next) = rest.pop() {
        let second = rest.last().copied();
        match (next, second) {
            ('/', Some('/')) => blank(&mut rest, &mut out, 1, "\n", false),
            ('/', Some('*')) => blank(&mut rest, &mut out, 3, "*/", false),
            ('"', _) => {
                let hashes = raw_hashes(&out);
                let end = format!("\"{}", "#".repeat(hashes.unwrap_or(0)));
                out.push('"');
                blank(&mut rest, &mut out, 0, &end, hashes.is_none());
            }
            ('\'', Some('\\')) => blank(&mut rest, &mut out, 3, "'", false),
            ('\'', Some(_)) if rest.iter().rev().nth(1) == Some(&'\'') => {
                rest.truncate(rest.len() - 2);
                out.push_str("' '");
            }
            _ => out.push(next),
        }
    }
    out
}

/// Skips to the end of a comment or literal, at least `skip` characters on, keeping line ends and,
/// of a string, its end. What `escapes` is about is a backslash before the end of a string.
fn blank(rest: &mut Vec<char>, out: &mut String, skip: usize, end: &str, escapes: bool) {
    let mut seen = String::new();
    let mut skipped = 0;
    while let Some(next) = rest.pop() {
        skipped += 1;
        out.push(if next == '\n' { '\n' } else { ' ' });
        if escapes && seen.ends_with('\\') {
            seen.clear();
            continue;
        }
        seen.push(next);
        if skipped >= skip && seen.ends_with(end) {
            break;
        }
    }
    if end.starts_with('"') {
        out.truncate(out.len().saturating_sub(end.len()));
        out.push_str(end);
    }
}

/// How many `#` a raw string that opens here has; `None` if it is not raw.
fn raw_hashes(before: &str) -> Option<usize> {
    let word = before.trim_end_matches('#');
    let letters = word.trim_end_matches('b').trim_end_matches('r').trim_end_matches('b');
    let is_prefix = matches!(word.get(letters.len()..), Some("r" | "br"));
    let stands_alone = !letters.ends_with(|last: char| last.is_alphanumeric() || last == '_');
    (is_prefix && stands_alone).then(|| before.len() - word.len())
}

/// Code without the items that are compiled for tests alone, which become blank lines.
pub(crate) fn production(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some((before, after)) = rest.split_once("#[cfg(test)]") {
        out.push_str(before);
        let item = item_end(after);
        let (item, after) = after.split_at(item);
        out.extend(item.chars().filter(|&next| next == '\n'));
        rest = after;
    }
    out.push_str(rest);
    out
}

/// Where the item that begins here ends: behind its `;` or its closing brace.
pub(crate) fn item_end(text: &str) -> usize {
    let (mut braces, mut others) = (0_i32, 0_i32);
    for (at, next) in text.char_indices() {
        match next {
            '{' => braces += 1,
            '(' | '[' => others += 1,
            ')' | ']' => others -= 1,
            '}' if braces == 1 => return at + 1,
            '}' => braces -= 1,
            ';' if braces == 0 && others == 0 => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The words of a text: runs of letters, digits and `_`.
pub(crate) fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|next: char| !next.is_alphanumeric() && next != '_').filter(|word| !word.is_empty())
}

#[test]
fn comments_and_strings_are_not_code() {
    assert_eq!(code("a // b\nc /* d */ e"), "a    \nc        e");
    assert_eq!(code(r#"f("x\"y", 'z', '\'', '\\', "w")"#), r#"f("    ", ' ',    ,    , " ")"#);
    assert_eq!(code("g(r#\"x\"y\"#, b\"q\")"), "g(r#\"   \"#, b\" \")");
    assert_eq!(code("fn h<'a>(x: &'a str) {}"), "fn h<'a>(x: &'a str) {}");
}

#[test]
fn items_for_tests_are_not_production() {
    let text = "fn a() {}\n#[cfg(test)]\nmod tests {\n    fn b() {}\n}\nfn c() {}\n";
    assert_eq!(production(text), "fn a() {}\n\n\n\n\nfn c() {}\n");
    assert_eq!(production("#[cfg(test)]\nmod tests;\nfn c() {}"), "\n\nfn c() {}");
}
