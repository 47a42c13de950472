//! How people are reached, who they are, and how long a call waits for them.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::super::base_url::BaseUrl;
use super::super::secret::Secret;

/// `[approvals]`: how calls wait for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalsConfig {
    /// How people reach the pages, written where it is not the listener's address itself; see
    /// [`url_at`](Self::url_at).
    pub url: Option<BaseUrl>,
    /// How long a tool call is held open before its agent is told to ask again.
    pub hold: Duration,
    /// The same of a model call.
    pub hold_models: Duration,
    /// Calls of one agent that may begin to wait within an hour.
    pub asks_per_hour: usize,
    /// Calls of one agent that may wait at once.
    pub pending_max: usize,
    /// How long a no answers the same call without asking again; zero: not at all.
    pub no_answers_for: Duration,
}

impl Default for ApprovalsConfig {
    fn default() -> Self {
        Self {
            url: None,
            hold: Duration::from_secs(45),
            hold_models: Duration::from_mins(9),
            asks_per_hour: 60,
            pending_max: 20,
            no_answers_for: Duration::from_mins(15),
        }
    }
}

impl ApprovalsConfig {
    /// How people reach the pages, whose listener is bound to `bound`: what links begin with,
    /// without a `/` at the end.
    pub fn url_at(&self, bound: SocketAddr) -> String {
        super::url_at(self.url.as_ref(), bound)
    }
}

/// Another process of this program, with which secrets are shared: the service where people decide,
/// or a gateway that has calls to decide on.
#[derive(Debug, Clone)]
pub struct Counterpart {
    /// What it is called; unique.
    pub name: String,
    /// Its people's listener; `https`, or on this machine.
    pub url: BaseUrl,
    /// What each shows the other.
    pub key: Secret,
}

/// `[people]`: how people sign in, and what they are here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeopleConfig {
    /// Whether there are accounts of the gateway itself, beside those of providers.
    pub accounts: bool,
    /// How long a sign-in lasts.
    pub sign_in_lasts: Duration,
    /// Who has which role, beside what accounts of the gateway itself say.
    pub roles: Roles,
}

impl Default for PeopleConfig {
    fn default() -> Self {
        let sign_in_lasts = Duration::from_hours(12);
        Self { accounts: true, sign_in_lasts, roles: Roles::default() }
    }
}

/// Who has which role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Roles {
    /// Who decides on calls that wait.
    pub approver: Vec<RoleHolder>,
    /// Who asks questions about what was recorded.
    pub analyst: Vec<RoleHolder>,
    /// Who sees everything and hands out evidence.
    pub compliance: Vec<RoleHolder>,
    /// Who keeps the gateway running.
    pub operator: Vec<RoleHolder>,
    /// Who says who is who.
    pub administrator: Vec<RoleHolder>,
}

impl Roles {
    /// Each role as the file writes it, and who has it.
    pub fn all(&self) -> [(&'static str, &[RoleHolder]); 5] {
        [
            ("approver", &self.approver),
            ("analyst", &self.analyst),
            ("compliance", &self.compliance),
            ("operator", &self.operator),
            ("administrator", &self.administrator),
        ]
    }
}

/// Who has a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RoleHolder {
    /// Everybody in a group, compared byte by byte; the file may write `group:` before it.
    Group(String),
    /// One person, by the e-mail address in lower case; the file writes `person:` before it.
    Person(String),
}

impl fmt::Display for RoleHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(group) if group.contains([':', '@']) => write!(f, "group:{group}"),
            Self::Group(group) => f.write_str(group),
            Self::Person(email) => write!(f, "person:{email}"),
        }
    }
}

/// `[[provider]]`: an identity provider, through whom people sign in.
#[derive(Debug, Clone)]
pub struct SignInProvider {
    /// Unique among providers: it is part of who a person is, and of how a sign-in is recorded.
    /// Small letters, digits and `-`; never what the gateway itself says there, as `local`.
    pub name: String,
    /// The issuer, compared byte by byte with what the provider says it is; `https`, or on this
    /// machine. It may end with a `/`, which is then part of it.
    pub issuer: String,
    /// Who the gateway is to the provider.
    pub client_id: String,
    /// What proves it; nothing: a public client, with PKCE alone.
    pub client_secret: Option<Secret>,
    /// What is asked for; `openid` is among it.
    pub scopes: Vec<String>,
    /// The claim that holds a person's groups.
    pub groups_claim: String,
    /// Whether an address is taken that the provider does not say to have verified.
    pub trust_email: bool,
}
