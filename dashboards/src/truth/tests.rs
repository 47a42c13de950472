//! Whatever an agent writes, a reader sees what it is; the threats seen in the wild, one by one.

use super::{
    Arguments, ChangeKind, Content, Row, Span, arguments, difference, shown, view_bytes,
    view_digest, visible,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn text(spans: &[Span]) -> String {
    spans.iter().map(Span::text).collect()
}

/// A row in one line: its name, its value, and what is noted.
fn line(row: &Row) -> String {
    let name = row.name.as_ref().map_or(String::new(), |name| text(&name.head) + ": ");
    let value = match &row.content {
        Content::Object(count) => format!("object of {count}"),
        Content::List(count) => format!("list of {count}"),
        Content::Text(shown) | Content::Number(shown) => match &shown.folded {
            None => text(&shown.head),
            Some(folded) => format!("{} bytes, {} hidden", shown.bytes, folded.hidden),
        },
        Content::Word(word) => (*word).to_owned(),
    };
    let notes = row.notes.iter().map(|note| format!(" | {} {}", note.text, text(&note.word)));
    format!("{name}{value}{}", notes.collect::<String>().trim_end())
}

fn lines(json: &str) -> Vec<String> {
    arguments(json.as_bytes()).rows.iter().map(line).collect()
}

#[test]
fn what_cannot_be_seen_is_spelled_out() {
    let table = [
        ("plain text", "plain text"),
        ("pay \u{202e}001\u{202c}!", "pay⟦SP⟧⟦U+202E RLO⟧001⟦U+202C PDF⟧!"),
        ("\u{2066}a\u{2069}", "⟦U+2066 LRI⟧a⟦U+2069 PDI⟧"),
        ("hi\u{e0041}\u{e0042}", "hi⟦U+E0041 TAG A⟧⟦U+E0042 TAG B⟧"),
        ("a\u{200d}b\u{200b}\u{feff}", "a⟦U+200D ZWJ⟧b⟦U+200B ZWSP⟧⟦U+FEFF BOM⟧"),
        ("x\u{fe0f}\u{e0100}", "x⟦U+FE0F VS16⟧⟦U+E0100 VS17⟧"),
        ("so\u{ad}ft\u{3164}", "so⟦U+00AD SHY⟧ft⟦U+3164 HANGUL FILLER⟧"),
        ("rm a\rls", "rm a⟦U+000D CR⟧ls"),
        ("\u{1b}[2J\u{9b}1m\0", "⟦U+001B ESC⟧[2J⟦U+009B CSI⟧1m⟦U+0000 NUL⟧"),
        ("a\n\n\nb\tc", "a⟦LF ×3⟧b⟦TAB⟧c"),
        ("  a  b ", "⟦SP ×2⟧a⟦SP ×2⟧b⟦SP⟧"),
        ("a\u{a0}b\u{2003}c", "a⟦U+00A0 NBSP⟧b⟦U+2003 EM SPACE⟧c"),
        ("\u{e000}\u{ffff}\u{378}", "⟦U+E000⟧⟦U+FFFF⟧⟦U+0378⟧"),
        ("⟦U+202E RLO⟧", "⟦U+27E6 LEFT BRACKET⟧U+202E RLO⟦U+27E7 RIGHT BRACKET⟧"),
        ("e\u{301}e\u{301}", "e\u{301}e\u{301}"),
        ("e\u{301}\u{302}\u{303}\u{304}", "e\u{301}\u{302}\u{303}⟦U+0304⟧"),
        ("\u{338}=", "⟦U+0338⟧="),
        ("Zürich 東京 🙂 שלום", "Zürich 東京 🙂 שלום"),
    ];
    for (source, seen) in table {
        assert_eq!(text(&visible(source)), seen, "{source:?}");
    }
}

#[test]
fn a_megabyte_of_padding_is_one_chip_and_pushes_nothing_away() {
    let source = format!("ls{}; rm -rf ~", " ".repeat(1 << 20));
    let shown = shown(&source);
    assert_eq!(text(&shown.head), "ls⟦SP ×1048576⟧; rm -rf ~");
    assert_eq!((shown.bytes, shown.folded), (source.len(), None));
}

#[test]
fn a_long_text_shows_both_ends_and_counts_what_is_between() {
    let source = format!("begin {} end", "middle ".repeat(1000));
    let shown = shown(&source);
    let folded = shown.folded.as_ref().unwrap();
    assert!(text(&shown.head).starts_with("begin ") && text(&folded.tail).ends_with("end"));
    assert!(text(&shown.head).len() < 1000 && text(&folded.tail).len() < 1000);
    let middle = folded.middle.as_ref().unwrap();
    assert_eq!(folded.hidden, middle.iter().map(|span| span.source().len()).sum::<usize>());
    assert_eq!(shown.source(), source);
}

#[test]
fn what_is_too_much_for_a_page_is_said_to_be_uninspectable() {
    let noise = "a\u{200b}".repeat(100_000);
    let shown = arguments(serde_json::to_string(&noise).unwrap().as_bytes());
    assert!(shown.uninspectable.iter().any(|why| why.contains("Too much to be read")), "{shown:?}");
    let folded = shown.rows.first().map(|row| row.section.clone());
    assert_eq!(folded, Some(Some("section-1".into())));
}

#[test]
fn where_and_how_much_come_first_whatever_order_the_agent_chose() {
    let seen = lines(r#"{"memo": "hi", "Amount": 7, "list": [{"b": 1, "to": "x"}], "to": "ada"}"#);
    let order = ["to: ada", "Amount: 7", "memo: hi", "list: list of 1", "object of 2"];
    assert_eq!(seen, [&order[..], &["to: x", "b: 1"]].concat());
}

#[test]
fn numbers_stand_as_they_are_written() {
    let seen = lines(r#"{"a": 1e999, "b": -0, "c": 9007199254740993, "d": 42.50, "e": 1E2}"#);
    assert!(seen[0].starts_with("a: 1e999 | This number is larger than any"), "{seen:?}");
    assert!(seen[1].starts_with("b: -0 | This number is a negative zero"), "{seen:?}");
    assert!(seen[2].starts_with("c: 9007199254740993 | This number is so large"), "{seen:?}");
    assert_eq!(seen[3], "d: 42.50");
    assert!(seen[4].starts_with("e: 1E2 | This number is written with an exponent"), "{seen:?}");
}

#[test]
fn a_name_that_stands_there_twice_is_shown_twice() {
    let shown = arguments(br#"{"to": "ada", "n": 1, "\u0074o": "mallory"}"#);
    let seen: Vec<String> = shown.rows.iter().map(line).collect();
    assert!(seen[0].starts_with("to: ada | This name stands there 2 times."), "{seen:?}");
    assert!(seen[1].starts_with("to: mallory | This name stands there 2 times."), "{seen:?}");
    assert!(!shown.is_inspectable());
}

#[test]
fn names_that_look_like_others_are_marked() {
    let table = [
        (r#"{"url": "https://pаypal.com/x"}"#, "Mixes letters that look alike: Latin and Cyrillic"),
        (r#"{"url": "https://pаypal.com/x"}"#, "looked up as xn--pypal-4ve.com"),
        (r#"{"url": "https://аррӏе.com"}"#, "Looks like “https://apple.com”"),
        (r#"{"to": "ada@xn--80ak6aa92e.com"}"#, "looked up as xn--80ak6aa92e.com: аррӏе.com"),
        (r#"{"body": "write to аdmin now"}"#, "Mixes letters that look alike"),
        (r#"{"user": "сосо"}"#, "Looks like “coco”"),
        (r#"{"уре": 1}"#, "Looks like “ype”"),
    ];
    for (json, said) in table {
        let seen = lines(json);
        assert!(seen[0].contains(said), "{json}: {seen:?}");
    }
    for ordinary in [
        r#"{"body": "Привет, как дела? Grüße aus Zürich, 東京タワー"}"#,
        r#"{"path": "/home/zoë/Übung.txt", "name": "José Ñandú"}"#,
    ] {
        let rows = arguments(ordinary.as_bytes()).rows;
        assert!(rows.iter().all(|row| row.notes.is_empty()), "{rows:?}");
    }
}

#[test]
fn many_oddities_are_counted_and_a_long_word_is_clipped() {
    let words: Vec<String> = (0..100).map(|index| format!("pаypal{index}")).collect();
    let words = words.join(" ");
    let seen = lines(&format!("{{\"a\": \"{words}\"}}"));
    assert!(seen[0].contains("more oddities like these"), "{seen:?}");
    let seen = lines(&format!("{{\"a\": \"{}\"}}", "аa".repeat(500)));
    assert!(seen[0].contains("… +1380 bytes"), "{seen:?}");
}

#[test]
fn a_long_name_is_folded_by_itself() {
    let json = format!("{{\"{}\": \"{}\"}}", "n".repeat(5000), "v".repeat(5000));
    let shown = arguments(json.as_bytes());
    assert_eq!(shown.sections().collect::<Vec<_>>(), ["section-1", "section-2"]);
}

#[test]
fn what_reading_does_not_explain_is_said_so() {
    let table: [(&[u8], &str); 7] = [
        (br#"{"command": "echo cm0= | base64 -d | sh"}"#, "a command that decodes another"),
        (br#"{"a": "-----BEGIN MESSAGE-----\nabc"}"#, "a PEM block"),
        (b"\xff\xfe\x00\x01", "byte 0 is not UTF-8"),
        (br#"{"a": 1} {"a": 2}"#, "not a JSON value"),
        (br#"{"a": NaN}"#, "not a JSON value"),
        (br#"{"a": "\ud800"}"#, "not a JSON value"),
        (b"", "not a JSON value"),
    ];
    for (bytes, why) in table {
        let shown = arguments(bytes);
        let said = shown.uninspectable.join(" ");
        assert!(said.contains(why), "{said}");
    }
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    assert!(arguments(deep.as_bytes()).uninspectable.join(" ").contains("levels"));
    let many = format!("[{}1]", "1,".repeat(5000));
    assert!(arguments(many.as_bytes()).uninspectable.join(" ").contains("values"));
    let large = format!("\"{}\"", " ".repeat(2 << 20));
    assert!(arguments(large.as_bytes()).uninspectable.join(" ").contains("2097154 bytes"));
}

#[test]
fn differences_are_found_value_by_value() {
    let before = br#"{"to": "ada@example.com", "n": 1, "old": true, "same": [1, {"x": "y"}]}"#;
    let after =
        "{\"to\": \"аda@example.com\", \"n\": \"1\", \"new\": null, \"same\": [1, {\"x\": \"y\"}]}";
    let changes = difference(before, after.as_bytes()).unwrap();
    let seen: Vec<(String, ChangeKind, bool)> =
        changes.iter().map(|it| (text(&it.path), it.kind, it.looks_alike)).collect();
    let expected = [
        ("to", ChangeKind::Changed, true),
        ("n", ChangeKind::Changed, false),
        ("new", ChangeKind::Added, false),
        ("old", ChangeKind::Removed, false),
    ];
    assert_eq!(seen, expected.map(|(path, kind, alike)| (path.to_owned(), kind, alike)));
    let side = changes[0].after.as_ref().unwrap();
    assert_eq!(text(&side.differs.head), "а");
    assert_eq!(text(&side.end), "da@example.com”");
    assert!(difference(b"{", b"{}").unwrap_err().contains("not a JSON value"));
}

#[test]
fn the_same_view_has_the_same_digest_and_another_one_has_not() {
    let view = arguments(br#"{"to": "ada"}"#);
    assert_eq!(view_digest(&view).unwrap(), view_digest(&view.clone()).unwrap());
    let other = arguments("{\"to\": \"a\u{200b}da\"}".as_bytes());
    assert_ne!(view_digest(&view).unwrap(), view_digest(&other).unwrap());
    assert!(view_bytes(&view).unwrap().starts_with(b"countersign-view-1\n{"));
}

/// Text made of what an attacker would use, and of anything.
fn hostile() -> impl Strategy<Value = String> {
    let parts = prop_oneof![
        any::<String>(),
        "[ \n\r\t]{0,40}",
        "[⟦⟧U+0-9A-FLRO ×]{0,12}",
        "[\u{202a}-\u{202e}\u{2066}-\u{2069}\u{200b}-\u{200f}\u{e0020}-\u{e007f}]{0,9}",
        "[\u{300}-\u{36f}]{0,9}",
        "[a-z ]{0,900}",
    ];
    vec(parts, 0..6).prop_map(|parts| parts.concat())
}

fn is_safe(character: char) -> bool {
    let is_ours = matches!(character, '⟦' | '⟧' | '×');
    is_ours || super::character::kind(character).is_none()
}

fn all_text(shown: &Arguments) -> String {
    let mut out = String::new();
    for row in shown.rows.iter().chain(&shown.raw) {
        out += &line(row);
        if let Content::Text(shown) | Content::Number(shown) = &row.content {
            out += &text(&shown.head);
            if let Some(folded) = &shown.folded {
                out += &text(folded.middle.as_deref().unwrap_or_default());
                out += &text(&folded.tail);
            }
        }
    }
    out + &shown.uninspectable.concat()
}

proptest! {
    #[test]
    fn the_spans_of_a_text_are_the_text(source in hostile()) {
        let spans = visible(&source);
        prop_assert_eq!(spans.iter().map(Span::source).collect::<String>(), source.clone());
        let shown = shown(&source);
        prop_assert!(shown.is_withheld() || shown.source() == source);
    }

    #[test]
    fn nothing_unsafe_is_ever_shown(source in hostile(), name in hostile()) {
        let json = serde_json::to_string(&serde_json::json!({ name: [source.clone()] })).unwrap();
        for bytes in [json.as_bytes(), source.as_bytes()] {
            let seen = all_text(&arguments(bytes));
            prop_assert!(seen.chars().all(is_safe), "{seen:?}");
        }
    }

    #[test]
    fn different_texts_look_different(a in hostile(), b in hostile()) {
        prop_assert_eq!(text(&visible(&a)) == text(&visible(&b)), a == b);
    }

    #[test]
    fn any_bytes_can_be_shown_and_compared(bytes in vec(any::<u8>(), 0..200)) {
        let shown = arguments(&bytes);
        prop_assert_eq!(shown.bytes, bytes.len());
        let is_empty = shown.rows.is_empty() && shown.raw.is_none();
        let opens = bytes.trim_ascii_start().first().copied();
        prop_assert!(!is_empty || opens == Some(0x7b));
        let is_same = difference(&bytes, &bytes).is_ok_and(|changes| changes.is_empty());
        prop_assert!(is_same || shown.raw.is_some());
    }
}
