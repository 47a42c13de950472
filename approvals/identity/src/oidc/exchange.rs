//! What is asked of a provider behind the browser's back: tokens for a code, and more about people.

use super::{OidcError, RelyingParty, plain};
use crate::claims::Said;
use crate::discovery::Metadata;
use crate::encode::{form, form_value};
use crate::fetch::{Answer, Ask};
use crate::strict;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

pub(super) struct Tokens {
    pub(super) id: String,
    pub(super) access: Option<String>,
}

/// How we prove to a provider who we are.
enum Proof<'a> {
    None,
    Header(&'a str),
    Form(&'a str),
}

impl RelyingParty {
    pub(super) fn exchange(
        &self,
        metadata: &Metadata,
        code: &str,
        verifier: &str,
    ) -> Result<Tokens, OidcError> {
        let url = metadata.token.as_deref();
        let url = url.ok_or_else(|| self.problem("has no `token_endpoint`"))?;
        let proof = self.proof(metadata)?;
        let client = self.provider.client_id.as_str();
        let mut pairs = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &self.provider.redirect),
            ("code_verifier", verifier),
        ];
        let mut authorization = None;
        match proof {
            Proof::None => pairs.push(("client_id", client)),
            Proof::Form(secret) => {
                pairs.extend([("client_id", client), ("client_secret", secret)]);
            }
            Proof::Header(secret) => {
                // RFC 6749 §2.3.1: each is encoded as in a form first.
                let both = format!("{}:{}", form_value(client), form_value(secret));
                authorization = Some(format!("Basic {}", STANDARD.encode(both)));
            }
        }
        let asked = form(&pairs);
        let ask = Ask { url, authorization: authorization.as_deref(), form: Some(&asked) };
        let answer = self.object(&self.fetch.fetch(ask)?, "answers the code with")?;
        let text = |name: &str| answer.get(name).and_then(Value::as_str).map(str::to_owned);
        let id = text("id_token").ok_or_else(|| self.problem("gives no `id_token`"))?;
        Ok(Tokens { id, access: text("access_token") })
    }

    fn proof(&self, metadata: &Metadata) -> Result<Proof<'_>, OidcError> {
        let Some(secret) = self.provider.client_secret.as_deref() else { return Ok(Proof::None) };
        // Without a word from the provider, it is the first of these.
        let Some(methods) = &metadata.client_methods else { return Ok(Proof::Header(secret)) };
        let has = |name: &str| methods.iter().any(|method| method == name);
        if has("client_secret_basic") {
            Ok(Proof::Header(secret))
        } else if has("client_secret_post") {
            Ok(Proof::Form(secret))
        } else {
            let known = plain(&methods.join(", "));
            Err(self.problem(format!("takes no client secret, but {known}")))
        }
    }

    /// What the provider answers about the person of this access token, who must be this one.
    pub(super) fn userinfo(
        &self,
        url: &str,
        access: &str,
        subject: &str,
    ) -> Result<Said, OidcError> {
        let authorization = format!("Bearer {access}");
        let ask = Ask { url, authorization: Some(&authorization), form: None };
        let answer = self.object(&self.fetch.fetch(ask)?, "answers about the person with")?;
        if answer.get("sub").and_then(Value::as_str) != Some(subject) {
            return Err(self.problem("answers about somebody else"));
        }
        Ok(Said::read(&answer, &self.provider.names))
    }

    fn object(&self, answer: &Answer, what: &str) -> Result<Map<String, Value>, OidcError> {
        let read = strict::object(&answer.body);
        match (answer.status, read) {
            (200, Ok(object)) => Ok(object),
            (200, Err(error)) => Err(self.problem(format!("{what} no JSON: {error}"))),
            (status, object) => {
                let object = object.unwrap_or_default();
                let text = |name: &str| object.get(name).and_then(Value::as_str).unwrap_or("");
                let said = plain(&format!("{} {}", text("error"), text("error_description")));
                Err(self.problem(format!("{what} {status} {said}")))
            }
        }
    }
}
