//! How fast `json::check` and the views are beside `serde_json`, in MB/s over made-up bodies.
//!
//! `cargo bench -p proxy --bench json [-- FILE…]`; the best of several runs is printed.

#![expect(clippy::print_stdout, clippy::expect_used, reason = "a bench talks to its reader")]
#![expect(clippy::cast_precision_loss, reason = "figures are read by people")]

use std::hint::black_box;
use std::time::Instant;

use proxy::json;
use serde::de::IgnoredAny;

fn main() {
    println!(
        "{:28} {:>8} {:>8} {:>8} {:>8} {:>8}",
        "MB/s", "check", "walk", "ignored", "value", "jcs"
    );
    measure("chat, ASCII, 8 MB", &chat("The flight leaves at nine; your seat is 14C. "));
    measure("chat, Japanese, 8 MB", &chat("ご予約の便は九時に出発します。"));
    measure("embedding, 8 MB", &list(400_000, |at| format!("{}", (at as f64).sin())));
    measure(
        "small objects, 8 MB",
        &list(150_000, |at| {
            format!(r#"{{ "id": {at}, "kind": "seat", "free": true, "row": null }}"#)
        }),
    );
    measure("one object, 500k keys", &object("k", 500_000));
    measure("one object, escaped keys", &object(&r"\u006b".repeat(40), 33_000));
    for path in std::env::args().skip(1).filter(|argument| !argument.starts_with('-')) {
        measure(&path, &std::fs::read_to_string(&path).expect("a readable file"));
    }
}

/// A chat request with prose, escapes and tool calls, until it is 8 MB long.
fn chat(sentence: &str) -> String {
    let mut body = String::from(r#"{"model":"gpt-4o","stream":true,"messages":[{}"#);
    for turn in 0.. {
        if body.len() > 8_000_000 {
            break;
        }
        let prose = sentence.repeat(3 + turn % 17);
        let turn = turn.to_string();
        body.extend([
            r#",{"role":"user","content":""#,
            &prose,
            r#"\n\nIs it \""#,
            &turn,
            r#"\"?"}"#,
        ]);
        body.extend([r#",{"role":"assistant","content":null,"tool_calls":[{"id":"call_"#, &turn]);
        body.push_str(r#"","type":"function","function":{"name":"update_bags","arguments":""#);
        body.extend([r#"{\"reservation_id\":\"R"#, &turn, r#"\",\"bags\":2}"}}]}"#]);
        body.extend([r#",{"role":"tool","tool_call_id":"call_"#, &turn, r#"","content":""#]);
        body.extend([prose.as_str(), r#""}"#]);
    }
    body.push_str("]}");
    body
}

fn list(count: usize, element: impl Fn(usize) -> String) -> String {
    format!("[{}]", (0..count).map(element).collect::<Vec<_>>().join(","))
}

/// An object whose keys are alike up to their ends and in no order.
fn object(prefix: &str, count: usize) -> String {
    let number = |at: usize| at.wrapping_mul(2_654_435_761) % (1 << 32);
    let member = |at: usize| format!(r#""{prefix}{}":{at}"#, number(at));
    format!("{{{}}}", (0..count).map(member).collect::<Vec<_>>().join(","))
}

fn measure(name: &str, body: &str) {
    let limits = json::Limits::default();
    let check = speed(body, || {
        black_box(json::check(body.as_bytes(), limits)).expect("valid JSON");
    });
    let walk = speed(body, || {
        black_box(json::members(body).count() + json::elements(body).count());
    });
    let ignored = speed(body, || {
        black_box(serde_json::from_slice::<IgnoredAny>(body.as_bytes())).expect("valid JSON");
    });
    let value = speed(body, || {
        black_box(serde_json::from_slice::<serde_json::Value>(body.as_bytes()))
            .expect("valid JSON");
    });
    let jcs = speed(body, || {
        black_box(json::canonical(body)).expect("valid JSON");
    });
    println!("{name:28} {check:8.0} {walk:8.0} {ignored:8.0} {value:8.0} {jcs:8.0}");
}

/// The best of nine runs, in MB/s.
fn speed(body: &str, run: impl Fn()) -> f64 {
    let best = (0..9)
        .map(|_| {
            let start = Instant::now();
            run();
            start.elapsed().as_secs_f64()
        })
        .fold(f64::INFINITY, f64::min);
    body.len() as f64 / best / 1e6
}
