//! The provider signs people in and the issuer signs tokens, as an independent library judges.

use serde_json::json;
use tests::browser::{Browser, Look};
use tests::group::installed;
use tests::issuer::{Issuer, Signing};
use tests::openid::Provider;
use tests::wire::Answer;

use crate::pages::{page, site, url};

const RESOURCE: &str = "http://127.0.0.1:8080/mcp";

fn of_provider(
    issuer: &Issuer,
    provider: &Provider,
    token: &str,
) -> Result<serde_json::Value, String> {
    let jwks = format!("{}/jwks", provider.issuer);
    issuer.verify(token, &jwks, &provider.issuer, RESOURCE)
}

#[test]
fn a_provider_gives_agents_tokens_for_the_resource_they_name() {
    if !installed() {
        return;
    }
    let (provider, issuer) = (Provider::start(), Issuer::start());
    let token = provider.token(RESOURCE, "tools:call");
    let claims = of_provider(&issuer, &provider, &token).unwrap();
    assert_eq!(claims.get("sub"), Some(&json!("agent")));
    assert_eq!(claims.get("scope"), Some(&json!("tools:call")));
    let other = provider.token("urn:countersign:other", "tools:call");
    let refused = of_provider(&issuer, &provider, &other).unwrap_err();
    assert!(refused.contains("InvalidAudience"), "{refused}");
}

#[test]
fn people_sign_in_at_the_provider_with_a_browser_and_come_back_with_a_code() {
    if !installed() {
        return;
    }
    let (provider, issuer) = (Provider::start(), Issuer::start());
    let site = site(|_| (String::new(), page("<p>Back</p>")));
    let back = url(&site, "/callback");
    provider.redirect(&back);
    // The verifier is that of RFC 7636, appendix B.
    let start = format!(
        "{}/auth?client_id=countersign&response_type=code&scope=openid+email+groups&state=s1\
         &nonce=n1&redirect_uri={back}&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM\
         &code_challenge_method=S256&resource={RESOURCE}",
        provider.issuer
    );
    let browser = Browser::start(&Look::phone().without_scripts());
    browser.open(&start);
    browser.role("textbox", "Login").enter("ada");
    browser.find("input[name=password]").enter("wrong");
    browser.role("button", "Sign in").click();
    browser.wait_text("Unknown, or a wrong password.");
    provider.sign_in(&browser, "ada");
    browser.wait_text("Back");
    let address = browser.url();
    let query = address.split_once('?').unwrap().1;
    let value = |name: &str| query.split('&').find_map(|pair| pair.strip_prefix(name)).unwrap();
    assert_eq!(value("state="), "s1");
    let answer: Answer =
        provider.redeem(value("code="), &back, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
    let tokens = answer.json();
    let token = |name: &str| tokens.get(name).and_then(serde_json::Value::as_str).unwrap();
    let jwks = format!("{}/jwks", provider.issuer);
    let id = issuer.verify(token("id_token"), &jwks, &provider.issuer, "countersign").unwrap();
    for (claim, expected) in [
        ("sub", json!("sub-of-ada")),
        ("email", json!("ada@example.com")),
        ("groups", json!(["approvers", "finance"])),
        ("nonce", json!("n1")),
    ] {
        assert_eq!(id.get(claim), Some(&expected), "{claim} in {id}");
    }
    let access = of_provider(&issuer, &provider, token("access_token")).unwrap();
    assert_eq!(access.get("sub"), Some(&json!("sub-of-ada")));
}

#[test]
fn an_issuer_signs_what_is_right_and_what_is_wrong() {
    if !installed() {
        return;
    }
    let issuer = Issuer::start();
    let verify = |token: &str| issuer.verify(token, &issuer.jwks, &issuer.issuer, RESOURCE);
    let right = json!({"sub": "agent", "aud": RESOURCE, "act": {"sub": "orchestrator"}});
    for algorithm in ["ES256", "ES384", "RS256", "EdDSA"] {
        let signing = Signing { algorithm: Some(algorithm), ..Signing::default() };
        let claims = verify(&issuer.sign_so(&right, &signing)).unwrap();
        assert_eq!(claims.get("act"), right.get("act"));
    }
    let refused = |claims: &serde_json::Value, signing: &Signing, word: &str| {
        let reason = verify(&issuer.sign_so(claims, signing)).unwrap_err();
        assert!(reason.contains(word), "{reason}");
    };
    let usual = Signing::default();
    refused(&json!({"aud": "urn:other"}), &usual, "InvalidAudience");
    refused(&json!({"aud": RESOURCE, "exp": 1}), &usual, "ExpiredSignature");
    refused(&json!({"aud": RESOURCE, "iss": "urn:other"}), &usual, "InvalidIssuer");
    for algorithm in ["none", "HS256"] {
        let signing = Signing { algorithm: Some(algorithm), ..Signing::default() };
        refused(&right, &signing, "InvalidAlgorithm");
    }
    let stranger = Signing { stranger: true, ..Signing::default() };
    refused(&right, &stranger, "InvalidSignature");
    let former = issuer.sign(&right);
    assert_eq!(issuer.rotate(true), 2);
    verify(&former).unwrap();
    verify(&issuer.sign(&right)).unwrap();
    issuer.rotate(false);
    refused(&right, &Signing { generation: Some(1), ..Signing::default() }, "Unable to find");
    issuer.fail("/jwks", 1);
    verify(&issuer.sign(&right)).unwrap_err();
    verify(&issuer.sign(&right)).unwrap();
}
