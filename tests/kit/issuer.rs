//! An issuer of tokens for agents that signs whatever a test wants, right or wrong.

use serde_json::{Value, json};

use crate::group::{Server, texts};

/// An issuer that runs; it is killed when dropped. It publishes its keys as an `OpenID` provider
/// does.
#[derive(Debug)]
pub struct Issuer {
    /// Its URL and name.
    pub issuer: String,
    /// Where its keys are published.
    pub jwks: String,
    server: Server,
}

/// How a token is signed, if not as it should be.
#[derive(Clone, Debug, Default)]
pub struct Signing {
    /// `ES256` unless given; also `ES384`, `RS256`, `EdDSA`, `none`, and `HS256`, whose secret is
    /// then the public key.
    pub algorithm: Option<&'static str>,
    /// The number of a former generation of keys.
    pub generation: Option<u64>,
    /// With a key that is not published, under the name of one that is not known.
    pub stranger: bool,
    /// Further fields of the header; null takes one away. `typ` is `at+jwt` unless given.
    pub header: Value,
}

impl Issuer {
    /// Starts one.
    pub fn start() -> Self {
        let server = Server::start(&["issuer.py"]);
        Self { issuer: server.at("issuer"), jwks: server.at("jwks"), server }
    }

    /// A token that says this. `iss`, `iat`, `exp` (in five minutes) and `jti` are added; null
    /// takes them away.
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_so(claims, &Signing::default())
    }

    /// The same, signed so.
    pub fn sign_so(&self, claims: &Value, signing: &Signing) -> String {
        let key = match (signing.stranger, signing.generation) {
            (true, _) => json!("stranger"),
            (false, generation) => json!(generation),
        };
        let command = json!({
            "do": "sign", "claims": claims, "alg": signing.algorithm.unwrap_or("ES256"),
            "key": key, "header": signing.header,
        });
        let token = self.server.tell(&command);
        token.as_str().unwrap_or_else(|| panic!("no token: {token}")).to_owned()
    }

    /// Signs with new keys from now on; says their generation. `keep` says whether the former ones
    /// stay published.
    pub fn rotate(&self, keep: bool) -> u64 {
        let generation = self.server.tell(&json!({"do": "rotate", "keep": keep}));
        generation.as_u64().unwrap_or_else(|| panic!("no generation: {generation}"))
    }

    /// What an independent library makes of anybody's token for this audience, whose keys are
    /// published at `jwks`: its claims, or why it is refused.
    pub fn verify(
        &self,
        token: &str,
        jwks: &str,
        issuer: &str,
        audience: &str,
    ) -> Result<Value, String> {
        self.server.ask(&json!({
            "do": "verify", "token": token, "jwks": jwks, "issuer": issuer, "audience": audience,
        }))
    }

    /// Answers the next so many requests for a path with 503.
    pub fn fail(&self, path: &str, times: u32) {
        self.server.tell(&json!({"do": "fail", "path": path, "times": times}));
    }

    /// Lets requests for a path wait for so many seconds from now on.
    pub fn delay(&self, path: &str, seconds: f64) {
        self.server.tell(&json!({"do": "delay", "path": path, "seconds": seconds}));
    }

    /// The paths that were asked for so far.
    pub fn seen(&self) -> Vec<String> {
        texts(&self.server.tell(&json!({"do": "seen"})))
    }
}
