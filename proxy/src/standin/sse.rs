//! Server-sent events as both sides of the stand-ins use them; not the gateway's own parser.
//!
//! Source: WHATWG HTML, section 9.2 (only `event` and `data` are kept).

use bytes::Bytes;
use serde_json::Value;

/// One event with JSON data, and a name unless it is empty.
pub fn frame(name: &str, data: &Value) -> Bytes {
    if name.is_empty() {
        format!("data: {data}\n\n").into()
    } else {
        format!("event: {name}\ndata: {data}\n\n").into()
    }
}

/// The data of every event in a whole body, those without data left out.
pub fn data(body: &str) -> impl Iterator<Item = String> {
    body.split("\n\n").filter_map(|event| {
        let lines: Vec<&str> = event
            .lines()
            .filter_map(|line| line.strip_prefix("data:"))
            .map(|line| line.strip_prefix(' ').unwrap_or(line))
            .collect();
        (!lines.is_empty()).then(|| lines.join("\n"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_framed_is_read_back_and_comments_are_passed_over() {
        let one = frame("", &Value::from(1));
        let two = frame("message", &Value::from("a\nb"));
        let body = format!(
            ": keep-alive\n\n{}{}data: [DONE]\n\n",
            str::from_utf8(&one).unwrap(),
            str::from_utf8(&two).unwrap()
        );
        assert_eq!(data(&body).collect::<Vec<_>>(), ["1", "\"a\\nb\"", "[DONE]"]);
    }
}
