//! Tests of passkeys, with answers of an authenticator that is not ours (`vectors/passkeys.py`).

use super::*;
use crate::session::{LASTS, Method};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use std::collections::BTreeSet;
use ulid::Ulid;

#[derive(Deserialize)]
struct Vector {
    algorithm: String,
    credential: String,
    registration: Registration,
    assertion: Assertion,
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../vectors/passkeys.json")).unwrap()
}

fn site() -> Site {
    let origin = "https://gateway.example.com".to_owned();
    Site { host: "gateway.example.com".to_owned(), origin }
}

fn decision() -> Digest {
    Digest(sha256(b"yes to exactly this"))
}

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(1_800_000_000_000_000 + seconds * 1_000_000)
}

fn sign_in(id: u128) -> SignIn {
    let profile = crate::person::Profile {
        id: "local:ada@example.com".into(),
        email: "ada@example.com".parse().unwrap(),
        name: "Ada".into(),
        groups: BTreeSet::new(),
        roles: BTreeSet::new(),
    };
    SignIn::new(Ulid::from_parts(1, id), profile, Method::Password, at(0), (at(0), LASTS))
}

/// Replaces part of what a browser or an authenticator wrote.
fn altered(text: &str, from: &str, to: &str) -> String {
    let bytes = String::from_utf8(from_base64url(text).unwrap()).unwrap();
    assert!(bytes.contains(from), "{bytes}");
    base64url(bytes.replace(from, to).as_bytes())
}

#[test]
fn a_passkey_of_every_kind_is_registered_and_signs_one_decision() {
    for vector in vectors() {
        let nonce = vector.assertion.nonce.clone();
        let (credential, key, count) =
            read_registration(&site(), &vector.registration, &nonce).unwrap();
        assert_eq!((base64url(&credential), count), (vector.credential, 7), "{}", vector.algorithm);
        let key = base64url(&key);
        let checked =
            |assertion: &Assertion, decision: &Digest| check(&site(), assertion, decision, &key);
        let good = &vector.assertion;
        assert_eq!(checked(good, &decision()), Ok(8));
        let other = Digest(sha256(b"yes to something else"));
        assert_eq!(checked(good, &other), Err(PasskeyError::Challenge));
        let mut bytes = from_base64url(&good.signature).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let signature = base64url(&bytes);
        let forged = Assertion { signature, ..good.clone() };
        assert_eq!(checked(&forged, &decision()), Err(PasskeyError::Signature));
        let client = altered(&good.client, "\"crossOrigin\":false", "\"x\":1");
        let forged = Assertion { client, ..good.clone() };
        assert_eq!(checked(&forged, &decision()), Err(PasskeyError::Signature));
    }
}

#[test]
fn an_answer_from_elsewhere_or_without_its_owner_is_refused() {
    let vector = vectors().remove(0);
    let nonce = vector.assertion.nonce.clone();
    let (_, key, _) = read_registration(&site(), &vector.registration, &nonce).unwrap();
    let key = base64url(&key);
    let refused = |change: &dyn Fn(&mut Assertion)| {
        let mut assertion = vector.assertion.clone();
        change(&mut assertion);
        check(&site(), &assertion, &decision(), &key).unwrap_err()
    };
    let client = |from: &'static str, to: &'static str| {
        refused(&move |assertion| assertion.client = altered(&assertion.client, from, to))
    };
    assert_eq!(client("webauthn.get", "webauthn.create"), PasskeyError::Challenge);
    assert_eq!(client("https://gateway", "https://evil"), PasskeyError::Site);
    assert_eq!(client("https://", "http://"), PasskeyError::Site);
    assert_eq!(client("false", "true"), PasskeyError::Site);
    assert_eq!(client("\"cross", "\"topOrigin\":\"x\",\"cross"), PasskeyError::Site);
    let twice = client("\"cross", "\"origin\":\"x\",\"cross");
    assert_eq!(twice, PasskeyError::Broken("clientDataJSON"));
    let data = |at: usize, value: u8| {
        refused(&move |assertion| {
            let mut bytes = from_base64url(&assertion.authenticator).unwrap();
            bytes[at] = value;
            assertion.authenticator = base64url(&bytes);
        })
    };
    assert_eq!(data(0, 0), PasskeyError::Site);
    assert_eq!(data(32, 0x04), PasskeyError::Unverified);
    assert_eq!(data(32, 0x01), PasskeyError::Unverified);
    assert_eq!(data(32, 0x15), PasskeyError::Broken("authenticatorData"));
    assert_eq!(data(32, 0x45), PasskeyError::Broken("authenticatorData"));
    assert_eq!(data(36, 9), PasskeyError::Signature);
    let longer = refused(&|assertion| assertion.authenticator.push_str("AAAA"));
    assert_eq!(longer, PasskeyError::Broken("authenticatorData"));
    let elsewhere = Site { host: "evil.example.com".to_owned(), ..site() };
    let checked = check(&elsewhere, &vector.assertion, &decision(), &key);
    assert_eq!(checked, Err(PasskeyError::Site));
}

#[test]
fn the_example_of_the_standard_is_read_and_refused_for_it_verified_nobody() {
    // "ES256 Credential with No Attestation" of Web Authentication Level 3.
    let hex = "a363666d74646e6f6e656761747453746d74a068617574684461746158a4bfabc37432958b063360d3ad6461c9c4735ae7f8edd46592a5e0f01452b2e4b559000000008446ccb9ab1db374750b2367ff6f3a1f0020f91f391db4c9b2fde0ea70189cba3fb63f579ba6122b33ad94ff3ec330084be4a5010203262001215820afefa16f97ca9b2d23eb86ccb64098d20db90856062eb249c33a9b672f26df61225820930a56b87a2fca66334b03458abf879717c12cc68ed73290af2e2664796b9220";
    let pairs = (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16));
    let bytes: Vec<u8> = pairs.collect::<Result<_, _>>().unwrap();
    let object = Cbor::read(&bytes).unwrap().0;
    let data = object.get(&Cbor::Text("authData")).and_then(Cbor::bytes).unwrap();
    let data = AuthenticatorData::read(data).unwrap();
    assert_eq!(data.check(&sha256(b"example.org")), Err(PasskeyError::Unverified));
    assert_eq!(data.check(&sha256(b"example.com")), Err(PasskeyError::Site));
    let (credential, cose) = data.attested.unwrap();
    assert_eq!((credential.len(), credential[0]), (32, 0xf9));
    assert!(matches!(Cose::read(cose), Some(Cose::Es256(_))));
}

/// An authenticator that is here: for what needs a nonce of ours.
struct Authenticator(EcdsaKeyPair, SystemRandom);

impl Authenticator {
    fn new() -> Self {
        let (kind, random) = (&ECDSA_P256_SHA256_ASN1_SIGNING, SystemRandom::new());
        let document = EcdsaKeyPair::generate_pkcs8(kind, &random).unwrap();
        Self(EcdsaKeyPair::from_pkcs8(kind, document.as_ref(), &random).unwrap(), random)
    }

    fn passkey(&self, count: u32) -> Passkey {
        let (x, y) = self.0.public_key().as_ref()[1..].split_at(32);
        let key = [&b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20"[..], x, b"\x22\x58\x20", y];
        Passkey {
            credential: "AAAA".into(),
            key: base64url(&key.concat()),
            count,
            name: String::new(),
            added: at(0),
        }
    }

    fn sign(&self, nonce: &str, count: u32) -> Assertion {
        let challenge = decision_challenge(&from_base64url(nonce).unwrap(), &decision());
        let client = json!({
            "type": "webauthn.get", "challenge": base64url(&challenge), "origin": site().origin,
        });
        let client = client.to_string();
        let host = sha256(site().host.as_bytes());
        let data = [&host[..], &[5], &count.to_be_bytes()].concat();
        let message = [&data[..], &sha256(client.as_bytes())].concat();
        Assertion {
            authenticator: base64url(&data),
            client: base64url(client.as_bytes()),
            credential: "AAAA".into(),
            nonce: nonce.to_owned(),
            signature: base64url(self.0.sign(&self.1, &message).unwrap().as_ref()),
        }
    }
}

#[test]
fn a_decision_is_signed_in_its_sign_in_in_time_and_by_the_passkey_that_was_registered() {
    let (key, site, mine, other) = (PeopleKey::new(&[3; 32]), site(), sign_in(1), sign_in(2));
    let ceremony =
        |sign_in, seconds| Ceremony { key: &key, sign_in, site: &site, now: at(seconds) };
    let authenticator = Authenticator::new();
    let nonce = ceremony(&mine, 0).nonce().unwrap();
    let assertion = authenticator.sign(&nonce, 5);
    let verify = |sign_in, seconds, known: &[Passkey]| {
        ceremony(sign_in, seconds).verify(&assertion, &decision(), known)
    };
    let known = [authenticator.passkey(4)];
    let used = Used { credential: "AAAA".into(), count: 5 };
    assert_eq!(verify(&mine, 899, &known), Ok(used));
    assert_eq!(verify(&mine, 900, &known), Err(PasskeyError::Nonce));
    assert_eq!(verify(&other, 0, &known), Err(PasskeyError::Nonce));
    assert_eq!(verify(&mine, 0, &[]), Err(PasskeyError::Unknown));
    assert_eq!(verify(&mine, 0, &[authenticator.passkey(5)]), Err(PasskeyError::Copied));
    let impostor = [Authenticator::new().passkey(4)];
    assert_eq!(verify(&mine, 0, &impostor), Err(PasskeyError::Signature));
    let forged = authenticator.sign(&base64url(&[0xff; 56]), 5);
    let refused = ceremony(&mine, 0).verify(&forged, &decision(), &known);
    assert_eq!(refused, Err(PasskeyError::Nonce));
    let options = ceremony(&mine, 0).request_options(&nonce, &decision(), &known).unwrap();
    let client = from_base64url(&assertion.client).unwrap();
    let client: Value = serde_json::from_slice(&client).unwrap();
    assert_eq!(options["challenge"], client["challenge"]);
    assert_eq!(options["allowCredentials"][0]["id"], "AAAA");
}

#[test]
fn a_registration_answers_the_nonce_of_its_page() {
    let (key, site, mine) = (PeopleKey::new(&[3; 32]), site(), sign_in(1));
    let ceremony = Ceremony { key: &key, sign_in: &mine, site: &site, now: at(0) };
    let vector = vectors().remove(0);
    let nonce = ceremony.nonce().unwrap();
    assert_eq!(ceremony.creation_options(&nonce, &[])["challenge"], Value::from(nonce.as_str()));
    let register =
        |nonce: &str, answer: &Registration| ceremony.register(nonce, answer, "my\u{7} phone");
    // Not asked by us.
    let foreign = &vector.assertion.nonce;
    assert_eq!(register(foreign, &vector.registration), Err(PasskeyError::Nonce));
    // Asked by us, and the answer is to something else.
    assert_eq!(register(&nonce, &vector.registration), Err(PasskeyError::Challenge));
    let client = altered(&vector.registration.client, foreign, &nonce);
    let answer = Registration { client, ..vector.registration };
    let passkey = register(&nonce, &answer).unwrap();
    assert_eq!((&*passkey.credential, &*passkey.name), (&*vector.credential, "my phone"));
    let broken = Registration { attestation: format!("{}AAAA", answer.attestation), ..answer };
    assert!(matches!(register(&nonce, &broken), Err(PasskeyError::Broken(_))));
}

#[test]
fn pages_have_passkeys_where_browsers_allow_them() {
    let origin = |url| Site::of(url).map(|site| site.origin);
    for (url, expected) in [
        ("https://Gateway.example.com:443/x", Some("https://gateway.example.com")),
        ("https://g.example.com:8443", Some("https://g.example.com:8443")),
        ("http://localhost:8081/", Some("http://localhost:8081")),
        ("http://g.example.com", None),
        ("https://127.0.0.1:8081", None),
        ("https://[::1]/", None),
        ("/inbox", None),
    ] {
        assert_eq!(origin(url).as_deref(), expected, "{url}");
    }
}
