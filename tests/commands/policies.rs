//! Policies are checked, begun with and asked without a gateway.

use std::fs;

use tempfile::TempDir;

use super::words::run;

const CONFIGURATION: &str = r#"
[policy]
files = ["policy"]

[[tools]]
name = "crm"
url = "http://127.0.0.1:9/mcp"

[[agent]]
name = "bot"
team = "support"
owner = "ada@example.com"
key = { env = "COUNTERSIGN_NOT_SET" }
tools = ["crm/*"]
"#;

const POLICY: &str = r#"
@id("all")
permit (principal, action, resource);

@id("refunds")
@why("Money leaves the house.")
@approvers("2 of finance or 1 of role:administrator; 1 of security")
@risk("high")
@expires("30m")
@reason("required")
@edit("forbidden")
@remind("5m")
@escalate("15m to group:directors")
forbid (principal in Team::"support", action == Action::"crm/refund", resource)
when { context.unattended };

@id("trifecta")
forbid (principal, action in Action::"call_tool", resource)
when { context.session.read_private && context.session.read_untrusted };

@id("night")
@shadow
forbid (principal, action in Action::"call_tool", resource) when { context.hour > 21 };
"#;

fn folder(policy: &str) -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::create_dir(folder.path().join("policy")).unwrap();
    fs::write(folder.path().join("policy/main.cedar"), policy).unwrap();
    fs::write(folder.path().join("countersign.toml"), CONFIGURATION).unwrap();
    folder
}

#[test]
fn check_says_everything_that_is_wrong_with_policies_and_where() {
    let wrong = "permit (principal, action == Action::\"crn/refund\", resource);\n\n\
                 @aprovers(\"1 of finance\")\nforbid (principal, action, resource);\n";
    let folder = folder(wrong);
    let keyed = CONFIGURATION.replace("{ env = \"COUNTERSIGN_NOT_SET\" }", "{ file = \"key\" }");
    fs::write(folder.path().join("countersign.toml"), keyed).unwrap();
    fs::write(folder.path().join("key"), "csk-a-key-that-is-long-enough-for-an-agent").unwrap();
    let ended = run(folder.path(), &["check"]).with(78);
    assert!(ended.err.contains("policy/main.cedar:1:"), "{ended:?}");
    assert!(ended.err.contains("policy/main.cedar:3:1: no annotation `@aprovers`"), "{ended:?}");
    assert!(ended.err.contains("did you mean `approvers`?"), "{ended:?}");

    fs::write(folder.path().join("policy/main.cedar"), POLICY).unwrap();
    let ended = run(folder.path(), &["check"]).with(0);
    let told = "policies  3 decide and 1 are only watched, in 1 files; digest ";
    assert!(ended.out.contains(told), "{ended:?}");
    let unknown = "not known before their servers tell of them, and checked then: crm/refund\n";
    assert!(ended.out.ends_with(unknown), "{ended:?}");

    fs::remove_file(folder.path().join("policy/main.cedar")).unwrap();
    let ended = run(folder.path(), &["check"]).with(78);
    assert!(ended.err.contains("no policy file fits"), "{ended:?}");
}

#[test]
fn policies_to_start_with_are_right_and_never_written_over_others() {
    let folder = folder(POLICY);
    let keyed = CONFIGURATION.replace("files = [\"policy\"]", "files = [\"mine/starter.cedar\"]");
    let keyed = keyed.replace("{ env = \"COUNTERSIGN_NOT_SET\" }", "{ file = \"key\" }");
    fs::write(folder.path().join("countersign.toml"), keyed).unwrap();
    fs::write(folder.path().join("key"), "csk-a-key-that-is-long-enough-for-an-agent").unwrap();
    let init = ["policy", "init", "--out", "mine/starter.cedar"];
    let ended = run(folder.path(), &init).with(0);
    assert!(ended.out.contains("files = [\"mine/starter.cedar\"]"), "{ended:?}");
    let checked = run(folder.path(), &["check"]).with(0);
    assert!(checked.out.contains("policies  6 decide and 1 are only watched"), "{checked:?}");

    fs::write(folder.path().join("mine/starter.cedar"), "mine").unwrap();
    let ended = run(folder.path(), &init).with(74);
    assert!(ended.err.contains("name another file with `--out`"), "{ended:?}");
    assert_eq!(fs::read_to_string(folder.path().join("mine/starter.cedar")).unwrap(), "mine");
}

#[test]
fn explain_answers_as_the_policies_would_and_says_the_rule_in_words() {
    let folder = folder(POLICY);
    let explain = |words: &[&str]| {
        let first = ["policy", "explain", "--agent", "bot", "--at", "2026-11-21T12:00:00Z"];
        run(folder.path(), &[&first[..], words].concat())
    };
    let held = explain(&["--tool", "crm/refund", "--arguments", "{\"amount\": 5}"]).with(0);
    let expected = "\
held      by refunds: Money leaves the house.
who       2 of group:finance or 1 of role:administrator; and 1 of group:security
time      30 min to decide, then the answer is no; a yes waits 15 min for the call
risk      high
further   an approval needs a reason; nobody may change the arguments; the person it is for may \
         not approve
told      who has not voted every 5 min; group:directors after 15 min
note      there is no ledger that tells of tools; see `--data`
note      `crm` was not heard to tell of a tool `refund`: it counts as destructive and open, and \
         policies can't inspect its arguments
";
    assert_eq!(held.out, expected);

    assert!(
        explain(&["--tool", "crm/read", "--expect", "allow"]).with(0).out.starts_with("allowed")
    );
    let after = ["--after", "read-private", "--after", "read-untrusted"];
    let words = [&["--tool", "crm/read", "--expect", "deny"], &after[..]].concat();
    assert!(explain(&words).with(0).out.starts_with("denied    by trifecta"));
    let unexpected = explain(&["--tool", "crm/read", "--expect", "hold"]).with(1);
    assert!(unexpected.err.contains("would be allowed; it was expected to be held"));
    // The agent's lists come before any policy.
    let unlisted = explain(&["--tool", "mail/send"]).with(0);
    assert!(unlisted.out.starts_with("denied    by agent-lists: "), "{unlisted:?}");
    let other = explain(&["--tool", "crm/refund", "--team", "sales", "--json"]).with(0);
    assert_eq!(other.json().pointer("/verdict/decision").unwrap(), "allow");
    let night = ["--tool", "crm/read", "--at", "2026-11-21T23:00:00Z"];
    let night =
        run(folder.path(), &[&["policy", "explain", "--agent", "bot"], &night[..]].concat());
    assert!(night.with(0).out.contains("shadow    if policies in shadow counted: denied by night"));
}

#[test]
fn explain_says_what_is_wrong_with_a_question() {
    let folder = folder(POLICY);
    for (words, code, said) in [
        (&["--tool", "refund"][..], 64, "--tool: expected two names with a `/`, found `refund`"),
        (&["--tool", "crm/x", "--arguments", "[1]"], 64, "expected a JSON object"),
        (&["--tool", "crm/x", "--arguments", "{\"a\":1,\"a\":2}"], 64, "--arguments: "),
        (&["--tool", "crm/x", "--policy", "absent.cedar"], 78, "`absent.cedar` cannot be read"),
        (&["--tool", "crm/x", "--session", "ses_00000000000000000000000001"], 74, "no ledger in"),
        (&[], 64, "--tool"),
    ] {
        let first = ["policy", "explain", "--agent", "bot"];
        let ended = run(folder.path(), &[&first[..], words].concat()).with(code);
        assert!(ended.err.contains(said), "{words:?}: {ended:?}");
    }
    fs::remove_file(folder.path().join("countersign.toml")).unwrap();
    let ended = run(folder.path(), &["policy", "explain", "--agent", "bot", "--model", "a/b"]);
    assert!(ended.with(64).err.contains("no policies to ask"));
}
