//! What a protected resource says to clients without a good token (RFC 6750, RFC 9728).

use serde::Serialize;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Why a request is not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It brought no token: it gets no error code, as RFC 6750 §3.1 wants it. 401.
    Absent,
    /// Its token is not good. 401.
    InvalidToken,
    /// Its token is good, and not for this. 403.
    InsufficientScope,
}

impl Refusal {
    /// The HTTP status that goes with it.
    pub const fn status(self) -> u16 {
        match self {
            Self::Absent | Self::InvalidToken => 401,
            Self::InsufficientScope => 403,
        }
    }
}

/// The value of `WWW-Authenticate`.
///
/// `metadata` is the URL of the [`ResourceMetadata`]. `scopes` are all that the operation needs,
/// so that the client asks once. `description` is for the client's developer: any text.
pub fn authenticate(
    refusal: Refusal,
    metadata: Option<&str>,
    scopes: &[&str],
    description: &str,
) -> String {
    let mut text = r#"Bearer realm="countersign""#.to_owned();
    let mut add = |name: &str, value: &str| {
        // Writing to a text does not fail.
        let _ = write!(text, r#", {name}="{}""#, quotable(value));
    };
    match refusal {
        Refusal::Absent => {}
        Refusal::InvalidToken => add("error", "invalid_token"),
        Refusal::InsufficientScope => add("error", "insufficient_scope"),
    }
    if refusal != Refusal::Absent && !description.is_empty() {
        add("error_description", description);
    }
    if !scopes.is_empty() {
        add("scope", &scopes.join(" "));
    }
    if let Some(metadata) = metadata {
        add("resource_metadata", metadata);
    }
    text
}

/// Only what RFC 6750 allows between the quotes, so that no value can end them.
fn quotable(value: &str) -> String {
    let shown = value.chars().take(512).map(|next| match next {
        '"' => '\'',
        '\\' => '/',
        ' '..='~' => next,
        _ => '?',
    });
    shown.collect()
}

/// The document at `/.well-known/oauth-protected-resource` and below it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ResourceMetadata {
    /// The resource, as clients name it (`resource` of RFC 8707): what tokens must be for.
    pub resource: String,
    /// The name for people.
    pub resource_name: String,
    /// Who issues tokens for it: issuers' URLs.
    pub authorization_servers: Vec<String>,
    /// The scopes that a client may begin with.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub scopes_supported: BTreeSet<String>,
    /// How tokens may be sent.
    pub bearer_methods_supported: &'static [&'static str],
}

impl ResourceMetadata {
    /// Tokens come in the header alone.
    pub fn new(
        resource: String,
        authorization_servers: Vec<String>,
        scopes_supported: BTreeSet<String>,
    ) -> Self {
        Self {
            resource,
            resource_name: "Countersign".to_owned(),
            authorization_servers,
            scopes_supported,
            bearer_methods_supported: &["header"],
        }
    }

    /// Its JSON.
    pub fn json(&self) -> String {
        // Texts and lists of texts always have a JSON form.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// Where the metadata of a resource is found: RFC 9728 puts it between host and path.
///
/// Of `https://gateway.example.com/mcp/crm` it is
/// `https://gateway.example.com/.well-known/oauth-protected-resource/mcp/crm`.
pub fn metadata_url(resource: &str) -> Option<String> {
    let (scheme, rest) = resource.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let path = path.trim_end_matches('/');
    Some(format!("{scheme}://{host}/.well-known/oauth-protected-resource{path}"))
}

/// The token of an `Authorization` header; nothing if it is no bearer token.
pub fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.trim().split_once(' ')?;
    let token = token.trim_start();
    let good = scheme.eq_ignore_ascii_case("bearer")
        && !token.is_empty()
        && token.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte));
    good.then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_names_the_metadata_and_all_scopes_at_once() {
        let metadata = Some("https://g.example.com/.well-known/oauth-protected-resource/mcp");
        assert_eq!(
            authenticate(Refusal::Absent, metadata, &["tools:read"], "unused"),
            "Bearer realm=\"countersign\", scope=\"tools:read\", resource_metadata=\
             \"https://g.example.com/.well-known/oauth-protected-resource/mcp\""
        );
        assert_eq!(
            authenticate(Refusal::InsufficientScope, None, &["a", "b"], ""),
            "Bearer realm=\"countersign\", error=\"insufficient_scope\", scope=\"a b\""
        );
    }

    #[test]
    fn no_description_ends_its_quotes_or_its_header() {
        let text = authenticate(Refusal::InvalidToken, None, &[], "a\"b\\c\r\nd\u{e9}");
        assert_eq!(
            text,
            "Bearer realm=\"countersign\", error=\"invalid_token\", \
             error_description=\"a'b/c??d?\""
        );
    }

    #[test]
    fn the_metadata_of_a_resource_is_between_its_host_and_its_path() {
        let base = "https://g.example.com/.well-known/oauth-protected-resource";
        for (resource, path) in [("", ""), ("/", ""), ("/mcp", "/mcp"), ("/mcp/crm", "/mcp/crm")] {
            let url = metadata_url(&format!("https://g.example.com{resource}"));
            assert_eq!(url, Some(format!("{base}{path}")));
        }
        assert_eq!(metadata_url("nonsense"), None);
        let metadata = ResourceMetadata::new(
            "https://g.example.com/mcp".to_owned(),
            vec!["https://id.example.com".to_owned()],
            BTreeSet::new(),
        );
        assert_eq!(
            metadata.json(),
            r#"{"resource":"https://g.example.com/mcp","resource_name":"Countersign","authorization_servers":["https://id.example.com"],"bearer_methods_supported":["header"]}"#
        );
    }

    #[test]
    fn a_bearer_token_is_one_word() {
        assert_eq!(bearer("Bearer a.b-c_d"), Some("a.b-c_d"));
        assert_eq!(bearer("bearer   abc="), Some("abc="));
        for other in ["", "Bearer", "Bearer ", "Basic abc", "Bearer a b", "Bearer a,b", "abc"] {
            assert_eq!(bearer(other), None, "{other:?}");
        }
    }
}
