//! The arguments of a tool as policies see them: typed by the tool's JSON Schema where that says
//! enough, and otherwise left out and said to be.

use cedar_policy::RestrictedExpression;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// The most bytes of arguments that are looked into.
pub const ARGUMENT_BYTES_MAX: usize = 64 << 10;
/// How deep a schema is followed.
const DEPTH_MAX: usize = 8;
/// The most properties that are read of one schema.
const PROPERTIES_MAX: usize = 500;

/// What an argument can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// `String`.
    Text,
    /// `Long`.
    Whole,
    /// `decimal`.
    Decimal,
    /// `Bool`.
    Flag,
    /// `Set`.
    Set(Box<Self>),
    /// A record.
    Record(Fields),
}

/// The members of a record that can be told a type of.
pub(crate) type Fields = BTreeMap<String, Field>;

/// A member of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field {
    shape: Shape,
    is_required: bool,
    /// Whether `null` says the same as leaving it out.
    is_nullable: bool,
}

/// What could not be told of a call's arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Uninspected {
    /// Whether there is anything.
    pub(crate) is_any: bool,
    /// Whether nothing could be told at all.
    pub(crate) is_all: bool,
    /// The arguments that policies may name and that are not what the schema says.
    pub(crate) names: BTreeSet<String>,
}

/// Reads the types that a tool's schema gives its arguments.
pub(crate) fn fields(schema: &str) -> Fields {
    let Ok(root) = serde_json::from_str::<Value>(schema) else { return Fields::new() };
    let mut reader = Reader { root: &root, left: PROPERTIES_MAX };
    match reader.shape(&root, DEPTH_MAX) {
        Some((Shape::Record(fields), _)) => fields,
        Some(_) | None => Fields::new(),
    }
}

struct Reader<'a> {
    root: &'a Value,
    left: usize,
}

impl Reader<'_> {
    /// The shape of a schema, and whether it can be null.
    fn shape(&mut self, schema: &Value, depth: usize) -> Option<(Shape, bool)> {
        let depth = depth.checked_sub(1)?;
        let schema = schema.as_object()?;
        if let Some(target) = schema.get("$ref") {
            let target = target.as_str()?.strip_prefix('#')?;
            return self.shape(self.root.pointer(target)?, depth);
        }
        for choice in ["anyOf", "oneOf", "allOf"] {
            if let Some(choices) = schema.get(choice) {
                return self.only(choices.as_array()?, depth);
            }
        }
        match schema.get("type") {
            Some(Value::String(name)) => Some((self.typed(name, schema, depth)?, false)),
            Some(Value::Array(names)) => {
                let is_nullable = names.iter().any(|name| name == "null");
                let mut names = names.iter().filter(|name| *name != "null");
                let name = names.next()?.as_str()?;
                let shape = self.typed(name, schema, depth)?;
                names.next().is_none().then_some((shape, is_nullable))
            }
            Some(_) => None,
            None => Some((untyped(schema)?, false)),
        }
    }

    /// Of several choices: the only one that is not `null`.
    fn only(&mut self, choices: &[Value], depth: usize) -> Option<(Shape, bool)> {
        let is_null = |choice: &&Value| choice.get("type").is_some_and(|name| name == "null");
        let has_null = choices.iter().any(|choice| is_null(&choice));
        let mut others = choices.iter().filter(|choice| !is_null(choice));
        let (shape, is_nullable) = self.shape(others.next()?, depth)?;
        others.next().is_none().then_some((shape, is_nullable || has_null))
    }

    fn typed(&mut self, name: &str, schema: &Map<String, Value>, depth: usize) -> Option<Shape> {
        match name {
            "string" => Some(Shape::Text),
            "integer" => Some(Shape::Whole),
            "number" => Some(Shape::Decimal),
            "boolean" => Some(Shape::Flag),
            "array" => {
                let (items, is_nullable) = self.shape(schema.get("items")?, depth)?;
                (!is_nullable).then(|| Shape::Set(Box::new(items)))
            }
            "object" => Some(Shape::Record(self.members(schema, depth))),
            _ => None,
        }
    }

    fn members(&mut self, schema: &Map<String, Value>, depth: usize) -> Fields {
        let none = Map::new();
        let properties = schema.get("properties").and_then(Value::as_object).unwrap_or(&none);
        let required: BTreeSet<&str> = schema
            .get("required")
            .and_then(Value::as_array)
            .map(|names| names.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut fields = Fields::new();
        for (name, schema) in properties {
            let Some(left) = self.left.checked_sub(1) else { break };
            self.left = left;
            if let Some((shape, is_nullable)) = self.shape(schema, depth) {
                let is_required = required.contains(name.as_str()) && !is_nullable;
                fields.insert(name.clone(), Field { shape, is_required, is_nullable });
            }
        }
        fields
    }
}

/// The shape of a schema that lists its values instead of naming their type.
fn untyped(schema: &Map<String, Value>) -> Option<Shape> {
    let one = schema.get("const").map(std::slice::from_ref);
    let values = schema.get("enum").and_then(Value::as_array).map(Vec::as_slice).or(one)?;
    values.iter().all(Value::is_string).then_some(Shape::Text)
}

impl Shape {
    /// The type as a Cedar schema has it.
    fn declared(&self) -> Value {
        match self {
            Self::Text => json!({ "type": "String" }),
            Self::Whole => json!({ "type": "Long" }),
            Self::Decimal => json!({ "type": "Extension", "name": "decimal" }),
            Self::Flag => json!({ "type": "Boolean" }),
            Self::Set(items) => json!({ "type": "Set", "element": items.declared() }),
            Self::Record(fields) => declared(fields),
        }
    }
}

/// The type of a record as a Cedar schema has it.
pub(crate) fn declared(fields: &Fields) -> Value {
    let attributes: Map<String, Value> = fields
        .iter()
        .map(|(name, field)| {
            let mut declared = field.shape.declared();
            if let Some(members) = declared.as_object_mut() {
                members.insert("required".to_owned(), json!(field.is_required));
            }
            (name.clone(), declared)
        })
        .collect();
    json!({ "type": "Record", "attributes": attributes })
}

/// Arguments as policies see them.
pub(crate) struct Inspected {
    /// What has a type.
    pub(crate) members: Vec<(String, RestrictedExpression)>,
    /// All of them as canonical text, where that is short enough.
    pub(crate) text: Option<String>,
    /// What could not be told.
    pub(crate) left_out: Uninspected,
}

/// Reads the arguments of a call; `fields` are `None` for a tool that is not known.
pub(crate) fn inspect(text: Option<&str>, fields: Option<&Fields>) -> Inspected {
    let text = text.unwrap_or("{}");
    let nothing = || Inspected {
        members: Vec::new(),
        text: None,
        left_out: Uninspected { is_any: true, is_all: true, names: BTreeSet::new() },
    };
    if text.len() > ARGUMENT_BYTES_MAX {
        return nothing();
    }
    let Ok(value) = serde_json::from_str::<Value>(text) else { return nothing() };
    let mut canonical = String::with_capacity(text.len());
    write(&value, &mut canonical);
    let Value::Object(given) = value else {
        return Inspected { text: Some(canonical), ..nothing() };
    };
    let mut left_out = Uninspected::default();
    let members = if let Some(fields) = fields {
        record(&given, fields, &mut left_out)
    } else {
        left_out.is_any = !given.is_empty();
        left_out.is_all = left_out.is_any;
        Vec::new()
    };
    Inspected { members, text: Some(canonical), left_out }
}

fn record(
    given: &Map<String, Value>,
    fields: &Fields,
    left_out: &mut Uninspected,
) -> Vec<(String, RestrictedExpression)> {
    let mut members = Vec::with_capacity(given.len());
    for (name, value) in given {
        let Some(field) = fields.get(name) else {
            left_out.is_any = true;
            continue;
        };
        if value.is_null() && field.is_nullable {
            continue;
        }
        if let Some(value) = expression(value, &field.shape, left_out) {
            members.push((name.clone(), value));
        } else {
            left_out.is_any = true;
            left_out.names.insert(name.clone());
        }
    }
    members
}

/// A value as its shape has it; none if it does not fit.
fn expression(
    value: &Value,
    shape: &Shape,
    left_out: &mut Uninspected,
) -> Option<RestrictedExpression> {
    match shape {
        Shape::Text => value.as_str().map(|text| RestrictedExpression::new_string(text.to_owned())),
        Shape::Flag => value.as_bool().map(RestrictedExpression::new_bool),
        Shape::Whole => whole(value).map(RestrictedExpression::new_long),
        Shape::Decimal => decimal(value).map(RestrictedExpression::new_decimal),
        Shape::Set(items) => {
            // A set is compared with whole values, so that all of each has to be there.
            let mut inside = Uninspected::default();
            let values: Option<Vec<_>> =
                value.as_array()?.iter().map(|item| expression(item, items, &mut inside)).collect();
            left_out.names.append(&mut inside.names);
            values.filter(|_| !inside.is_any).map(RestrictedExpression::new_set)
        }
        Shape::Record(fields) => {
            let members = record(value.as_object()?, fields, left_out);
            RestrictedExpression::new_record(members).ok()
        }
    }
}

/// An integer, however it is written: `100`, `100.0` or `1e2`.
fn whole(value: &Value) -> Option<i64> {
    if let Some(number) = value.as_i64() {
        return Some(number);
    }
    // Up to 2^53 a double is exact, and `{:.0}` prints it so.
    let number = value.as_f64().filter(|_| value.is_f64())?;
    let is_exact = number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0;
    is_exact.then(|| format!("{number:.0}").parse().ok()).flatten()
}

/// A number with at most four decimals, which is what `decimal` holds; others do not fit rather
/// than being rounded.
fn decimal(value: &Value) -> Option<String> {
    let text = match (value.as_i64(), value.as_f64()) {
        (Some(number), _) => format!("{number}.0"),
        // Display never uses an exponent, and is the shortest that reads back the same.
        (None, Some(number)) if number.fract() == 0.0 => format!("{number:.1}"),
        (None, Some(number)) => format!("{number}"),
        (None, None) => return None,
    };
    let (whole, fraction) = text.trim_start_matches('-').split_once('.')?;
    // 922337203685477.5807 is the most; one digit less in front of the point always fits.
    (whole.len() <= 14 && fraction.len() <= 4).then_some(text)
}

/// JSON without spaces, with the members of objects sorted by name.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {
            out.push_str(&value.to_string());
        }
        Value::Array(items) => {
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Object(members) => {
            // Sorted here, because a map's own order depends on a feature of `serde_json`.
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            out.push('{');
            for (index, (name, value)) in members.into_iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                out.push_str(&Value::String(name.clone()).to_string());
                out.push(':');
                write(value, out);
            }
            out.push('}');
        }
    }
}
