//! The site for people, from the configuration: who can sign in, with what key, and what only the
//! gate can do for it.

use crate::clock;
use crate::config::{Backend, Config, KeyHash, RoleHolder, SignInProvider};
use crate::gate::Gate;
use crate::keys::{KEYS_FOLDER, KeyFileError, random, read_or_make};
use approvals::{Clock, Desk, Hold, Settings};
use dashboards::site::{
    AgentKnown, Appointed, Backstage, Edited, Parts, PoliciesKnown, Site, Tool,
};
use events::PersonAdded;
use identity::account::{AccountError, Accounts, Invitation};
use identity::fetch::{Fetch, Web};
use identity::oidc::{ClaimNames, Provider, RelyingParty};
use identity::role::Role;
use identity::{Email, PeopleKey};
use ledger::log::Reader;
use ledger::{Ledger, RecordError};
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// The file of the key that sign-ins are sealed with.
const PEOPLE_KEY: &str = "people.key";

/// The file of the accounts.
const ACCOUNTS: &str = "people.json";

/// How long the first administrator's link can be used; every start gives another until one was.
const FIRST_LINK_LASTS: Duration = Duration::from_hours(24);

/// The first administrator, where the configuration names none.
const FIRST_ADDRESS: &str = "administrator@localhost";

/// Why people cannot be let in.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// The key.
    #[error(transparent)]
    Key(#[from] KeyFileError),
    /// The key's file is not ours.
    #[error(
        "the key `{path}` does not have exactly 32 bytes; remove the file to have another made, \
         which ends all sign-ins"
    )]
    WrongKey {
        /// The file.
        path: PathBuf,
    },
    /// The accounts.
    #[error(transparent)]
    Accounts(#[from] AccountError),
    /// That somebody was invited is not on record.
    #[error("that the first administrator was invited cannot be recorded: {0}")]
    Record(#[from] RecordError),
    /// The system.
    #[error("people cannot be let in: {0}")]
    System(#[from] io::Error),
}

/// What the gateway gives to the site.
pub struct Wiring<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// Where calls wait.
    pub desk: &'a Desk,
    /// The ledger.
    pub ledger: &'a Ledger,
    /// What the pages read of it and of others.
    pub reader: Arc<dyn Reader>,
    /// What only the gateway can do.
    pub backstage: Arc<dyn Backstage>,
    /// What the operator's key must hash to.
    pub operator: Option<KeyHash>,
    /// How people reach the pages.
    pub url: String,
    /// Becomes true when the gateway stops.
    pub stopping: watch::Receiver<bool>,
}

struct Stage(Arc<Gate>, Arc<Config>);

/// What the gateway in this process can do for the site.
pub fn stage(gate: &Arc<Gate>, config: &Arc<Config>) -> Arc<dyn Backstage> {
    Arc::new(Stage(Arc::clone(gate), Arc::clone(config)))
}

impl Backstage for Stage {
    fn tool(&self, server: &str, tool: &str) -> Option<Tool> {
        let found = self.0.rules().catalogue().definition(server, tool)?;
        Some(Tool { digest: found.digest, text: found.text })
    }

    fn edit(&self, hold: &Hold, request: &[u8], arguments: &str) -> Result<Edited, String> {
        self.0.edited(hold, request, arguments)
    }

    fn agents(&self) -> Vec<AgentKnown> {
        let agents = self.1.agents.iter().map(|agent| AgentKnown {
            name: agent.name.as_str().into(),
            team: agent.team.as_str().into(),
            owner: agent.owner.as_str().into(),
        });
        agents.collect()
    }

    fn policies(&self) -> Option<PoliciesKnown> {
        let policies = self.0.rules().policies()?;
        let read = self.1.policy.as_ref()?.read();
        let files = read.map(|files| files.into_iter().map(|it| (it.name, it.text)).collect());
        let files = files.map_err(|errors| {
            errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
        });
        Some(PoliciesKnown {
            digest: policies.digest(),
            count: policies.len(),
            shadowed: policies.shadowed(),
            files,
        })
    }
}

/// The site, and the link with which the first administrator chooses a password, while nobody has
/// one. The link is to be shown to whoever started the gateway and to nobody else.
pub async fn site(wiring: Wiring<'_>) -> Result<(Site, Option<String>), SiteError> {
    let Wiring { config, desk, ledger, reader, operator, url, backstage, stopping } = wiring;
    let accounts = accounts(config);
    let appointed = appointed(config);
    let fetch: Arc<dyn Fetch> = Arc::new(Web::new(None)?);
    let providers = config.providers.iter();
    let providers =
        providers.map(|one| RelyingParty::new(provider(one, &appointed, &url), Arc::clone(&fetch)));
    let parts = Parts {
        desk: desk.clone(),
        reader,
        keys: ledger.keys().clone(),
        accounts: accounts.clone(),
        passkeys: (config.ledger.backend != Backend::Memory)
            .then(|| Accounts::at(config.data.join(ACCOUNTS))),
        providers: providers.collect(),
        appointed,
        key: people_key(config)?,
        clock: Clock::new(clock::now, clock::event_id),
        lasts: config.people.sign_in_lasts,
        url: url.clone(),
        // What desks go by, unless told otherwise.
        break_glass: Settings::default().break_glass,
        is_operator: Arc::new(move |key| operator.is_some_and(|known| KeyHash::of(key) == known)),
        backstage,
        stopping,
    };
    let token = match accounts {
        Some(accounts) => first_link(config, &accounts, desk).await?,
        None => None,
    };
    let link = token.map(|token| format!("{url}/set-password?token={token}"));
    Ok((Site::new(parts), link))
}

/// A ledger in memory outlives nothing, and its people neither.
fn people_key(config: &Config) -> Result<PeopleKey, SiteError> {
    if config.ledger.backend == Backend::Memory {
        return Ok(PeopleKey::new(&random()?));
    }
    let path = config.data.join(KEYS_FOLDER).join(PEOPLE_KEY);
    let secret = read_or_make(&path, || random().map(|key| key.to_vec()))?;
    let secret = <[u8; PeopleKey::BYTES]>::try_from(secret);
    secret.map(|secret| PeopleKey::new(&secret)).map_err(|_| SiteError::WrongKey { path })
}

fn accounts(config: &Config) -> Option<Accounts> {
    let has_them = config.people.accounts && config.ledger.backend != Backend::Memory;
    has_them.then(|| Accounts::at(config.data.join(ACCOUNTS)))
}

fn appointed(config: &Config) -> Appointed {
    let mut appointed = Appointed::default();
    for (role, holders) in config.people.roles.all() {
        let Ok(role) = role.parse::<Role>() else { continue };
        for holder in holders {
            match holder {
                RoleHolder::Group(group) => appointed.groups.give(group, role),
                RoleHolder::Person(email) => {
                    let Ok(email) = email.parse::<Email>() else { continue };
                    appointed.people.entry(email).or_default().insert(role);
                }
            }
        }
    }
    appointed
}

fn provider(one: &SignInProvider, appointed: &Appointed, url: &str) -> Provider {
    Provider {
        name: one.name.as_str().into(),
        issuer: one.issuer.clone(),
        client_id: one.client_id.clone(),
        client_secret: one.client_secret.as_ref().map(|secret| secret.expose().into()),
        redirect: format!("{url}/sign-in/{}/callback", one.name),
        scopes: one.scopes.clone(),
        names: ClaimNames { groups: one.groups_claim.clone(), ..ClaimNames::default() },
        groups: appointed.groups.clone(),
        people: appointed.people.clone(),
        keep_groups: Vec::new(),
        domains: Vec::new(),
        accept_unverified_email: one.trust_email,
    }
}

/// The secret of the first administrator's link, as long as nobody has a password.
async fn first_link(
    config: &Config,
    accounts: &Accounts,
    desk: &Desk,
) -> Result<Option<String>, SiteError> {
    let known = accounts.list()?;
    if known.iter().any(identity::account::Account::has_password) {
        return Ok(None);
    }
    let now = clock::now();
    if let Some(first) = known.first() {
        let link = accounts.renew_link(&first.profile.email, now, FIRST_LINK_LASTS)?;
        return Ok(Some(link));
    }
    let roles: BTreeSet<Role> = Role::ALL.iter().copied().collect();
    let email = first_administrator(config)?;
    let invitation = Invitation {
        email,
        name: "Administrator".to_owned(),
        groups: BTreeSet::new(),
        roles: roles.clone(),
    };
    let email = invitation.email.text();
    let id = format!("local:{email}").into();
    let link = accounts.invite(invitation, now, FIRST_LINK_LASTS)?;
    let fact = PersonAdded {
        by: "gateway".into(),
        groups: Vec::new(),
        person: events::Person { email, id },
        roles: roles.iter().map(|role| role.text().into()).collect(),
    };
    desk.note(fact).await?;
    Ok(Some(link))
}

fn first_administrator(config: &Config) -> io::Result<Email> {
    let named = config.people.roles.administrator.iter().find_map(|holder| match holder {
        RoleHolder::Person(email) => email.parse().ok(),
        RoleHolder::Group(_) => None,
    });
    named.map_or_else(|| FIRST_ADDRESS.parse().map_err(io::Error::other), Ok)
}
