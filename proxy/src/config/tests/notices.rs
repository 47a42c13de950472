//! Who hears of calls that wait, by mail and by webhook.

use super::*;

const NOTICES: &str = r#"
[approvals]
url = "https://countersign.example.com"
[mail]
from = "Countersign <gate@example.com>"
host = "smtp.example.com"
user = "gate"
password = { env = "SMTP_PASSWORD" }
fallback = ["Ops@example.com"]
[[webhook]]
name = "siem"
url = "https://hooks.example/countersign"
secret = { env = "HOOK_SECRET" }
[[webhook]]
name = "chat"
kind = "slack"
url = { env = "SLACK_WEBHOOK_URL" }
"#;

#[test]
fn mail_and_webhooks_are_kept_as_written() {
    let Loaded { config, warnings, .. } = parse(NOTICES).unwrap_or_else(|it| panic!("{it}"));
    assert_eq!(warnings, []);
    let mail = config.mail.as_ref().unwrap();
    assert_eq!(mail.from.to_string(), "\"Countersign\" <gate@example.com>");
    assert_eq!(
        (mail.host.as_str(), mail.port, mail.tls),
        ("smtp.example.com", 587, MailTls::StartTls)
    );
    let (user, password) = mail.login.as_ref().unwrap();
    assert_eq!((user.as_str(), password.expose()), ("gate", "smtp-secret"));
    assert_eq!(mail.fallback, ["ops@example.com"]);
    let [siem, chat] = config.webhooks.as_slice() else { panic!() };
    let WebhookKind::Standard { secret } = &siem.kind else { panic!() };
    assert!(secret.expose().starts_with("whsec_") && matches!(chat.kind, WebhookKind::Slack));
    assert_eq!(chat.url.expose(), "https://hooks.slack.example/services/T0/B0/slack-secret");
    let told = describe(&config);
    for line in [
        "mail      from \"Countersign\" <gate@example.com> through smtp.example.com, port 587, \
         with STARTTLS, with a password; what nobody else gets goes to ops@example.com\n",
        "webhook   siem: https://hooks.example/countersign, signed\n",
        "webhook   chat: an address kept elsewhere, as Slack takes it\n",
    ] {
        assert!(told.contains(line), "{line}\n{told}");
    }
    let shown = format!("{told}{config:?}");
    for secret in ["smtp-secret", "slack-secret", "MDEy"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn the_usual_port_follows_from_the_encryption() {
    for (lines, port) in [("", 587), ("tls = \"implicit\"", 465), ("port = 2525", 2525)] {
        let text = NOTICES.replace("[mail]\n", &format!("[mail]\n{lines}\n"));
        assert_eq!(parse(&text).unwrap().config.mail.unwrap().port, port, "{lines}");
    }
    let local = NOTICES.replace("\"smtp.example.com\"", "\"[::1]\"\ntls = \"none\"\nport = 25");
    let mail = parse(&local).unwrap().config.mail.unwrap();
    assert_eq!((mail.host.as_str(), mail.port, mail.tls), ("::1", 25, MailTls::None));
}

#[test]
fn notices_that_cannot_be_sent_are_told() {
    let told = problems(
        r#"[mail]
from = "Sign, counter <gate@example.com>"
host = "smtp.example.com:587"
user = "gate"
fallback = []
[[webhook]]
name = "a"
url = "http://hooks.example"
[[webhook]]
name = "a"
url = { env = "SHORT" }
secret = { env = "SHORT" }
[[webhook]]
name = "mail"
kind = "slack"
url = "https://hooks.slack.example/services/T0"
secret = { env = "HOOK_SECRET" }
"#,
    );
    let expected = "\
1:1: mail: `user` and `password` go together
2:8: mail.from: expected an address of mail, found `Sign, counter <gate@example.com>`
3:8: mail.host: expected the name of a host, found `smtp.example.com:587`
5:12: mail.fallback: expected at least one address
6:1: webhook.a: `secret` is missing
8:7: webhook.a.url: expected `https://`, or a server on this machine, found `hooks.example`
10:8: webhook.a.name: `a` is taken
11:7: webhook.a.url: the address that is kept there is none: expected an address such as \
`https://api.example.com/v1`
12:10: webhook.a.secret: the secret has fewer than 24 characters
14:8: webhook.mail.name: expected another name: on record, `mail` is mail, found `mail`
16:7: webhook.mail.url: expected a reference to a secret, found text
17:10: webhook.mail.secret: `secret` goes with `kind = \"standard\"`: Slack checks no signature";
    let lines = told.lines().filter(|line| line.starts_with("etc/"));
    let lines: Vec<_> = lines.map(|line| line.replace("etc/countersign.toml:", "")).collect();
    assert_eq!(lines.join("\n"), expected, "{told}");
}

#[test]
fn mail_without_tls_goes_to_this_machine_alone() {
    let text = NOTICES.replace("[mail]\n", "[mail]\ntls = \"none\"\n");
    let told = problems(&text);
    let expected = "mail.tls: mail would travel to `smtp.example.com` without TLS\n";
    assert!(told.contains(expected), "{told}");
}

#[test]
fn a_signing_key_in_base64_has_a_fitting_length() {
    let kept: &[(&str, &str)] = &[
        ("A", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="),
        ("B", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAx"),
        ("C", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"),
        ("D", "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZW*="),
        ("E", "0123456789abcdef01234567"),
    ];
    for (name, good) in [("A", true), ("B", false), ("C", false), ("D", false), ("E", true)] {
        let text = format!(
            "[[webhook]]\nname = \"a\"\nurl = \"http://127.0.0.1\"\nsecret = {{ env = \"{name}\" }}\n"
        );
        let read = Config::parse(&text, Path::new("etc/countersign.toml"), &found_in(kept));
        assert_eq!(read.is_ok(), good, "{name}");
    }
}

#[test]
fn mail_whose_links_lead_nowhere_is_a_warning() {
    for url in ["", "url = \"http://127.0.0.1:8081\""] {
        let text = NOTICES.replace("url = \"https://countersign.example.com\"", url);
        let told = warnings(&text).join("\n");
        assert!(told.contains("mail: links in mail lead to this machine"), "{told}");
    }
    let text = NOTICES.replace("[mail]\n", "[mail]\nport = 465\n");
    assert!(warnings(&text).join("\n").contains("hint: write `tls = \"implicit\"`"));
}
