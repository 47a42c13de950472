//! The MCP SDKs get tokens for a gateway by themselves, of a certified `OpenID` provider: by the
//! gateway's own words alone they find the issuer, name the resource, and come back with more
//! scopes when a tool needs them.

use std::process::Command;

use serde_json::Value;
use tests::gateway::{Gateway, Setup};
use tests::group::installed as people_installed;
use tests::openid::Provider;
use tests::sdk::installed;

use crate::script::{Server, script};

struct Stage {
    provider: Provider,
    #[expect(dead_code, reason = "its drop ends it")]
    fixture: Server,
    gateway: Gateway,
}

/// What the tool says.
const TEXT: &str = "This is a simple text response for testing.";

/// Every tool needs one scope, and some tools another.
const SCOPES: &str = r#"scopes = { "*" = "tools:read", "test_*" = "tools:call" }"#;

/// A gateway whose agents are clients of the provider: `bot` for itself, `assistant` for persons.
fn stage() -> Option<Stage> {
    if !installed() || !people_installed() {
        return None;
    }
    let provider = Provider::start();
    provider.redirect("http://127.0.0.1/back");
    let fixture = Server::start("fixture/server.mjs", &[]);
    let server = format!("url = \"{}\"\nkey = {{ env = \"UPSTREAM_KEY\" }}", fixture.url);
    let issuer = format!(
        "[[issuer]]\nname = \"main\"\nurl = \"{}\"\naudience = \"urn:nobody\"\n\
         owner_claim = \"sub\"",
        provider.issuer
    );
    let rights =
        |subject: &str| format!("issuer = \"main\"\nsubject = \"{subject}\"\ntools = [\"crm/*\"]");
    let gateway = Setup::new()
        .tools("crm", &format!("{server}\n{SCOPES}"))
        .agent("bot", &rights("agent"))
        .agent("assistant", &rights("cli"))
        .sections(&issuer)
        .start();
    Some(Stage { provider, fixture, gateway })
}

impl Stage {
    /// Runs a client to its end; gives what the tool said and the scopes of the tokens it got.
    fn run(&self, path: &str, words: &[&str]) -> (String, Vec<String>) {
        let url = format!("http://{}{path}", self.gateway.agents);
        let tool = if path == "/mcp" { "crm__test_simple_text" } else { "test_simple_text" };
        let mut command = Command::new(script("run"));
        command.args(words).args(["--url", &url, "--tool", tool]);
        command.args(["--issuer", &self.provider.issuer]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{path} {words:?}: {output:?}");
        let said: Value = serde_json::from_slice(&output.stdout).unwrap();
        let scopes = said.get("scopes").and_then(Value::as_array).into_iter().flatten();
        let scopes = scopes.filter_map(Value::as_str).map(|scope| {
            let mut words: Vec<&str> = scope.split(' ').collect();
            words.sort_unstable();
            words.join(" ")
        });
        let text = said.get("text").and_then(Value::as_str).unwrap_or_default();
        (text.to_owned(), scopes.collect())
    }

    /// Stops, and says for whom which agents made their calls.
    fn callers(mut self) -> Vec<String> {
        let records = self.gateway.stop_and_check();
        let calls = records.dispatched().into_values().filter(|fact| fact.target.is_some());
        let callers =
            calls.map(|fact| format!("{} for {}", fact.principal.agent, fact.principal.owner));
        callers.collect()
    }
}

#[test]
fn the_sdks_get_tokens_for_an_agent_and_more_scopes_for_a_tool() {
    let Some(stage) = stage() else { return };
    let secret = stage.provider.secret.clone();
    let by_itself = ["--client", "agent", "--secret", &secret];
    let clients: [&[&str]; 5] = [
        &["oauth_mcp.mjs", "--sdk", "v1", "--scope", "tools:call tools:read"],
        &["oauth_mcp.mjs", "--sdk", "v2", "--era", "2025-11-25"],
        &["oauth_mcp.mjs", "--sdk", "v2", "--era", "2026-07-28"],
        &["oauth_mcp.py", "--mode", "legacy"],
        &["oauth_mcp.py", "--mode", "auto"],
    ];
    for client in clients {
        for path in ["/mcp", "/mcp/crm"] {
            let (text, scopes) = stage.run(path, &[client, &by_itself].concat());
            assert_eq!(text, TEXT, "{path} {client:?}");
            let at_once = client.contains(&"--scope");
            let both = "tools:call tools:read";
            let expected = if at_once { &[both][..] } else { &["tools:read", both] };
            assert_eq!(scopes, expected, "{path} {client:?}");
        }
    }
    let callers = stage.callers();
    assert_eq!(callers, vec!["bot for agent"; 10]);
}

#[test]
fn the_sdks_get_tokens_for_a_person_who_signs_in() {
    let Some(stage) = stage() else { return };
    let password = stage.provider.password.clone();
    let clients: [&[&str]; 3] = [
        &["oauth_mcp.mjs", "--sdk", "v1", "--login", "ada"],
        &["oauth_mcp.mjs", "--sdk", "v2", "--era", "2025-11-25", "--login", "bob"],
        &["oauth_mcp.mjs", "--sdk", "v2", "--era", "2026-07-28", "--login", "cyd"],
    ];
    for client in clients {
        let person = ["--client", "cli", "--password", &password];
        let (text, scopes) = stage.run("/mcp/crm", &[client, &person].concat());
        assert_eq!(text, TEXT, "{client:?}");
        assert_eq!(scopes, ["tools:read", "tools:call tools:read"], "{client:?}");
    }
    let expected = ["ada", "bob", "cyd"].map(|name| format!("assistant for sub-of-{name}"));
    assert_eq!(stage.callers(), expected);
}
