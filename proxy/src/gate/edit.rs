//! Other arguments for a call that waits, as an approver wants them: checked as if the agent had
//! sent them, and packed so that they can be approved.

use super::{Gate, later};
use crate::clock;
use crate::json;
use approvals::Hold;
use dashboards::site::Edited;
use events::{Decision, Operation};
use policy::{Kind, Question};
use serde_json::Value;

impl Gate {
    /// The request of a hold with other arguments (JSON); else why it cannot be, in words.
    pub fn edited(&self, hold: &Hold, request: &[u8], arguments: &str) -> Result<Edited, String> {
        if hold.fact.operation != Operation::ExecuteTool {
            return Err("only the arguments of a tool can be changed".into());
        }
        let canonical = json::canonical(arguments).ok();
        let text = canonical.and_then(|bytes| String::from_utf8(bytes).ok());
        let text = text.filter(|text| text.starts_with('{'));
        let text = text.ok_or("the arguments are no JSON object that is written without doubt")?;
        let request = std::str::from_utf8(request).map_err(|error| error.to_string())?;
        let whole = json::set(request, &["params", "arguments"], &text)
            .map_err(|_| "the arguments of this request cannot be replaced")?;
        self.check_schema(hold, &text)?;
        self.check_policy(hold, &text)?;
        let packed = self.pack(later(hold.session, whole.as_bytes(), true));
        let packed = packed.map_err(|problem| problem.message)?;
        let mark = self.correlator().arguments(&text);
        Ok(Edited { arguments: mark, text: text.into(), request: packed })
    }

    /// Whether the tool says that it takes such arguments.
    fn check_schema(&self, hold: &Hold, arguments: &str) -> Result<(), String> {
        let tool = hold.fact.target.as_deref().unwrap_or_default();
        let known = self.rules.catalogue().definition(&hold.fact.upstream, tool);
        let text = known.and_then(|known| known.text);
        let schema = text.as_deref().and_then(|text| json::find(text, &["inputSchema"]));
        let Some(schema) = schema else { return Ok(()) };
        let schema = serde_json::from_str(schema.text).unwrap_or_default();
        let arguments = serde_json::from_str(arguments).map_err(|error| error.to_string())?;
        fits(&schema, &arguments)
    }

    /// Whether the policy lets the agent make such a call at all.
    fn check_policy(&self, hold: &Hold, arguments: &str) -> Result<(), String> {
        let Some(policies) = self.rules.policies() else { return Ok(()) };
        let principal = &hold.fact.principal;
        let owner = principal.owner.to_lowercase();
        let tool = hold.fact.target.as_deref().unwrap_or_default();
        let facts = self.facts().of(hold.session);
        let answer = policies.decide(&Question {
            agent: &principal.agent,
            owner: &owner,
            team: &principal.team,
            actors: &principal.actors,
            kind: Kind::Tool {
                server: &hold.fact.upstream,
                name: tool,
                arguments: Some(arguments),
            },
            session: facts,
            now: clock::now(),
        });
        match answer.verdict.decision {
            Decision::Allow | Decision::Hold => Ok(()),
            Decision::Deny => {
                let reason = answer.verdict.reason.unwrap_or_else(|| "it gives no reason".into());
                Err(format!("the policy forbids such a call: {reason}"))
            }
        }
    }
}

/// Whether arguments have the members and kinds that a tool's schema names. It knows what people
/// get wrong in a form, and leaves the rest to the tool's server.
fn fits(schema: &Value, arguments: &Value) -> Result<(), String> {
    let Some(given) = arguments.as_object() else { return Err("they are no object".into()) };
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten();
    for name in required.filter_map(Value::as_str) {
        if !given.contains_key(name) {
            return Err(format!("the tool needs the argument `{name}`"));
        }
    }
    let known = schema.get("properties").and_then(Value::as_object);
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    for (name, value) in given {
        let Some(property) = known.and_then(|known| known.get(name)) else {
            if is_closed {
                return Err(format!("the tool knows no argument `{name}`"));
            }
            continue;
        };
        if !is_of(property.get("type"), value) {
            return Err(format!("the argument `{name}` is of another kind than the tool takes"));
        }
        let choices = property.get("enum").and_then(Value::as_array);
        if choices.is_some_and(|choices| !choices.contains(value)) {
            return Err(format!("the argument `{name}` is none of the values that the tool takes"));
        }
    }
    Ok(())
}

/// Whether a value is of the kind, or one of the kinds, that a schema names.
fn is_of(kinds: Option<&Value>, value: &Value) -> bool {
    let is_one = |kind: &Value| match kind.as_str() {
        Some("string") => value.is_string(),
        Some("number") => value.is_number(),
        Some("integer") => value.as_f64().is_some_and(|number| number.fract() == 0.0),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        Some("null") => value.is_null(),
        Some(_) | None => true,
    };
    match kinds {
        Some(Value::Array(kinds)) => kinds.iter().any(is_one),
        Some(kind) => is_one(kind),
        None => true,
    }
}

#[cfg(test)]
mod tests {
    use super::fits;
    use serde_json::json;

    #[test]
    fn arguments_that_a_tool_does_not_take_are_refused_with_the_reason() {
        let schema = json!({
            "type": "object", "required": ["amount"], "additionalProperties": false,
            "properties": {
                "amount": { "type": "integer" }, "to": { "type": ["string", "null"] },
                "speed": { "enum": ["slow", "fast"] },
            },
        });
        let table = [
            (json!({ "amount": 1, "to": null, "speed": "slow" }), None),
            (json!({ "to": "x" }), Some("needs the argument `amount`")),
            (json!({ "amount": 1.5 }), Some("`amount` is of another kind")),
            (json!({ "amount": 1, "to": 7 }), Some("`to` is of another kind")),
            (json!({ "amount": 1, "speed": "now" }), Some("`speed` is none of the values")),
            (json!({ "amount": 1, "admin": true }), Some("knows no argument `admin`")),
        ];
        for (arguments, expected) in table {
            let found = fits(&schema, &arguments).err();
            let is_expected = match expected {
                Some(part) => found.as_ref().is_some_and(|found| found.contains(part)),
                None => found.is_none(),
            };
            assert!(is_expected, "{arguments}: {found:?}");
        }
        assert_eq!(fits(&json!({}), &json!({ "anything": 1 })), Ok(()));
    }
}
