//! Tests of signing in, at a provider on this machine that checks what it is sent.

use super::*;
use crate::encode::base64url;
use crate::fetch::Web;
use crate::role::Right;
use crate::site::{Asked, Site};
use ring::digest::{SHA256, digest};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);
const LATER: Timestamp = Timestamp::from_micros(1_800_000_030_000_000);

/// What the provider says, for a test to change.
#[derive(Clone)]
struct Says {
    discovery: Value,
    token: Value,
    userinfo: Value,
}

struct Fixture {
    site: Site,
    says: Arc<Mutex<Says>>,
    /// The query with which the provider was asked to sign somebody in.
    sent: Arc<Mutex<BTreeMap<String, String>>>,
    party: RelyingParty,
}

fn key() -> PeopleKey {
    PeopleKey::new(&[9; 32])
}

fn ed25519() -> Ed25519KeyPair {
    let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
    Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap()
}

impl Fixture {
    fn new(change: impl FnOnce(&mut Provider)) -> Self {
        let site = Site::new(|_| (404, String::new()));
        let issuer = site.url("/tenant");
        let says = Arc::new(Mutex::new(Says {
            discovery: json!({
                "issuer": issuer,
                "authorization_endpoint": site.url("/authorize?tenant=1"),
                "token_endpoint": site.url("/token"),
                "userinfo_endpoint": site.url("/userinfo"),
                "jwks_uri": site.url("/jwks"),
                "authorization_response_iss_parameter_supported": true,
            }),
            token: json!({
                "iss": issuer, "sub": "u-1", "aud": "us", "iat": 1_800_000_000,
                "exp": 1_800_000_300, "auth_time": 1_799_999_000,
            }),
            userinfo: json!({
                "sub": "u-1", "email": "Ada@Example.com", "email_verified": true,
                "name": "Ada\u{7}", "groups": ["fin-approvers", "other"],
            }),
        }));
        let sent = Arc::new(Mutex::new(BTreeMap::new()));
        let signer = ed25519();
        site.answer({
            let (says, sent) = (Arc::clone(&says), Arc::clone(&sent));
            move |asked| serve(asked, &says.lock().unwrap(), &sent.lock().unwrap(), &signer)
        });
        let mut groups = GroupRoles::default();
        groups.give("fin-approvers", Role::Approver);
        let mut provider = Provider {
            name: "corp".into(),
            issuer,
            client_id: "us".to_owned(),
            client_secret: Some("s:e c/r+t".into()),
            redirect: "https://g.example.com/sign-in/corp/back".to_owned(),
            scopes: vec!["email".to_owned(), "openid".to_owned()],
            names: ClaimNames::default(),
            groups,
            people: BTreeMap::from([(
                "ada@example.com".parse().unwrap(),
                BTreeSet::from([Role::Analyst]),
            )]),
            keep_groups: vec!["fin-*".to_owned()],
            domains: vec!["EXAMPLE.com".to_owned()],
            accept_unverified_email: false,
        };
        change(&mut provider);
        let party = RelyingParty::new(provider, Arc::new(Web::new(None).unwrap()));
        Self { site, says, sent, party }
    }

    fn says(&self, change: impl FnOnce(&mut Says)) {
        change(&mut self.says.lock().unwrap());
    }

    /// Begins, and gives the cookie and the query that an honest provider sends back.
    fn begin(&self, again: bool) -> (String, Vec<(String, String)>) {
        let departure = self.party.begin(&key(), "/inbox", again, NOW).unwrap();
        let (place, query) = departure.location.split_once('?').unwrap();
        assert_eq!(place, self.site.url("/authorize"));
        let sent: BTreeMap<_, _> = from_form(query).unwrap().into_iter().collect();
        let back = vec![
            ("code".to_owned(), "the code".to_owned()),
            ("state".to_owned(), sent["state"].clone()),
            ("iss".to_owned(), self.party.provider.issuer.clone()),
        ];
        *self.sent.lock().unwrap() = sent;
        (departure.cookie, back)
    }

    fn finish(&self, cookie: &str, back: &[(String, String)]) -> Result<Arrival, OidcError> {
        let pairs: Vec<(&str, &str)> = back.iter().map(|(a, b)| (&**a, &**b)).collect();
        self.party.finish(&key(), &form(&pairs), cookie, LATER)
    }

    fn sign_in(&self, again: bool) -> Result<Arrival, OidcError> {
        let (cookie, back) = self.begin(again);
        self.finish(&cookie, &back)
    }
}

fn serve(
    asked: &Asked,
    says: &Says,
    sent: &BTreeMap<String, String>,
    signer: &Ed25519KeyPair,
) -> (u16, String) {
    match asked.path.as_str() {
        "/tenant/.well-known/openid-configuration" => (200, says.discovery.to_string()),
        "/jwks" => {
            let x = base64url(signer.public_key().as_ref());
            (200, json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": x}]}).to_string())
        }
        "/token" => {
            let form: BTreeMap<_, _> = from_form(&asked.body).unwrap().into_iter().collect();
            let challenge = base64url(digest(&SHA256, form["code_verifier"].as_bytes()).as_ref());
            let is_right = form["grant_type"] == "authorization_code"
                && form["code"] == "the code"
                && form["redirect_uri"] == sent["redirect_uri"]
                && challenge == sent["code_challenge"]
                && sent["code_challenge_method"] == "S256";
            // `us` and `s:e c/r+t`, each encoded as in a form, behind each other.
            let by_header = asked.authorization == "Basic dXM6cyUzQWUlMjBjJTJGciUyQnQ=";
            let by_form = form.get("client_secret").is_some_and(|secret| secret == "s:e c/r+t");
            let is_public = form.get("client_id").is_some_and(|id| id == "us");
            if !is_right || !(by_header || by_form || is_public) || (by_header && by_form) {
                return (400, r#"{"error":"invalid_grant","error_description":"no\n"}"#.to_owned());
            }
            let mut claims = says.token.clone();
            if claims.get("nonce").is_none() {
                claims["nonce"] = json!(sent["nonce"]);
            }
            let part = |value: &Value| base64url(value.to_string().as_bytes());
            let message = format!("{}.{}", part(&json!({"alg": "EdDSA"})), part(&claims));
            let signature = base64url(signer.sign(message.as_bytes()).as_ref());
            let id = format!("{message}.{signature}");
            (200, json!({"id_token": id, "access_token": "at", "token_type": "Bearer"}).to_string())
        }
        "/userinfo" if asked.authorization == "Bearer at" => (200, says.userinfo.to_string()),
        _ => (404, String::new()),
    }
}

#[test]
fn who_signs_in_at_the_provider_is_known_here_with_groups_and_roles() {
    let fixture = Fixture::new(|_| {});
    let arrival = fixture.sign_in(false).unwrap();
    let sent = fixture.sent.lock().unwrap().clone();
    assert_eq!(sent["scope"], "openid email");
    assert_eq!((&*sent["tenant"], &*sent["response_type"]), ("1", "code"));
    assert!(sent["state"] != sent["nonce"] && sent["state"].len() == 43);
    let profile = arrival.profile;
    assert_eq!(&*profile.id, "corp:u-1");
    assert_eq!((profile.email.as_str(), &*profile.name), ("ada@example.com", "Ada"));
    assert_eq!(profile.groups, BTreeSet::from([Arc::from("fin-approvers")]));
    assert_eq!(profile.roles, BTreeSet::from([Role::Approver, Role::Analyst]));
    assert!(profile.may(Right::Vote) && !profile.may(Right::ManagePeople));
    assert_eq!(arrival.return_to, "/inbox");
    assert_eq!(arrival.authenticated, Timestamp::from_micros(1_799_999_000_000_000));
}

#[test]
fn a_client_proves_itself_as_the_provider_wants_it() {
    let fixture = Fixture::new(|_| {});
    let set = |fixture: &Fixture, methods: Value| {
        fixture.says(|says| says.discovery["token_endpoint_auth_methods_supported"] = methods);
    };
    set(&fixture, json!(["client_secret_post", "private_key_jwt"]));
    assert!(fixture.sign_in(false).is_ok());
    let fixture = Fixture::new(|_| {});
    set(&fixture, json!(["private_key_jwt"]));
    let refused = fixture.sign_in(false).unwrap_err().to_string();
    assert!(refused.contains("takes no client secret, but private_key_jwt"), "{refused}");
    let fixture = Fixture::new(|provider| provider.client_secret = None);
    assert!(fixture.sign_in(false).is_ok());
}

#[test]
fn an_answer_counts_in_the_browser_that_asked_and_from_the_provider_that_was_asked() {
    let fixture = Fixture::new(|_| {});
    let (cookie, back) = fixture.begin(false);
    let asked = fixture.site.asked();
    let altered = |name: &str, value: Option<&str>| {
        let mut back = back.clone();
        match value {
            Some(value) => back.iter_mut().find(|pair| pair.0 == name).unwrap().1 = value.into(),
            None => back.retain(|pair| pair.0 != name),
        }
        fixture.finish(&cookie, &back).unwrap_err()
    };
    assert!(matches!(altered("state", Some("other")), OidcError::Attempt));
    assert!(matches!(altered("state", None), OidcError::Attempt));
    assert!(matches!(altered("code", None), OidcError::Attempt));
    assert!(altered("iss", Some("https://evil.example")).to_string().contains("another did"));
    assert!(altered("iss", None).to_string().contains("does not name itself"));
    assert!(matches!(fixture.finish("", &back), Err(OidcError::Attempt)));
    let (others, _) = fixture.begin(false);
    assert!(matches!(fixture.finish(&others, &back), Err(OidcError::Attempt)));
    let twice = [&back[..], &back[..1]].concat();
    assert!(matches!(fixture.finish(&cookie, &twice), Err(OidcError::Attempt)));
    let mut declined = back[1..].to_vec();
    declined.push(("error".to_owned(), "access_denied".to_owned()));
    declined.push(("error_description".to_owned(), "no\r\nway".to_owned()));
    let refused = fixture.finish(&cookie, &declined).unwrap_err().to_string();
    assert!(refused.ends_with("access_denied no  way"), "{refused}");
    // Nothing of this went to the provider.
    assert_eq!(fixture.site.asked(), asked);
}

type Change = fn(&mut Says);

#[test]
fn a_provider_that_does_not_say_who_it_is_signs_nobody_in() {
    let table: &[(&str, Change)] = &[
        ("nonce", |says| says.token["nonce"] = json!("other")),
        ("not for us", |says| says.token["aud"] = json!("them")),
        ("expired", |says| says.token["exp"] = json!(1_799_999_000)),
        ("issued by", |says| says.token["iss"] = json!("https://evil.example")),
        ("there is none", |says| drop(says.userinfo.as_object_mut().unwrap().remove("email"))),
        ("was verified", |says| says.userinfo["email_verified"] = json!(false)),
        ("was verified", |says| {
            // Verified is what the other source says, of another address.
            says.token["email"] = json!("eve@example.com");
        }),
        ("was verified", |says| {
            says.token["email_verified"] = json!(true);
            says.userinfo["email_verified"] = json!(false);
        }),
        ("not let in", |says| says.userinfo["email"] = json!("ada@example.com.evil.example")),
        ("somebody else", |says| says.userinfo["sub"] = json!("u-2")),
        ("`https`", |says| says.discovery["token_endpoint"] = json!("http://evil.example/t")),
        ("must be equal", |says| says.discovery["issuer"] = json!("https://evil.example")),
    ];
    for (why, change) in &table[..10] {
        let fixture = Fixture::new(|_| {});
        fixture.says(change);
        let refused = fixture.sign_in(false).unwrap_err().to_string();
        assert!(refused.contains(why), "expected {why}, found {refused}");
    }
    for (why, change) in &table[10..] {
        let fixture = Fixture::new(|_| {});
        fixture.says(change);
        let refused = fixture.party.begin(&key(), "/", false, NOW).unwrap_err().to_string();
        assert!(refused.contains(why), "expected {why}, found {refused}");
    }
}

#[test]
fn a_fresh_proof_is_asked_for_and_has_to_be_given() {
    let fixture = Fixture::new(|_| {});
    assert!(matches!(fixture.sign_in(true), Err(OidcError::NotFresh)));
    assert_eq!(fixture.sent.lock().unwrap()["prompt"], "login");
    fixture.says(|says| says.token["auth_time"] = json!(1_800_000_010));
    assert!(fixture.sign_in(true).is_ok());
    fixture.says(|says| drop(says.token.as_object_mut().unwrap().remove("auth_time")));
    assert!(matches!(fixture.sign_in(true), Err(OidcError::NotFresh)));
    assert!(fixture.sign_in(false).is_ok());
}

#[test]
fn a_description_is_kept_while_the_provider_does_not_give_another() {
    let fixture = Fixture::new(|_| {});
    let begin = |hours: u64| {
        let now = Timestamp::from_micros(NOW.micros() + hours * 3_600_000_000);
        fixture.party.begin(&key(), "/", false, now)
    };
    assert!(begin(0).is_ok() && begin(1).is_ok());
    assert_eq!(fixture.site.asked(), 1);
    fixture.site.answer(|_| (500, String::new()));
    assert!(begin(3).is_ok() && begin(3).is_ok());
    assert_eq!(fixture.site.asked(), 2);
}
