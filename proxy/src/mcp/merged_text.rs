//! The texts of the merged endpoint: names and addresses as agents see them in place of the
//! servers' own, and what many servers say as one answer. Pure.
//!
//! Tools and prompts have names with prefixes. A resource has the address `server+address`, in
//! which `server+` becomes a part of the URI's scheme (RFC 3986 §3.1).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::json;

use super::envelope::quoted;

/// What an answer can hold that names something.
const CONTENTS: [&[&str]; 2] = [&["content"], &["contents"]];

/// The address by which agents know a server's resource.
pub fn outward_uri(server: &str, uri: &str) -> String {
    format!("{server}+{uri}")
}

/// The server and its own address of a resource that an agent names.
pub fn inward_uri(uri: &str) -> Option<(&str, &str)> {
    uri.split_once('+')
}

/// A list's element with another text at `key`.
pub(crate) fn renamed(element: &str, key: &str, new: &str) -> Option<String> {
    json::set(element, &[key], &quoted(new)).ok()
}

/// A result of one server, with the addresses in it as agents know them.
pub fn outward_result(result: &str, server: &str) -> String {
    let mut text = result.to_owned();
    for path in CONTENTS {
        text = mapped(&text, path, |element| outward_content(element, server));
    }
    mapped(&text, &["messages"], |message| {
        let content = json::find(message, &["content"])?;
        let new = outward_content(content.text, server)?;
        json::set(message, &["content"], &new).ok()
    })
}

/// A notification of one server, with the address in it as agents know it.
pub fn outward_message(text: &str, server: &str) -> String {
    let updated = json::find(text, &["method"])
        .is_some_and(|method| method.text == r#""notifications/resources/updated""#);
    let uri = json::find(text, &["params", "uri"]).filter(|_| updated);
    let uri = uri.and_then(|uri| json::string(uri.text));
    let renamed = uri.and_then(|uri| {
        json::set(text, &["params", "uri"], &quoted(&outward_uri(server, &uri))).ok()
    });
    renamed.unwrap_or_else(|| text.to_owned())
}

/// A subscription's parameters as far as they concern one server.
pub fn inward_subscription(text: &str, server: &str) -> String {
    let path = ["params", "notifications", "resourceSubscriptions"];
    let Some(asked) = json::find(text, &path) else { return text.to_owned() };
    let own: Vec<String> = json::elements(asked.text)
        .filter_map(|uri| {
            let uri = json::string(uri.text)?;
            let (of, own) = inward_uri(&uri)?;
            (of == server).then(|| quoted(own))
        })
        .collect();
    json::set(text, &path, &format!("[{}]", own.join(","))).unwrap_or_else(|_| text.to_owned())
}

/// One piece of content; `None` if it names no resource.
fn outward_content(content: &str, server: &str) -> Option<String> {
    let path: &[&str] = if json::find(content, &["resource", "uri"]).is_some() {
        &["resource", "uri"]
    } else {
        &["uri"]
    };
    let uri = json::find(content, path).and_then(|uri| json::string(uri.text))?;
    json::set(content, path, &quoted(&outward_uri(server, &uri))).ok()
}

/// A text with each element of the array at `path` changed by `change`, where it changes any.
fn mapped(text: &str, path: &[&str], change: impl Fn(&str) -> Option<String>) -> String {
    let Some(array) = json::find(text, path) else { return text.to_owned() };
    let mut changed = false;
    let elements: Vec<String> = json::elements(array.text)
        .map(|element| {
            let new = change(element.text);
            changed |= new.is_some();
            new.unwrap_or_else(|| element.text.to_owned())
        })
        .collect();
    if !changed {
        return text.to_owned();
    }
    json::set(text, path, &format!("[{}]", elements.join(","))).unwrap_or_else(|_| text.to_owned())
}

/// What all servers together can do: everything that at least one can.
pub(crate) fn union(capabilities: &[String]) -> Value {
    let mut all = Map::new();
    let known: BTreeSet<&str> =
        ["tools", "prompts", "resources", "logging", "completions"].into_iter().collect();
    for said in capabilities {
        let Ok(Value::Object(said)) = serde_json::from_str::<Value>(said) else { continue };
        for (name, what) in said.into_iter().filter(|(name, _)| known.contains(name.as_str())) {
            let Value::Object(what) = what else { continue };
            let entry = all.entry(name).or_insert_with(|| json!({}));
            if let Some(entry) = entry.as_object_mut() {
                entry.extend(what);
            }
        }
    }
    Value::Object(all)
}

/// A result as the modern era wants it, from a server that may be older.
pub(crate) fn modernised(result: &str, is_cacheable: bool) -> String {
    let mut text = result.to_owned();
    let mut put = |key: &str, value: &str| {
        if json::find(&text, &[key]).is_none()
            && let Ok(new) = json::set(&text, &[key], value)
        {
            text = new;
        }
    };
    put("resultType", "\"complete\"");
    if is_cacheable {
        put("ttlMs", "0");
        put("cacheScope", "\"private\"");
    }
    crate::catalogue::private(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_are_known_by_addresses_that_name_their_server() {
        let result = r#"{"contents":[{"uri":"test://a","text":"x"}],"x":1}"#;
        let outward = outward_result(result, "crm");
        assert_eq!(outward, r#"{"contents":[{"uri":"crm+test://a","text":"x"}],"x":1}"#);
        assert_eq!(inward_uri("crm+test://a+b"), Some(("crm", "test://a+b")));
        let prompt = r#"{"messages":[{"content":{"type":"resource","resource":{"uri":"a:b"}}}]}"#;
        assert!(outward_result(prompt, "crm").contains(r#""uri":"crm+a:b""#));
        let plain = r#"{"content":[{"type":"text","text":"uri"}]}"#;
        assert_eq!(outward_result(plain, "crm"), plain);
    }

    #[test]
    fn capabilities_are_those_of_any_server() {
        let all = union(&[
            r#"{"tools":{},"experimental":{"x":{}}}"#.to_owned(),
            r#"{"tools":{"listChanged":true},"logging":{}}"#.to_owned(),
        ]);
        assert_eq!(all, json!({"tools": {"listChanged": true}, "logging": {}}));
    }

    #[test]
    fn an_older_result_becomes_a_modern_one_and_is_never_shared() {
        assert_eq!(modernised("{}", false), r#"{"resultType":"complete"}"#);
        let list = modernised(r#"{"cacheScope":"public","ttlMs":5}"#, true);
        assert_eq!(list, r#"{"cacheScope":"private","ttlMs":5,"resultType":"complete"}"#);
    }
}
