//! A vote that says it was signed was, by the passkey that the person had registered.

use crate::made::call;
use crate::story::{CALL, Story, person};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use events::{Assertion, DecisionDigest, HoldVoted, PasskeyRegistered};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};

/// An authenticator of ben's.
struct Authenticator(EcdsaKeyPair, SystemRandom);

impl Authenticator {
    fn new() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap(), random)
    }

    fn registered(&self, name: &str) -> PasskeyRegistered {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let cose = [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], x, b"\x22\x58\x20", y];
        PasskeyRegistered {
            credential: "AAAA".into(),
            host: "gateway.example.com".into(),
            key: URL_SAFE_NO_PAD.encode(cose.concat()),
            origin: "https://gateway.example.com".into(),
            person: person(name),
            sign_in: "s1".into(),
        }
    }

    /// A vote, signed.
    fn sign(&self, vote: HoldVoted) -> HoldVoted {
        let decision = DecisionDigest::of(call(CALL), &vote).digest();
        let message = [&b"countersign/decision/v1\0"[..], b"nonce", &decision.0].concat();
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, &message));
        let client = serde_json::json!({
            "type": "webauthn.get", "challenge": challenge,
            "origin": "https://gateway.example.com",
        });
        let client = client.to_string();
        let host = digest(&SHA256, b"gateway.example.com");
        let data = [host.as_ref(), &[5, 0, 0, 0, 1]].concat();
        let signed = [&data[..], digest(&SHA256, client.as_bytes()).as_ref()].concat();
        let signature = self.0.sign(&self.1, &signed).unwrap();
        let assertion = Assertion {
            authenticator: URL_SAFE_NO_PAD.encode(data),
            client: URL_SAFE_NO_PAD.encode(client),
            credential: "AAAA".into(),
            nonce: URL_SAFE_NO_PAD.encode(b"nonce"),
            signature: URL_SAFE_NO_PAD.encode(signature),
        };
        HoldVoted { assertion: Some(assertion), ..vote }
    }
}

/// A call that takes a signed vote.
fn strict() -> Story {
    let mut story = Story::new();
    story.held.rule.step_up = true;
    story.hold();
    story
}

fn then_granted(mut story: Story, vote: HoldVoted) -> Story {
    let vote = story.tell(vote);
    let grant = story.grant(&[vote]);
    story.make(grant);
    story
}

#[test]
fn a_rule_that_wants_votes_signed_is_satisfied_by_signed_ones_alone() {
    let authenticator = Authenticator::new();
    let mut story = strict();
    let plain = story.vote("ben");
    then_granted(story.clone(), plain.clone()).fails("of `ben@example.com` is not signed");
    story.aside(authenticator.registered("ben"));
    then_granted(story, authenticator.sign(plain)).passes();
}

#[test]
fn what_was_signed_is_this_decision_by_a_passkey_of_this_person() {
    let authenticator = Authenticator::new();
    let with = |registered: PasskeyRegistered, alter: &dyn Fn(&mut HoldVoted)| {
        let mut story = Story::held();
        story.aside(registered);
        let mut vote = authenticator.sign(story.vote("ben"));
        alter(&mut vote);
        story.tell(vote);
        story
    };
    let of_ben = authenticator.registered("ben");
    with(of_ben.clone(), &|_| {}).passes();
    with(of_ben.clone(), &|vote| vote.vote = events::Vote::Reject)
        .fails("it signed another decision");
    with(of_ben.clone(), &|vote| vote.view = None).fails("it signed another decision");
    with(authenticator.registered("eve"), &|_| {}).fails("which they have not registered");
    with(Authenticator::new().registered("ben"), &|_| {}).fails("the signature is wrong");
    let origin = "https://evil.example.com".into();
    with(PasskeyRegistered { origin, ..of_ben }, &|_| {}).fails("another site asked it");
}
