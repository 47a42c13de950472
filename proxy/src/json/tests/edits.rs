//! Views and edits: every part is a slice of the text, and every other byte stays.

use proptest::prelude::*;
use serde_json::Value;

use super::spelling::{spell, texts, values};
use crate::json::{elements, find, members, remove, set};

#[test]
fn parts_are_given_as_they_are_written_with_their_places() {
    let text = r#" { "a\n" : [ 1.0 , "x]" ] , "b":{}} "#;
    let parts: Vec<_> = members(text).collect();
    assert_eq!(parts.len(), 2);
    assert_eq!((parts[0].key.text, parts[0].key.range.clone()), (r#""a\n""#, 3..8));
    assert_eq!(parts[0].name(), "a\n");
    assert_eq!((parts[0].value.text, parts[0].value.range.clone()), (r#"[ 1.0 , "x]" ]"#, 11..25));
    assert_eq!((parts[1].name().as_ref(), parts[1].value.text), ("b", "{}"));
    let inner: Vec<_> = elements(parts[0].value.text).map(|part| (part.text, part.range)).collect();
    assert_eq!(inner, [("1.0", 2..5), (r#""x]""#, 8..12)]);
}

#[test]
fn other_values_have_no_members_and_no_elements() {
    for text in ["1", "\"{}\"", "null", "[]", "{}", ""] {
        assert_eq!(members(text).count() + elements(text).count(), 0, "{text}");
    }
    assert_eq!((members("[1]").count(), elements("{\"a\":1}").count()), (0, 0));
}

#[test]
fn text_that_was_never_checked_ends_a_walk_early() {
    for text in ["{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":[", "{\"a\":\"\\", "[[", "]", "{1:2"] {
        assert_eq!(members(text).count() + elements(text).count(), 0, "{text}");
        assert_eq!(find(text, &["a"]), None);
        assert_eq!(remove(text, &["a"]).as_deref(), Ok(text));
        assert!(set(text, &["a", "b"], "1").is_err());
    }
}

#[test]
fn a_member_of_a_json_rpc_request_is_rewritten_in_place() {
    let text = r#"{"jsonrpc": "2.0", "id": 7, "params": { "name":"crm/find","x":[1,2] } }"#;
    let renamed = set(text, &["params", "name"], r#""find""#).unwrap();
    let expected = r#"{"jsonrpc": "2.0", "id": 7, "params": { "name":"find","x":[1,2] } }"#;
    assert_eq!(renamed, expected);
    let traced = set(text, &["params", "_meta", "traceparent"], r#""00""#).unwrap();
    let expected = concat!(
        r#"{"jsonrpc": "2.0", "id": 7, "params": { "name":"crm/find","x":[1,2],"#,
        r#""_meta":{"traceparent":"00"} } }"#
    );
    assert_eq!(traced, expected);
    assert_eq!(set("{ }", &["a"], "1").unwrap(), r#"{"a":1 }"#);
    assert_eq!(set(" [] ", &[], "{}").unwrap(), " {} ");
}

#[test]
fn a_removed_member_takes_one_comma_with_it() {
    let text = r#"{ "a":1 , "b":2 , "c":3 }"#;
    assert_eq!(remove(text, &["a"]).unwrap(), r#"{ "b":2 , "c":3 }"#);
    assert_eq!(remove(text, &["b"]).unwrap(), r#"{ "a":1 , "c":3 }"#);
    assert_eq!(remove(text, &["c"]).unwrap(), r#"{ "a":1 , "b":2 }"#);
    assert_eq!(remove(text, &["d"]).unwrap(), text);
    assert_eq!(remove(r#"{"x":{ "a":1 }}"#, &["x", "a"]).unwrap(), r#"{"x":{  }}"#);
}

#[test]
fn an_edit_that_makes_no_sense_is_refused() {
    let text = r#"{"params":[1]}"#;
    let refused = set(text, &["params", "name"], "1").unwrap_err().to_string();
    assert_eq!(refused, "cannot edit \"params.name\": it is not a member of an object");
    let injected = set(text, &["id"], r#"1,"method":"x""#).unwrap_err().to_string();
    let expected =
        "cannot write the new value: expected nothing after the value, found ',' at byte 1";
    assert_eq!(injected, expected);
    assert!(remove(text, &[]).is_err());
}

/// The parts of a text, level by level, equal the value that it spells.
fn same(text: &str, value: &Value) -> bool {
    match value {
        Value::Array(inner) => {
            let parts: Vec<_> = elements(text).collect();
            parts.len() == inner.len()
                && parts.iter().all(|part| text[part.range.clone()] == *part.text)
                && parts.iter().zip(inner).all(|(part, value)| same(part.text, value))
        }
        Value::Object(inner) => {
            let parts: Vec<_> = members(text).collect();
            parts.len() == inner.len()
                && parts.iter().all(|part| text[part.value.range.clone()] == *part.value.text)
                && parts.iter().all(|part| text[part.key.range.clone()] == *part.key.text)
                && parts.iter().all(|part| same(part.value.text, &inner[part.name().as_ref()]))
        }
        Value::Number(number) => text.trim().parse::<f64>().ok() == number.as_f64(),
        Value::Null | Value::Bool(_) | Value::String(_) => {
            serde_json::from_str::<Value>(text).unwrap() == *value
        }
    }
}

proptest! {
    #[test]
    fn views_find_every_part_of_every_value(value in values(), choices: [u8; 32]) {
        prop_assert!(same(&spell(&value, &choices), &value));
    }

    #[test]
    fn an_edit_changes_one_member_and_no_other_byte(
        object in prop::collection::btree_map(texts(), values(), 0..6),
        (key, inner) in (texts(), texts()),
        new in values(),
        choices: [u8; 32],
    ) {
        let mut value = Value::Object(object.into_iter().collect());
        let text = spell(&value, &choices);
        let deep = value[&key].is_object();
        let path = &[key.as_str(), &inner][..if deep { 2 } else { 1 }];
        let new_text = spell(&new, &choices);
        let edited = set(&text, path, &new_text).unwrap();

        let removed = remove(&edited, path).unwrap();
        prop_assert_eq!(find(&edited, path).unwrap().text, new_text.trim());
        if let Some(old) = find(&text, path) {
            let (before, after) = (&text[..old.range.start], &text[old.range.end..]);
            prop_assert_eq!(&edited, &[before, new_text.trim(), after].concat());
        } else {
            prop_assert_eq!(&removed, &text);
        }

        let mut slot = &mut value;
        for key in path {
            slot = &mut slot[*key];
        }
        *slot = new;
        prop_assert!(same(&edited, &value));
        let (last, above) = path.split_last().unwrap();
        let owner = above.iter().fold(&mut value, |value, key| &mut value[*key]);
        owner.as_object_mut().unwrap().remove(*last);
        prop_assert!(same(&removed, &value));
    }
}
