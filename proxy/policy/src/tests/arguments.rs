//! Arguments are what the tool's schema says, or they are said to be something else: no spelling
//! of a call slips past a policy about its arguments.

use super::world::{model, policies, question, refund, said};
use crate::argument::{ARGUMENT_BYTES_MAX, inspect};
use crate::{Kind, Model, Policies, Source};

const REFUND: &str = r#"(principal, action == Action::"crm/refund", resource)"#;

fn decided(condition: &str, arguments: &str) -> String {
    said(&policies(&format!("permit {REFUND} when {{ {condition} }};")).decide(&refund(arguments)))
}

fn given(more: &str) -> String {
    format!("{{\"account\":\"a-1\",\"amount\":5{more}}}")
}

#[test]
fn arguments_have_the_types_of_the_tool_s_schema() {
    let has = |name: &str, test: &str| {
        format!("context.arguments has {name} && context.arguments.{name}{test}")
    };
    for (condition, more) in [
        ("context.arguments.account == \"a-1\"".to_owned(), ""),
        ("context.arguments.amount == 5".to_owned(), ""),
        (has("tip", ".lessThan(decimal(\"1.0\"))"), r#","tip":0.25"#),
        (has("tip", " == decimal(\"3.0\")"), r#","tip":3"#),
        (has("urgent", ""), r#","urgent":true"#),
        (has("tags", ".contains(\"b\")"), r#","tags":["a","b"]"#),
        (
            has("customer", ".email like \"*@example.com\""),
            r#","customer":{"email":"a@example.com"}"#,
        ),
        (
            "context.arguments has customer.level && context.arguments.customer.level == \"gold\""
                .to_owned(),
            r#","customer":{"email":"a","level":"gold"}"#,
        ),
        ("!(context.arguments has tip)".to_owned(), r#","tip":null"#),
        ("!context.uninspectable".to_owned(), r#","tip":null,"tags":[]"#),
        ("context.argument_text like \"*amount*:5*\"".to_owned(), ""),
    ] {
        assert_eq!(decided(&condition, &given(more)), "allow a.cedar:1", "{condition}");
    }
}

#[test]
fn integers_count_however_they_are_written() {
    for (written, expected) in
        [("100", true), ("100.0", true), ("1e2", true), ("10000e-2", true), ("101", false)]
    {
        let arguments = format!("{{\"account\":\"a\",\"amount\":{written}}}");
        let expected = if expected { "allow a.cedar:1" } else { "deny" };
        assert_eq!(decided("context.arguments.amount == 100", &arguments), expected, "{written}");
    }
}

#[test]
fn what_is_not_what_the_schema_says_is_uninspectable_and_satisfies_nothing() {
    for (name, value) in [
        ("amount", "\"5\""),
        ("amount", "5.5"),
        ("amount", "99999999999999999999"),
        ("amount", "null"),
        ("amount", "[5]"),
        ("account", "5"),
        ("tip", "0.00001"),
        ("tip", "1e300"),
        ("urgent", "1"),
        ("tags", "[\"a\", 1]"),
        ("tags", "\"a\""),
        ("customer", "\"eve\""),
        ("customer", "{\"email\":1}"),
    ] {
        let rest = r#","account":"a-1","amount":5"#.replace(&format!(",\"{name}\":"), ",\"x\":");
        let rest =
            rest.replace("\"x\":\"a-1\"", "\"urgent\":true").replace("\"x\":5", "\"tags\":[]");
        let arguments = format!("{{\"{name}\":{value}{rest}}}");
        assert_eq!(decided("context.uninspectable", &arguments), "allow a.cedar:1", "{arguments}");
        let about = match name {
            "amount" => "context.arguments.amount == context.arguments.amount".to_owned(),
            "account" => "context.arguments.account != \"evil\"".to_owned(),
            name => format!("!(context.arguments has {name})"),
        };
        let text = format!(
            "permit (principal, action, resource);\n\
             @id(\"f\") forbid {REFUND} unless {{ {about} }};\n\
             @id(\"g\") forbid {REFUND} when {{ !({about}) }};"
        );
        let answer = policies(&text).decide(&refund(&arguments));
        assert_eq!(said(&answer), "deny f, g", "{arguments}");
        let held = format!(
            "permit (principal, action, resource);\n\
             @id(\"h\") forbid {REFUND} when {{ context.unattended && !({about}) }};"
        );
        assert_eq!(said(&policies(&held).decide(&refund(&arguments))), "hold h", "{arguments}");
    }
}

#[test]
fn a_policy_about_other_arguments_does_not_mind() {
    let text = format!(
        "permit (principal, action, resource);\n\
         @id(\"f\") forbid {REFUND} when {{ context.arguments.account == \"evil\" }};"
    );
    let answer = policies(&text).decide(&refund(r#"{"account":"a","amount":"5"}"#));
    assert_eq!(said(&answer), "allow a.cedar:1");
}

#[test]
fn what_the_schema_does_not_declare_makes_a_call_uninspectable() {
    for more in
        [r#","note":"x""#, r#","loop":1"#, r#","extra":1"#, r#","customer":{"email":"a","x":1}"#]
    {
        assert_eq!(decided("context.uninspectable", &given(more)), "allow a.cedar:1", "{more}");
    }
    let whole = "context.arguments has place && context.arguments.place == {town: \"a\"}";
    assert_eq!(decided(whole, &given(r#","place":{"town":"a"}"#)), "allow a.cedar:1");
    assert_eq!(decided(whole, &given(r#","place":{"town":"a","x":1}"#)), "deny");
}

#[test]
fn arguments_of_a_tool_that_is_not_known_satisfy_no_policy_about_arguments() {
    let text = r#"permit (principal, action, resource);
        @id("f") forbid (principal, action in Action::"call_tool", resource)
        when { context.arguments has amount && context.arguments.amount > 100 };"#;
    let unknown = |arguments| question(Kind::Tool { server: "late", name: "pay", arguments });
    let policies = policies(text);
    assert_eq!(said(&policies.decide(&unknown(Some(r#"{"amount":1}"#)))), "deny f");
    assert_eq!(said(&policies.decide(&unknown(None))), "allow a.cedar:1");
}

#[test]
fn arguments_that_are_too_long_or_no_object_satisfy_no_policy_about_them() {
    let long = format!("{{\"account\":\"{}\",\"amount\":5}}", "x".repeat(ARGUMENT_BYTES_MAX));
    for condition in ["context.argument_text like \"*evil*\"", "context.arguments.amount > 100"] {
        let text = format!(
            "permit (principal, action, resource);\n@id(\"f\") forbid {REFUND} when {{ {condition} }};"
        );
        for arguments in [long.as_str(), "{", "not json"] {
            let answer = policies(&text).decide(&refund(arguments));
            assert_eq!(said(&answer), "deny f", "{condition}");
        }
    }
    assert_eq!(decided("context.uninspectable", &long), "allow a.cedar:1");
    assert_eq!(decided("context.uninspectable", "[1]"), "allow a.cedar:1");
}

#[test]
fn no_verdict_has_what_the_arguments_say() {
    let text = format!(
        "permit (principal, action, resource);\n\
         @id(\"f\") forbid {REFUND} when {{ context.arguments.amount + 9223372036854775807 > 0 }};"
    );
    let answer = policies(&text).decide(&refund(r#"{"account":"secret-7","amount":424242}"#));
    let reason = answer.verdict.reason.unwrap();
    assert!(!reason.contains("424242") && !reason.contains("secret"), "{reason}");
}

#[test]
fn argument_text_is_the_same_for_the_same_arguments() {
    let text = |given| inspect(Some(given), None).text.unwrap();
    assert_eq!(
        text(" { \"b\" : [1, {\"z\":null,\"a\":\"\\u0041\"}], \"a\": true } "),
        r#"{"a":true,"b":[1,{"a":"A","z":null}]}"#
    );
}

#[test]
fn schemas_that_say_little_or_nonsense_give_no_types_and_do_no_harm() {
    let deep = format!(
        "{}{{\"type\":\"string\"}}{}",
        r#"{"type":"array","items":"#.repeat(60),
        "}".repeat(60)
    );
    let wide: Vec<String> =
        (0..5000).map(|n| format!("\"p{n}\":{{\"type\":\"string\"}}")).collect();
    let wide = format!("{{\"type\":\"object\",\"properties\":{{{}}}}}", wide.join(","));
    let odd = r##"{"type":"object","properties":{"a":{"$ref":"#"},"b":{"type":["string","integer"]},
        "c":{"type":7},"d":true,"e":{"anyOf":[]},"f":{"$ref":"https://x/y"},"__entity":{"type":"string"},
        "":{"type":"string"},"has space":{"type":"integer"},"type":{"type":"object"}}}"##;
    for schema in ["", "7", "[]", "{", "true", deep.as_str(), wide.as_str(), odd] {
        let mut model: Model = model();
        for tool in &mut model.tools {
            tool.input_schema = Some(schema.into());
        }
        let text = r#"permit (principal, action in Action::"call_tool", resource)
                      unless { context.arguments has nothing };"#;
        let source = Source { name: "a.cedar".into(), text: text.into() };
        let policies = Policies::compile(&[source], &model).unwrap();
        let arguments = r#"{"a":{"a":1},"":"x","has space":3,"__entity":"y","p7":"x"}"#;
        assert_ne!(said(&policies.decide(&refund(arguments))), "", "{schema:.40}");
    }
}
