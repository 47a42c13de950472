//! What a gateway of this suite is set with: its policy, its limits and its upstreams.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use proxy::config::{Config, Found, Loaded, Secret, SecretRef};
use tests::gateway::UPSTREAM_KEY;
use tests::standins::Standins;
use tests::tool_server::ToolServer;
use tests::wire::AGENT_KEY;

/// The file that a gateway has its policies from.
pub(crate) const POLICY_FILE: &str = "policy.cedar";

/// What a gateway is set with.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    policy: Option<String>,
    approvals: String,
    limits: String,
    sections: String,
    airline: Option<String>,
}

/// A policy that allows everything, but holds the cancellations that `when` says, as the
/// annotations say.
pub(crate) fn holding(annotations: &str) -> String {
    format!(
        "@id(\"everything\")\n\
         permit (principal, action, resource);\n\
         @id(\"cancellations\")\n\
         @why(\"Cancelling a reservation cannot be undone.\")\n\
         @risk(\"high\")\n\
         {annotations}\n\
         forbid (principal, action == Action::\"airline/cancel_reservation\", resource)\n\
         when {{ context.unattended }};\n"
    )
}

impl Plan {
    /// With this policy, and the stand-in airline for its tool server.
    pub(crate) fn new(policy: &str) -> Self {
        let approvals = String::new();
        let policy = Some(policy.to_owned());
        Self { policy, approvals, limits: String::new(), sections: String::new(), airline: None }
    }

    /// Without any policy.
    pub(crate) fn open() -> Self {
        Self { policy: None, ..Self::new("") }
    }

    /// A tool call is held open so long.
    pub(crate) fn hold(self, hold: Duration) -> Self {
        self.approvals(&format!("hold = \"{}ms\"", hold.as_millis()))
    }

    /// An agent may ask so often within an hour, and have so many calls waiting.
    pub(crate) fn asks(self, per_hour: usize, at_once: usize) -> Self {
        self.approvals(&format!("asks_per_hour = {per_hour}\npending_max = {at_once}"))
    }

    fn approvals(mut self, lines: &str) -> Self {
        // Writing to a string does not fail.
        let _ = writeln!(self.approvals, "{lines}");
        self
    }

    /// A line of `[limits]`.
    pub(crate) fn limit(mut self, line: &str) -> Self {
        let _ = writeln!(self.limits, "{line}");
        self
    }

    /// Another tool server in the airline's place.
    pub(crate) fn airline(mut self, server: &ToolServer) -> Self {
        self.airline = Some(server.url());
        self
    }

    /// Further sections, with their headings.
    pub(crate) fn sections(mut self, sections: &str) -> Self {
        let _ = writeln!(self.sections, "{sections}");
        self
    }

    /// The policy, if there is one.
    pub(crate) fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// The configuration, for a gateway in this folder.
    pub(crate) fn loaded(&self, folder: &Path, standins: &Standins) -> Loaded {
        let file = folder.join("countersign.toml");
        let text = self.text(standins);
        std::fs::write(&file, &text).unwrap();
        let look_up =
            |secret: &SecretRef| Ok(Found { secret: secret_of(secret), readable_by_others: false });
        Config::parse(&text, &file, &look_up).unwrap_or_else(|problems| panic!("{problems}"))
    }

    fn text(&self, standins: &Standins) -> String {
        let Self { policy, approvals, limits, sections, airline } = self;
        let airline = airline.clone();
        let airline = airline.unwrap_or_else(|| format!("url = \"{}\"", standins.airline_url()));
        let policy = policy.as_ref().map_or_else(String::new, |_| {
            format!("[policy]\nfiles = [\"{POLICY_FILE}\"]\nreload_interval = \"100ms\"\n")
        });
        format!(
            "data = \"data\"\n[listen]\nagents = \"127.0.0.1:0\"\npeople = \"127.0.0.1:0\"\n\
             [limits]\n{limits}[approvals]\n{approvals}{policy}\
             [[tools]]\nname = \"airline\"\n{airline}\n\
             [[agent]]\nname = \"bot\"\nowner = \"ada@example.com\"\n\
             key = {{ env = \"KEY\" }}\ntools = [\"airline/*\"]\nmodels = [\"*\"]\n{sections}"
        )
    }
}

/// The key of a further agent, by the variable that its section names.
pub(crate) fn key_of(variable: &str) -> String {
    format!("csk-the-key-in-the-variable-{variable}")
}

fn secret_of(secret: &SecretRef) -> Secret {
    match secret {
        SecretRef::Env(name) if name == "KEY" => Secret::new(AGENT_KEY),
        SecretRef::Env(name) if name == "UPSTREAM_KEY" => Secret::new(UPSTREAM_KEY),
        SecretRef::Env(name) => Secret::new(key_of(name)),
        SecretRef::File(_) => panic!("no file is named in this suite"),
    }
}
