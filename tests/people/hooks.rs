//! Webhooks: signed so that others can tell, sent until they are taken, and without a word that
//! decides anything.

use serde_json::{Value, json};
use tests::browser::{Browser, Look};
use tests::group::{installed, script};
use tests::upstream::Request;
use tests::webhook::{Reply, Webhook};

use crate::stage::{Stage, hold_path, payment, press, private};

/// The secret, as Standard Webhooks writes one.
const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

/// Checks a signature as Standard Webhooks says, in a language of its own.
const VERIFY: &str = "
import base64, hashlib, hmac, sys
secret, id, time, signatures, body = sys.argv[1:]
key = base64.b64decode(secret.removeprefix('whsec_'))
mac = hmac.new(key, f'{id}.{time}.{body}'.encode(), hashlib.sha256).digest()
wanted = 'v1,' + base64.b64encode(mac).decode()
print('good' if wanted in signatures.split() else 'bad')
";

fn verified(request: &Request, secret: &str) -> String {
    let header = |name: &str| request.header(name).unwrap_or_default();
    let body = std::str::from_utf8(&request.body).unwrap();
    let words = [
        "--python",
        "-c",
        VERIFY,
        secret,
        header("webhook-id"),
        header("webhook-timestamp"),
        header("webhook-signature"),
        body,
    ];
    let output = script(&words).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn webhooks_are_signed_tried_again_and_told_how_it_ended() {
    if !installed() {
        return;
    }
    let (standard, slack) = (Webhook::start(), Webhook::start());
    standard.reply(&Reply::Status(500), 1);
    standard.reply(&Reply::Nothing, 1);
    let folder = tempfile::tempdir().unwrap();
    let secret = private(&folder.path().join("secret"), SECRET);
    let address = private(&folder.path().join("slack"), &slack.url());
    let sections = format!(
        "[[webhook]]\nname = \"audit\"\nurl = \"{}\"\nsecret = {{ file = \"{}\" }}\n\
         [[webhook]]\nname = \"chat\"\nkind = \"slack\"\nurl = {{ file = \"{}\" }}\n",
        standard.url(),
        secret.display(),
        address.display(),
    );
    let (stage, browser) = (Stage::with("", &sections), Browser::start(&Look::desktop()));
    let asked = stage.ask("pay", &payment());
    let hold = stage.held(1);
    let seen = standard.wait(3);
    let tries: Vec<&str> = seen.iter().map(|it| it.header("webhook-id").unwrap()).collect();
    assert!(tries.windows(2).all(|pair| pair[0] == pair[1]), "three tries of one: {tries:?}");
    for request in &seen {
        assert_eq!(verified(request, SECRET), "good", "{request:?}");
        let other = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        assert_eq!(verified(request, other), "bad", "any secret would do");
    }
    let event: Value = serde_json::from_slice(&seen.last().unwrap().body).unwrap();
    assert_eq!(event.get("type"), Some(&json!("notice.asked")));
    assert_eq!(event.pointer("/data/url"), Some(&json!(stage.url(&hold_path(hold)))));
    assert!(!event.to_string().contains("DE89"), "arguments are in a webhook: {event}");

    stage.open_as(&browser, "bob", &hold_path(hold));
    press(&browser, "Approve this exact call");
    browser.wait_text("Approved by bob@example.com");
    drop(asked.answer());
    let seen = standard.wait(4);
    let event: Value = serde_json::from_slice(&seen.last().unwrap().body).unwrap();
    assert_eq!(event.get("type"), Some(&json!("notice.decided")), "{event}");
    assert_eq!(event.pointer("/data/standing"), Some(&json!("granted")), "{event}");

    for request in slack.wait(2) {
        let message: Value = serde_json::from_slice(&request.body).unwrap();
        let members = message.as_object().unwrap();
        assert_eq!(members.keys().collect::<Vec<_>>(), ["text"], "it tells, and has no buttons");
        let text = message.get("text").and_then(Value::as_str).unwrap();
        assert!(text.contains(&hold_path(hold)) && !text.contains("DE89"), "{text}");
    }
}
