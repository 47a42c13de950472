//! What is wrong with a policy, where, and what to do about it.

use std::fmt;
use std::sync::Arc;

/// One thing that is wrong with a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct PolicyProblem {
    /// The source's name.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The character in the line, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl fmt::Display for PolicyProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, message, hint } = self;
        write!(formatter, "{file}:{line}:{column}: {message}")?;
        if let Some(hint) = hint {
            write!(formatter, ": {hint}")?;
        }
        Ok(())
    }
}

/// Asks whether the nearest of the names was meant, if one is near.
pub(crate) fn did_you_mean<'a>(
    written: &str,
    names: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let far = written.chars().count() / 3 + 1;
    let (distance, name) = names.into_iter().map(|name| (distance(written, name), name)).min()?;
    (distance <= far).then(|| format!("did you mean `{name}`?"))
}

/// How many characters have to be put in, taken out or changed.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (line, from) in a.chars().enumerate() {
        let mut above_left = line;
        let mut left = line + 1;
        for (cell, to) in row.iter_mut().skip(1).zip(&b) {
            let above = *cell;
            *cell = (above_left + usize::from(from != *to)).min(above + 1).min(left + 1);
            above_left = above;
            left = *cell;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_suggested_if_it_is_near() {
        for (written, suggested) in [
            ("aprovers", Some("did you mean `approvers`?")),
            ("approver", Some("did you mean `approvers`?")),
            ("expire", Some("did you mean `expires`?")),
            ("colour", None),
        ] {
            let names = ["approvers", "expires", "why"];
            assert_eq!(did_you_mean(written, names).as_deref(), suggested, "{written}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
        assert_eq!(distance("", "abc"), 3);
        assert_eq!(distance("abc", ""), 3);
    }
}
