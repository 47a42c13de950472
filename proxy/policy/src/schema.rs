//! The schema that policies are checked against: Cedar's, made of what is known.
//!
//! Each tool has its own action, whose context has the tool's arguments. Checking every policy
//! against every tool would take the product of both, so a policy is checked against the tools that
//! it names and one that stands for all others: what is true of the arguments of that one, which
//! has none, is true of all.

use crate::argument::{Fields, declared};
use crate::entity::{CALL, CALL_MODEL, CALL_TOOL, GET_PROMPT, OTHER, READ_RESOURCE};
use cedar_policy::Schema;
use serde_json::{Map, Value, json};

/// The action that stands for the tools that a policy does not name.
pub(crate) const ANY_TOOL: &str = "*/*";

/// A schema with actions for these tools.
pub(crate) fn schema<'a>(
    tools: impl Iterator<Item = (&'a str, &'a Fields)>,
) -> Result<Schema, String> {
    let mut actions = Map::new();
    actions.insert(CALL.to_owned(), json!({}));
    actions.insert(CALL_TOOL.to_owned(), json!({ "memberOf": [{ "id": CALL }] }));
    for (name, resource, extra) in [
        (CALL_MODEL, "Model", json!({})),
        (READ_RESOURCE, "Resource", json!({})),
        (GET_PROMPT, "Prompt", json!({ "argument_text": { "type": "String" } })),
        (OTHER, "Endpoint", json!({})),
    ] {
        actions.insert(name.to_owned(), action(CALL, resource, extra));
    }
    let tools = tools.map(|(name, fields)| (name, declared(fields)));
    for (name, arguments) in tools.chain([(ANY_TOOL, declared(&Fields::new()))]) {
        let extra = json!({
            "argument_text": { "type": "String" },
            "arguments": arguments,
        });
        actions.insert(name.to_owned(), action(CALL_TOOL, "Tool", extra));
    }
    let all = json!({ "": { "entityTypes": entity_types(), "actions": actions } });
    Schema::from_json_value(all).map_err(|error| error.to_string())
}

fn action(group: &str, resource: &str, extra: Value) -> Value {
    let mut attributes = context();
    if let Value::Object(extra) = extra {
        attributes.extend(extra);
    }
    json!({
        "memberOf": [{ "id": group }],
        "appliesTo": {
            "principalTypes": ["Agent"],
            "resourceTypes": [resource],
            "context": { "type": "Record", "attributes": attributes },
        },
    })
}

/// What every call's context has.
fn context() -> Map<String, Value> {
    let (flag, count) = (json!({ "type": "Boolean" }), json!({ "type": "Long" }));
    let session = json!({
        "type": "Record",
        "attributes": {
            "read_private": flag, "read_untrusted": flag, "sent_outside": flag,
            "calls": count, "tokens": count, "cost_micros": count,
        },
    });
    let attributes = [
        ("unattended", flag.clone()),
        ("uninspectable", flag),
        ("session", session),
        ("now", json!({ "type": "Extension", "name": "datetime" })),
        ("hour", count.clone()),
        ("weekday", count),
        ("actors", json!({ "type": "Set", "element": { "type": "String" } })),
    ];
    attributes.into_iter().map(|(name, declared)| (name.to_owned(), declared)).collect()
}

fn entity_types() -> Value {
    let (text, flag) = (json!({ "type": "String" }), json!({ "type": "Boolean" }));
    let entity = |name: &str| json!({ "type": "Entity", "name": name });
    let shape = |attributes: Value| json!({ "type": "Record", "attributes": attributes });
    let within = |parents: &[&str], attributes: Value| {
        let shape = shape(attributes);
        json!({ "memberOfTypes": parents, "shape": shape })
    };
    let offered = |name: &str| {
        let mut attributes = json!({
            "server": text, "private": flag, "untrusted": flag, "outside": flag,
        });
        if let Some(attributes) = attributes.as_object_mut() {
            attributes.insert(name.to_owned(), text.clone());
        }
        within(&["Server"], attributes)
    };
    json!({
        "Agent": within(
            &["Team", "Group"],
            json!({ "name": text, "owner": entity("Person"), "team": entity("Team") }),
        ),
        "Person": within(&["Group", "Role"], json!({ "email": text })),
        "Team": {}, "Group": {}, "Role": {}, "Server": {}, "Provider": {},
        "Tool": within(&["Server"], json!({
            "server": text, "name": text, "trusted": flag,
            "read_only": flag, "destructive": flag, "idempotent": flag, "open_world": flag,
            "private": flag, "untrusted": flag, "outside": flag,
        })),
        "Model": within(&["Provider"], json!({ "provider": text, "name": text })),
        "Resource": offered("uri"),
        "Prompt": offered("name"),
        "Endpoint": within(&["Server", "Provider"], json!({ "upstream": text, "method": text })),
    })
}
