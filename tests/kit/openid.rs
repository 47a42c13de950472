//! A certified `OpenID` provider with people who sign in by password, and clients that get tokens.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::browser::Browser;
use crate::group::{Server, texts};
use crate::wire::{Answer, ask};

/// An `OpenID` provider that runs; it is killed when dropped.
///
/// It knows `ada` (groups `approvers`, `finance`), `bob` (`approvers`), `cyd` (none) and `dan`
/// (`administrators`), with addresses at `example.com` and one password for all. Clients are
/// `countersign` and `agent`, with a secret, and `cli`, without.
#[derive(Debug)]
pub struct Provider {
    /// Its URL and name.
    pub issuer: String,
    /// The client for signing people in.
    pub client: String,
    /// The secret of `countersign` and of `agent`.
    pub secret: String,
    /// The password of everybody.
    pub password: String,
    server: Server,
}

impl Provider {
    /// Starts one.
    pub fn start() -> Self {
        let server = Server::start(&["provider.mjs"]);
        Self {
            issuer: server.at("issuer"),
            client: server.at("client"),
            secret: server.at("secret"),
            password: server.at("password"),
            server,
        }
    }

    /// Allows clients to be sent back to this URL as well, once a test knows its ports.
    pub fn redirect(&self, url: &str) {
        self.server.tell(&json!({"do": "redirect", "uri": url}));
    }

    /// Adds a person, or changes these claims of one: `email`, `email_verified`, `groups`, `name`,
    /// `sub` and whatever else.
    pub fn person(&self, login: &str, claims: &Value) {
        let mut command = claims.clone();
        if let Some(command) = command.as_object_mut() {
            command.insert("do".to_owned(), json!("person"));
            command.insert("login".to_owned(), json!(login));
        }
        self.server.tell(&command);
    }

    /// Removes a person.
    pub fn dismiss(&self, login: &str) {
        self.server.tell(&json!({"do": "dismiss", "login": login}));
    }

    /// Answers the next so many requests for a path with 503.
    pub fn fail(&self, path: &str, times: u32) {
        self.server.tell(&json!({"do": "fail", "path": path, "times": times}));
    }

    /// The requests so far, as `METHOD PATH`.
    pub fn seen(&self) -> Vec<String> {
        texts(&self.server.tell(&json!({"do": "seen"})))
    }

    /// An access token of the client `agent` for a resource (RFC 8707), with scopes among
    /// `tools:read` and `tools:call`.
    pub fn token(&self, resource: &str, scope: &str) -> String {
        let grant =
            [("grant_type", "client_credentials"), ("resource", resource), ("scope", scope)];
        let answer = self.tokens("agent", &grant).json();
        let token = answer.get("access_token").and_then(Value::as_str);
        token.unwrap_or_else(|| panic!("no token: {answer}")).to_owned()
    }

    /// Signs a person in on the provider's page, which the browser shows.
    pub fn sign_in(&self, browser: &Browser, login: &str) {
        let field = browser.role("textbox", "Login");
        field.clear();
        field.enter(login);
        browser.find("input[name=password]").enter(&self.password);
        browser.role("button", "Sign in").click();
    }

    /// What the client `countersign` gets for a code, with the verifier of PKCE.
    pub fn redeem(&self, code: &str, redirect: &str, verifier: &str) -> Answer {
        let grant = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        self.tokens(&self.client, &grant)
    }

    fn tokens(&self, client: &str, grant: &[(&str, &str)]) -> Answer {
        let pairs = grant.iter().map(|(name, value)| format!("{name}={}", escaped(value)));
        let body = pairs.collect::<Vec<_>>().join("&");
        let basic = BASE64_STANDARD.encode(format!("{client}:{}", self.secret));
        let address = self.issuer.trim_start_matches("http://");
        let request = format!(
            "POST /token HTTP/1.1\r\nhost: {address}\r\nauthorization: Basic {basic}\r\n\
             content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        ask(address.parse().unwrap(), request).unwrap()
    }
}

/// A value of a form, as it is sent.
fn escaped(text: &str) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~".contains(byte);
    let escape = |byte: u8| {
        if plain(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(escape).collect()
}
