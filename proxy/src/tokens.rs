//! Agents that show a token of an issuer instead of a key: whose it is, whom it acts for, and what
//! it lacks. What a token must be in itself is the matter of `identity`.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
mod claimed;

mod resources;

mod trust;

pub use resources::Resources;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use identity::Issuers;
use identity::challenge::{Refusal, authenticate};
use identity::fetch::Web;

use crate::caller::Caller;
use crate::config::{Config, Pattern};
use crate::problem::{ErrorCode, Problem};

use trust::{Trust, refused};

/// What tools that fit a pattern need.
type Scopes = (Pattern, Vec<Arc<str>>);

/// Whose tokens are taken, and what for.
#[derive(Debug)]
pub struct Tokens {
    issuers: Issuers,
    trusts: BTreeMap<String, Arc<Trust>>,
    resources: Resources,
    /// What tools need, by server.
    scopes: BTreeMap<String, Vec<Scopes>>,
}

/// Identity providers cannot be asked at all.
#[derive(Debug, thiserror::Error)]
#[error("cannot set up the way to the issuers of tokens: {0}")]
pub struct TokensError(#[from] std::io::Error);

impl Tokens {
    /// The issuers of this configuration, for agents that reach the gateway at the listener that is
    /// bound to `bound`. Nothing is fetched yet.
    pub fn new(config: &Config, bound: SocketAddr) -> Result<Self, TokensError> {
        let resources = Resources::new(config, &config.listen.agents_url_at(bound));
        let mut trusts = BTreeMap::new();
        if !config.issuers.is_empty() {
            let web = Arc::new(Web::new(None)?);
            for issuer in &config.issuers {
                let trust = Trust::new(issuer, &config.agents, &resources, Arc::clone(&web));
                trusts.insert(issuer.url.clone(), Arc::new(trust));
            }
        }
        let issuers = Issuers::new(trusts.values().map(|trust| Arc::clone(trust.verifier())));
        let scopes = config.tools.iter().map(|tool| (tool.name.clone(), tool.scopes.clone()));
        Ok(Self { issuers, trusts, resources, scopes: scopes.collect() })
    }

    /// Whether a text has the form of a token, and there is an issuer whose it could be.
    pub fn could_be(&self, presented: &str) -> bool {
        !self.trusts.is_empty()
            && presented.starts_with("ey")
            && presented.bytes().filter(|byte| *byte == b'.').count() == 2
    }

    /// Who shows this token, where `path` is what it shall open. It waits for the issuer's keys
    /// where the token's is not known, and else for nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorCode::IssuerUnavailable`] where nobody can say whether it is good, and
    /// [`ErrorCode::InvalidToken`] where it is not.
    pub async fn identify(&self, token: &str, path: &str) -> Result<Arc<Caller>, Problem> {
        let verifier = self.issuers.of(token).map_err(|error| refused(&error))?;
        let trust = self.trusts.get(&verifier.issuer().url).ok_or_else(|| {
            Problem::new(ErrorCode::Internal, "an issuer is known that nothing is known of")
        })?;
        let claims = trust.verified(token).await?;
        trust.caller(token, &claims, (&self.resources, path)).map(Arc::new)
    }

    /// The scopes that a caller must get to call a tool, with those it has that matter here: what
    /// it should ask its issuer for. Nothing if it lacks none.
    pub fn lacks(&self, caller: &Caller, server: &str, tool: &str) -> Option<Vec<Arc<str>>> {
        let terms = caller.token.as_ref()?;
        let rules = self.scopes.get(server)?.iter();
        let fitting = rules.filter(|(pattern, _)| pattern.matches(tool));
        let needed: Vec<_> = fitting.flat_map(|(_, scopes)| scopes).map(Arc::clone).collect();
        if caller.has(&needed) {
            return None;
        }
        let all = self.scopes.values().flatten().flat_map(|(_, scopes)| scopes);
        let held = all.filter(|scope| terms.scopes.contains(*scope)).map(Arc::clone);
        let mut asked: Vec<_> = needed.into_iter().chain(held).collect();
        asked.sort_unstable();
        asked.dedup();
        Some(asked)
    }

    /// What agents may learn of what there is.
    pub const fn resources(&self) -> &Resources {
        &self.resources
    }

    /// The value of `WWW-Authenticate` for a problem with who calls this path; nothing for other
    /// problems. `scope` is what the client should ask for; `shown` says whether it showed anything
    /// at all, because one that did not gets no error code (RFC 6750 §3.1).
    pub fn challenge(
        &self,
        problem: &Problem,
        (path, shown): (&str, bool),
        scope: Option<&str>,
    ) -> Option<HeaderValue> {
        let refusal = if problem.code == ErrorCode::InsufficientScope {
            Refusal::InsufficientScope
        } else if problem.code.status() != StatusCode::UNAUTHORIZED {
            return None;
        } else if shown {
            Refusal::InvalidToken
        } else {
            Refusal::Absent
        };
        if self.trusts.is_empty() {
            return Some(HeaderValue::from_static("Bearer"));
        }
        let metadata = self.resources.metadata_url(path);
        let scopes: Vec<&str> = scope.into_iter().collect();
        let text = authenticate(refusal, metadata.as_deref(), &scopes, &problem.message);
        HeaderValue::from_str(&text).ok()
    }

    /// Puts the challenge of a problem into its answer.
    pub fn challenge_in<B>(
        &self,
        reply: &mut Response<B>,
        problem: &Problem,
        asked: (&str, bool),
        scope: Option<&str>,
    ) {
        if let Some(challenge) = self.challenge(problem, asked, scope) {
            reply.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
    }
}

#[cfg(test)]
mod tests;
