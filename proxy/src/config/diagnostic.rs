//! What is wrong with a configuration and where, as an operator reads it. Secrets that someone
//! wrote into the file are blanked out of every line shown.

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Longest piece of a line shown, in characters.
const EXCERPT_CHARS_MAX: usize = 120;
/// Longest quotation of a value, in characters.
const QUOTE_CHARS_MAX: usize = 60;

/// One thing to say about a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The file, as it was named.
    pub file: PathBuf,
    /// Where in it; `None` if the file could not be read at all.
    pub place: Option<Place>,
    /// The key it is about, as in `model.openai.url`; empty if it is about none.
    pub path: String,
    /// What is wrong, with the value.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
    /// Whether the gateway runs all the same.
    pub is_warning: bool,
}

/// A place in the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line, without what must not be shown.
    excerpt: String,
    /// The marks below it.
    carets: String,
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.file.display())?;
        if let Some(place) = &self.place {
            write!(f, "{}:{}:", place.line, place.column)?;
        }
        f.write_str(if self.is_warning { " warning: " } else { " " })?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        if let Some(Place { line, excerpt, carets, .. }) = &self.place {
            write!(f, "\n{line:>5} | {excerpt}\n      | {carets}")?;
        }
        self.hint.as_ref().map_or(Ok(()), |hint| write!(f, "\nhint: {hint}"))
    }
}

/// Everything that keeps a configuration from being used, in the order of the file. Never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Diagnostic>);

impl Problems {
    /// A file that could not be read at all.
    pub(super) fn unreadable(file: &Path, message: String, hint: &str) -> Self {
        Self(vec![Diagnostic {
            file: file.to_owned(),
            place: None,
            path: String::new(),
            message,
            hint: Some(hint.to_owned()),
            is_warning: false,
        }])
    }

    /// The problems, in the order of the file.
    pub fn all(&self) -> &[Diagnostic] {
        &self.0
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let gap = if index == 0 { "" } else { "\n\n" };
            write!(f, "{gap}{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// A key and the part of the text that is its value.
#[derive(Debug, Clone)]
pub(super) struct At {
    pub(super) path: String,
    pub(super) span: Range<usize>,
}

/// One thing to say, not yet rendered.
#[derive(Debug)]
pub(super) struct Finding {
    at: At,
    message: String,
    hint: Option<String>,
    is_warning: bool,
}

impl Finding {
    /// Says what to do about it.
    pub(super) fn hint(&mut self, hint: impl Into<String>) {
        self.hint = Some(hint.into());
    }
}

/// Collects what there is to say about one text.
#[derive(Debug)]
pub(super) struct Report<'t> {
    text: &'t str,
    /// Where each line starts.
    lines: Vec<usize>,
    findings: Vec<Finding>,
    concealed: Vec<Range<usize>>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let starts = text.match_indices('\n').map(|(newline, _)| newline + 1);
        let lines = std::iter::once(0).chain(starts).collect();
        Self { text, lines, findings: Vec::new(), concealed: Vec::new() }
    }

    /// Notes something that keeps the configuration from being used.
    pub(super) fn problem(&mut self, at: &At, message: impl Into<String>) -> &mut Finding {
        self.note(at, message.into(), false)
    }

    /// Notes something that an operator should know, and may want.
    pub(super) fn warning(&mut self, at: &At, message: impl Into<String>) -> &mut Finding {
        self.note(at, message.into(), true)
    }

    fn note(&mut self, at: &At, message: String, is_warning: bool) -> &mut Finding {
        let finding = Finding { at: at.clone(), message, hint: None, is_warning };
        self.findings.push_mut(finding)
    }

    /// Blanks this part of the text in every line shown, whatever the line is shown for.
    pub(super) fn conceal(&mut self, span: &Range<usize>) {
        self.concealed.push(span.clone());
    }

    /// The line of a place, from 1.
    pub(super) fn line_of(&self, at: &At) -> usize {
        self.lines.partition_point(|&start| start <= at.span.start)
    }

    /// The problems if there are any, else the warnings, each in the order of the file. Warnings
    /// are left out beside problems, because a value that could not be read looks like one never
    /// written.
    pub(super) fn finish(mut self, file: &Path) -> Result<Vec<Diagnostic>, Problems> {
        let failed = self.findings.iter().any(|finding| !finding.is_warning);
        let mut findings = std::mem::take(&mut self.findings);
        findings.retain(|finding| !(failed && finding.is_warning));
        findings.sort_by_key(|finding| (finding.at.span.start, finding.at.span.end));
        let render = |finding: Finding| Diagnostic {
            file: file.to_owned(),
            place: Some(self.place(&finding.at)),
            path: finding.at.path,
            message: finding.message,
            hint: finding.hint,
            is_warning: finding.is_warning,
        };
        let all: Vec<_> = findings.into_iter().map(render).collect();
        if failed { Err(Problems(all)) } else { Ok(all) }
    }

    fn place(&self, at: &At) -> Place {
        let line = self.line_of(at);
        let line_start = self.lines.get(line - 1).copied().unwrap_or_default();
        let rest = self.text.get(line_start..).unwrap_or_default();
        let content = rest.split('\n').next().unwrap_or_default().trim_end_matches('\r');
        let line_end = line_start + content.len();
        let concealed: Vec<_> = self
            .concealed
            .iter()
            .filter(|span| span.start < line_end && span.end > line_start)
            .collect();
        let shown = |(offset, c): (usize, char)| {
            let offset = line_start + offset;
            if concealed.iter().any(|span| span.contains(&offset)) {
                '*'
            } else if c.is_control() {
                // It would move the marks, or the reader's terminal.
                ' '
            } else {
                c
            }
        };
        let before = content.char_indices().take_while(|(i, _)| line_start + i < at.span.start);
        let column = before.count();
        let is_long = content.chars().nth(EXCERPT_CHARS_MAX).is_some();
        let first = if is_long { column.saturating_sub(EXCERPT_CHARS_MAX / 2) } else { 0 };
        let window = content.char_indices().skip(first).take(EXCERPT_CHARS_MAX);
        let marked = window.clone().filter(|(i, _)| at.span.contains(&(line_start + i))).count();
        Place {
            line,
            column: column + 1,
            excerpt: window.map(shown).collect(),
            carets: format!("{}{}", " ".repeat(column - first), "^".repeat(marked.max(1))),
        }
    }
}

/// A value of the file in a message: in backticks, escaped and not longer than it need be.
pub(super) fn quoted(text: &str) -> String {
    let mut escaped = text.escape_debug();
    let start: String = escaped.by_ref().take(QUOTE_CHARS_MAX).collect();
    let rest = if escaped.next().is_some() { "…" } else { "" };
    format!("`{start}{rest}`")
}

/// The one of `known` that `word` was probably meant to be.
pub(super) fn nearest<'k>(word: &str, known: &[&'k str]) -> Option<&'k str> {
    // A longer word for the same thing, as `api_key` for `key`.
    if let Some(part) = word.split('_').find_map(|part| known.iter().find(|&&k| k == part)) {
        return Some(part);
    }
    let edits_max = 1 + word.chars().count() / 4;
    let ranked = known.iter().map(|&candidate| (edits(word, candidate), candidate));
    ranked.filter(|&(edits, _)| edits <= edits_max).min().map(|(_, candidate)| candidate)
}

/// How many characters must be inserted, removed or replaced to make `a` into `b`.
fn edits(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        for (y, pair) in b.chars().zip(row.windows(2)) {
            let [diagonal, above] = pair else { continue };
            let left = next.last().copied().unwrap_or_default();
            next.push((diagonal + usize::from(x != y)).min(above + 1).min(left + 1));
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_a_small_step_away_or_none() {
        assert_eq!(edits("kitten", "sitting"), 3);
        assert_eq!(nearest("api_key", &["name", "key"]), Some("key"));
        assert_eq!(nearest("adress", &["address", "dress"]), Some("address"));
        assert_eq!(nearest("colour", &["key", "name"]), None);
    }

    #[test]
    fn a_long_line_is_shown_around_its_mark() {
        let text = format!("{}é\tX{}", "a".repeat(500), "b".repeat(500));
        let mut report = Report::new(&text);
        let start = text.find('X').unwrap();
        report.problem(&At { path: "k".into(), span: start..start + 1 }, "m");
        let shown = report.finish(Path::new("f")).unwrap_err().to_string();
        assert!(shown.starts_with("f:1:503: k: m\n"), "{shown}");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines[1].chars().count(), 8 + EXCERPT_CHARS_MAX);
        let mark = lines[2].chars().position(|c| c == '^').unwrap();
        assert_eq!(lines[1].chars().nth(mark), Some('X'));
    }
}
