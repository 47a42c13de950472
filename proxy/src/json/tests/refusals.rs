//! The strict pass: what it lets through and what it says about the rest.

use std::collections::HashSet;

use proptest::prelude::*;
use serde_json::Value;

use super::spelling::{spell, texts, values};
use crate::json::fault::FaultKind;
use crate::json::{Fault, Limits, check, string};

fn fault(bytes: impl AsRef<[u8]>) -> Fault {
    check(bytes.as_ref(), Limits::default()).unwrap_err()
}

#[test]
fn one_value_of_any_kind_is_accepted() {
    for text in [
        "null",
        "true",
        "false",
        "0",
        "-0",
        "-1.5e+300",
        "1e999999",
        "\"\"",
        "[]",
        "{}",
        " [ ] ",
        "\t\r\n{ \"a\" : [ 1 , {} , \"\\u00e9\\ud83d\\ude00\" ] }\n",
        "[[],[[]],{\"\":{}}]",
        "\"\u{7f}\u{feff}\u{ffff}\"",
        "123456789012345678901234567890",
        "[0.0,1E1,1e-1]",
        "{\"a\":1,\"A\":2,\"a \":3,\"\\u0061b\":4}",
    ] {
        assert_eq!(check(text.as_bytes(), Limits::default()), Ok(text));
    }
}

#[test]
fn each_fault_says_what_and_where() {
    let long = format!("{{\"{0}\":1,\"{0}\":2}}", "k".repeat(100));
    let shown = format!("duplicate key \"{}…\" at byte 106", "k".repeat(64));
    for (text, message) in [
        ("", "expected a value, found the end of the text at byte 0"),
        ("  ", "expected a value, found the end of the text at byte 2"),
        ("\u{feff}1", "a byte order mark at byte 0"),
        ("{} {}", "expected nothing after the value, found '{' at byte 3"),
        ("[1,]", "expected a value, found ']' at byte 3"),
        ("[1 2]", "expected `,` or `]`, found '2' at byte 3"),
        ("[1}", "expected `,` or `]`, found '}' at byte 2"),
        ("[", "expected a value, found the end of the text at byte 1"),
        ("{", "expected a key, found the end of the text at byte 1"),
        ("{\"a\"", "expected `:`, found the end of the text at byte 4"),
        ("{\"a\":1", "expected `,` or `}`, found the end of the text at byte 6"),
        ("{\"a\":1,}", "expected a key, found '}' at byte 7"),
        ("{a:1}", "expected a key, found 'a' at byte 1"),
        ("{\"a\" 1}", "expected `:`, found '1' at byte 5"),
        ("\"abcdefgh", "expected `\"`, found the end of the text at byte 9"),
        ("\"\\", "an unknown escape at byte 1"),
        ("\"\\x\"", "an unknown escape at byte 1"),
        ("\"\\u12g4\"", "an unknown escape at byte 1"),
        ("\"a\nb\"", "a control character in a string at byte 2"),
        ("\"\\ud800\"", "an escaped lone surrogate at byte 1"),
        ("\"\\udc00\\ud800\"", "an escaped lone surrogate at byte 1"),
        ("\"\\ud800\\u0041\"", "an escaped lone surrogate at byte 1"),
        ("01", "expected nothing after the value, found '1' at byte 1"),
        ("+1", "expected a value, found '+' at byte 0"),
        ("-", "expected a digit, found the end of the text at byte 1"),
        ("1.", "expected a digit, found the end of the text at byte 2"),
        (".5", "expected a value, found '.' at byte 0"),
        ("1e+", "expected a digit, found the end of the text at byte 3"),
        ("NaN", "expected a value, found 'N' at byte 0"),
        ("nul", "expected a value, found 'n' at byte 0"),
        ("[1,\u{a0}2]", "expected a value, found '\\u{a0}' at byte 3"),
        ("{\"name\":1, \"x\":{\"name\":2}, \"name\":3}", "duplicate key \"name\" at byte 27"),
        ("[{\"a\":1,\"\\u0061\":2}]", "duplicate key \"a\" at byte 8"),
        ("{\"\\ud83d\\ude00\":1,\"😀\":2}", "duplicate key \"😀\" at byte 18"),
        (&long, &shown),
    ] {
        assert_eq!(fault(text).to_string(), message, "{text}");
    }
    assert_eq!(fault(b"\"\xff\"").to_string(), "bytes that are not UTF-8 at byte 1");
    assert_eq!(fault(b"\"\xed\xa0\x80\"").kind, FaultKind::NotUtf8);
}

#[test]
fn nesting_is_accepted_up_to_the_limit_and_not_beyond() {
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    let limits = Limits { depth_max: 128 };
    assert!(check(nested(128).as_bytes(), limits).is_ok());
    let deeper = check(nested(129).as_bytes(), limits).unwrap_err();
    assert_eq!(deeper.to_string(), "nesting deeper than 128 at byte 128");
    assert!(check(b"1", Limits { depth_max: 0 }).is_ok());
    assert!(check(b"{}", Limits { depth_max: 0 }).is_err());
    assert_eq!(fault("{\"a\":".repeat(1_000_000)).kind, FaultKind::TooDeep { depth_max: 128 });
}

#[test]
fn a_repeated_key_is_found_among_a_hundred_thousand_wherever_the_two_stand() {
    let count = 100_000;
    for (first, second) in [(0, count), (0, 1), (count / 2, count / 2 + 20), (count - 1, count)] {
        let mut keys: Vec<_> = (0..count).map(|at| format!("\"key \\u0031 {at}\":1")).collect();
        keys.insert(second, format!("\"key 1 {first}\":1"));
        let text = format!("{{{}}}", keys.join(","));
        let offset = 1 + keys[..second].iter().map(|key| key.len() + 1).sum::<usize>();
        let kind = FaultKind::DuplicateKey { key: format!("key 1 {first}") };
        assert_eq!(fault(text), kind.at(offset));
    }
}

#[test]
fn a_repeated_key_is_found_in_objects_of_every_small_size() {
    for count in 1..40 {
        let keys: Vec<_> = (0..count).map(|at| format!("\"{at}\":0")).collect();
        let distinct = format!("{{{}}}", keys.join(","));
        assert!(check(distinct.as_bytes(), Limits::default()).is_ok());
        for repeated in 0..count {
            let text = format!("{{{},\"{repeated}\":0}}", keys.join(","));
            let kind = FaultKind::DuplicateKey { key: repeated.to_string() };
            assert_eq!(fault(text), kind.at(distinct.len()));
        }
    }
}

#[test]
fn a_byte_that_ends_a_string_or_spoils_it_is_seen_at_every_place() {
    for at in 1..40 {
        for byte in 0..128_u8 {
            let mut text = [b"\"", &[b'a'; 40][..], b"\""].concat();
            text[at] = byte;
            let expected = match byte {
                0..0x20 => Some(FaultKind::ControlCharacter.at(at)),
                b'"' => Some(FaultKind::Unexpected { wanted: AFTER, found: 'a' }.at(at + 1)),
                b'\\' => Some(FaultKind::UnknownEscape.at(at)),
                _ => None,
            };
            assert_eq!(check(&text, Limits::default()).err(), expected);
        }
    }
}

const AFTER: &str = "nothing after the value";

#[test]
fn keys_of_closed_objects_are_forgotten() {
    let inner = r#"{"\u0061":1,"b":{"\u0061":2,"b":3},"c":{"\u0061":[{"\u0061":4}]}}"#;
    let text = format!("[{}]", vec![inner; 50].join(","));
    assert!(check(text.as_bytes(), Limits::default()).is_ok());
}

/// Whether an object anywhere has the same key twice, by the plainest possible reading.
fn repeats(text: &str) -> bool {
    struct Twice(bool);
    impl<'de> serde::Deserialize<'de> for Twice {
        fn deserialize<D: serde::Deserializer<'de>>(reader: D) -> Result<Self, D::Error> {
            reader.deserialize_any(Any)
        }
    }
    struct Any;
    impl<'de> serde::de::Visitor<'de> for Any {
        type Value = Twice;
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("anything")
        }
        fn visit_unit<E>(self) -> Result<Twice, E> {
            Ok(Twice(false))
        }
        fn visit_bool<E>(self, _: bool) -> Result<Twice, E> {
            Ok(Twice(false))
        }
        fn visit_i64<E>(self, _: i64) -> Result<Twice, E> {
            Ok(Twice(false))
        }
        fn visit_u64<E>(self, _: u64) -> Result<Twice, E> {
            Ok(Twice(false))
        }
        fn visit_f64<E>(self, _: f64) -> Result<Twice, E> {
            Ok(Twice(false))
        }
        fn visit_str<E>(self, _: &str) -> Result<Twice, E> {
            Ok(Twice(false))
        }
        fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut seq: A) -> Result<Twice, A::Error> {
            let mut twice = false;
            while let Some(Twice(inner)) = seq.next_element()? {
                twice |= inner;
            }
            Ok(Twice(twice))
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Twice, A::Error> {
            let mut seen = HashSet::new();
            let mut twice = false;
            while let Some((key, Twice(inner))) = map.next_entry::<String, Twice>()? {
                twice |= inner | !seen.insert(key);
            }
            Ok(Twice(twice))
        }
    }
    serde_json::from_str::<Twice>(text).unwrap().0
}

proptest! {
    #[test]
    fn every_spelling_of_every_value_is_accepted(value in values(), choices: [u8; 32]) {
        let text = spell(&value, &choices);
        prop_assert_eq!(check(text.as_bytes(), Limits::default()), Ok(text.as_str()));
    }

    #[test]
    fn damaged_text_is_judged_as_serde_json_judges_it(
        value in values(),
        choices: [u8; 32],
        damage in prop::collection::vec((any::<prop::sample::Index>(), 0..3_u8, any::<u8>()), 1..4),
    ) {
        let mut bytes = spell(&value, &choices).into_bytes();
        for (place, how, byte) in damage {
            let at = place.index(bytes.len());
            let byte = if byte < 128 { b"{}[],:\"\\0-e. "[usize::from(byte) % 13] } else { byte };
            match how {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                _ => bytes.truncate(at.max(1)),
            }
        }
        match (check(&bytes, Limits::default()), serde_json::from_slice::<Value>(&bytes)) {
            (Ok(text), Ok(_)) => prop_assert!(!repeats(text)),
            (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("out of range")),
            (Err(Fault { kind: FaultKind::DuplicateKey { .. }, .. }), Ok(_)) => {
                prop_assert!(repeats(str::from_utf8(&bytes).unwrap()));
            }
            (Err(fault), Ok(_)) => prop_assert!(false, "{fault}"),
            (Err(fault), Err(_)) => prop_assert!(fault.offset <= bytes.len()),
        }
    }

    #[test]
    fn an_object_is_refused_exactly_when_a_key_repeats(
        keys in prop::collection::vec("[a-c]{0,4}", 0..40),
        choices: [u8; 16],
    ) {
        let members: Vec<_> = keys.iter().enumerate().map(|(at, key)| {
            let choices = [&choices[at % 16..], &choices[..]].concat();
            format!("{}:0", spell(&Value::from(key.as_str()), &choices).trim())
        }).collect();
        let text = format!("{{{}}}", members.join(","));
        let mut seen = HashSet::new();
        let repeat = keys.iter().position(|key| !seen.insert(key));
        let expected = repeat.map(|at| {
            let offset = 1 + members[..at].iter().map(|member| member.len() + 1).sum::<usize>();
            FaultKind::DuplicateKey { key: keys[at].clone() }.at(offset)
        });
        prop_assert_eq!(check(text.as_bytes(), Limits::default()).err(), expected);
    }

    #[test]
    fn a_string_means_what_serde_json_reads(text in texts(), choices: [u8; 16]) {
        let raw = spell(&Value::from(text.as_str()), &choices);
        prop_assert_eq!(string(raw.trim()).unwrap(), text);
    }
}
