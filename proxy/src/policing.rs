//! Loads policies: at the start, whenever their files change, and anew for tools that are seen.
//! Every load is on record before it decides, and so is every one that was not taken.

use crate::clock;
use crate::config::{PolicyConfig, PolicyFile};
use crate::rules::Rules;
use approvals::{Desk, Roster};
use events::{Digest, Draft, Event, PolicyLoaded, PolicyRejected};
use ledger::Ledger;
use policy::{PersonFacts, Policies, PolicyProblem, Source};
use std::sync::Arc;
use tokio::sync::watch;

/// How many problems of rejected policies are recorded.
const PROBLEMS_MAX: usize = 10;

/// Why no policies could be loaded.
#[derive(Debug, thiserror::Error)]
#[error("the policies cannot be used, so nothing would be decided by them:\n{}", .0.join("\n"))]
pub struct PolicyError(pub Vec<String>);

/// Looks after the policies of one gateway.
pub struct Policing {
    config: PolicyConfig,
    rules: Arc<Rules>,
    ledger: Ledger,
    desk: Desk,
    tools: watch::Receiver<u64>,
    /// Digest of the text that was seen last, taken or not.
    seen: Option<Digest>,
}

/// What was read.
struct Found {
    sources: Vec<Source>,
    digest: Digest,
}

impl Policing {
    /// Loads the policies that the configuration names; without them the gateway must not start.
    /// `last` is the digest of those that decided before: what they name may be gone since, which
    /// is no reason not to start.
    ///
    /// # Errors
    ///
    /// With everything that is wrong with them, or if the load cannot be recorded.
    pub async fn begin(
        config: PolicyConfig,
        (rules, ledger, desk): (Arc<Rules>, Ledger, Desk),
        last: Option<Digest>,
    ) -> Result<Self, PolicyError> {
        let tools = rules.catalogue().changes();
        let mut policing = Self { config, rules, ledger, desk, tools, seen: None };
        policing.rules.know(people(&policing.desk.roster()));
        let found = policing.find().await.map_err(PolicyError)?;
        let compiled = if last == Some(found.digest) {
            policing.compile_again(&found.sources)
        } else {
            Policies::compile(&found.sources, &policing.rules.model())
        };
        let policies = compiled.map_err(|problems| PolicyError(told(&problems)))?;
        let recorded = policing.take(&found, policies).await;
        recorded.map_err(|error| PolicyError(vec![error.to_string()]))?;
        Ok(policing)
    }

    /// Goes on until `stopping` becomes true.
    pub async fn run(mut self, mut stopping: watch::Receiver<bool>) {
        let mut desk = self.desk.changes();
        loop {
            tokio::select! {
                () = stopped(&mut stopping) => return,
                changed = self.tools.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.remodel();
                }
                changed = desk.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    if self.rules.know(people(&self.desk.roster())) {
                        self.remodel();
                    }
                }
                () = tokio::time::sleep(self.config.reload_interval) => self.look().await,
            }
        }
    }

    /// Policies that were checked before, for what is known now.
    fn compile_again(&self, sources: &[Source]) -> Result<Policies, Vec<PolicyProblem>> {
        let mut unseen = self.rules.model();
        unseen.tools.clear();
        for server in &mut unseen.servers {
            server.listed = false;
        }
        let compiled = Policies::compile(sources, &unseen)?;
        let (policies, problems) = compiled.remodel(&self.rules.model())?;
        for problem in problems {
            tracing::warn!(%problem, "a policy does not fit the tools that were seen");
        }
        Ok(policies)
    }

    /// The policies in force, for the tools and people that are known now.
    fn remodel(&mut self) {
        let Some(policies) = self.rules.policies() else { return };
        let change = *self.tools.borrow_and_update();
        match policies.remodel(&self.rules.model()) {
            Ok((policies, problems)) => {
                for problem in problems {
                    tracing::warn!(%problem, "a policy does not fit the tools that were seen");
                }
                self.rules.enforce(Arc::new(policies));
            }
            Err(problems) => {
                let problem = told(&problems).join("; ");
                tracing::error!(problem, "the policies go on with the tools known before");
            }
        }
        self.rules.reached(change);
    }

    /// Takes what has changed in the files, if it is right.
    async fn look(&mut self) {
        let found = match self.find().await {
            Ok(found) if self.seen == Some(found.digest) => return,
            Ok(found) => found,
            Err(problems) => {
                // They may be about to be replaced; those in force go on.
                tracing::warn!(problem = problems.join("; "), "the policies cannot be read");
                return;
            }
        };
        self.seen = Some(found.digest);
        match Policies::compile(&found.sources, &self.rules.model()) {
            Ok(policies) => {
                if let Err(error) = self.take(&found, policies).await {
                    self.seen = None;
                    tracing::error!(%error, "new policies are not recorded, so not in force");
                }
            }
            Err(problems) => self.reject(&found, told(&problems)).await,
        }
    }

    async fn take(&mut self, found: &Found, policies: Policies) -> Result<(), ledger::RecordError> {
        let count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        let fact = PolicyLoaded {
            digest: found.digest,
            files: files(found),
            policies: count(policies.len()),
            shadow: count(policies.shadowed()),
        };
        let count = fact.policies;
        self.record(fact).await?;
        self.seen = Some(found.digest);
        self.rules.enforce(Arc::new(policies));
        tracing::info!(policies = count, digest = %found.digest, "policies are in force");
        Ok(())
    }

    async fn reject(&self, found: &Found, mut problems: Vec<String>) {
        for problem in &problems {
            tracing::error!(problem, "new policies are wrong; those before stay in force");
        }
        problems.truncate(PROBLEMS_MAX);
        let fact = PolicyRejected { digest: found.digest, files: files(found), problems };
        if let Err(error) = self.record(fact).await {
            tracing::error!(%error, "that policies were rejected is not on record");
        }
    }

    async fn record(&self, fact: impl Into<Event>) -> Result<(), ledger::RecordError> {
        let draft = Draft {
            id: clock::event_id(),
            time: clock::now(),
            session: None,
            cause: None,
            call: None,
            fact: fact.into(),
        };
        self.ledger.record_event(draft).await.map(drop)
    }

    async fn find(&self) -> Result<Found, Vec<String>> {
        let config = self.config.clone();
        let read = tokio::task::spawn_blocking(move || config.read()).await;
        let files = read.map_err(|error| vec![error.to_string()])?;
        let files = files.map_err(|errors| errors.iter().map(ToString::to_string).collect());
        let sources = files.map(|files: Vec<PolicyFile>| {
            files.into_iter().map(|file| Source { name: file.name, text: file.text }).collect()
        });
        sources.map(|sources: Vec<Source>| Found { digest: policy::digest(&sources), sources })
    }
}

/// The people that are known, as policies see them.
pub(crate) fn people(roster: &Roster) -> Vec<PersonFacts> {
    let facts = roster.people().map(|known| PersonFacts {
        email: known.person.email.to_lowercase().into(),
        groups: known.groups.clone(),
        roles: known.roles.clone(),
    });
    facts.collect()
}

async fn stopped(stopping: &mut watch::Receiver<bool>) {
    // If the sender is gone the gateway is too.
    drop(stopping.wait_for(|stopping| *stopping).await);
}

fn files(found: &Found) -> Vec<Arc<str>> {
    found.sources.iter().map(|source| source.name.as_str().into()).collect()
}

fn told(problems: &[PolicyProblem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}
