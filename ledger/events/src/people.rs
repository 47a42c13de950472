//! What people and agents are let in with, and what is taken from them.

use crate::{EventId, Timestamp};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A person, as somebody proved to be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Person {
    /// The e-mail address, in lower case.
    pub email: Arc<str>,
    /// Never used for anybody else: `local:` and the address, or the provider's name, a colon and
    /// its subject.
    pub id: Arc<str>,
}

/// A person got an account here, or another one than before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonAdded {
    /// Who added it: an e-mail address, `operator` or `gateway`.
    pub by: Arc<str>,
    /// The groups it has.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Arc<str>>,
    /// Who.
    pub person: Person,
    /// The roles it has.
    pub roles: Vec<Arc<str>>,
}

/// A person signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonSignedIn {
    /// When the sign-in ends by itself.
    pub expires: Timestamp,
    /// The person's groups.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Arc<str>>,
    /// By what: `password`, `link`, or the provider's name.
    pub method: Arc<str>,
    /// The network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Arc<str>>,
    /// Who.
    pub person: Person,
    /// The person's roles.
    pub roles: Vec<Arc<str>>,
    /// Names this sign-in. It opens nothing.
    pub sign_in: Arc<str>,
}

/// A sign-in ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonSignedOut {
    /// Who.
    pub person: Person,
    /// Which sign-in.
    pub sign_in: Arc<str>,
}

/// Somebody did not get in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignInFailed {
    /// Who it was meant to be, where the gateway knows such a person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Arc<str>>,
    /// What was wrong.
    pub detail: String,
    /// By what it was tried.
    pub method: Arc<str>,
    /// The network address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<Arc<str>>,
}

/// A person, or somebody with a person's cookie, tried what they may not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRefused {
    /// Who, where that was known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Person>,
    /// The error code that they got.
    pub code: Arc<str>,
    /// Why not.
    pub detail: String,
    /// What: method and path, shortened to 256 characters.
    pub what: String,
}

/// A person has no rights any more, whatever a provider says; every sign-in has ended, and votes on
/// calls that are not decided are void.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRevoked {
    /// Who did it.
    pub by: Arc<str>,
    /// The e-mail address.
    pub email: Arc<str>,
    /// Why.
    pub reason: String,
}

/// A person has its rights again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonRestored {
    /// Who did it.
    pub by: Arc<str>,
    /// The e-mail address.
    pub email: Arc<str>,
    /// Why.
    pub reason: String,
}

/// An agent may make no call any more; what it had held is withdrawn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRevoked {
    /// The agent's name.
    pub agent: Arc<str>,
    /// Who did it.
    pub by: Arc<str>,
    /// Why.
    pub reason: String,
}

/// An agent may make calls again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentRestored {
    /// The agent's name.
    pub agent: Arc<str>,
    /// Who did it.
    pub by: Arc<str>,
    /// Why.
    pub reason: String,
}

/// A person lets another vote in their place for a time. The event's id names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegationOpened {
    /// Who gives the right.
    pub from: Person,
    /// The groups and roles that they have, which is all they can give.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Arc<str>>,
    /// Why.
    pub reason: String,
    /// The roles.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<Arc<str>>,
    /// Who gets it: an e-mail address.
    pub to: Arc<str>,
    /// When it ends.
    pub until: Timestamp,
}

/// A delegation ended before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DelegationClosed {
    /// Who ended it.
    pub by: Arc<str>,
    /// Which.
    pub delegation: EventId,
}
