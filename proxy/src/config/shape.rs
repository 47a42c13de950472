//! What a valid configuration says: a tree that mirrors the file. Every value in it has been
//! checked, so nothing here can be wrong, and no `Option` means "the default".

mod agents;
mod people;
mod prices;
mod upstreams;

mod notices;

pub use agents::{Agent, TokenIssuer};
pub use notices::{MailConfig, MailTls, Mailbox, Webhook, WebhookKind};
pub use people::{ApprovalsConfig, Counterpart, PeopleConfig, RoleHolder, Roles, SignInProvider};
pub use prices::Price;
pub use upstreams::{Dialect, Mcp, ModelUpstream, PrefixRule, Setting, ToolUpstream, Transport};

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tlog::VerifierKey;

use super::base_url::BaseUrl;
use super::limits::{GIB, Limits, MIB};
use super::pattern::Pattern;
use super::payload_rule::{Of, PayloadRule, rule_for};
use super::policy_files::PolicyConfig;
use super::secret::{Secret, SecretRef};
use ledger::payload::LocalKek;

/// Everything an operator decides. The default is what `serve` runs without a file: both listeners,
/// the ledger in `./data`, and no upstream and no agent.
#[derive(Debug, Clone)]
pub struct Config {
    /// The folder that everything is kept in; relative paths were resolved against the file's
    /// folder.
    pub data: PathBuf,
    /// Where the gateway can be reached.
    pub listen: Listen,
    /// How much of everything, and how long.
    pub limits: Limits,
    /// How the ledger is kept.
    pub ledger: LedgerConfig,
    /// How the ledger is sealed.
    pub checkpoints: Checkpoints,
    /// Who is asked to cosign checkpoints, in the order of the file; names and keys are unique.
    pub witnesses: Vec<Witness>,
    /// What is kept of payloads, in the order of the file: the first that fits decides.
    pub payloads: Vec<PayloadRule>,
    /// The documents that decide beside the agents' lists; nothing: those lists alone do.
    pub policy: Option<PolicyConfig>,
    /// How calls wait for people.
    pub approvals: ApprovalsConfig,
    /// The service where people decide; nothing: they do here.
    pub service: Option<Counterpart>,
    /// How people sign in, and what they are here.
    pub people: PeopleConfig,
    /// Through whom they sign in, in the order of the file; names are unique.
    pub providers: Vec<SignInProvider>,
    /// How mail is sent; nothing: none is.
    pub mail: Option<MailConfig>,
    /// Who else hears of calls that wait, in the order of the file; names are unique.
    pub webhooks: Vec<Webhook>,
    /// Whose tokens identify agents, in the order of the file; names and addresses are unique.
    pub issuers: Vec<TokenIssuer>,
    /// Model providers, in the order of the file; names are unique.
    pub models: Vec<ModelUpstream>,
    /// What models cost, in the order of the file; patterns are unique.
    pub prices: Vec<Price>,
    /// MCP servers, in the order of the file; names are unique.
    pub tools: Vec<ToolUpstream>,
    /// Who may call, in the order of the file; names and keys are unique.
    pub agents: Vec<Agent>,
    /// How the tool servers are shown behind one endpoint.
    pub mcp: Mcp,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            data: PathBuf::from("./data"),
            listen: Listen::default(),
            limits: Limits::default(),
            ledger: LedgerConfig::default(),
            checkpoints: Checkpoints::default(),
            witnesses: Vec::new(),
            payloads: Vec::new(),
            policy: None,
            approvals: ApprovalsConfig::default(),
            service: None,
            people: PeopleConfig::default(),
            providers: Vec::new(),
            mail: None,
            webhooks: Vec::new(),
            issuers: Vec::new(),
            models: Vec::new(),
            prices: Vec::new(),
            tools: Vec::new(),
            agents: Vec::new(),
            mcp: Mcp::default(),
        }
    }
}

impl Config {
    /// How long such a call's payloads are kept; nothing: until somebody erases them.
    pub fn kept_for(&self, call: Of<'_>) -> Option<Duration> {
        rule_for(&self.payloads, call).and_then(|rule| rule.kept_for)
    }

    /// The provider of this dialect that serves `model`: the one whose matching pattern spells out
    /// most of the name, and of equals the first in the file.
    pub fn model_upstream(&self, dialect: Dialect, model: &str) -> Option<&ModelUpstream> {
        let candidates = self.models.iter().filter(|upstream| upstream.dialect == dialect);
        most_specific(candidates, |upstream| &upstream.serves, &[model])
    }

    /// What a model costs that has these names, the one asked for and the one that answered: the
    /// price whose matching pattern spells out most of either, and of equals the first in the file.
    pub fn price(&self, names: &[&str]) -> Option<&Price> {
        most_specific(self.prices.iter(), |price| &price.models, names)
    }
}

/// The item with the pattern that spells out most of a name it matches; of equals the first.
fn most_specific<'c, T>(
    items: impl DoubleEndedIterator<Item = &'c T>,
    patterns: impl Fn(&T) -> &[Pattern],
    names: &[&str],
) -> Option<&'c T> {
    let fits = |pattern: &&Pattern| names.iter().any(|name| pattern.matches(name));
    // `max_by_key` takes the last of equals, so the first in the file comes last.
    items
        .rev()
        .filter_map(|item| {
            let matching = patterns(item).iter().filter(fits);
            matching.map(Pattern::literal_count).max().map(|literal| (literal, item))
        })
        .max_by_key(|(literal, _)| *literal)
        .map(|(_, item)| item)
}

/// `[listen]`: the addresses of the listeners and who may speak to them by which name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Where agents call.
    pub agents: SocketAddr,
    /// How agents reach that, written where it is not the address itself; see
    /// [`agents_url_at`](Self::agents_url_at).
    pub agents_url: Option<BaseUrl>,
    /// Where people and machines that watch look.
    pub people: SocketAddr,
    /// Names accepted in the `Host` header beside loopback and the bound address, those of
    /// `agents_url` and [`ApprovalsConfig::url`] among them; lower case, with `:port` only where
    /// one was written.
    pub hosts: Vec<String>,
    /// Browser origins accepted, as browsers write them: `https://host` or `https://host:port`.
    pub origins: Vec<String>,
}

impl Default for Listen {
    fn default() -> Self {
        let local = |port| SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port);
        Self {
            agents: local(8080),
            agents_url: None,
            people: local(8081),
            hosts: Vec::new(),
            origins: Vec::new(),
        }
    }
}

impl Listen {
    /// How agents reach the gateway, whose listener for them is bound to `bound`; without a `/` at
    /// the end.
    pub fn agents_url_at(&self, bound: SocketAddr) -> String {
        url_at(self.agents_url.as_ref(), bound)
    }
}

/// The address that was written, else that of a listener, as this machine reaches it.
fn url_at(written: Option<&BaseUrl>, bound: SocketAddr) -> String {
    let reached = match bound.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    let local = || format!("http://{}", SocketAddr::new(reached, bound.port()));
    written.map_or_else(local, BaseUrl::to_string)
}

/// `[ledger]`: how the record is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LedgerConfig {
    /// Where records go.
    pub backend: Backend,
    /// When a record counts as durable.
    pub durability: Durability,
    /// Size at which a segment of the log is sealed, in bytes.
    pub segment_bytes: u64,
    /// How long a call waits for its record before it is refused.
    pub append_timeout: Duration,
    /// Records that may wait for the writer at once.
    pub queue_records_max: usize,
    /// Room kept on the disk for outcomes, in bytes: as much for events as for payloads.
    pub reserve_bytes: u64,
    /// Less free room on the disk than this is said to be little, in bytes.
    pub disk_bytes_low: u64,
    /// The keys that payloads are encrypted with, the one for new sessions first; none: one
    /// in the data folder, made there at the first start.
    pub payload_keys: Vec<PayloadKey>,
}

/// A key that payloads are encrypted with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadKey {
    /// Where it is kept.
    pub place: SecretRef,
    /// The key.
    pub kek: LocalKek,
}

/// Where payloads are and what they are encrypted with, for commands that need nothing else.
#[derive(Debug, Clone)]
pub struct Kept {
    /// As [`Config::data`].
    pub data: PathBuf,
    /// As [`LedgerConfig::payload_keys`].
    pub payload_keys: Vec<PayloadKey>,
}

impl Default for LedgerConfig {
    fn default() -> Self {
        Self {
            backend: Backend::File,
            durability: Durability::Synced,
            segment_bytes: (64 * MIB) as u64,
            append_timeout: Duration::from_secs(2),
            queue_records_max: 4096,
            reserve_bytes: (8 * MIB) as u64,
            disk_bytes_low: GIB as u64,
            payload_keys: Vec::new(),
        }
    }
}

/// Where the ledger keeps its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// In the data folder.
    File,
    /// In this process, and gone with it: for tests and demonstrations.
    Memory,
}

/// When a record counts as durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// When the disk has confirmed it.
    Synced,
    /// When the operating system has taken it: for measurements only, and recorded as such.
    Relaxed,
}

/// `[[witness]]`: who sees each checkpoint and vouches that nothing before it was changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Unique among witnesses.
    pub name: String,
    /// Below it the protocol is spoken: checkpoints go to `{url}/add-checkpoint`.
    pub url: BaseUrl,
    /// What it cosigns with.
    pub key: VerifierKey,
}

/// `[checkpoints]`: how the ledger is sealed, so that others can verify it.
#[derive(Debug, Clone)]
pub struct Checkpoints {
    /// The log's name, which a key that is made at the first start gets; nothing: one made of that
    /// key.
    pub origin: Option<String>,
    /// The private key that signs checkpoints; nothing: the one in the data folder, made there at
    /// the first start.
    pub key: Option<Secret>,
    /// The folder that keeps the last checkpoint a second time; nothing: `lock` in the data folder.
    pub lock: Option<PathBuf>,
    /// How long after a checkpoint the next one is made, if there is something new.
    pub interval: Duration,
    /// How many witnesses must cosign a checkpoint before it counts; at most all there are.
    pub witnesses_needed: usize,
}

impl Default for Checkpoints {
    fn default() -> Self {
        let interval = Duration::from_secs(1);
        Self { origin: None, key: None, lock: None, interval, witnesses_needed: 0 }
    }
}
