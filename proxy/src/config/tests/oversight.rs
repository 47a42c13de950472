//! What decides, who people are, how long calls wait for them, and whose tokens agents have.

use std::time::Duration;

use super::*;

const OVERSIGHT: &str = r#"
[listen]
agents_url = "https://Gateway.example.com/"
[policy]
files = ["policy/*.cedar", "./extra.cedar", "/etc/policies/"]
[approvals]
url = "https://countersign.example.com:8443"
hold = "30s"
no_answers_for = "0s"
[people]
accounts = false
sign_in_lasts = "7d"
[people.roles]
approver = ["finance", "group:ops@example.com", "person:Ada@example.com"]
administrator = ["urn:it:admins"]
[[provider]]
name = "corp"
issuer = "https://tenant.example/"
client_id = "countersign"
client_secret = { env = "LOGIN_CLIENT_SECRET" }
[[issuer]]
name = "corp"
url = "https://tenant.example/"
audience = "https://gateway.example.com"
jwks = "https://tenant.example/keys?p=agents"
owner_claim = "email"
[[tools]]
name = "crm"
url = "http://127.0.0.1:9000/mcp"
trusted = true
private = ["*"]
outside = ["send_*", "export"]
scopes = { "*" = "crm:use", "send_*" = "crm:send crm:use" }
[[agent]]
name = "bot"
owner = "ada@example.com"
issuer = "corp"
subject = "0oa1"
tools = ["crm/*"]
[[agent]]
name = "other"
owner = "ada@example.com"
issuer = "corp"
key = { env = "SUPPORT_BOT_KEY" }
tools = ["crm/*"]
"#;

/// The problems and warnings, each with its place, without excerpts.
fn first_lines(told: &str) -> Vec<String> {
    let told = told.lines().filter(|line| line.starts_with("etc/"));
    told.map(|line| line.replace("etc/countersign.toml:", "")).collect()
}

#[test]
fn what_is_written_about_people_is_kept_and_the_rest_is_the_default() {
    let Loaded { config, warnings, .. } = parse(OVERSIGHT).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(warnings, []);
    let approvals = ApprovalsConfig {
        url: Some(BaseUrl::parse("https://countersign.example.com:8443").unwrap()),
        hold: Duration::from_secs(30),
        no_answers_for: Duration::ZERO,
        ..ApprovalsConfig::default()
    };
    assert_eq!(config.approvals, approvals);
    assert_eq!(config.people.sign_in_lasts, Duration::from_hours(7 * 24));
    let group = |name: &str| RoleHolder::Group(name.to_owned());
    let roles = Roles {
        approver: vec![
            group("finance"),
            group("ops@example.com"),
            RoleHolder::Person("ada@example.com".to_owned()),
        ],
        administrator: vec![group("urn:it:admins")],
        ..Roles::default()
    };
    assert_eq!((config.people.accounts, config.people.roles), (false, roles));
    let provider = &config.providers[0];
    assert_eq!(provider.issuer, "https://tenant.example/", "the `/` at the end belongs to it");
    assert_eq!(provider.scopes, ["openid", "email", "profile"]);
    assert_eq!((provider.groups_claim.as_str(), provider.trust_email), ("groups", false));
    assert_eq!(provider.client_secret.as_ref().unwrap().expose(), "login-secret");
    let issuer = &config.issuers[0];
    assert_eq!(issuer.jwks.as_deref(), Some("https://tenant.example/keys?p=agents"));
    assert_eq!(
        (issuer.agent_claim.as_str(), issuer.owner_claim.as_deref()),
        ("client_id", Some("email"))
    );
    let tool = &config.tools[0];
    let matching = |patterns: &[Pattern], name| patterns.iter().any(|it| it.matches(name));
    assert!(tool.trusted && matching(&tool.private, "read") && tool.untrusted.is_empty());
    assert!(matching(&tool.outside, "send_mail") && !matching(&tool.outside, "read"));
}

#[test]
fn an_agent_with_tokens_needs_no_key_and_is_called_by_its_name_unless_written() {
    let agents = parse(OVERSIGHT).unwrap().config.agents;
    assert_eq!((agents[0].keys.len(), agents[0].subject.as_str()), (0, "0oa1"));
    assert_eq!((agents[1].keys.len(), agents[1].subject.as_str()), (1, "other"));
    assert!(agents.iter().all(|agent| agent.issuer.as_deref() == Some("corp")));
    assert_eq!(parse(FULL).unwrap().config.agents[0].issuer, None);
}

#[test]
fn the_gateway_answers_to_the_names_it_is_reached_by() {
    let config = parse(OVERSIGHT).unwrap().config;
    assert_eq!(config.listen.hosts, ["gateway.example.com", "countersign.example.com:8443"]);
    let bound = "0.0.0.0:9000".parse().unwrap();
    assert_eq!(config.listen.agents_url_at(bound), "https://Gateway.example.com");
    assert_eq!(config.approvals.url_at(bound), "https://countersign.example.com:8443");
    let config = parse("").unwrap().config;
    assert_eq!(config.listen.hosts, Vec::<String>::new());
    assert_eq!(config.approvals.url_at(bound), "http://127.0.0.1:9000");
    assert_eq!(config.listen.agents_url_at("[::]:80".parse().unwrap()), "http://[::1]:80");
    assert_eq!(config.listen.agents_url_at("10.0.0.1:80".parse().unwrap()), "http://10.0.0.1:80");
}

#[test]
fn oversight_is_described_without_its_secrets() {
    let config = parse(OVERSIGHT).unwrap().config;
    let told = describe(&config);
    for line in [
        "          reached at https://Gateway.example.com\n",
        "policy    etc/policy/*.cedar, etc/extra.cedar, /etc/policies/; looked at every 2s\n",
        "approvals at https://countersign.example.com:8443; held open: tool calls 30s, \
         model calls 9m; an agent asks 60 times an hour, 20 at once; a no answers once\n",
        "sign-in   without accounts of the gateway itself; lasts 168h\n",
        "role      approver: finance, group:ops@example.com, person:ada@example.com\n",
        "provider  corp: https://tenant.example/, as `countersign` with a secret; \
         asks for openid, email, profile; groups in `groups`; takes a verified address\n",
        "tools     crm: http://127.0.0.1:9000/mcp, without a key; prefix crm__; trusted; \
         private *; outside send_*, export; scope crm:use for *; \
         scope crm:send crm:use for send_*\n",
        "issuer    corp: https://tenant.example/, with keys at https://tenant.example/keys?p=agents; \
         tokens for https://gateway.example.com, agent in `client_id`, for whom in `email`\n",
        "agent     bot for ada@example.com, 0 keys, tokens of corp as `0oa1`; ",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    assert!(!format!("{told}{config:?}").contains("login-secret"));
}

#[test]
fn what_cannot_be_meant_is_told_with_its_place() {
    let told = problems(
        r#"[policy]
files = ["a/*/b.cedar", ""]
reload_interval = "1ms"
[approvals]
url = "https://gate.example/countersign"
hold = "6m"
pending_max = 0
[people]
accounts = "yes"
roles = { approver = ["ada@example.com", "person:ada", " finance", "group:"], admin = ["it"] }
[[provider]]
name = "local"
issuer = "http://login.example"
scopes = ["email", "a b"]
[[provider]]
name = "a"
issuer = "https://login.example?tenant=1"
client_id = ""
[[issuer]]
name = "x"
url = "https://login.example"
[[issuer]]
name = "y"
url = "https://login.example"
audience = "a"
jwks = "http://login.example/keys"
[[agent]]
name = "one"
owner = "ada"
issuer = "z"
[[agent]]
name = "two"
owner = "ada"
issuer = "x"
[[agent]]
name = "three"
owner = "ada"
issuer = "x"
subject = "two"
[[agent]]
name = "four"
owner = "ada"
subject = "4"
"#,
    );
    let expected = [
        "2:10: policy.files: `*` may stand in the last part of a path, found `a/*/b.cedar`",
        "2:25: policy.files: must not be empty",
        "3:19: policy.reload_interval: expected `100ms` to `1h`, found `1ms`",
        "5:7: approvals.url: expected an address without a path, found `/countersign`",
        "6:8: approvals.hold: expected `1s` to `5m`, found `6m`",
        "7:15: approvals.pending_max: expected a number from 1 to 10000, found `0`",
        "9:12: people.accounts: expected `true` or `false`, found `yes`",
        "10:23: people.roles.approver: `ada@example.com` may be a person or a group",
        "10:42: people.roles.approver: expected an address of mail after `person:`, found `ada`",
        "10:56: people.roles.approver: expected the name of a group, without spaces around it, \
         found ` finance`",
        "10:68: people.roles.approver: expected the name of a group, without spaces around it, \
         found `group:`",
        "10:79: people.roles.admin: there is no key `admin`",
        "11:1: provider.local: `client_id` is missing",
        "12:8: provider.local.name: expected a name that the gateway itself does not use, \
         found `local`",
        "13:10: provider.local.issuer: expected `https://`, or a server on this machine, \
         found `login.example`",
        "14:10: provider.local.scopes: `openid` is missing",
        "14:20: provider.local.scopes: expected one scope, without spaces, found `a b`",
        "17:10: provider.a.issuer: the address must not hold `?` or `#`",
        "18:13: provider.a.client_id: must not be empty",
        "19:1: issuer.x: `audience` is missing",
        "24:7: issuer.y.url: `https://login.example` is the issuer on line 21 already",
        "26:8: issuer.y.jwks: expected `https://`, or a server on this machine, \
         found `login.example`",
        "30:10: agent.one.issuer: there is no issuer `z`",
        "39:11: agent.three.subject: `two` is what tokens call agent `two`",
        "40:1: agent.four: an agent needs a key: `key`, `key_hash` or `keys`",
        "43:11: agent.four.subject: `subject` goes with `issuer`, which is not here",
    ];
    assert_eq!(first_lines(&told), expected, "{told}");
    for hint in ["write `person:ada@example.com` or `group:ada@example.com`", "see line 32;"] {
        assert!(told.contains(hint), "{told}");
    }
}

#[test]
fn what_an_operator_may_not_have_meant_is_a_warning() {
    for (text, told) in [
        ("[people]\naccounts = false\n", "2:12: warning: people.accounts: nobody can sign in"),
        (
            "[people]\naccounts = false\n[[provider]]\nname = \"a\"\nclient_id = \"b\"\n\
             issuer = \"https://login.example\"\n",
            "2:12: warning: people.accounts: nobody is an administrator",
        ),
        (
            "[approvals]\nurl = \"http://gate.example\"\n",
            "2:7: warning: approvals.url: what proves who one is travels to other machines \
             without TLS",
        ),
        (
            "[[tools]]\nname = \"crm\"\nurl = \"http://127.0.0.1\"\nprivate = [\"crm/*\"]\n",
            "4:12: warning: tools.crm.private: `crm/*` is not how the server itself calls a tool",
        ),
    ] {
        assert_eq!(first_lines(&warnings(text).join("\n")), [told]);
    }
}

#[test]
fn scopes_are_words_that_an_issuer_can_give() {
    let told = problems(
        "[[tools]]\nname = \"crm\"\nurl = \"http://127.0.0.1\"\n\
         scopes = { \"a*\" = \"\", \"b*\" = \"x  y\", \"c\" = \"q\\\"\", \"\" = \"z\", d = 1 }\n",
    );
    assert_eq!(first_lines(&told).len(), 5, "{told}");
    assert!(told.contains("expected a scope, or several with one blank between"), "{told}");
    assert!(told.contains("as in `scopes = { \"delete_*\" = \"crm:write\" }`"), "{told}");
}
