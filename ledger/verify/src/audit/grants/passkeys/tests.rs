//! Tests of signed votes, with answers of an authenticator that is not ours
//! (`approvals/identity/vectors/passkeys.py`).

use super::*;
use events::{Channel, PasskeyRemoved, Person, Vote};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vector {
    algorithm: String,
    credential: Arc<str>,
    registration: Attested,
    assertion: Assertion,
}

#[derive(Deserialize)]
struct Attested {
    attestation: String,
}

fn vectors() -> Vec<Vector> {
    let text = include_str!("../../../../../../approvals/identity/vectors/passkeys.json");
    serde_json::from_str(text).unwrap()
}

fn decision() -> Digest {
    Digest(sha256(&[b"yes to exactly this"]))
}

impl Vector {
    /// The key is what follows the credential's id, which is in there once.
    fn registered(&self) -> PasskeyRegistered {
        let attestation = URL_SAFE_NO_PAD.decode(&self.registration.attestation).unwrap();
        let id = URL_SAFE_NO_PAD.decode(&*self.credential).unwrap();
        let at = attestation.windows(id.len()).position(|part| part == id).unwrap();
        PasskeyRegistered {
            credential: Arc::clone(&self.credential),
            host: "gateway.example.com".into(),
            key: URL_SAFE_NO_PAD.encode(&attestation[at + id.len()..]),
            origin: "https://gateway.example.com".into(),
            person: Person { email: "ada@example.com".into(), id: "local:ada".into() },
            sign_in: "s1".into(),
        }
    }
}

#[test]
fn every_kind_of_key_is_checked_and_what_it_did_not_sign_is_found() {
    assert!(vectors().len() >= 3);
    for vector in vectors() {
        let (key, good) = (vector.registered(), &vector.assertion);
        assert_eq!(check(&key, good, &decision()), Ok(()), "{}", vector.algorithm);
        let other = Digest(sha256(&[b"yes to something else"]));
        assert_eq!(check(&key, good, &other), Err("it signed another decision"));
        let mut bytes = URL_SAFE_NO_PAD.decode(&good.signature).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        let forged = Assertion { signature: URL_SAFE_NO_PAD.encode(bytes), ..good.clone() };
        assert_eq!(check(&key, &forged, &decision()), Err("the signature is wrong"));
        let moved = PasskeyRegistered { origin: "https://evil.example.com".into(), ..key.clone() };
        assert_eq!(check(&moved, good, &decision()), Err("another site asked it"));
        let moved = PasskeyRegistered { host: "example.com".into(), ..key.clone() };
        assert_eq!(check(&moved, good, &decision()), Err("it signed for another site"));
        let mut data = URL_SAFE_NO_PAD.decode(&good.authenticator).unwrap();
        data[32] &= !0x04;
        let forged = Assertion { authenticator: URL_SAFE_NO_PAD.encode(data), ..good.clone() };
        assert_eq!(check(&key, &forged, &decision()), Err("it did not check who used it"));
    }
}

#[test]
fn keys_that_are_no_keys_are_not_known() {
    let bytes = URL_SAFE_NO_PAD.decode(vectors()[0].registered().key).unwrap();
    assert!(Cose::read(&bytes).is_some());
    for end in 0..bytes.len() {
        assert_eq!(Cose::read(&bytes[..end]), None, "{end} bytes");
    }
    assert_eq!(Cose::read(&[&bytes[..], &[0]].concat()), None);
}

#[test]
fn a_passkey_signs_nothing_once_it_was_removed_a_minute_ago() {
    let (vector, at) =
        (vectors().remove(0), |seconds: u64| Timestamp::from_micros(seconds * 1_000_000));
    let registered = vector.registered();
    let (credential, person) = (Arc::clone(&registered.credential), registered.person.clone());
    let vote = HoldVoted {
        assertion: Some(vector.assertion),
        by: person.clone(),
        channel: Channel::Web,
        digest: Digest([1; 32]),
        for_person: None,
        groups: Vec::new(),
        reason: None,
        roles: Vec::new(),
        sign_in: None,
        version: 1,
        view: None,
        vote: Vote::Approve,
    };
    let mut passkeys = Passkeys::default();
    let call = CallId::new(7_u128.into());
    let doubt = |passkeys: &Passkeys, time| passkeys.doubt(call, &vote, time).unwrap();
    assert!(doubt(&passkeys, at(99)).0.ends_with("which they have not registered"));
    passkeys.apply(at(99), &registered.into());
    let removed = PasskeyRemoved { by: Arc::clone(&person.email), credential, person };
    passkeys.apply(at(100), &removed.into());
    assert!(doubt(&passkeys, at(160)).0.ends_with("it signed another decision"));
    let (detail, may_be_before) = doubt(&passkeys, at(161));
    assert!(detail.ends_with("which was removed") && !may_be_before, "{detail}");
}
