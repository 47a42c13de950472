//! Values, and the many ways to write each of them.

use proptest::prelude::*;
use serde_json::Value;

/// Any value: doubles of all sizes, integers that doubles hold, keys that are alike.
pub(super) fn values() -> impl Strategy<Value = Value> {
    let number = any::<f64>().prop_filter("finite", |value| value.is_finite());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-(1_i64 << 53)..=1 << 53).prop_map(Value::from),
        number.prop_map(Value::from),
        texts().prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map(texts(), inner, 0..20)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// Texts with what matters to escapes, word-wise scans and UTF-16 order.
pub(super) fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c]{0,3}",
        "[ -~]{0,40}",
        "(a|\"|\\\\|/|\n|\u{0}|\u{1f}|\u{7f}|é|\u{e000}|\u{ffff}|\u{10000}|😀){0,12}",
    ]
}

/// Writes a value in a way that the bytes of `choices` decide, again and again from the start.
pub(super) fn spell(value: &Value, choices: &[u8]) -> String {
    let mut pen = Pen { choices: choices.iter().cycle(), out: String::new() };
    pen.space();
    pen.value(value);
    pen.space();
    pen.out
}

struct Pen<'c> {
    choices: std::iter::Cycle<std::slice::Iter<'c, u8>>,
    out: String,
}

impl Pen<'_> {
    fn choose(&mut self, count: usize) -> usize {
        usize::from(self.choices.next().copied().unwrap_or(0)) % count
    }

    fn space(&mut self) {
        let space = ["", "", "", " ", "\n  ", "\t", "\r\n"][self.choose(7)];
        self.out.push_str(space);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.out.push_str("null"),
            Value::Bool(value) => self.out.push_str(&value.to_string()),
            Value::Number(number) if number.is_i64() => self.integer(&number.to_string()),
            Value::Number(number) => self.double(number.as_f64().unwrap()),
            Value::String(text) => self.string(text),
            Value::Array(elements) => self.list('[', elements, ']', Self::value),
            Value::Object(members) => {
                let mut members: Vec<_> = members.iter().collect();
                let first = self.choose(members.len().max(1));
                members.rotate_left(first);
                self.list('{', &members, '}', |pen, (key, value)| {
                    pen.string(key);
                    pen.space();
                    pen.out.push(':');
                    pen.space();
                    pen.value(value);
                });
            }
        }
    }

    fn list<T>(&mut self, open: char, items: &[T], close: char, write: impl Fn(&mut Self, &T)) {
        self.out.push(open);
        self.space();
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                self.out.push(',');
                self.space();
            }
            write(self, item);
            self.space();
        }
        self.out.push(close);
    }

    fn integer(&mut self, digits: &str) {
        self.out.push_str(digits);
        let tail = ["", "", ".0", "e0", "E+00", ".000e-0"][self.choose(6)];
        self.out.push_str(tail);
    }

    fn double(&mut self, value: f64) {
        let spelled = match self.choose(3) {
            0 => format!("{value:e}"),
            1 => format!("{value:E}").replace('E', "E+").replace("+-", "-"),
            _ => format!("{value:?}"),
        };
        self.out.push_str(&spelled);
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for char in text.chars() {
            let must = matches!(char, '"' | '\\' | '\0'..' ');
            match (must, self.choose(8)) {
                (true, _) | (false, 0) => self.escape(char),
                (false, _) => self.out.push(char),
            }
        }
        self.out.push('"');
    }

    fn escape(&mut self, char: char) {
        let short = match char {
            '"' | '\\' | '/' => char,
            '\n' => 'n',
            '\t' => 't',
            _ => 'u',
        };
        if short != 'u' && self.choose(2) == 0 {
            self.out.extend(['\\', short]);
            return;
        }
        for unit in char.encode_utf16(&mut [0; 2]) {
            let digits = format!("{unit:04x}");
            let upper = self.choose(2) == 0;
            self.out.push_str("\\u");
            self.out.push_str(&if upper { digits.to_uppercase() } else { digits });
        }
    }
}
