//! What a gateway knew when it decided, from its ledger: which tools there were, and what each
//! session had done.

use super::records::{Place, Records};
use super::serve::DEFAULT_FILE;
use super::{CommandError, candidate};
use crate::catalogue::Catalogue;
use crate::config::{Config, look_up};
use crate::custody::LEDGER_FOLDER;
use crate::facts::{Facts, SessionFacts};
use crate::json;
use crate::policing::people;
use crate::prices::Prices;
use crate::rules::Rules;
use crate::sse::Parser;
use approvals::Roster;
use events::{CallId, Dialect, Envelope, Event, Operation, ParseError, PayloadRef, SessionId};
use policy::Model;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What is known at a place in the ledger: everything before it, and nothing after.
pub(super) struct History {
    rules: Arc<Rules>,
    facts: SessionFacts,
    /// Lists of tools that were asked for, by call.
    asked: BTreeMap<CallId, List>,
    /// The people known so far.
    roster: Roster,
    /// How many lists are not kept any more.
    pub(super) lists_gone: u64,
}

struct List {
    server: Arc<str>,
    /// The request, which says whether it was for the first page.
    request: Option<PayloadRef>,
}

impl History {
    /// Knows only the configuration.
    pub(super) fn new(config: Arc<Config>) -> Self {
        let rules = Arc::new(Rules::new(Arc::clone(&config), Arc::new(Catalogue::default())));
        let facts = SessionFacts::new(Arc::clone(&rules), Prices::new(config));
        let roster = Roster::default();
        Self { rules, facts, asked: BTreeMap::new(), roster, lists_gone: 0 }
    }

    /// The tools that are known.
    pub(super) fn tools(&self) -> &Catalogue {
        self.rules.catalogue()
    }

    /// What is known of whom and what policies are about.
    pub(super) fn model(&self) -> Model {
        let mut model = self.rules.model();
        // Of one whose tools were forgotten with a start, it is not known that it has none.
        for server in &mut model.servers {
            server.listed = model.tools.iter().any(|tool| tool.server == server.name);
        }
        model
    }

    /// What a session has done so far.
    pub(super) fn facts(&self, session: SessionId) -> Facts {
        self.facts.of(session)
    }

    /// Takes over the next event; true if policies have another model since.
    pub(super) fn apply(
        &mut self,
        records: &Records,
        envelope: &Envelope,
    ) -> Result<bool, CommandError> {
        self.facts.apply(envelope);
        if matches!(envelope.event, Event::GatewayStarted(_)) {
            return Ok(self.forget_tools());
        }
        if envelope.event.kind().starts_with("person.") {
            self.roster.apply(envelope);
            return Ok(self.rules.know(people(&self.roster)));
        }
        let Some((call, session)) = envelope.call.zip(envelope.session) else { return Ok(false) };
        if let Event::CallDispatched(fact) = &envelope.event
            && fact.operation == Operation::ListTools
        {
            let list = List { server: Arc::clone(&fact.upstream), request: fact.request };
            self.asked.insert(call, list);
        } else if let Event::CallCompleted(fact) = &envelope.event {
            let list = self.asked.remove(&call);
            return list.map_or(Ok(false), |list| self.learn(records, session, &list, fact.answer));
        } else if envelope.event.is_outcome() {
            self.asked.remove(&call);
        }
        Ok(false)
    }

    /// A gateway that starts knows no tools until their servers tell of them.
    fn forget_tools(&self) -> bool {
        let catalogue = self.rules.catalogue();
        let servers: BTreeSet<String> =
            catalogue.all().into_iter().map(|(server, ..)| server).collect();
        for server in &servers {
            catalogue.observe(server, r#"{"tools":[]}"#, true);
        }
        !servers.is_empty()
    }

    fn learn(
        &mut self,
        records: &Records,
        session: SessionId,
        list: &List,
        answer: Option<PayloadRef>,
    ) -> Result<bool, CommandError> {
        let load = |payload: Option<PayloadRef>| {
            let loaded = payload.map(|payload| records.payload(session, &payload)).transpose();
            loaded.map(Option::flatten).map_err(|unreadable| unreadable.error)
        };
        let Some(answer) = load(answer)? else {
            self.lists_gone += 1;
            return Ok(false);
        };
        let Some(result) = result(&answer) else { return Ok(false) };
        let request = load(list.request)?.unwrap_or_default();
        let request = str::from_utf8(&request).unwrap_or_default();
        let is_first = json::find(request, &["params", "cursor"]).is_none();
        let is_whole = is_first && json::find(&result, &["nextCursor"]).is_none();
        let changes = self.rules.catalogue().observe(&list.server, &result, is_whole);
        Ok(!changes.is_empty())
    }
}

/// The result in an answer of `tools/list`: a message, or a stream that has it.
fn result(answer: &[u8]) -> Option<String> {
    let of = |text: &str| {
        let text = json::check(text.as_bytes(), json::Limits::default()).ok()?;
        json::find(text, &["result", "tools"])?;
        Some(json::find(text, &["result"])?.text.to_owned())
    };
    if let Some(result) = str::from_utf8(answer).ok().and_then(of) {
        return Some(result);
    }
    let mut parser = Parser::new(answer.len());
    parser.feed(answer);
    while let Ok(Some(frame)) = parser.next_frame() {
        if let Some(result) = frame.fields.data.as_deref().and_then(of) {
            return Some(result);
        }
    }
    None
}

/// Shows every event of a ledger, from the first on; how many there are that this version does not
/// know.
pub(super) fn each(
    records: &Records,
    mut visit: impl FnMut(&Envelope) -> Result<(), CommandError>,
) -> Result<u64, CommandError> {
    let (mut next, mut unknown) = (0, 0);
    loop {
        let batch = records.read(next)?;
        if batch.is_empty() {
            return Ok(unknown);
        }
        for record in &batch {
            match Envelope::parse(record) {
                Ok(envelope) => visit(&envelope)?,
                Err(ParseError::Unknown { .. }) => unknown += 1,
                Err(error @ (ParseError::Json(_) | ParseError::Sequence(_))) => {
                    let what = format!("record {next} of the ledger cannot be read: {error}");
                    return Err(CommandError::Io(what));
                }
            }
            next += 1;
        }
    }
}

/// A configuration with the tool servers and model providers that a ledger tells of, for where
/// there is none: nothing is known of them but their names.
pub(super) fn configuration(records: &Records) -> Result<Config, CommandError> {
    let (mut servers, mut providers) = (BTreeSet::new(), BTreeSet::new());
    each(records, |envelope| {
        let found = if let Event::CallDispatched(fact) = &envelope.event {
            Some((fact.dialect, &fact.upstream))
        } else if let Event::CallHeld(fact) = &envelope.event {
            Some((fact.dialect, &fact.upstream))
        } else if let Event::CallDenied(fact) = &envelope.event {
            fact.upstream.as_ref().map(|name| (fact.dialect, name))
        } else {
            None
        };
        if let Some((dialect, name)) = found {
            let known = if dialect == Dialect::Mcp { &mut servers } else { &mut providers };
            known.insert(Arc::clone(name));
        }
        Ok(())
    })?;
    let mut text = String::new();
    // Writing to a string cannot fail.
    for name in servers {
        let name = toml::Value::from(&*name);
        let _infallible = writeln!(text, "[[tools]]\nname = {name}\nurl = \"http://127.0.0.1\"");
    }
    for name in providers {
        let name = toml::Value::from(&*name);
        let _infallible = writeln!(
            text,
            "[[model]]\nname = {name}\ndialect = \"openai\"\nurl = \"http://127.0.0.1\"\n\
             serves = [{name}]"
        );
    }
    let parsed = Config::parse(&text, Path::new("the ledger"), &look_up);
    parsed.map(|loaded| loaded.config).map_err(|problems| {
        let hint = "name the gateway's configuration with `--config FILE`";
        CommandError::Configuration(format!("{problems}\n{hint}"))
    })
}

/// Against what policies are tried out.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Scene {
    /// The configuration of the gateway; `countersign.toml` if it is there. Secrets that are not
    /// here are not missed.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where its ledger is: what the configuration says, else `./data`.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Ask a running gateway for its ledger, such as `http://127.0.0.1:8081`.
    #[arg(long, conflicts_with = "data")]
    url: Option<String>,
}

impl Scene {
    /// The configuration, if there is one.
    pub(super) fn configuration(&self) -> Result<Option<Config>, CommandError> {
        candidate::configuration(self.config.as_deref())
    }

    /// The ledger.
    pub(super) fn records(&self) -> Result<Records, CommandError> {
        let default = || Path::new(DEFAULT_FILE).exists().then(|| PathBuf::from(DEFAULT_FILE));
        let config = match self.url {
            Some(_) => None,
            None => self.config.clone().or_else(default),
        };
        Place { data: self.data.clone(), config, url: self.url.clone() }.open()
    }

    /// Whether there is a ledger, or one is named that must be there.
    pub(super) fn has_records(&self, config: Option<&Config>) -> bool {
        let data = config.map_or(Path::new("./data"), |config| &config.data);
        self.url.is_some() || self.data.is_some() || data.join(LEDGER_FOLDER).is_dir()
    }
}
