//! What the condition of a policy looks at.

use crate::argument::Uninspected;
use crate::facts::LOCAL;
use cedar_policy::{EntityId, EntityTypeName, EntityUid, Policy};
use serde_json::Value;
use std::collections::BTreeSet;
use std::str::FromStr;

/// Everything that the `when` and `unless` of a policy name. It may name more than is looked at,
/// never less.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    /// Whether the context is looked at.
    context: bool,
    /// The attributes that are asked for, of whatever, and those of records.
    attributes: BTreeSet<String>,
    /// Whether there is a record, which could be compared with arguments as a whole.
    records: bool,
    /// Whether the name is mentioned that tools which agents run themselves have for a server.
    local: bool,
    /// The entities.
    pub(crate) entities: BTreeSet<EntityUid>,
}

impl Mentions {
    /// Reads a policy's conditions in Cedar's JSON form.
    pub(crate) fn of(policy: &Policy) -> Result<Self, String> {
        let json = policy.to_json().map_err(|error| error.to_string())?;
        let mut mentions = Self::default();
        mentions.walk(json.get("conditions").unwrap_or(&Value::Null));
        Ok(mentions)
    }

    /// Recursion ends: the nesting of policies is limited.
    fn walk(&mut self, value: &Value) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    self.member(name, value);
                    self.walk(value);
                }
            }
            Value::Array(items) => items.iter().for_each(|item| self.walk(item)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }

    fn member(&mut self, name: &str, value: &Value) {
        match (name, value) {
            ("Var", Value::String(variable)) => self.context |= variable == "context",
            ("Value", Value::String(text)) => self.local |= text == LOCAL,
            ("attr", Value::String(attribute)) => {
                self.attributes.insert(attribute.clone());
            }
            // `context has arguments.amount`
            ("attr", Value::Array(path)) => {
                let path = path.iter().filter_map(Value::as_str);
                self.attributes.extend(path.map(str::to_owned));
            }
            ("Record", Value::Object(members)) => {
                self.records = true;
                self.attributes.extend(members.iter().map(|(name, _)| name.clone()));
            }
            ("__entity", entity) => {
                let text = |name| entity.get(name).and_then(Value::as_str);
                if let (Some(kind), Some(id)) = (text("type"), text("id"))
                    && let Ok(kind) = EntityTypeName::from_str(kind)
                {
                    let id = EntityId::new(id);
                    self.entities.insert(EntityUid::from_type_name_and_id(kind, id));
                }
            }
            _ => {}
        }
    }

    fn asks(&self, attribute: &str) -> bool {
        self.context && self.attributes.contains(attribute)
    }

    /// Whether the answer can be another if nobody attends.
    pub(crate) fn unattended(&self) -> bool {
        self.asks("unattended")
    }

    /// Whether the answer can depend on anything but who asks for what.
    pub(crate) fn context(&self) -> bool {
        self.context
    }

    /// Whether the name of a server may be compared with that which tools have that agents run
    /// themselves.
    pub(crate) fn local(&self) -> bool {
        self.local && self.attributes.contains("server")
    }

    /// Whether arguments are looked at by name.
    pub(crate) fn arguments(&self) -> bool {
        self.asks("arguments")
    }

    /// The first thing that is looked at and could not be told.
    pub(crate) fn blind<'a>(&self, left_out: &'a Uninspected, has_text: bool) -> Option<&'a str> {
        if !has_text && self.asks("argument_text") {
            return Some("argument_text");
        }
        if !self.arguments() {
            return None;
        }
        if left_out.is_all || (left_out.is_any && self.records) {
            return Some("arguments");
        }
        left_out.names.iter().map(String::as_str).find(|name| self.attributes.contains(*name))
    }
}
