//! Tests of tokens, signed by keys that are made here and fetched from a site on this machine.

use super::*;
use crate::claims::Actor;
use crate::encode::base64url;
use crate::fetch::Web;
use crate::site::Site;
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;
const US: &str = "https://gateway.example.com/mcp";
const THEM: &str = "https://id.example.com";

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_micros(seconds * 1_000_000)
}

struct Signer(&'static str, Ed25519KeyPair);

impl Signer {
    fn new(id: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(id, Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn jwk(&self) -> Value {
        let x = base64url(self.1.public_key().as_ref());
        json!({"kty": "OKP", "crv": "Ed25519", "kid": self.0, "use": "sig", "x": x})
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
        let signature = base64url(self.1.sign(message.as_bytes()).as_ref());
        format!("{message}.{signature}")
    }

    fn token(&self, change: impl FnOnce(&mut Value, &mut Value)) -> String {
        let (mut header, mut claims) = (header(self.0), claims());
        change(&mut header, &mut claims);
        self.sign(&header.to_string(), &claims.to_string())
    }
}

fn header(kid: &str) -> Value {
    json!({"alg": "EdDSA", "typ": "at+jwt", "kid": kid})
}

fn claims() -> Value {
    json!({
        "iss": THEM, "sub": "ada", "aud": [US, "https://other.example.com"],
        "exp": NOW + 300, "nbf": NOW, "iat": NOW, "jti": "t1",
        "email": "Ada@example.com", "email_verified": true, "name": "Ada",
        "groups": ["finance", "all"], "scope": "tools:read tools:call", "client_id": "bot",
        "act": {"sub": "bot", "act": {"sub": "planner", "iss": "https://o.example.com"}},
    })
}

fn set(keys: &[&Signer]) -> String {
    json!({"keys": keys.iter().map(|key| key.jwk()).collect::<Vec<_>>()}).to_string()
}

fn issuer(keys: KeySource) -> Issuer {
    Issuer {
        name: "them".into(),
        url: THEM.to_owned(),
        audience: BTreeSet::from([US.to_owned()]),
        algorithms: Algorithm::ALL.iter().copied().collect(),
        leeway: Duration::from_mins(1),
        typed: false,
        names: ClaimNames::default(),
        keys,
    }
}

fn verifier(keys: KeySource) -> Verifier {
    Verifier::new(issuer(keys), Arc::new(Web::new(None).unwrap()))
}

fn inline(keys: &[&Signer]) -> Verifier {
    verifier(KeySource::Inline(KeySet::parse(set(keys).as_bytes()).unwrap()))
}

#[test]
fn a_good_token_says_who_for_whom_and_what_for() {
    let signer = Signer::new("a");
    let token = signer.token(|_, _| {});
    let claims = inline(&[&signer]).verify(&token, Use::Access, at(NOW)).unwrap();
    assert_eq!(&*claims.subject, "ada");
    assert_eq!(claims.email.unwrap().as_str(), "ada@example.com");
    assert_eq!(claims.groups, ["all", "finance"].map(Arc::from).into());
    assert_eq!(claims.scopes, ["tools:call", "tools:read"].map(Arc::from).into());
    assert_eq!(claims.client.as_deref(), Some("bot"));
    assert_eq!(claims.expires, at(NOW + 300));
    let actor = |subject: &str, issuer: Option<&str>| Actor {
        subject: subject.into(),
        issuer: issuer.map(Arc::from),
    };
    let chain = [actor("bot", None), actor("planner", Some("https://o.example.com"))];
    assert_eq!(claims.actors, chain);
}

#[test]
fn groups_are_found_under_other_names_and_behind_paths() {
    let signer = Signer::new("a");
    let token = signer.token(|_, claims| {
        claims["realm_access"] = json!({"roles": ["one"]});
        claims["https://example.com/groups"] = json!("two three");
    });
    for (name, groups) in
        [("realm_access.roles", vec!["one"]), ("https://example.com/groups", vec!["three", "two"])]
    {
        let mut verifier = inline(&[&signer]);
        verifier.issuer.names.groups = name.to_owned();
        let claims = verifier.verify(&token, Use::Access, at(NOW)).unwrap();
        assert!(claims.groups.iter().map(|group| &**group).eq(groups), "{name}");
    }
}

type Change = fn(&mut Value, &mut Value);

#[test]
fn every_known_bad_token_is_refused_for_what_is_bad_about_it() {
    let signer = Signer::new("a");
    let verifier = inline(&[&signer]);
    let table: &[(&str, Change)] = &[
        ("`none`", |header, _| header["alg"] = json!("none")),
        ("`None`", |header, _| header["alg"] = json!("None")),
        ("signed with ``", |header, _| header["alg"] = json!(["EdDSA"])),
        ("`HS256`", |header, _| header["alg"] = json!("HS256")),
        ("does not publish", |header, _| header["alg"] = json!("RS256")),
        ("does not publish: `b`", |header, _| header["kid"] = json!("b")),
        ("does not publish", |header, _| header["kid"] = json!("../../a")),
        ("`kid` is no text", |header, _| header["kid"] = json!(1)),
        ("`crit`", |header, _| header["crit"] = json!(["exp"])),
        ("`b64`", |header, _| header["b64"] = json!(false)),
        ("`zip`", |header, _| header["zip"] = json!("DEF")),
        ("`logout+jwt`", |header, _| header["typ"] = json!("logout+jwt")),
        ("`application/dpop+jwt`", |header, _| header["typ"] = json!("application/dpop+jwt")),
        ("issued by `https://id.example.com/`", |_, claims| {
            claims["iss"] = json!("https://id.example.com/");
        }),
        ("`iss` is missing", |_, claims| drop(claims.as_object_mut().unwrap().remove("iss"))),
        ("`aud` is missing", |_, claims| drop(claims.as_object_mut().unwrap().remove("aud"))),
        ("`exp` is missing", |_, claims| drop(claims.as_object_mut().unwrap().remove("exp"))),
        ("`sub` is missing", |_, claims| drop(claims.as_object_mut().unwrap().remove("sub"))),
        ("not for us", |_, claims| claims["aud"] = json!("https://gateway.example.com")),
        ("not for us", |_, claims| claims["aud"] = json!([])),
        ("`aud`", |_, claims| claims["aud"] = json!({"a": US})),
        ("expired", |_, claims| claims["exp"] = json!(NOW - 60)),
        ("`exp`", |_, claims| claims["exp"] = json!("2099")),
        ("`exp`", |_, claims| claims["exp"] = json!(-1)),
        ("`exp`", |_, claims| claims["exp"] = json!(1e300)),
        ("not valid before", |_, claims| claims["nbf"] = json!(NOW + 61)),
        ("not valid before", |_, claims| claims["iat"] = json!(NOW + 61)),
        ("`sub`", |_, claims| claims["sub"] = json!("")),
        ("`sub`", |_, claims| claims["sub"] = json!("a\u{0}da")),
        ("`sub`", |_, claims| claims["sub"] = json!("a".repeat(256))),
        ("`nonce` says so", |_, claims| claims["nonce"] = json!("n")),
        ("`at_hash` says so", |_, claims| claims["at_hash"] = json!("n")),
        ("`typ` says so", |_, claims| claims["typ"] = json!("Refresh")),
        ("`events` says so", |_, claims| claims["events"] = json!({})),
        ("`cnf`", |_, claims| claims["cnf"] = json!({"jkt": "x"})),
        ("`act`", |_, claims| claims["act"] = json!("bot")),
        ("`act`", |_, claims| claims["act"] = json!({"act": {"sub": "x"}})),
        ("8 actors", |_, claims| {
            claims["act"] =
                (0..9).fold(json!({"sub": "x"}), |act, _| json!({"sub": "x", "act": act}));
        }),
        ("nested too deep", |_, claims| {
            claims["act"] = (0..40).fold(json!({}), |act, _| json!({"act": act}));
        }),
        ("too large", |_, claims| claims["x"] = json!("x".repeat(1 << 20))),
    ];
    for (why, change) in table {
        let refused = verifier.verify(&signer.token(change), Use::Access, at(NOW)).unwrap_err();
        assert!(refused.to_string().contains(why), "expected {why}, found {refused}");
    }
}

#[test]
fn forged_and_broken_texts_are_no_tokens() {
    let (ours, theirs) = (Signer::new("a"), Signer::new("a"));
    let verifier = inline(&[&ours, &Signer::new("b")]);
    let refused =
        |token: &str| verifier.verify(token, Use::Access, at(NOW)).unwrap_err().to_string();
    // A key that comes along in the header is not believed.
    let token = theirs.token(|header, _| header["jwk"] = theirs.jwk());
    assert!(refused(&token).contains("signature is wrong"));
    // A good signature by another of the issuer's keys than the one that is named.
    let token = ours.token(|header, _| header["kid"] = json!("b"));
    assert!(refused(&token).contains("signature is wrong"));
    // No key named, and there are two.
    let token = ours.token(|header, _| drop(header.as_object_mut().unwrap().remove("kid")));
    assert!(refused(&token).contains("it names none"));
    assert!(inline(&[&ours]).verify(&token, Use::Access, at(NOW)).is_ok());
    // The public key as a shared secret.
    let secret = ours.1.public_key().as_ref();
    let message = ours.token(|header, _| header["alg"] = json!("HS256"));
    let message = message.rsplit_once('.').unwrap().0;
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
    let mac = base64url(ring::hmac::sign(&key, message.as_bytes()).as_ref());
    assert!(refused(&format!("{message}.{mac}")).contains("`HS256`"));
    let good = ours.token(|_, _| {});
    let (message, signature) = good.rsplit_once('.').unwrap();
    for broken in [
        String::new(),
        "..".to_owned(),
        message.to_owned(),
        format!("{message}."),
        format!("{good}="),
        format!("{good}.{signature}"),
        format!(" {good}"),
        format!("{good}\n"),
        ours.sign(r#"{"alg":"EdDSA","kid":"a","kid":"b"}"#, &claims().to_string()),
        ours.sign(&header("a").to_string(), r#"{"aud":"x","aud":"y"}"#),
        ours.sign(&header("a").to_string(), "[]"),
    ] {
        assert!(verifier.verify(&broken, Use::Access, at(NOW)).is_err(), "{broken}");
    }
    assert!(verifier.verify(&good, Use::Access, at(NOW)).is_ok());
}

#[test]
fn no_flipped_bit_of_a_token_goes_unnoticed() {
    let signer = Signer::new("a");
    let verifier = inline(&[&signer]);
    let good = signer.token(|_, _| {}).into_bytes();
    for bit in 0..good.len() * 8 {
        let mut altered = good.clone();
        altered[bit / 8] ^= 1 << (bit % 8);
        let Ok(altered) = String::from_utf8(altered) else { continue };
        assert!(verifier.verify(&altered, Use::Access, at(NOW)).is_err(), "{altered}");
    }
}

#[test]
fn clocks_may_be_a_minute_apart() {
    let signer = Signer::new("a");
    let verifier = inline(&[&signer]);
    let token = signer.token(|_, _| {});
    for (now, good) in [(NOW - 61, false), (NOW - 60, true), (NOW + 359, true), (NOW + 360, false)]
    {
        assert_eq!(verifier.verify(&token, Use::Access, at(now)).is_ok(), good, "{now}");
    }
}

#[test]
fn an_identity_answers_one_client_and_one_question_and_opens_nothing() {
    let signer = Signer::new("a");
    let verifier = inline(&[&signer]);
    let mine = Use::Identity { client: "us", nonce: "n" };
    let token = |audience: Value, party: Option<&str>, nonce: &str| {
        signer.token(|header, claims| {
            header["typ"] = json!("JWT");
            claims["aud"] = audience;
            claims["nonce"] = json!(nonce);
            if let Some(party) = party {
                claims["azp"] = json!(party);
            }
        })
    };
    let good = |token: &str| verifier.verify(token, mine, at(NOW)).is_ok();
    assert!(good(&token(json!("us"), None, "n")));
    assert!(good(&token(json!(["us", "them"]), Some("us"), "n")));
    assert!(!good(&token(json!(["us", "them"]), None, "n")));
    assert!(!good(&token(json!("us"), Some("them"), "n")));
    assert!(!good(&token(json!("them"), None, "n")));
    assert!(!good(&token(json!("us"), None, "m")));
    assert!(!good(&signer.token(|_, claims| claims["aud"] = json!("us"))));
    let refused = verifier.verify(&token(json!(US), None, "n"), Use::Access, at(NOW));
    assert_eq!(refused, Err(TokenError::Claims(ClaimsError::NotAccess("nonce"))));
}

#[test]
fn a_new_key_is_fetched_once_in_thirty_seconds_and_known_keys_never_wait() {
    let (first, second) = (Signer::new("a"), Signer::new("b"));
    let keys = set(&[&first]);
    let site = Site::new(move |_| (200, keys.clone()));
    let verifier = verifier(KeySource::Url(site.url("/jwks")));
    let (known, new) = (first.token(|_, _| {}), second.token(|_, _| {}));
    let verify = |token: &str, now| verifier.verify_or_fetch(token, Use::Access, at(now)).is_ok();
    assert_eq!(verifier.verify(&known, Use::Access, at(NOW)), Err(TokenError::NoKeys));
    assert!(verifier.is_due(at(NOW)) && verify(&known, NOW));
    for _ in 0..100 {
        assert!(verify(&known, NOW + 1) && !verify(&new, NOW + 29));
    }
    assert_eq!(site.asked(), 1);
    let keys = set(&[&second]);
    site.answer(move |_| (200, keys.clone()));
    assert!(verify(&new, NOW + 30));
    // The key that was taken back is not accepted any more.
    assert!(!verify(&known, NOW + 31));
    assert_eq!(site.asked(), 2);
    assert!(!verifier.is_due(at(NOW + 60)) && verifier.is_due(at(NOW + 931)));
}

#[test]
fn keys_are_kept_for_a_day_while_their_issuer_does_not_answer() {
    let signer = Signer::new("a");
    let keys = set(&[&signer]);
    let site = Site::new(move |_| (200, keys.clone()));
    let verifier = verifier(KeySource::Url(site.url("/jwks")));
    verifier.refresh(at(NOW)).unwrap();
    let verify = |now| {
        let token = signer.token(|_, claims| claims["exp"] = json!(NOW + 100_000));
        verifier.verify_or_fetch(&token, Use::Access, at(now))
    };
    let day = NOW + 86_400;
    for (count, (status, text)) in
        [(500, "{}"), (200, "nonsense"), (302, ""), (200, r#"{"keys":[]}"#)].iter().enumerate()
    {
        site.answer(move |_| (*status, (*text).to_owned()));
        assert!(verifier.refresh(at(day - 300 + 30 * count as u64)).is_err(), "{text}");
    }
    site.answer(|_| (200, " ".repeat(1 << 20)));
    assert!(verifier.refresh(at(day - 150)).unwrap_err().to_string().contains("cannot be asked"));
    assert!(verify(day).is_ok());
    assert_eq!(verify(day + 1), Err(TokenError::NoKeys));
}

#[test]
fn many_who_need_a_key_at_once_fetch_it_once_and_all_get_it() {
    let signer = Signer::new("a");
    let keys = set(&[&signer]);
    let site = Site::new(move |_| (200, keys.clone()));
    let verifier = verifier(KeySource::Url(site.url("/jwks")));
    let token = signer.token(|_, _| {});
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                assert!(verifier.verify_or_fetch(&token, Use::Access, at(NOW)).is_ok());
            });
        }
    });
    assert_eq!(site.asked(), 1);
}

#[test]
fn a_token_is_for_the_issuer_that_it_names() {
    let signer = Signer::new("a");
    let issuers = Issuers::new([Arc::new(inline(&[&signer]))]);
    assert_eq!(&*issuers.of(&signer.token(|_, _| {})).unwrap().issuer().name, "them");
    let other = signer.token(|_, claims| claims["iss"] = json!("https://evil.example.com"));
    assert!(issuers.of(&other).is_err() && issuers.of("").is_err());
}
