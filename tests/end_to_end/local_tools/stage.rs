//! A gateway in this process before a provider, so that a suite can decide at its desk.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use approvals::{Ballot, Desk, Edit, HoldFilter, HoldView, Voter};
use events::{CallId, Channel, Person, View, Vote};
use ledger::sealer::LostLock;
use proxy::config::{Config, Found, Loaded, Secret, SecretRef};
use proxy::gateway::Gateway;
use tempfile::TempDir;
use tests::gateway::UPSTREAM_KEY;
use tests::patience::until;
use tests::records::Records;
use tests::wire::AGENT_KEY;
use tokio::runtime::Runtime;

/// A policy that lets everything be done, and something else.
pub(crate) fn policy(more: &str) -> String {
    format!("@id(\"everything\") permit (principal, action, resource);\n{more}")
}

/// A policy that holds one tool that agents run themselves.
pub(crate) fn holding(tool: &str) -> String {
    policy(&format!(
        "@id(\"local\") @why(\"It runs on somebody's machine.\") @approvers(\"1 of role:approver\")\n\
         forbid (principal, action == Action::\"local/{tool}\", resource)\n\
         when {{ context.unattended }};"
    ))
}

/// A gateway, and where it keeps what it keeps.
pub(crate) struct Stage {
    gateway: Option<Gateway>,
    runtime: Runtime,
    folder: Arc<TempDir>,
    url: String,
    hold: Duration,
    /// Where the tool server `shop` is, if there is one.
    shop: Option<String>,
}

impl Stage {
    /// Starts a gateway before the provider at `url`; an answer waits so long for people.
    pub(crate) fn start(policy: &str, url: &str, hold: Duration) -> Self {
        Self::with_shop(policy, url, hold, None)
    }

    /// The same before a tool server, too.
    pub(crate) fn with_shop(policy: &str, url: &str, hold: Duration, shop: Option<String>) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        std::fs::write(folder.path().join("policy.cedar"), policy).unwrap();
        let runtime = Runtime::new().unwrap();
        let mut stage = Self { gateway: None, runtime, folder, url: url.to_owned(), hold, shop };
        stage.start_gateway();
        stage
    }

    fn start_gateway(&mut self) {
        let loaded = self.loaded();
        let started = self.runtime.block_on(Gateway::start(loaded, LostLock::Refuse));
        self.gateway = Some(started.unwrap());
    }

    fn loaded(&self) -> Loaded {
        let provider = |dialect: &str, serves: &str| {
            format!(
                "[[model]]\nname = \"{dialect}\"\ndialect = \"{dialect}\"\nurl = \"{}\"\n\
                 key = {{ env = \"UPSTREAM\" }}\nserves = [\"{serves}\"]\n",
                self.url
            )
        };
        let shop = self.shop.as_ref();
        let server = shop.map(|url| format!("[[tools]]\nname = \"shop\"\n{url}\n"));
        let rights = shop.map_or("", |_| "tools = [\"shop/*\"]\n");
        let text = format!(
            "data = \"data\"\n[listen]\nagents = \"127.0.0.1:0\"\npeople = \"127.0.0.1:0\"\n\
             [policy]\nfiles = [\"policy.cedar\"]\n[approvals]\nhold_models = \"{}s\"\n{}{}{}\
             [[agent]]\nname = \"bot\"\nowner = \"ada@example.com\"\n\
             key = {{ env = \"KEY\" }}\nmodels = [\"*\"]\n{rights}",
            self.hold.as_secs(),
            provider("openai", "gpt-*"),
            provider("anthropic", "claude-*"),
            server.unwrap_or_default(),
        );
        let look_up = |reference: &SecretRef| {
            let of_upstream = format!("{reference:?}").contains("UPSTREAM");
            let secret = Secret::new(if of_upstream { UPSTREAM_KEY } else { AGENT_KEY });
            Ok(Found { secret, readable_by_others: false })
        };
        let file = self.folder.path().join("countersign.toml");
        Config::parse(&text, &file, &look_up).unwrap_or_else(|problems| panic!("{problems}"))
    }

    /// Stops the gateway in order, and starts it again on the same ledger.
    pub(crate) fn restart(&mut self) {
        self.stop();
        self.start_gateway();
    }

    fn stop(&mut self) {
        let gateway = self.gateway.take().unwrap();
        self.runtime.block_on(gateway.stop("the test says so")).unwrap();
    }

    /// Stops the gateway in order; gives what is on record, and the folder it is in.
    pub(crate) fn end(mut self) -> (Records, Arc<TempDir>) {
        self.stop();
        (self.records(), Arc::clone(&self.folder))
    }

    pub(crate) fn records(&self) -> Records {
        Records::read(&self.data())
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn gateway(&self) -> &Gateway {
        self.gateway.as_ref().unwrap()
    }

    /// Where agents connect.
    pub(crate) fn agents(&self) -> SocketAddr {
        self.gateway().agents
    }

    /// The same for clients.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.agents())
    }

    pub(crate) fn desk(&self) -> Desk {
        self.gateway().gate().desk().clone()
    }

    /// Waits until a call waits for people.
    pub(crate) fn held(&self) -> HoldView {
        let desk = self.desk();
        let pending = HoldFilter { pending: Some(true), ..HoldFilter::default() };
        until("a call that waits", || desk.holds(&pending).into_iter().next())
    }

    /// Waits until nobody waits by a hold any more.
    pub(crate) fn left(&self, hold: CallId) {
        let desk = self.desk();
        until("nobody waits", || (desk.hold(hold)?.waiting == 0).then_some(()));
    }

    /// Votes as a person with the role `approver`.
    pub(crate) fn vote(&self, hold: CallId, vote: Vote) {
        let desk = self.desk();
        let view = desk.hold(hold).unwrap();
        let (digest, version) = (view.hold.digest, view.hold.version);
        let shown = View { digest, open_ms: 60_000, opened: Vec::new(), sections: 0 };
        let ballot = Ballot {
            voter: voter("grace"),
            vote,
            digest,
            version,
            reason: Some("because the suite says so".to_owned()),
            view: Some(shown),
            for_person: None,
            assertion: None,
        };
        self.runtime.block_on(desk.vote(hold, ballot)).unwrap();
    }

    /// Changes the arguments of a held call, as another approver.
    pub(crate) fn edit(&self, hold: CallId, arguments: &str) {
        let (desk, gateway) = (self.desk(), self.gateway());
        let view = desk.hold(hold).unwrap();
        let request =
            self.records().payload(Some(view.hold.session), &view.hold.fact.request.unwrap());
        let edited = gateway.gate().edited(&view.hold, &request, arguments).unwrap();
        let edit = Edit {
            voter: voter("hopper"),
            shown: view.hold.digest,
            version: view.hold.version,
            arguments: edited.arguments,
            text: edited.text,
            request: edited.request,
            reason: None,
        };
        self.runtime.block_on(desk.edit(hold, edit)).unwrap();
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            drop(self.runtime.block_on(gateway.stop("the test is over")));
        }
    }
}

fn voter(name: &str) -> Voter {
    let email = format!("{name}@example.com");
    Voter {
        person: Person { id: format!("local:{email}").into(), email: email.into() },
        groups: Vec::new(),
        roles: vec!["approver".into()],
        sign_in: None,
        channel: Channel::Web,
    }
}
