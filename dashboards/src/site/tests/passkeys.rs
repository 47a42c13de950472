//! Passkeys: people register them, and sign what they approve with them.

use super::stage::{Answer, Browser, Form, OPERATOR, Stage};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::{CallId, DecisionDigest, Event};
use http::StatusCode;
use identity::passkey::{Site, check};
use identity::role::Role;
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use serde_json::{Value, json};

const APPROVER: &[Role] = &[Role::Approver];

const ORIGIN: &str = "http://localhost:8081";

const CREDENTIAL: [u8; 16] = [9; 16];

fn sha256(bytes: &[u8]) -> Vec<u8> {
    digest(&SHA256, bytes).as_ref().to_vec()
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What a page asks of the authenticator, in its JSON.
fn asked(page: &Answer) -> Value {
    let (_, rest) = page.text.split_once("data-passkey=\"").expect("a page that asks");
    let text = rest.split_once('"').unwrap().0;
    serde_json::from_str(&text.replace("&#34;", "\"").replace("&quot;", "\"")).unwrap()
}

/// An authenticator that says that somebody is there and who.
struct Authenticator(EcdsaKeyPair, SystemRandom);

impl Authenticator {
    fn new() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap(), random)
    }

    fn client(kind: &str, options: &Value) -> String {
        let challenge = &options["challenge"];
        json!({"type": kind, "challenge": challenge, "origin": ORIGIN}).to_string()
    }

    /// The fields of a form that registers it.
    fn register(&self, page: &Answer) -> Vec<(&'static str, String)> {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let cose = [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], x, b"\x22\x58\x20", y];
        let host = sha256(b"localhost");
        let tail = [&[0x45][..], &[0; 4], &[0; 16], &[0, 16], &CREDENTIAL, &cose.concat()];
        let data = [&host, &tail.concat()[..]].concat();
        let length = u8::try_from(data.len()).unwrap();
        let map = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58";
        let after = "action=\"/account/passkeys\"";
        vec![
            ("csrf", page.field(after, "csrf")),
            ("nonce", page.field(after, "nonce")),
            ("name", "my key".to_owned()),
            ("client", encoded(Self::client("webauthn.create", &asked(page)).as_bytes())),
            ("attestation", encoded(&[&map[..], &[length], &data].concat())),
        ]
    }

    /// The fields with which a page approves, signed with what another page asks.
    fn sign(&self, (page, asks): (&Answer, &Answer), count: u32) -> Form {
        let client = Self::client("webauthn.get", &asked(asks));
        let host = sha256(b"localhost");
        let data = [&host[..], &[5], &count.to_be_bytes()].concat();
        let message = [&data[..], &sha256(client.as_bytes())].concat();
        let signature = self.0.sign(&self.1, &message).unwrap();
        Form::of(page, "approve")
            .with("nonce", &asks.field("class=\"approve\"", "nonce"))
            .with("credential", &encoded(&CREDENTIAL))
            .with("client", &encoded(client.as_bytes()))
            .with("authenticator", &encoded(&data))
            .with("signature", &encoded(signature.as_ref()))
    }
}

async fn page(stage: &Stage, browser: &Browser, call: CallId) -> Answer {
    stage.get(&format!("/holds/{call}"), Some(browser)).await
}

async fn send(
    stage: &Stage,
    (browser, path): (&Browser, &str),
    fields: &[(&'static str, String)],
) -> Answer {
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, it)| (*name, it.as_str())).collect();
    stage.post(path, Some(browser), &fields).await
}

/// A person who has registered a passkey.
async fn registered(stage: &Stage, name: &str) -> (Browser, Authenticator) {
    let (browser, authenticator) = (stage.browser(name, APPROVER).await, Authenticator::new());
    let account = stage.get("/account", Some(&browser)).await;
    let fields = authenticator.register(&account);
    let answer = send(stage, (&browser, "/account/passkeys"), &fields).await;
    assert_eq!(answer.location(), "/account", "{}", answer.text);
    (browser, authenticator)
}

fn kinds(stage: &Stage, kind: &str) -> usize {
    stage.events().iter().filter(|event| event.kind() == kind).count()
}

#[tokio::test]
async fn a_person_registers_a_passkey_and_removes_it_and_both_are_on_record() {
    let stage = Stage::new();
    let (ada, authenticator) = registered(&stage, "ada").await;
    let account = stage.get("/account", Some(&ada)).await;
    assert!(account.text.contains("my key"), "{}", account.text);
    let again = authenticator.register(&account);
    let again = send(&stage, (&ada, "/account/passkeys"), &again).await;
    assert!(again.text.contains("You have registered this passkey already"), "{}", again.text);
    let is_one = |event: &Event| matches!(event, Event::PasskeyRegistered(_));
    let Some(Event::PasskeyRegistered(fact)) = stage.events().into_iter().find(is_one) else {
        panic!("no passkey is on record");
    };
    assert_eq!((&*fact.host, &*fact.origin), ("localhost", ORIGIN));
    assert_eq!((&*fact.person.email, &*fact.sign_in), ("ada@example.com", &*ada.sign_in.id));
    assert_eq!(*fact.credential, encoded(&CREDENTIAL));
    let fields = [
        ("csrf", account.field("passkeys/remove", "csrf")),
        ("credential", fact.credential.to_string()),
    ];
    let answer = send(&stage, (&ada, "/account/passkeys/remove"), &fields).await;
    assert_eq!(answer.location(), "/account");
    assert_eq!((kinds(&stage, "passkey.registered"), kinds(&stage, "passkey.removed")), (1, 1));
    assert!(stage.accounts.passkeys(&ada.sign_in.profile.id).unwrap().is_empty());
}

#[tokio::test]
async fn a_passkey_is_registered_by_who_proved_just_now_who_they_are() {
    let stage = Stage::new();
    let (ada, authenticator) = (stage.browser("ada", APPROVER).await, Authenticator::new());
    let account = stage.get("/account", Some(&ada)).await;
    stage.pass(601);
    let fields = authenticator.register(&account);
    let answer = send(&stage, (&ada, "/account/passkeys"), &fields).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", answer.text);
    assert!(answer.text.contains("within the last 10 minutes"), "{}", answer.text);
    assert_eq!(kinds(&stage, "passkey.registered"), 0);
    let csrf = [("csrf", answer.field("/account/prove", "csrf"))];
    let answer = send(&stage, (&ada, "/account/prove"), &csrf).await;
    assert_eq!(answer.location(), "/sign-in?next=/account");
    assert_eq!(stage.get("/account", Some(&ada)).await.location(), "/sign-in?next=/account");
}

#[tokio::test]
async fn an_approval_is_signed_and_whoever_has_the_ledger_can_check_it() {
    let stage = Stage::new();
    let (ada, authenticator) = registered(&stage, "ada").await;
    let call = stage.hold_signed(r#"{"amount":100}"#).await;
    let page = page(&stage, &ada, call).await;
    let form = authenticator.sign((&page, &page), 1);
    let answer = stage.vote(&ada, call, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    assert_eq!(stage.state(call), "granted");
    let vote = stage.view(call).hold.votes[0].fact.clone();
    let site = Site { host: "localhost".to_owned(), origin: ORIGIN.to_owned() };
    let key = stage.accounts.passkeys(&vote.by.id).unwrap().remove(0);
    let decision = DecisionDigest::of(call, &vote).digest();
    let assertion = vote.assertion.as_ref().unwrap();
    assert_eq!(check(&site, assertion, &decision, &key.key), Ok(1));
    assert_eq!(key.count, 1, "how often it has signed is kept");
    let other = DecisionDigest { version: 2, ..DecisionDigest::of(call, &vote) };
    assert!(check(&site, assertion, &other.digest(), &key.key).is_err());
    assert_eq!(stage.vote(&ada, call, &form).await.status, StatusCode::SEE_OTHER, "sent twice");
}

#[tokio::test]
async fn what_was_signed_for_another_decision_or_by_another_passkey_is_refused() {
    let stage = Stage::new();
    let (ada, authenticator) = registered(&stage, "ada").await;
    let ben = stage.browser("ben", APPROVER).await;
    let call = stage.hold_signed(r#"{"amount":100}"#).await;
    let small = stage.hold_signed(r#"{"amount":1}"#).await;
    let (large, asks) = (page(&stage, &ada, call).await, page(&stage, &ada, small).await);
    let turned = authenticator.sign((&large, &asks), 1);
    let foreign = Authenticator::new().sign((&large, &large), 1);
    let good = authenticator.sign((&large, &large), 1);
    let late = page(&stage, &ada, call).await;
    for (form, why) in [
        (turned, "it signed another decision"),
        (foreign, "signature is wrong"),
        (good.clone().with("nonce", "AAAA"), "belongs to another sign-in"),
        (good.clone().with("credential", "AAAA"), "not registered for you"),
    ] {
        let answer = stage.vote(&ada, call, &form).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{why}");
        assert!(answer.text.contains(why), "{why}: {}", answer.text);
    }
    let page_of_ben = page(&stage, &ben, call).await;
    assert!(page_of_ben.text.contains("You have no passkey yet"), "{}", page_of_ben.text);
    assert_eq!((stage.state(call), kinds(&stage, "hold.voted")), ("pending", 0));
    assert_eq!(stage.vote(&ada, call, &good).await.status, StatusCode::SEE_OTHER);
    let next = page(&stage, &ada, small).await;
    let copied = authenticator.sign((&next, &next), 1);
    let answer = stage.vote(&ada, small, &copied).await;
    assert!(answer.text.contains("passkey was copied"), "{}", answer.text);
    drop(late);
}

#[tokio::test]
async fn where_a_rule_wants_a_passkey_nothing_else_approves() {
    let stage = Stage::new();
    let (ada, _) = registered(&stage, "ada").await;
    let call = stage.hold_signed(r#"{"amount":100}"#).await;
    let form = stage.form(&ada, call, "approve").await;
    let answer = stage.vote(&ada, call, &form).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text.contains("open this page at http://localhost:8081"), "{}", answer.text);
    let hold = stage.view(call).hold;
    let body = json!({"vote": "approve", "digest": hold.digest, "version": 1});
    let path = format!("/api/v1/holds/{call}/votes");
    let token = ada.cookies.split(['=', ';']).nth(1).unwrap().to_owned();
    let answer = stage.program(("POST", &path), &token, Some(body.clone())).await;
    assert!(answer.text.contains("passkey_required"), "{}", answer.text);
    let answer = stage.program(("POST", &path), OPERATOR, Some(body)).await;
    assert_ne!(answer.status, StatusCode::OK, "{}", answer.text);
    assert_eq!((stage.state(call), kinds(&stage, "hold.voted")), ("pending", 0));
    let form = stage.form(&ada, call, "reject").await;
    assert_eq!(stage.vote(&ada, call, &form).await.status, StatusCode::SEE_OTHER);
    assert_eq!(stage.state(call), "refused", "a no needs no passkey");
}

#[tokio::test]
async fn where_no_rule_wants_it_a_passkey_signs_and_nobody_needs_one() {
    let stage = Stage::new();
    let (ada, authenticator) = registered(&stage, "ada").await;
    let (signed, unsigned) = (stage.hold(r#"{"a":1}"#).await, stage.hold(r#"{"a":2}"#).await);
    let shown = page(&stage, &ada, signed).await;
    let form = authenticator.sign((&shown, &shown), 1);
    assert_eq!(stage.vote(&ada, signed, &form).await.status, StatusCode::SEE_OTHER);
    let form = stage.form(&ada, unsigned, "approve").await;
    assert_eq!(stage.vote(&ada, unsigned, &form).await.status, StatusCode::SEE_OTHER);
    let is_signed = |call| stage.view(call).hold.votes[0].fact.assertion.is_some();
    assert_eq!((is_signed(signed), is_signed(unsigned)), (true, false));
    let decided = page(&stage, &ada, signed).await;
    assert!(decided.text.contains("signed with their passkey"), "{}", decided.text);
}
