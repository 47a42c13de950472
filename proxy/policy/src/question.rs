//! What a decision is asked, and what it answers.

use crate::argument::{Fields, Uninspected, inspect};
use crate::entity::{CALL_MODEL, Directory, GET_PROMPT, Known, OTHER, READ_RESOURCE};
use cedar_policy::{Context, RestrictedExpression};
use events::{HoldRule, Timestamp, Verdict};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What a principal wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind<'a> {
    /// Call a tool.
    Tool {
        /// The server's name.
        server: &'a str,
        /// The tool's name there.
        name: &'a str,
        /// Its arguments, a JSON object that was checked: no name twice in an object.
        arguments: Option<&'a str>,
    },
    /// Ask a model.
    Model {
        /// The provider's name.
        provider: &'a str,
        /// The model's name.
        name: &'a str,
    },
    /// Read a resource of a tool server.
    Resource {
        /// The server's name.
        server: &'a str,
        /// Which.
        uri: &'a str,
    },
    /// Get a prompt of a tool server.
    Prompt {
        /// The server's name.
        server: &'a str,
        /// Its name there.
        name: &'a str,
        /// Its arguments, a JSON object.
        arguments: Option<&'a str>,
    },
    /// Anything else.
    Other {
        /// The tool server's or the provider's name.
        upstream: &'a str,
        /// The protocol's own name of it.
        method: &'a str,
    },
}

/// What was done before in the session of a call.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// Something private was read.
    pub read_private: bool,
    /// Something that anybody can have written was read.
    pub read_untrusted: bool,
    /// Something was put where it may reach others.
    pub sent_outside: bool,
    /// How many calls there were.
    pub calls: u64,
    /// How many tokens they took.
    pub tokens: u64,
    /// What they cost, in millionths of the currency of the prices.
    pub cost_micros: u64,
}

/// What there is to decide.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The agent's name.
    pub agent: &'a str,
    /// The e-mail address of the person it acts for, in lower case.
    pub owner: &'a str,
    /// The team that runs it.
    pub team: &'a str,
    /// Others on whose behalf it acts, as its token names them.
    pub actors: &'a [Arc<str>],
    /// What it wants to do.
    pub kind: Kind<'a>,
    /// What was done before.
    pub session: SessionFacts,
    /// When it is asked.
    pub now: Timestamp,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The decision, and the policies that determined it.
    pub verdict: Verdict,
    /// Who may let the call go; some if and only if it is held.
    pub rule: Option<HoldRule>,
    /// What would have been decided if the policies in shadow counted too, where that is another
    /// decision.
    pub shadow: Option<Verdict>,
}

impl fmt::Display for Kind<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tool { server, name, arguments: _ } => {
                write!(formatter, "call tool `{server}/{name}`")
            }
            Self::Model { provider, name } => write!(formatter, "ask model `{provider}/{name}`"),
            Self::Resource { server, uri: _ } => {
                write!(formatter, "read a resource of `{server}`")
            }
            Self::Prompt { server, name, arguments: _ } => {
                write!(formatter, "get prompt `{server}/{name}`")
            }
            Self::Other { upstream, method } => {
                write!(formatter, "use `{method}` of `{upstream}`")
            }
        }
    }
}

impl Kind<'_> {
    /// The types of a tool's arguments; none if it is no tool, or not known.
    pub(crate) fn fields<'a>(&self, directory: &'a Directory) -> Option<&'a Fields> {
        match self {
            Self::Tool { server, name, arguments: _ } => {
                directory.tools.get(&*format!("{server}/{name}")).map(|known| &known.fields)
            }
            Self::Model { .. }
            | Self::Resource { .. }
            | Self::Prompt { .. }
            | Self::Other { .. } => None,
        }
    }

    /// What is done, and to what.
    pub(crate) fn place<'a>(&self, directory: &'a Directory) -> Result<Place<'a>, String> {
        let kinds = &directory.kinds;
        match *self {
            Self::Tool { server, name, arguments: _ } => {
                if let Some(known) = directory.tools.get(&*format!("{server}/{name}")) {
                    return Ok((Cow::Borrowed(&known.action), Cow::Borrowed(&known.tool)));
                }
                let action = directory.tool_action(server, name)?;
                Ok((Cow::Owned(action), Cow::Owned(directory.unknown_tool(server, name)?)))
            }
            Self::Model { provider, name } => {
                Ok((directory.act(CALL_MODEL)?, directory.model(provider, name)?))
            }
            Self::Resource { server, uri } => {
                let resource = directory.offered(&kinds.resource, server, ("uri", uri))?;
                Ok((directory.act(READ_RESOURCE)?, Cow::Owned(resource)))
            }
            Self::Prompt { server, name, arguments: _ } => {
                let prompt = directory.offered(&kinds.prompt, server, ("name", name))?;
                Ok((directory.act(GET_PROMPT)?, Cow::Owned(prompt)))
            }
            Self::Other { upstream, method } => {
                Ok((directory.act(OTHER)?, Cow::Owned(directory.endpoint(upstream, method)?)))
            }
        }
    }
}

/// An action and what it is done to.
type Place<'a> = (Cow<'a, Known>, Cow<'a, Known>);

/// What policies see of a call besides who asks for what, and what of it they can't see.
pub(crate) struct Circumstances {
    pairs: Vec<(String, RestrictedExpression)>,
    pub(crate) left_out: Uninspected,
    pub(crate) has_text: bool,
}

impl Circumstances {
    pub(crate) fn of(question: &Question<'_>, fields: Option<&Fields>) -> Result<Self, String> {
        let mut pairs = vec![
            ("session".to_owned(), session(question.session)?),
            ("actors".to_owned(), actors(question.actors)),
        ];
        pairs.extend(time(question.now));
        let none = Fields::new();
        let (given, fields) = match question.kind {
            Kind::Tool { arguments, .. } => (arguments, fields),
            Kind::Prompt { arguments, .. } => (arguments, Some(&none)),
            Kind::Model { .. } | Kind::Resource { .. } | Kind::Other { .. } => (None, Some(&none)),
        };
        let mut inspected = inspect(given, fields);
        if !matches!(question.kind, Kind::Tool { .. }) {
            // Only tools have arguments with names; a prompt's are looked at as text.
            let is_any = inspected.text.is_none();
            inspected.left_out = Uninspected { is_any, ..Uninspected::default() };
        }
        if matches!(question.kind, Kind::Tool { .. }) {
            let arguments = RestrictedExpression::new_record(inspected.members);
            pairs.push(("arguments".to_owned(), arguments.map_err(|error| error.to_string())?));
        }
        let has_text = inspected.text.is_some();
        if let Some(text) = inspected.text
            && matches!(question.kind, Kind::Tool { .. } | Kind::Prompt { .. })
        {
            pairs.push(("argument_text".to_owned(), RestrictedExpression::new_string(text)));
        }
        let uninspectable = RestrictedExpression::new_bool(inspected.left_out.is_any);
        pairs.push(("uninspectable".to_owned(), uninspectable));
        Ok(Self { pairs, left_out: inspected.left_out, has_text })
    }

    /// All of it, for one of the two questions.
    pub(crate) fn context(&self, unattended: bool) -> Result<Context, String> {
        let pair = ("unattended".to_owned(), RestrictedExpression::new_bool(unattended));
        let pairs = self.pairs.iter().cloned().chain([pair]);
        Context::from_pairs(pairs).map_err(|error| error.to_string())
    }
}

fn count(value: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(value).unwrap_or(i64::MAX))
}

fn session(facts: SessionFacts) -> Result<RestrictedExpression, String> {
    let flag = RestrictedExpression::new_bool;
    let members = [
        ("read_private", flag(facts.read_private)),
        ("read_untrusted", flag(facts.read_untrusted)),
        ("sent_outside", flag(facts.sent_outside)),
        ("calls", count(facts.calls)),
        ("tokens", count(facts.tokens)),
        ("cost_micros", count(facts.cost_micros)),
    ];
    let members = members.map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(members).map_err(|error| error.to_string())
}

fn actors(names: &[Arc<str>]) -> RestrictedExpression {
    let name = |name: &Arc<str>| RestrictedExpression::new_string(name.to_string());
    RestrictedExpression::new_set(names.iter().map(name))
}

/// The moment; its hour, from 0 to 23; its weekday, from Monday, 1, to Sunday, 7. All in UTC.
fn time(now: Timestamp) -> [(String, RestrictedExpression); 3] {
    let hours = now.micros() / 3_600_000_000;
    // Cedar reads milliseconds.
    let text = now.to_string();
    let text = text.get(..23).map_or(text.clone(), |millis| format!("{millis}Z"));
    [
        ("now".to_owned(), RestrictedExpression::new_datetime(text)),
        ("hour".to_owned(), count(hours % 24)),
        // 1970 began on a Thursday.
        ("weekday".to_owned(), count((hours / 24 + 3) % 7 + 1)),
    ]
}
