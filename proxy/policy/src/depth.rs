//! How deep the reading of a policy recurses, estimated from its signs alone: never too low.
//!
//! What Cedar makes of a policy is a tree, and what walks that tree recurses. `a && b && c` is as
//! deep as it has operators; brackets, and what chains without brackets, add to that.

/// What a bracket counts: the parser recurses through every rank of operators for each.
const BRACKET: usize = 3;

/// A bracket that is open, or the policy itself.
#[derive(Default)]
struct Level {
    /// Operators that nest their left side.
    chain: usize,
    /// The deepest operand that has ended.
    deepest: usize,
    /// The operand that goes on: its dots, signs and brackets.
    operand: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.chain + self.deepest.max(self.operand)
    }

    fn end_operand(&mut self) {
        self.deepest = self.deepest.max(self.operand);
        self.operand = 0;
    }
}

/// The depth of a policy that is read sign by sign, without its texts and comments.
pub(crate) struct Depth {
    open: Vec<Level>,
    now: Level,
    most: usize,
    word: String,
    last: char,
}

impl Default for Depth {
    fn default() -> Self {
        let (open, now) = (Vec::new(), Level::default());
        Self { open, now, most: 0, word: String::new(), last: ' ' }
    }
}

impl Depth {
    /// Takes the next sign.
    pub(crate) fn take(&mut self, next: char) {
        let is_word = next.is_alphanumeric() || next == '_';
        if is_word {
            self.word.push(next);
        } else {
            if self.word == "if" {
                self.now.chain += 1;
            }
            self.word.clear();
        }
        match next {
            '(' | '[' | '{' => self.open.push(std::mem::take(&mut self.now)),
            ')' | ']' | '}' => self.close(next),
            '&' | '|' if self.last == next => {
                self.now.end_operand();
                self.now.chain += 1;
            }
            '+' | '-' | '*' => {
                self.now.end_operand();
                self.now.chain += 1;
            }
            '=' | '<' | '>' => self.now.end_operand(),
            ',' => {
                self.now.end_operand();
                self.now.deepest = self.now.depth();
                self.now.chain = 0;
            }
            '.' | '!' => self.now.operand += 1,
            _ => {}
        }
        // Three `&` in a row are two operators to nobody, but they may be counted as such.
        self.last = next;
        let around: usize = self.open.len() * BRACKET;
        self.most = self.most.max(self.now.depth() + around);
    }

    fn close(&mut self, bracket: char) {
        let inside = self.now.depth() + BRACKET;
        self.now = self.open.pop().unwrap_or_default();
        self.now.operand += inside;
        if self.open.is_empty() {
            // The parts of a policy stand beside each other; its conditions are a chain.
            self.now.end_operand();
            self.now.chain += usize::from(bracket == '}');
        }
    }

    /// The depth.
    pub(crate) fn most(&self) -> usize {
        self.most.max(self.now.depth())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn depth(text: &str) -> usize {
        let mut depth = Depth::default();
        text.chars().for_each(|next| depth.take(next));
        depth.most()
    }

    #[test]
    fn what_nests_counts_and_what_stands_side_by_side_does_not() {
        for (text, expected) in [
            ("(a, b, c)", 3),
            ("((a))", 6),
            ("(a && b && c)", 5),
            ("(a || b)", 4),
            ("(a.b.c == d.e.f)", 5),
            ("(a.b.c && d.e.f)", 6),
            ("(a, b && c, d)", 4),
            ("(!!a)", 5),
            ("(if a then b else if c then d else e)", 5),
            ("(iffy)", 3),
            ("@a() @b() (a)", 3),
            ("(a) {b} {c}", 5),
            ("(a.b(c).d(e))", 11),
            (")))", 9),
        ] {
            assert_eq!(depth(text), expected, "{text}");
        }
    }
}
