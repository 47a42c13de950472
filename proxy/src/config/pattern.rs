//! Name patterns with `*`: which names a line of the configuration speaks of. Not regular
//! expressions: `*` stands for any run of characters, also none; everything else for itself.

use std::fmt;

/// Longest pattern, in bytes. Matching costs at most the product of both lengths.
pub const PATTERN_BYTES_MAX: usize = 256;

/// A pattern over names, compared byte by byte and case-sensitively.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pattern(Box<str>);

/// Why a text is not a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// There is nothing to compare with.
    #[error("a pattern must not be empty")]
    Empty,
    /// Longer than [`PATTERN_BYTES_MAX`].
    #[error("a pattern has at most {PATTERN_BYTES_MAX} bytes")]
    TooLong,
    /// Names have no spaces or control characters, so this could never match.
    #[error("a pattern must not hold spaces or control characters")]
    Blank,
    /// A tool pattern without its server.
    #[error("a tool pattern names server and tool, as in `crm/*`")]
    NoServer,
}

impl Pattern {
    /// Reads a pattern; every text that is not empty, blank or too long is one.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            Err(PatternError::Empty)
        } else if text.len() > PATTERN_BYTES_MAX {
            Err(PatternError::TooLong)
        } else if text.chars().any(|c| c.is_whitespace() || c.is_control()) {
            Err(PatternError::Blank)
        } else {
            Ok(Self(text.into()))
        }
    }

    /// The pattern that matches every name.
    pub fn any() -> Self {
        Self("*".into())
    }

    /// The pattern that every policy document in a folder fits.
    pub(super) fn cedar() -> Self {
        Self("*.cedar".into())
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// How many characters stand for themselves: of two patterns that match, the one with more
    /// is the more specific.
    pub fn literal_count(&self) -> usize {
        self.0.bytes().filter(|&b| b != b'*').count()
    }

    /// Whether the whole of `name` fits.
    pub fn matches(&self, name: &str) -> bool {
        let (mut pattern, mut name) = (self.0.as_bytes(), name.as_bytes());
        // Where to go on when the characters after the last `*` turn out not to fit: the same
        // `*` takes one byte more. Earlier ones need no second look, so this never explodes.
        let mut retry: Option<(&[u8], &[u8])> = None;
        loop {
            match (pattern, name) {
                ([b'*', rest @ ..], _) => {
                    retry = Some((rest, name));
                    pattern = rest;
                }
                ([p, rest @ ..], [n, left @ ..]) if p == n => (pattern, name) = (rest, left),
                ([], []) => return true,
                _ => match retry {
                    Some((after, [_, left @ ..])) => {
                        retry = Some((after, left));
                        (pattern, name) = (after, left);
                    }
                    _ => return false,
                },
            }
        }
    }

    /// Whether some name fits both patterns.
    pub fn overlaps(&self, other: &Self) -> bool {
        // `reach[j]` says that the part of `self` read so far and the first `j` bytes of `other`
        // can stand for the same text.
        let other = other.0.as_bytes();
        let mut reach = vec![true];
        for &b in other {
            reach.push(b == b'*' && reach.last() == Some(&true));
        }
        for &a in self.0.as_bytes() {
            let mut next: Vec<bool> = Vec::with_capacity(reach.len());
            next.push(a == b'*' && reach.first() == Some(&true));
            for (&b, pair) in other.iter().zip(reach.windows(2)) {
                let (diagonal, above) = (pair.first() == Some(&true), pair.last() == Some(&true));
                let left = next.last() == Some(&true);
                next.push(match (a, b) {
                    (b'*', _) | (_, b'*') => above || left,
                    _ => a == b && diagonal,
                });
            }
            reach = next;
        }
        reach.last() == Some(&true)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A pattern over tools, written `server/tool`; `*` alone means every tool of every server.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ToolPattern {
    /// Which servers.
    pub server: Pattern,
    /// Which of their tools, by the names the server itself gives them.
    pub tool: Pattern,
}

impl ToolPattern {
    /// Reads `server/tool`. The server ends at the first `/`, because a tool's name may hold one
    /// and a server's may not: no pattern for one server can reach into another.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        if text == "*" {
            return Ok(Self { server: Pattern::any(), tool: Pattern::any() });
        }
        Pattern::parse(text)?;
        let (server, tool) = text.split_once('/').ok_or(PatternError::NoServer)?;
        Ok(Self { server: Pattern::parse(server)?, tool: Pattern::parse(tool)? })
    }

    /// Whether this tool of this server fits.
    pub fn matches(&self, server: &str, tool: &str) -> bool {
        self.server.matches(server) && self.tool.matches(tool)
    }
}

impl fmt::Display for ToolPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.server, self.tool)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The definition, with no thought for cost.
    fn fits(pattern: &[u8], name: &[u8]) -> bool {
        match (pattern, name) {
            ([], []) => true,
            ([b'*', rest @ ..], _) => {
                fits(rest, name) || name.split_first().is_some_and(|(_, left)| fits(pattern, left))
            }
            ([p, rest @ ..], [n, left @ ..]) => p == n && fits(rest, left),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn matching_agrees_with_its_definition(p in "[ab*]{1,8}", n in "[ab]{0,10}") {
            let pattern = Pattern::parse(&p).unwrap();
            prop_assert_eq!(pattern.matches(&n), fits(p.as_bytes(), n.as_bytes()));
        }

        #[test]
        fn patterns_that_share_a_name_overlap(
            p in "[ab*]{1,6}", q in "[ab*]{1,6}", n in "[ab]{0,8}",
        ) {
            let (p, q) = (Pattern::parse(&p).unwrap(), Pattern::parse(&q).unwrap());
            prop_assert_eq!(p.overlaps(&q), q.overlaps(&p));
            if p.matches(&n) && q.matches(&n) {
                prop_assert!(p.overlaps(&q));
            }
        }

        #[test]
        fn patterns_that_overlap_share_a_name(p in "[ab*]{1,4}", q in "[ab*]{1,4}") {
            // A shortest common name needs no more bytes than both patterns have together.
            let names = (0..=8_u32).flat_map(|len| (0..1_u32 << len).map(move |bits| {
                (0..len).map(|i| if bits >> i & 1 == 0 { 'a' } else { 'b' }).collect::<String>()
            }));
            let (p, q) = (Pattern::parse(&p).unwrap(), Pattern::parse(&q).unwrap());
            let shared = names.into_iter().any(|n| p.matches(&n) && q.matches(&n));
            prop_assert_eq!(p.overlaps(&q), shared);
        }
    }

    #[test]
    fn a_tool_pattern_never_reaches_into_another_server() {
        let pattern = ToolPattern::parse("c*/delete").unwrap();
        assert!(pattern.matches("crm", "delete"));
        assert!(!pattern.matches("crm", "notes/delete"));
        assert!(!pattern.matches("mail", "crm/delete"));
        assert_eq!(ToolPattern::parse("crm"), Err(PatternError::NoServer));
        assert!(ToolPattern::parse("*").unwrap().matches("mail", "send/now"));
    }
}
