//! One issuer whose tokens are taken: its keys, kept fresh without making calls wait, and the
//! agents it vouches for.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use events::Timestamp;
use identity::fetch::Web;
use identity::{
    Actor, Algorithm, ClaimNames, Claims, Email, Issuer, KeySource, TokenError, Use, Verifier,
};
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::caller::{Caller, Terms};
use crate::clock;
use crate::config::{Agent, TokenIssuer};
use crate::problem::{ErrorCode, Problem};

use super::claimed::{Claimed, is_plain};
use super::resources::Resources;

/// How far an issuer's clock may be off.
const LEEWAY: Duration = Duration::from_secs(30);

/// The claim that names the client a token was issued to, which issuers call by several names.
const CLIENT: &str = "client_id";

/// One issuer, and what it is trusted for.
#[derive(Debug)]
pub(super) struct Trust {
    issuer: TokenIssuer,
    verifier: Arc<Verifier>,
    /// By what its tokens call them.
    agents: BTreeMap<String, Arc<Agent>>,
    /// Whoever has it fetches the keys. Others wait here, and not on threads.
    turn: Arc<Mutex<()>>,
}

impl Trust {
    pub(super) fn new(
        issuer: &TokenIssuer,
        agents: &[Agent],
        resources: &Resources,
        web: Arc<Web>,
    ) -> Self {
        let own = Issuer {
            name: issuer.name.as_str().into(),
            url: issuer.url.clone(),
            audience: resources.names().chain([issuer.audience.clone()]).collect(),
            algorithms: Algorithm::ALL.iter().copied().collect(),
            leeway: LEEWAY,
            typed: false,
            names: ClaimNames::default(),
            keys: issuer.jwks.clone().map_or(KeySource::Discover, KeySource::Url),
        };
        let agents = agents.iter().filter(|agent| agent.issuer.as_ref() == Some(&issuer.name));
        let agents = agents.map(|agent| (agent.subject.clone(), Arc::new(agent.clone())));
        Self {
            issuer: issuer.clone(),
            verifier: Arc::new(Verifier::new(own, web)),
            agents: agents.collect(),
            turn: Arc::default(),
        }
    }

    pub(super) const fn verifier(&self) -> &Arc<Verifier> {
        &self.verifier
    }

    /// What a token says, if it is good. A token with a key that is not known waits until the keys
    /// were fetched; while keys grow old, they are fetched behind the call.
    pub(super) async fn verified(&self, token: &str) -> Result<Claims, Problem> {
        let now = clock::now();
        let verified = match self.verifier.verify(token, Use::Access, now) {
            Err(TokenError::Key(_) | TokenError::NoKeys) => {
                let turn = Arc::clone(&self.turn).lock_owned().await;
                // Dropped, it goes on, and others wait for it all the same.
                drop(self.fetch(turn).await);
                self.verifier.verify(token, Use::Access, clock::now())
            }
            Ok(claims) => {
                if self.verifier.is_due(now)
                    && let Ok(turn) = Arc::clone(&self.turn).try_lock_owned()
                {
                    drop(self.fetch(turn));
                }
                Ok(claims)
            }
            Err(error) => Err(error),
        };
        verified.map_err(|error| refused(&error))
    }

    fn fetch(&self, turn: OwnedMutexGuard<()>) -> tokio::task::JoinHandle<()> {
        let verifier = Arc::clone(&self.verifier);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = verifier.refresh(clock::now()) {
                let issuer = &*verifier.issuer().name;
                tracing::warn!(issuer, %error, "the keys of an issuer of tokens were not fetched");
            }
            drop(turn);
        })
    }

    /// Who shows a token that says this.
    pub(super) fn caller(
        &self,
        token: &str,
        claims: &Claims,
        (resources, path): (&Resources, &str),
    ) -> Result<Caller, Problem> {
        let claimed = Claimed::of(token).ok_or_else(|| invalid("its claims cannot be read"))?;
        let audience = claimed.audience();
        let opens = |of: &&str| **of == *self.issuer.audience || resources.opens(of, path);
        if !audience.iter().any(opens) {
            let message = format!("it is not for `{path}`: ask for one with its `resource`");
            return Err(invalid(&message));
        }
        let subject = self.subject(&claimed, claims)?;
        let agent = self.agents.get(subject).ok_or_else(|| {
            let message = format!(
                "no agent here is `{subject}` to the issuer `{}`; give its `[[agent]]` this \
                 `subject`",
                self.issuer.name
            );
            invalid(&message)
        })?;
        let owner = self.owner(&claimed, agent)?;
        let actors = self.actors(&claims.actors, subject)?;
        let ends = u64::try_from(LEEWAY.as_micros()).unwrap_or(u64::MAX);
        let ends = Timestamp::from_micros(claims.expires.micros().saturating_add(ends));
        let terms = Terms { scopes: claims.scopes.clone(), ends };
        Ok(Caller::by_token(Arc::clone(agent), owner, actors, terms))
    }

    fn subject<'a>(&self, claimed: &'a Claimed, claims: &'a Claims) -> Result<&'a str, Problem> {
        let claim = self.issuer.agent_claim.as_str();
        let client =
            || claims.client.as_deref().filter(|client| claim == CLIENT && is_plain(client));
        let found = claimed.name(claim).or_else(client);
        found.ok_or_else(|| {
            invalid(&format!("the claim `{claim}`, which names the agent, is missing"))
        })
    }

    /// The person it acts for. Where a token must say it, one that does not is not taken for the
    /// agent's own owner: that one might decide on calls of others.
    fn owner(&self, claimed: &Claimed, agent: &Agent) -> Result<Arc<str>, Problem> {
        let Some(claim) = &self.issuer.owner_claim else { return Ok(agent.owner.as_str().into()) };
        let owner = claimed.name(claim).ok_or_else(|| {
            let message = format!("the claim `{claim}`, which names whom it acts for, is missing");
            invalid(&message)
        })?;
        if claim == "email" && claimed.doubts_email() {
            return Err(invalid("its issuer has not verified the claim `email`"));
        }
        // People are compared by their addresses in lower case.
        Ok(owner.parse::<Email>().map_or_else(|_| owner.into(), |email| email.text()))
    }

    /// Through whom it acts. Whoever is the agent itself is not named again, and nobody is taken
    /// for another because two issuers use one name.
    fn actors(&self, actors: &[Actor], subject: &str) -> Result<Vec<Arc<str>>, Problem> {
        let here = |actor: &Actor| actor.issuer.as_deref().is_none_or(|url| url == self.issuer.url);
        let is_agent = |actor: &Actor| here(actor) && *actor.subject == *subject;
        let others = match actors {
            [first, others @ ..] if is_agent(first) => others,
            all => all,
        };
        let named = others.iter().map(|actor| match &actor.issuer {
            Some(issuer) if !here(actor) => format!("{issuer}#{}", actor.subject).into(),
            Some(_) | None => Arc::clone(&actor.subject),
        });
        let named: Vec<Arc<str>> = named.collect();
        if named.iter().all(|actor| is_plain(actor)) {
            Ok(named)
        } else {
            Err(invalid("the claim `act` has not the form that it should have"))
        }
    }
}

/// Why a token is not taken, as its agent is told.
pub(super) fn refused(error: &TokenError) -> Problem {
    let code = match error {
        TokenError::NoKeys => ErrorCode::IssuerUnavailable,
        TokenError::Large
        | TokenError::Form(_)
        | TokenError::Algorithm(_)
        | TokenError::Header(_)
        | TokenError::Type(_)
        | TokenError::Key(_)
        | TokenError::Signature
        | TokenError::Claims(_) => ErrorCode::InvalidToken,
    };
    Problem::new(code, error.to_string())
}

fn invalid(why: &str) -> Problem {
    Problem::new(ErrorCode::InvalidToken, format!("the token is not accepted: {why}"))
}
