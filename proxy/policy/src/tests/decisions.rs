//! The two questions, what determines their answers, and that every error is a no.

use super::world::{SMALL, model, now, policies, question, refund, said};
use crate::{Kind, Question, SessionFacts};

const ALL: &str = "permit (principal, action, resource);";

fn decided(text: &str, question: &Question<'_>) -> String {
    said(&policies(text).decide(question))
}

#[test]
fn a_call_is_allowed_denied_or_held_by_the_policies_that_determine_it() {
    for (text, expected) in [
        ("", "deny"),
        ("@id(\"p\") permit (principal, action, resource);", "allow p"),
        ("permit (principal, action, resource);", "allow a.cedar:1"),
        (
            "\n permit (principal, action, resource); permit (principal, action, resource);",
            "allow a.cedar:2, a.cedar:2:40",
        ),
        (
            "@id(\"p\") permit (principal, action, resource);\n\
             @id(\"f\") forbid (principal == Agent::\"bot\", action, resource);",
            "deny f",
        ),
        (
            "@id(\"p\") permit (principal, action, resource);\n\
             @id(\"f\") forbid (principal == Agent::\"other\", action, resource);",
            "allow p",
        ),
        (
            "@id(\"p\") permit (principal, action, resource);\n\
             @id(\"g\") forbid (principal, action, resource) when { context.unattended };\n\
             @id(\"f\") forbid (principal, action, resource) when { context.unattended };",
            "hold g, f",
        ),
        ("@id(\"p\") permit (principal, action, resource) unless {context.unattended};", "hold p"),
        (
            "@id(\"p\") permit (principal, action, resource) unless { context.unattended };\n\
             @id(\"q\") permit (principal, action, resource);",
            "allow q",
        ),
        ("@id(\"f\") forbid (principal, action, resource) when { context.unattended };", "deny"),
    ] {
        assert_eq!(decided(text, &refund(SMALL)), expected, "{text}");
    }
}

#[test]
fn a_rule_is_given_with_what_is_held_and_with_nothing_else() {
    let held = format!("{ALL} forbid (principal, action, resource) when {{context.unattended}};");
    for (text, is_held) in [("", false), (ALL, false), (held.as_str(), true)] {
        let answer = policies(text).decide(&refund(SMALL));
        assert_eq!(answer.rule.is_some(), is_held, "{text}");
    }
}

#[test]
fn heads_and_conditions_see_who_asks_for_what() {
    for (head, condition, expected) in [
        (r#"principal in Team::"support", action, resource"#, "true", true),
        (r#"principal in Team::"finance", action, resource"#, "true", false),
        (r#"principal in Group::"pilot", action, resource"#, "true", true),
        (r#"principal is Agent in Team::"support", action, resource"#, "true", true),
        (
            r#"principal, action in [Action::"call_model", Action::"call_tool"], resource"#,
            "true",
            true,
        ),
        (r#"principal, action in Action::"call", resource"#, "true", true),
        (r#"principal, action == Action::"crm/lookup", resource"#, "true", false),
        ("principal, action, resource is Model", "true", false),
        (r#"principal, action, resource is Tool in Server::"crm""#, "true", true),
        (r#"principal, action, resource in Server::"web""#, "true", false),
        ("principal, action, resource", r#"principal.owner in Group::"finance""#, true),
        ("principal, action, resource", r#"principal.owner in Role::"analyst""#, false),
        ("principal, action, resource", r#"principal.owner.email == "ada@example.com""#, true),
        ("principal, action, resource", r#"principal.team == Team::"support""#, true),
        ("principal, action, resource", r#"Person::"bob@example.com" in Role::"analyst""#, true),
        ("principal, action, resource", r#"Agent::"clerk".owner == principal.owner"#, false),
        ("principal, action, resource", r#"Agent::"clerk" in Team::"finance""#, true),
        ("principal, action, resource", r#"action in Action::"call_tool""#, true),
        ("principal, action, resource", r#"Tool::"crm/lookup".read_only"#, true),
        ("principal, action, resource is Tool", "resource.destructive && resource.trusted", true),
        ("principal, action, resource is Tool", r#"resource.server == "crm""#, true),
        ("principal, action, resource", "context.hour == 8 && context.weekday == 6", true),
        ("principal, action, resource", r#"context.now < datetime("2026-11-22")"#, true),
        ("principal, action, resource", r#"context.actors.contains("eve")"#, false),
        ("principal, action, resource", "context.session.calls == 0", true),
    ] {
        let text = format!("permit ({head}) when {{ {condition} }};");
        let expected = if expected { "allow a.cedar:1" } else { "deny" };
        assert_eq!(decided(&text, &refund(SMALL)), expected, "{text}");
    }
}

#[test]
fn agents_tools_and_models_that_nobody_told_of_are_decided_about_all_the_same() {
    let unknown = Question { agent: "new", team: "x", owner: "eve@example.com", ..refund(SMALL) };
    let by_owner = r#"permit (principal, action, resource)
                      when { principal.owner == Person::"eve@example.com" };"#;
    assert_eq!(decided(by_owner, &unknown), "allow a.cedar:1");
    let tool = question(Kind::Tool { server: "late", name: "x", arguments: Some("{}") });
    let tools = r#"permit (principal, action in Action::"call_tool", resource in Server::"late")
                   when { resource.destructive && resource.outside && !resource.trusted };"#;
    assert_eq!(decided(tools, &tool), "allow a.cedar:1");
    let model = question(Kind::Model { provider: "anthropic", name: "unheard-of" });
    let models = r#"permit (principal, action == Action::"call_model", resource in Provider::"anthropic")
                    when { resource.name like "unheard*" };"#;
    assert_eq!(decided(models, &model), "allow a.cedar:1");
}

#[test]
fn every_kind_of_call_has_its_action_and_its_resource() {
    for (kind, head) in [
        (
            Kind::Model { provider: "openai", name: "gpt-5" },
            r#"action == Action::"call_model", resource == Model::"openai/gpt-5""#,
        ),
        (
            Kind::Resource { server: "crm", uri: "file:///a" },
            r#"action == Action::"read_resource", resource == Resource::"crm/file:///a""#,
        ),
        (
            Kind::Prompt { server: "crm", name: "hello", arguments: None },
            r#"action == Action::"get_prompt", resource == Prompt::"crm/hello""#,
        ),
        (
            Kind::Other { upstream: "crm", method: "logging/setLevel" },
            r#"action == Action::"other", resource == Endpoint::"crm/logging/setLevel""#,
        ),
    ] {
        let text = format!("permit (principal, {head}) when {{ !context.uninspectable }};");
        assert_eq!(decided(&text, &question(kind)), "allow a.cedar:1", "{text}");
        assert_eq!(decided(&text, &refund(SMALL)), "deny", "{text}");
    }
}

#[test]
fn a_policy_that_fails_permits_nothing_and_forbids_what_it_is_about() {
    let sum = "context.session.calls + 9223372036854775807 > 0";
    let session = SessionFacts { calls: 1, ..SessionFacts::default() };
    let question = Question { session, ..refund(SMALL) };
    let permit =
        policies(&format!("@id(\"p\") permit (principal, action, resource) when {{ {sum} }};"));
    let answer = permit.decide(&question);
    assert_eq!(said(&answer), "deny");
    assert_eq!(
        answer.verdict.reason.as_deref(),
        Some(
            "no policy permits agent `bot` to call tool `crm/refund`; policy `p` could not be \
             applied: a number is too large"
        )
    );
    let forbid = policies(&format!(
        "{ALL} @id(\"f\") @why(\"Too much.\") forbid (principal, action, resource) when {{ {sum} }};"
    ));
    let answer = forbid.decide(&question);
    assert_eq!(said(&answer), "deny f");
    assert_eq!(
        answer.verdict.reason.as_deref(),
        Some("policy `f` could not be applied and counts as forbidding: a number is too large")
    );
    let hold = policies(&format!(
        "{ALL} @id(\"h\") forbid (principal, action, resource) \
         when {{ context.unattended && {sum} }};"
    ));
    assert_eq!(said(&hold.decide(&question)), "hold h");
}

#[test]
fn a_required_argument_that_is_missing_is_a_no() {
    let text = r#"permit (principal, action, resource);
                  @id("f") forbid (principal, action == Action::"crm/refund", resource)
                  when { context.arguments.amount > 100 };"#;
    assert_eq!(decided(text, &refund(SMALL)), "allow a.cedar:1");
    assert_eq!(decided(text, &refund("{}")), "deny f");
}

#[test]
fn reasons_are_the_policies_own_words_where_they_have_some() {
    let text = r#"permit (principal, action, resource);
        @id("a") @why("Money moves.") forbid (principal, action, resource)
        when { context.unattended };
        @id("b") @why("Money moves.") forbid (principal, action, resource)
        when { context.unattended };
        @id("c") forbid (principal, action, resource) when { context.unattended };"#;
    let answer = policies(text).decide(&refund(SMALL));
    let reason = "Money moves.; policy `c` wants a person to agree to this";
    assert_eq!(answer.verdict.reason.as_deref(), Some(reason));
}

#[test]
fn what_is_in_shadow_decides_nothing_and_its_other_answer_is_told() {
    let shadowed = |text: &str| format!("{ALL} @id(\"s\") @shadow {text}");
    for (text, expected) in [
        ("forbid (principal, action, resource);", Some("deny s")),
        ("forbid (principal, action, resource) when { context.unattended };", Some("hold s")),
        ("forbid (principal == Agent::\"x\", action, resource);", None),
        ("permit (principal, action, resource);", None),
    ] {
        let answer = policies(&shadowed(text)).decide(&refund(SMALL));
        assert_eq!(said(&answer), "allow a.cedar:1", "{text}");
        let shadow = answer
            .shadow
            .clone()
            .map(|verdict| said(&crate::Answer { verdict, rule: None, shadow: None }));
        assert_eq!(shadow.as_deref(), expected, "{text}");
    }
    let counted = policies(&shadowed("forbid (principal, action, resource);"));
    assert_eq!((counted.len(), counted.shadowed()), (1, 1));
}

#[test]
fn a_tool_is_listed_unless_no_arguments_and_no_moment_could_let_it_be_called() {
    for (text, expected) in [
        ("", false),
        (ALL, true),
        (r#"permit (principal, action == Action::"crm/lookup", resource);"#, false),
        (
            r#"permit (principal, action == Action::"crm/refund", resource)
               when { context.arguments.amount < 1 };"#,
            true,
        ),
        ("permit (principal, action, resource) when { context.hour == 3 };", true),
        (r#"permit (principal, action, resource) when { principal.name == "x" };"#, false),
        (
            r#"permit (principal, action, resource);
               forbid (principal, action in Action::"call_tool", resource)
               when { resource.destructive };"#,
            false,
        ),
        (
            r#"permit (principal, action, resource);
               forbid (principal, action in Action::"call_tool", resource)
               when { resource.destructive && context.unattended };"#,
            true,
        ),
        (
            "permit (principal, action, resource);
               @shadow forbid (principal, action, resource);",
            true,
        ),
        ("@shadow permit (principal, action, resource);", false),
    ] {
        let tool = ("crm", "refund");
        let shown = policies(text).may_call("bot", "support", "ada@example.com", tool);
        assert_eq!(shown, expected, "{text}");
    }
}

#[test]
fn the_same_question_always_gets_the_same_answer() {
    let policies = policies(crate::STARTER);
    let first = policies.decide(&refund(SMALL));
    assert!((0..10).all(|_| policies.decide(&refund(SMALL)) == first));
    assert_eq!(now().to_string(), "2026-11-21T08:00:00.000000Z");
}

#[test]
fn the_digest_is_that_of_all_text_and_names() {
    use crate::{Source, digest};
    let source = |name: &str, text: &str| Source { name: name.into(), text: text.into() };
    let one = digest(&[source("a", "bc")]);
    assert_eq!(one, digest(&[source("a", "bc")]));
    for other in [
        vec![source("ab", "c")],
        vec![source("a", "bc"), source("", "")],
        vec![source("a", "b"), source("", "c")],
        vec![],
    ] {
        assert_ne!(one, digest(&other), "{other:?}");
    }
    assert_eq!(policies(ALL).digest(), digest(&[source("a.cedar", ALL)]));
}

#[test]
fn when_tools_change_policies_go_on_to_decide_and_what_no_longer_fits_is_a_no() {
    let text = r#"permit (principal, action, resource);
        @id("f") forbid (principal, action == Action::"crm/refund", resource)
        when { context.arguments.amount > 100 };"#;
    let before = policies(text);
    let mut model = model();
    let schema = |text: &str| Some(text.into());
    for (changed, expected) in [
        (schema(super::world::REFUND), "allow a.cedar:1"),
        (schema(r#"{"type":"object","properties":{"amount":{"type":"string"}}}"#), "deny f"),
        (schema(r#"{"type":"object","properties":{"sum":{"type":"integer"}}}"#), "deny f"),
        (None, "deny f"),
    ] {
        for tool in model.tools.iter_mut().filter(|tool| *tool.name == *"refund") {
            tool.input_schema.clone_from(&changed);
        }
        let (after, problems) = before.remodel(&model).unwrap();
        assert_eq!(said(&after.decide(&refund(SMALL))), expected, "{changed:?}");
        assert_eq!(problems.is_empty(), expected != "deny f", "{problems:?}");
        assert_eq!(after.digest(), before.digest());
    }
    model.tools.retain(|tool| *tool.name != *"refund");
    let (after, problems) = before.remodel(&model).unwrap();
    assert_eq!(said(&after.decide(&refund(SMALL))), "deny f");
    assert!(problems.iter().any(|one| one.message.contains("there is no Action")), "{problems:?}");
}
