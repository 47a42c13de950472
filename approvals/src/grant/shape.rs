//! What the arguments of a call must look like.

use serde::{Deserialize, Serialize};
use serde_json::{Number, Value};
use std::collections::BTreeMap;

/// Beyond this a number that is not an integer of 64 bits may stand for several.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

/// What one argument must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// Anything, but there.
    Any,
    /// A number from 0 to this.
    AtMost(Number),
    /// This very value.
    Equal(Value),
}

/// What the arguments of a call must look like. An argument for which there is no rule, and one
/// that is missing, never fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// What each argument must be, by its JSON pointer (RFC 6901); a rule is about all that is
    /// below it. The pointer of everything is empty.
    pub arguments: BTreeMap<String, Rule>,
}

/// Why there is no shape of some arguments.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotCovered {
    /// They are no JSON, or hold numbers that cannot be told from others.
    #[error(
        "the arguments cannot be compared with others exactly, so that no grant can be for them"
    )]
    Uninspectable,
    /// There is no such argument, or it is within one that is free already.
    #[error("there is no argument `{0}` that could be left free")]
    NoArgument(String),
    /// The call itself would not fit.
    #[error("argument `{0}` of this very call would not be covered")]
    NotItself(String),
}

impl Shape {
    /// The shape of these arguments (JSON), with all fixed but those for which there is a rule.
    pub fn of(arguments: &str, free: &BTreeMap<String, Rule>) -> Result<Self, NotCovered> {
        let value = parse(arguments).ok_or(NotCovered::Uninspectable)?;
        let mut shape = Self { arguments: BTreeMap::new() };
        shape.take(String::new(), &value, free)?;
        if let Some(path) = free.keys().find(|path| !shape.arguments.contains_key(*path)) {
            return Err(NotCovered::NoArgument(path.clone()));
        }
        Ok(shape)
    }

    fn take(
        &mut self,
        path: String,
        value: &Value,
        free: &BTreeMap<String, Rule>,
    ) -> Result<(), NotCovered> {
        if let Some(rule) = free.get(&path) {
            if !rule.fits(value) {
                return Err(NotCovered::NotItself(path));
            }
            self.arguments.insert(path, rule.clone());
            return Ok(());
        }
        if let Some(members) = members(value) {
            let mut members = members.iter();
            return members.try_for_each(|(name, value)| self.take(step(&path, name), value, free));
        }
        self.arguments.insert(path, Rule::Equal(value.clone()));
        Ok(())
    }

    /// Whether these arguments (JSON) look so.
    pub fn matches(&self, arguments: &str) -> bool {
        let Some(value) = parse(arguments) else { return false };
        let mut met = 0;
        self.fits("", &value, &mut met) && met == self.arguments.len()
    }

    fn fits(&self, path: &str, value: &Value, met: &mut usize) -> bool {
        if let Some(rule) = self.arguments.get(path) {
            *met += 1;
            return rule.fits(value);
        }
        members(value).is_some_and(|members| {
            members.iter().all(|(name, value)| self.fits(&step(path, name), value, met))
        })
    }

    /// What it covers, in words.
    pub fn words(&self) -> String {
        let word = |(path, rule): (&String, &Rule)| {
            let name = if path.is_empty() { "all arguments" } else { path.trim_start_matches('/') };
            match rule {
                Rule::Any => format!("`{name}` anything"),
                Rule::AtMost(most) => format!("`{name}` from 0 to {most}"),
                Rule::Equal(value) => format!("`{name}` exactly {value}"),
            }
        };
        if self.arguments.is_empty() {
            return "no arguments, and no others".into();
        }
        let words: Vec<String> = self.arguments.iter().map(word).collect();
        format!("{}, and no other arguments", words.join(", "))
    }
}

impl Rule {
    fn fits(&self, value: &Value) -> bool {
        match self {
            Self::Any => true,
            Self::Equal(wanted) => wanted == value,
            Self::AtMost(most) => value.as_number().is_some_and(|it| is_within(it, most)),
        }
    }
}

/// Integers are compared as such: as doubles, large ones would be equal to their neighbours.
fn is_within(number: &Number, most: &Number) -> bool {
    if let (Some(number), Some(most)) = (number.as_i128(), most.as_i128()) {
        return (0..=most).contains(&number);
    }
    let (number, most) = (number.as_f64(), most.as_f64());
    number.zip(most).is_some_and(|(number, most)| (0.0..=most).contains(&number))
}

/// What an object has, if there is something to tell apart.
fn members(value: &Value) -> Option<&serde_json::Map<String, Value>> {
    value.as_object().filter(|members| !members.is_empty())
}

fn step(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Arguments whose values all stand for themselves alone.
fn parse(arguments: &str) -> Option<Value> {
    serde_json::from_str(arguments).ok().filter(is_exact)
}

fn is_exact(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(_) | Value::String(_) => true,
        Value::Number(number) => {
            !number.is_f64() || number.as_f64().is_some_and(|it| it.abs() < EXACT_MAX)
        }
        Value::Array(values) => values.iter().all(is_exact),
        Value::Object(members) => members.values().all(is_exact),
    }
}
