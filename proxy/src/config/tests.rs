//! What a configuration says when it is right, and what it is told when it is wrong.

mod counterparts;
mod documents;
mod golden;
mod notices;
mod oversight;
mod policy_files;
mod prices;
mod witnesses;

use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;

use super::*;

/// Finds these variables and files and nothing else.
fn found_in(kept: &'static [(&'static str, &'static str)]) -> impl Fn(&SecretRef) -> Answer {
    let kept: BTreeMap<_, _> = kept.iter().copied().collect();
    move |reference| {
        let place = match reference {
            SecretRef::Env(name) => name.clone(),
            SecretRef::File(path) => path.display().to_string(),
        };
        let text = kept.get(place.as_str()).ok_or(LookupError::Unset)?;
        Ok(Found { secret: Secret::new(*text), readable_by_others: false })
    }
}

type Answer = Result<Found, LookupError>;

const KEPT: &[(&str, &str)] = &[
    ("OPENAI_API_KEY", "sk-openai-secret"),
    ("ANTHROPIC_API_KEY", "sk-ant-secret"),
    ("SUPPORT_BOT_KEY", "cs_0123456789abcdef"),
    ("SUPPORT_BOT_KEY_NEXT", "cs_fedcba9876543210"),
    ("WEATHER_TENANT_KEY", "tenant-secret"),
    ("etc/secrets/crm", "crm-secret\n"),
    ("PAYLOAD_KEY", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"),
    ("etc/keys/former.key", "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100\n"),
    ("LOGIN_CLIENT_SECRET", "login-secret"),
    ("SMTP_PASSWORD", "smtp-secret"),
    ("HOOK_SECRET", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
    ("SLACK_WEBHOOK_URL", "https://hooks.slack.example/services/T0/B0/slack-secret"),
    ("SHORT", "short"),
    ("EMPTY", "\n"),
];

fn parse(text: &str) -> Result<Loaded, Problems> {
    Config::parse(text, Path::new("etc/countersign.toml"), &found_in(KEPT))
}

fn problems(text: &str) -> String {
    parse(text).unwrap_err().to_string()
}

fn warnings(text: &str) -> Vec<String> {
    let loaded = parse(text).unwrap_or_else(|problems| panic!("{problems}"));
    loaded.warnings.iter().map(ToString::to_string).collect()
}

const FULL: &str = r#"
data = "./data"
[listen]
agents = "127.0.0.1:9080"
hosts = ["Gateway.example.com:8443"]
[limits]
body_bytes_max = "1 MiB"
memory_bytes_max = 2_097_152
header_timeout = "500ms"
idle_timeout = "90s"
[[model]]
name = "openai"
dialect = "openai"
url = "https://api.openai.com/v1"
key = { env = "OPENAI_API_KEY" }
serves = ["gpt-*", "o*"]
[[model]]
name = "local"
dialect = "openai"
url = "http://127.0.0.1:11434/v1"
[[tools]]
name = "crm"
url = "http://127.0.0.1:9000/mcp"
key = { file = "secrets/crm" }
headers = { "X-Tenant" = "acme", "x-key" = { env = "WEATHER_TENANT_KEY" } }
[[tools]]
name = "files"
command = ["python3", "server.py"]
env = { LOG = "info", TOKEN = { env = "OPENAI_API_KEY" } }
prefix = "fs_"
[[agent]]
name = "support-bot"
team = "support"
owner = "ada@example.com"
keys = [{ env = "SUPPORT_BOT_KEY" }, { env = "SUPPORT_BOT_KEY_NEXT" }]
models = ["gpt-*"]
tools = ["crm/*", "files/read_*"]
"#;

#[test]
fn a_written_value_is_kept_and_the_rest_is_the_default() {
    let Loaded { config, warnings, digest } = parse(FULL).unwrap();
    assert_eq!(warnings, []);
    assert_eq!(KeyHash::of(FULL).as_bytes(), &digest);
    assert_eq!(config.data, Path::new("etc/data"));
    assert_eq!(config.listen.agents.port(), 9080);
    assert_eq!(config.listen.people, Listen::default().people);
    assert_eq!(config.listen.hosts, ["gateway.example.com:8443"]);
    let limits = Limits {
        body_bytes_max: 1 << 20,
        memory_bytes_max: 2 << 20,
        header_timeout: std::time::Duration::from_millis(500),
        idle_timeout: std::time::Duration::from_secs(90),
        ..Limits::default()
    };
    assert_eq!((config.limits, config.ledger), (limits, LedgerConfig::default()));
    assert_eq!(config.models[0].key.as_ref().unwrap().expose(), "sk-openai-secret");
    let Transport::Http { key, headers, .. } = &config.tools[0].transport else { panic!() };
    assert_eq!(key.as_ref().unwrap().expose(), "crm-secret");
    let headers: Vec<_> = headers.iter().map(|(k, v)| (k.as_str(), v.expose())).collect();
    assert_eq!(headers, [("x-key", "tenant-secret"), ("x-tenant", "acme")]);
    let Transport::Stdio { cwd, env, .. } = &config.tools[1].transport else { panic!() };
    assert_eq!((cwd.as_path(), env["LOG"].expose()), (Path::new("etc"), "info"));
    let prefixes: Vec<_> = config.tools.iter().map(|tool| tool.prefix.as_str()).collect();
    assert_eq!(prefixes, ["crm__", "fs_"]);
}

#[test]
fn an_agent_has_each_of_its_keys_and_the_rights_that_are_written() {
    let config = parse(FULL).unwrap().config;
    let agent = config.agents.iter().find(|agent| agent.name == "support-bot").unwrap();
    for key in ["cs_0123456789abcdef", "cs_fedcba9876543210"] {
        assert!(agent.keys.contains(&KeyHash::of(key)), "{key}");
    }
    assert_eq!(agent.owner, "ada@example.com");
    assert!(agent.may_ask("gpt-5") && !agent.may_ask("o3"));
    assert!(agent.may_call("files", "read_all") && !agent.may_call("files", "write"));
}

#[test]
fn the_provider_with_the_most_specific_pattern_serves_a_model() {
    let config = parse(FULL).unwrap().config;
    let serves = |dialect, model| {
        config.model_upstream(dialect, model).map(|upstream| upstream.name.as_str())
    };
    assert_eq!(serves(Dialect::OpenAi, "gpt-5"), Some("openai"));
    assert_eq!(serves(Dialect::OpenAi, "llama"), Some("local"));
    assert_eq!(serves(Dialect::Anthropic, "gpt-5"), None);
}

#[test]
fn no_secret_is_ever_shown() {
    let Loaded { config, .. } = parse(FULL).unwrap();
    let shown = format!("{config:?}{}", describe(&config));
    for (_, secret) in KEPT {
        assert!(secret.trim().is_empty() || !shown.contains(secret.trim()), "{secret} in {shown}");
    }
}

#[test]
fn a_file_that_is_not_there_is_one_problem() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.toml");
    let problems = Config::load(&path, &look_up).unwrap_err();
    assert_eq!(problems.all().len(), 1);
    assert!(problems.to_string().contains("cannot be read"), "{problems}");
}

#[test]
fn a_secret_file_is_read_beside_the_configuration_and_must_be_private() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("countersign.toml");
    let model = "[[model]]\nname = \"a\"\ndialect = \"openai\"\nurl = \"https://a.example\"\n";
    std::fs::write(&path, format!("{model}key = {{ file = \"a.key\" }}\n")).unwrap();
    let secret = folder.path().join("a.key");
    std::fs::write(&secret, "from the file\n").unwrap();
    for (mode, warning_count) in [(0o600, 0), (0o644, 1)] {
        std::fs::set_permissions(&secret, std::fs::Permissions::from_mode(mode)).unwrap();
        let loaded = Config::load(&path, &look_up).unwrap();
        assert_eq!(loaded.config.models[0].key.as_ref().unwrap().expose(), "from the file");
        assert_eq!(loaded.warnings.len(), warning_count, "{mode:o}");
    }
    std::fs::write(&secret, "x".repeat(70_000)).unwrap();
    let problems = Config::load(&path, &look_up).unwrap_err().to_string();
    assert!(problems.contains("it has more than 65536 bytes"), "{problems}");
}

/// Keys of several sections.
const KEYS: &[&str] = &[
    "data",
    "name",
    "key",
    "key_hash",
    "keys",
    "url",
    "command",
    "env",
    "headers",
    "serves",
    "models",
    "tools",
    "agents",
    "hosts",
    "body_bytes_max",
    "header_timeout",
    "prefix",
    "payload_keys",
    "files",
    "url",
    "hold",
    "roles",
    "approver",
    "issuer",
    "subject",
    "scopes",
    "from",
    "port",
    "password",
    "secret",
    "trusted",
    "input",
    "output",
    "x",
];
/// Values that fit some keys, or nearly do.
const VALUES: &[&str] = &[
    "1",
    "-1",
    "0xff",
    "1.5",
    "true",
    "2020-01-01",
    "\"\"",
    "\"*\"",
    "\"a/b\"",
    "\"é\\u0000\"",
    "\"http://a\"",
    "\"https://a/?b\"",
    "\"A <a@b>\"",
    "[\"person:a@b\", \"group:c\"]",
    "[\"p*/x\", \"p/*\"]",
    "\"10s\"",
    "\"2.50\"",
    "\"1 GiB\"",
    "[]",
    "[1, [\"a\"]]",
    "{}",
    "{ env = \"EMPTY\" }",
    "{ env = \"SHORT\" }",
    "[{ file = \"secrets/crm\" }, \"sha256:00\"]",
    "[{ env = \"PAYLOAD_KEY\" }]",
    "\"\"\"a\nb\"\"\"",
];
/// Headings, one of which opens no section.
const HEADINGS: &[&str] = &[
    "[[model]]",
    "[[tools]]",
    "[[agent]]",
    "[listen]",
    "[limits]",
    "[ledger]",
    "[[witness]]",
    "[mcp]",
    "[policy]",
    "[approvals]",
    "[people]",
    "[people.roles]",
    "[[provider]]",
    "[mail]",
    "[[webhook]]",
    "[[issuer]]",
    "[[price]]",
    "[x.y]",
];

/// Lines that are right or nearly so, so that random documents get past the syntax.
fn line() -> impl Strategy<Value = String> {
    let key = prop::sample::select(KEYS);
    let value = prop::sample::select(VALUES);
    let heading = prop::sample::select(HEADINGS);
    prop_oneof![
        3 => (key, value).prop_map(|(key, value)| format!("{key} = {value}")),
        1 => heading.prop_map(str::to_owned),
    ]
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_has_problems(text in "\\PC{0,200}") {
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.all().is_empty());
            prop_assert!(!problems.to_string().is_empty());
        }
    }

    #[test]
    fn any_lines_are_a_configuration_or_have_problems_in_order(
        lines in prop::collection::vec(line(), 0..20),
    ) {
        let text = lines.join("\n");
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.all().is_empty());
            let place = |d: &Diagnostic| d.place.as_ref().map(|place| (place.line, place.column));
            prop_assert!(problems.all().is_sorted_by_key(place), "{}", problems);
            prop_assert_eq!(parse(&text).unwrap_err(), problems);
        }
    }
}
