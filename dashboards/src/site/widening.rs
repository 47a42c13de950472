//! Calls like one that was approved: the form that allows them for a time, and what it says.

use super::Site;
use super::asked::Asked;
use super::visitor::{Visitor, suffices};
use crate::markup::Label;
use crate::pages::{Widened, Widening};
use approvals::grant::Rule;
use approvals::{Hold, HoldView, State};
use events::{Operation, Risk};
use serde_json::Value;
use std::collections::BTreeMap;

/// How many characters of a value the form shows.
const VALUE_CHARACTERS: usize = 60;

/// The form, for a person who could decide such calls alone.
pub(super) fn widening(
    site: &Site,
    visitor: &Visitor,
    view: &HoldView,
    asked: &Asked,
) -> Option<Widening> {
    let hold = &view.hold;
    let can_be = is_approved(hold)
        && hold.fact.operation == Operation::ExecuteTool
        && hold.fact.rule.risk != Risk::Critical
        && !hold.fact.rule.step_up
        && asked.ask.arguments.is_inspectable()
        && suffices(site, visitor, view);
    let bytes = asked.bytes.as_ref().ok().filter(|_| can_be)?;
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let arguments = value.as_object()?.iter().map(|(name, value)| widened(name, value));
    let csrf = visitor.sign_in.form_token(site.key(), &["grant", &hold.id.to_string()]);
    Some(Widening { csrf, arguments: arguments.collect() })
}

const fn is_approved(hold: &Hold) -> bool {
    match hold.state {
        State::Granted { .. } | State::Dispatched { .. } => true,
        State::Pending
        | State::Refused { .. }
        | State::Expired { .. }
        | State::Withdrawn { .. } => false,
    }
}

fn widened(name: &str, value: &Value) -> Widened {
    let text = value.to_string();
    let is_short = text.chars().count() <= VALUE_CHARACTERS;
    let number = value.as_number().filter(|it| it.as_f64().is_some_and(|it| it >= 0.0));
    Widened {
        pointer: format!("/{}", name.replace('~', "~0").replace('/', "~1")),
        name: Label::name(name),
        value: if is_short { Label::of(&text) } else { Label::default() },
        number: number.map(ToString::to_string),
    }
}

/// What a form leaves free, from its fields; an error in words.
pub(super) fn free(fields: &[(String, String)]) -> Result<BTreeMap<String, Rule>, String> {
    let mut free = BTreeMap::new();
    for (name, value) in fields {
        let Some(pointer) = name.strip_prefix("rule:") else { continue };
        match value.as_str() {
            "any" => drop(free.insert(pointer.to_owned(), Rule::Any)),
            "most" => {
                let most = format!("most:{pointer}");
                let most = fields.iter().find(|(name, _)| *name == most);
                let most = most.and_then(|(_, text)| serde_json::from_str(text.trim()).ok());
                let most = most.ok_or_else(|| format!("say a number for `{pointer}`"))?;
                drop(free.insert(pointer.to_owned(), Rule::AtMost(most)));
            }
            _ => {}
        }
    }
    Ok(free)
}

#[cfg(test)]
mod tests {
    use super::free;
    use approvals::grant::Rule;

    #[test]
    fn only_what_a_form_names_is_left_free() {
        let field = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let fields = [
            field("rule:/to", "equal"),
            field("rule:/note", "any"),
            field("rule:/amount", "most"),
            field("most:/amount", " 100.5"),
            field("most:/to", "7"),
        ];
        let free = free(&fields).unwrap();
        assert_eq!(free.keys().collect::<Vec<_>>(), ["/amount", "/note"]);
        assert_eq!(free["/note"], Rule::Any);
        assert!(super::free(&[field("rule:/amount", "most")]).is_err());
    }
}
