//! Tools that agents run themselves: when policies are about them, and that they are tools as
//! others are.

use super::world::{policies, question, said};
use crate::{Kind, LOCAL};

const ALL: &str = "@id(\"all\") permit (principal, action, resource);\n";

#[test]
fn only_policies_that_name_local_tools_concern_them() {
    for (text, concern, bash) in [
        ("", false, false),
        ("forbid (principal, action in Action::\"call_tool\", resource);", false, false),
        ("forbid (principal, action, resource) when { context.unattended };", false, false),
        ("forbid (principal, action, resource in Server::\"crm\");", false, false),
        ("@shadow forbid (principal, action, resource in Server::\"local\");", false, false),
        ("forbid (principal, action, resource in Server::\"local\");", true, false),
        (
            "forbid (principal, action, resource) when { resource in Server::\"local\" };",
            true,
            false,
        ),
        (
            "forbid (principal, action in Action::\"call_tool\", resource)\n\
             when { resource.name == \"local\" };",
            false,
            false,
        ),
        (
            "forbid (principal, action in Action::\"call_tool\", resource)\n\
             when { resource.server == \"local\" };",
            true,
            false,
        ),
        ("forbid (principal, action == Action::\"local/bash\", resource);", true, true),
        ("forbid (principal, action, resource == Tool::\"local/bash\");", true, true),
        (
            "forbid (principal, action in [Action::\"local/read\", Action::\"local/bash\"], \
             resource);",
            true,
            true,
        ),
    ] {
        let policies = policies(&format!("{ALL}{text}"));
        assert_eq!(policies.concern_local(), concern, "{text}");
        assert_eq!(policies.name_local("bash"), bash, "{text}");
    }
}

#[test]
fn local_tools_are_decided_about_by_name_and_by_what_they_are_told() {
    let policies = policies(&format!(
        "{ALL}@id(\"rm\") forbid (principal, action == Action::\"local/bash\", resource)\n\
         when {{ context.unattended && context.argument_text like \"*rm -r*\" }};\n\
         @id(\"spy\") forbid (principal, action, resource == Tool::\"local/screenshot\");",
    ));
    for (name, arguments, expected) in [
        ("bash", r#"{"command":"ls"}"#, "allow all"),
        ("bash", r#"{"command":"rm -rf build"}"#, "hold rm"),
        ("bash", r#"{"command":"\u0072m -rf build"}"#, "hold rm"),
        ("screenshot", "{}", "deny spy"),
        ("read", "{}", "allow all"),
    ] {
        let kind = Kind::Tool { server: LOCAL, name, arguments: Some(arguments) };
        let answer = policies.decide(&question(kind));
        assert_eq!(said(&answer), expected, "{name} {arguments}");
    }
}
