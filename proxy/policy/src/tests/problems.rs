//! Everything that can be wrong with a policy is told at once: where, what, and what to do.

use super::world::{policies, problems};

const ALL: &str = "(principal, action, resource)";
const TOOLS: &str = r#"(principal, action in Action::"call_tool", resource)"#;
const REFUND: &str = r#"(principal, action == Action::"crm/refund", resource)"#;
const HELD: &str = "forbid (principal, action, resource) when { context.unattended };";

#[test]
fn a_text_that_is_no_policy_is_told_with_line_and_column() {
    for (text, told) in [
        (
            "permit (principal, action, resource)".to_owned(),
            "a.cedar:1:1: the policy that starts here has no end: end it with `;`",
        ),
        (
            "// who\n\npermit (principal, action resource) when { true };".to_owned(),
            "a.cedar:3:27: unexpected token `resource`: expected `!=`, `)`, `,`, `:`, `<`, `<=`, \
             `==`, `>`, `>=`, `in`, or `is`",
        ),
        (
            "permit (principal == Agent::\"x, action, resource);".to_owned(),
            "a.cedar:1:1: a text in this policy has no end: close it with `\"`",
        ),
        (
            "permit (principal == ?principal, action, resource);".to_owned(),
            "a.cedar:1:22: expected a static policy, got a template containing the slot \
             ?principal: try removing the template slot(s) from this policy",
        ),
        (
            format!("permit {ALL} when {{ 9223372036854775808 > 1 }};"),
            "a.cedar:1:45: integer literal `9223372036854775808` is too large: maximum allowed \
             integer literal is `9223372036854775807`",
        ),
    ] {
        assert_eq!(problems(&text), [told], "{text}");
    }
}

#[test]
fn every_problem_is_told_at_once_and_in_order() {
    let text = "permit (principal, action, resource;\n\
                @colour(\"red\") forbid (principal, action, resource);\n\
                permit (principal, action resource);";
    let told = problems(text);
    assert_eq!(told.len(), 3, "{told:#?}");
    for (told, start) in told.iter().zip(["a.cedar:1:36:", "a.cedar:2:1:", "a.cedar:3:27:"]) {
        assert!(told.starts_with(start), "{told}");
    }
}

#[test]
fn names_that_nothing_has_are_told_with_the_nearest_that_something_has() {
    for (head, told) in [
        (
            r#"(principal, action == Action::"crm/refnd", resource)"#,
            r#"1:38: there is no Action::"crm/refnd": did you mean `crm/refund`?"#,
        ),
        (
            r#"(principal, action in Action::"call_tol", resource)"#,
            r#"1:38: there is no Action::"call_tol": did you mean `call_tool`?"#,
        ),
        (
            r#"(principal, action, resource == Tool::"crm/refun")"#,
            r#"1:46: there is no Tool::"crm/refun": did you mean `crm/refund`?"#,
        ),
        (
            r#"(principal, action, resource in Server::"cmr")"#,
            r#"1:48: there is no Server::"cmr": did you mean `crm`?"#,
        ),
        (
            r#"(principal, action, resource in Provider::"opnai")"#,
            r#"1:50: there is no Provider::"opnai": did you mean `openai`?"#,
        ),
        (
            r#"(principal in Tem::"x", action, resource)"#,
            "1:22: unrecognized entity type `Tem`: did you mean `Team`?",
        ),
        (
            r#"(principal, action == Action::"call_tool", resource)"#,
            "1:1: this policy can never match a call: look for a condition that is always false; \
             an action group is matched with `in`: `action in Action::\"call_tool\"`",
        ),
    ] {
        assert_eq!(problems(&format!("permit {head};")), [format!("a.cedar:{told}")]);
    }
}

#[test]
fn a_tool_of_a_server_that_has_not_told_its_tools_may_be_named() {
    let text = r#"forbid (principal, action == Action::"late/erase", resource)
                  when { context.arguments.all };"#;
    assert_eq!(policies(text).len(), 1);
}

#[test]
fn attributes_that_a_call_does_not_have_are_told_with_what_it_has() {
    for (head, condition, told) in [
        (
            REFUND,
            "context.arguments.amout > 100",
            "attribute `arguments.amout` in context for Action::\"crm/refund\" not found: did you \
             mean `amount`?",
        ),
        (
            REFUND,
            "context.arguments.note == \"x\"",
            "attribute `arguments.note` in context for Action::\"crm/refund\" not found: what has \
             a type there is `account`, `amount`, `customer`, `place`, `tags`, `tip`, `urgent`; \
             others are in `argument_text`",
        ),
        (
            REFUND,
            "context.arguments.tags.contains(\"x\")",
            "unable to guarantee safety of access to optional attribute `arguments.tags` in \
             context for Action::\"crm/refund\": try testing for the attribute's presence with \
             `context.arguments has tags && ..`",
        ),
        (
            REFUND,
            "context.arguments.amount > \"100\"",
            "unexpected type: expected Long but saw String",
        ),
        (
            TOOLS,
            "context.arguments.amount > 100",
            "attribute `arguments.amount` in context for Action::\"call_tool\" not found: a policy \
             about many tools asks first: `context.arguments has …`; to use the arguments of one, \
             name it: `action == Action::\"server/tool\"`",
        ),
        (
            TOOLS,
            "context.unatended",
            "attribute `unatended` in context for Action::\"call_tool\" not found: did you mean \
             `unattended`?",
        ),
        (
            ALL,
            "context.argument_text like \"*x*\"",
            "attribute `argument_text` in context for Action::\"call_model\" not found: only calls \
             of tools have it: say `action in Action::\"call_tool\"`",
        ),
    ] {
        let told = format!(": {told}");
        let all = problems(&format!("permit {head} when {{ {condition} }};"));
        assert!(matches!(all.as_slice(), [one] if one.ends_with(&told)), "{condition}: {all:#?}");
    }
}

#[test]
fn arguments_of_any_tool_can_be_asked_for_if_they_are_asked_about_first() {
    let ask = "context.arguments has amount && context.arguments.amount";
    assert_eq!(policies(&format!("forbid {TOOLS} when {{ {ask} > 100 }};")).len(), 1);
    let told = problems(&format!("forbid {TOOLS} when {{ {ask} > \"a\" }};"));
    assert_eq!(told, ["a.cedar:1:127: unexpected type: expected Long but saw String"]);
}

#[test]
fn an_annotation_that_means_nothing_is_told_with_what_would() {
    for (annotation, told) in [
        ("@aprovers(\"1 of x\")", "no annotation `@aprovers`: did you mean `approvers`?"),
        ("@approvers(\"two of x\")", "`@approvers`: expected a number from 1 to 100, found `two`"),
        ("@approvers(\"finance\")", "`@approvers`: expected `NUMBER of WHO`, found `finance`"),
        ("@approvers(\"1 of a or\")", "`@approvers`: expected `NUMBER of WHO`, found `1 of a or`"),
        ("@approvers(\"1 of role:aprover\")", "no role `aprover`: did you mean `approver`?"),
        ("@approvers(\"2 of a@b.c\")", "`a@b.c` is one person, and 2 are asked for"),
        ("@approvers(\"1 of team:x\")", "expected `group:NAME`, `role:NAME` or `person:E-MAIL`"),
        ("@deny(\"0\")", "`@deny`: expected a number from 1 to 100, found `0`"),
        ("@expires(\"8d\")", "`@expires`: `8d` is longer than 168 h, the longest"),
        ("@expires(\"0h\")", "`@expires`: expected a time such as"),
        ("@expires(\"soon\")", "`@expires`: expected a time such as"),
        ("@risk(\"huge\")", "`@risk`: expected `low`, `medium`, `high` or `critical`, found"),
        ("@reason(\"yes\")", "`@reason`: expected `required` or `optional`, found `yes`"),
        ("@escalate(\"15m\")", "`@escalate`: expected `TIME to WHO`, found `15m`"),
        ("@shadow(\"no\")", "`@shadow`: takes no value, found `no`"),
        ("@id(\"a b\")", "`@id`: expected 1 to 100 letters, digits and `-_./:`, found `a b`"),
        ("@why(\"a\nb\")", "`@why`: expected one line of 1 to 300 characters"),
        ("@id(\"a\") @id(\"b\")", "duplicate annotation: @id"),
    ] {
        let all = problems(&format!("{annotation}\n{HELD}"));
        assert!(matches!(all.as_slice(), [one] if one.contains(told)), "{annotation}: {all:#?}");
    }
}

#[test]
fn an_annotation_about_held_calls_on_a_policy_that_holds_none_is_told() {
    assert_eq!(
        problems("@id(\"a\")\n@risk(\"high\") forbid (principal, action, resource);"),
        [
            "a.cedar:2:1: `@risk` is about held calls, and this policy holds none: to hold calls, add \
          `when { context.unattended }`"
        ]
    );
}

#[test]
fn two_policies_of_one_name_are_told() {
    let text = "@id(\"a\") permit (principal, action, resource);\n\n@id(\"a\") forbid (principal, \
                action, resource);";
    assert_eq!(
        problems(text),
        ["a.cedar:3:1: the name `a` is taken by a.cedar:1: give each policy an `@id` of its own"]
    );
}

#[test]
fn characters_that_look_like_others_are_told() {
    let text = format!("permit {ALL} when {{ principal.name == \"\u{430}dmin\" }};");
    let told = problems(&text);
    assert!(matches!(told.as_slice(), [one] if one.contains("mixed scripts")), "{told:?}");
}
