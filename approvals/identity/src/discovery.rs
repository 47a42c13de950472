//! What an issuer publishes about itself (`OpenID` Connect Discovery, RFC 8414).

use crate::fetch::{Ask, Fetch, FetchError, is_fetchable};
use crate::strict;
use serde_json::{Map, Value};

/// An issuer's own words, as far as they are used here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) authorization: Option<String>,
    pub(crate) token: Option<String>,
    pub(crate) userinfo: Option<String>,
    pub(crate) keys: String,
    /// How clients authenticate to it.
    pub(crate) client_methods: Option<Vec<String>>,
    /// Whether it names itself in its answers (RFC 9207).
    pub(crate) names_itself: bool,
}

/// Why an issuer is not known.
#[derive(Debug, thiserror::Error)]
pub enum DiscoveryError {
    /// It was not reached.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// It answers otherwise than it should.
    #[error("`{url}` is not the description of `{issuer}`: {problem}")]
    Answer {
        /// Where it was looked for.
        url: String,
        /// Whose it should be.
        issuer: String,
        /// What is wrong.
        problem: String,
    },
}

impl Metadata {
    /// What the issuer says about itself. It must give exactly this name. It blocks.
    pub(crate) fn fetch(fetch: &dyn Fetch, issuer: &str) -> Result<Self, DiscoveryError> {
        let url = format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/'));
        let mut answer = fetch.fetch(Ask { url: &url, authorization: None, form: None })?;
        let mut asked = url;
        if answer.status == 404
            && let Some(other) = for_oauth(issuer)
        {
            answer = fetch.fetch(Ask { url: &other, authorization: None, form: None })?;
            asked = other;
        }
        let failed = |problem: String| DiscoveryError::Answer {
            url: asked.clone(),
            issuer: issuer.to_owned(),
            problem,
        };
        if answer.status != 200 {
            return Err(failed(format!("it answers {}", answer.status)));
        }
        let object = strict::object(&answer.body).map_err(|error| failed(error.to_string()))?;
        Self::read(&object, issuer).map_err(failed)
    }

    fn read(object: &Map<String, Value>, issuer: &str) -> Result<Self, String> {
        let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
        let named = text("issuer").unwrap_or_default();
        if named != issuer {
            let named: String = named.chars().take(128).collect();
            return Err(format!("it is that of `{named}`; the names must be equal"));
        }
        let endpoint = |name: &str| match text(name) {
            Some(url) if !is_fetchable(&url) => Err(format!("`{name}` is not by `https`")),
            found => Ok(found),
        };
        let methods = object.get("token_endpoint_auth_methods_supported");
        let methods = methods
            .and_then(Value::as_array)
            .map(|all| all.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>());
        Ok(Self {
            authorization: endpoint("authorization_endpoint")?,
            token: endpoint("token_endpoint")?,
            userinfo: endpoint("userinfo_endpoint")?,
            keys: endpoint("jwks_uri")?.ok_or("`jwks_uri` is missing")?,
            client_methods: methods,
            names_itself: object.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
        })
    }
}

/// Where RFC 8414 puts it: between host and path.
fn for_oauth(issuer: &str) -> Option<String> {
    let rest = issuer.split_once("://")?.1;
    let at = issuer.len() - rest.len() + rest.find('/').unwrap_or(rest.len());
    let (host, path) = issuer.split_at(at);
    Some(format!("{host}/.well-known/oauth-authorization-server{}", path.trim_end_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_must_be_named_exactly_and_reached_safely() {
        let text = |issuer: &str, token: &str| {
            let text = format!(
                r#"{{"issuer":"{issuer}","jwks_uri":"https://a/k","token_endpoint":"{token}"}}"#
            );
            Metadata::read(&strict::object(text.as_bytes()).unwrap(), "https://id.example.com")
        };
        assert!(text("https://id.example.com", "https://a/t").is_ok());
        for issuer in ["https://id.example.com/", "https://ID.example.com", ""] {
            assert!(text(issuer, "https://a/t").is_err(), "{issuer}");
        }
        assert!(text("https://id.example.com", "http://a/t").is_err());
    }

    #[test]
    fn the_other_place_is_between_host_and_path() {
        let place = |issuer| for_oauth(issuer).unwrap();
        let expected = "https://a.example/.well-known/oauth-authorization-server";
        assert_eq!(place("https://a.example"), expected);
        assert_eq!(place("https://a.example/"), expected);
        assert_eq!(place("https://a.example/x/y"), format!("{expected}/x/y"));
    }
}
