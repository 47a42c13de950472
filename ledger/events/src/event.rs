//! The sum of all facts, and the name of each.

use crate::{
    AgentRestored, AgentRevoked, CallCancelled, CallCompleted, CallDenied, CallDispatched,
    CallFailed, CallHeld, CallInDoubt, CallLinked, CallRefused, DelegationClosed, DelegationOpened,
    EraseRequested, FindingRaised, GatewayStarted, GatewayStopped, GrantOpened, GrantRevoked,
    HoldCommented, HoldEdited, HoldExpired, HoldGranted, HoldLeft, HoldRefused, HoldRejoined,
    HoldViewed, HoldVoted, HoldWithdrawn, LedgerExported, LedgerGap, LedgerRecovered,
    LegalHoldLifted, LegalHoldPlaced, MessageRelayed, NoticeFailed, NoticeSent, PasskeyRegistered,
    PasskeyRemoved, PayloadErased, PayloadRef, PersonAdded, PersonRefused, PersonRestored,
    PersonRevoked, PersonSignedIn, PersonSignedOut, PolicyLoaded, PolicyRejected, SignInFailed,
    ToolsChanged, UpstreamStarted, UpstreamStopped,
};
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

/// Something that can be recorded.
pub trait Fact: Serialize {
    /// The CloudEvents `type`.
    const KIND: &'static str;
}

macro_rules! events {
    ($($name:ident = $kind:literal,)*) => {
        /// The name of every kind of event.
        pub const KINDS: &[&str] = &[$($kind),*];

        /// Any event that can be recorded.
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub enum Event {
            $(#[doc = concat!("`", $kind, "`.")] $name($name),)*
        }

        $(impl Fact for $name {
            const KIND: &'static str = $kind;
        }

        impl From<$name> for Event {
            fn from(fact: $name) -> Self {
                Self::$name(fact)
            }
        })*

        /// As the fact alone: the kind stands in the envelope.
        impl Serialize for Event {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$name(fact) => fact.serialize(serializer),)*
                }
            }
        }

        impl Event {
            /// Its CloudEvents `type`.
            pub const fn kind(&self) -> &'static str {
                match self {
                    $(Self::$name(_) => $kind,)*
                }
            }

            /// Reads the data of an event of this kind; `None` for a kind nobody knows.
            pub(crate) fn parse(
                kind: &str,
                data: &RawValue,
            ) -> Option<Result<Self, serde_json::Error>> {
                match kind {
                    $($kind => Some(serde_json::from_str(data.get()).map(Self::$name)),)*
                    _ => None,
                }
            }
        }
    };
}

events! {
    AgentRestored = "agent.restored",
    AgentRevoked = "agent.revoked",
    CallCancelled = "call.cancelled",
    CallCompleted = "call.completed",
    CallDenied = "call.denied",
    CallDispatched = "call.dispatched",
    CallFailed = "call.failed",
    CallHeld = "call.held",
    CallInDoubt = "call.in_doubt",
    CallLinked = "call.linked",
    CallRefused = "call.refused",
    DelegationClosed = "delegation.closed",
    DelegationOpened = "delegation.opened",
    FindingRaised = "finding.raised",
    GatewayStarted = "gateway.started",
    GatewayStopped = "gateway.stopped",
    GrantOpened = "grant.opened",
    GrantRevoked = "grant.revoked",
    HoldCommented = "hold.commented",
    HoldEdited = "hold.edited",
    HoldExpired = "hold.expired",
    HoldGranted = "hold.granted",
    HoldLeft = "hold.left",
    HoldRefused = "hold.refused",
    HoldRejoined = "hold.rejoined",
    HoldViewed = "hold.viewed",
    HoldVoted = "hold.voted",
    HoldWithdrawn = "hold.withdrawn",
    LedgerExported = "ledger.exported",
    LedgerGap = "ledger.gap",
    LedgerRecovered = "ledger.recovered",
    LegalHoldLifted = "legal_hold.lifted",
    LegalHoldPlaced = "legal_hold.placed",
    MessageRelayed = "message.relayed",
    NoticeFailed = "notice.failed",
    NoticeSent = "notice.sent",
    PasskeyRegistered = "passkey.registered",
    PasskeyRemoved = "passkey.removed",
    EraseRequested = "payload.erase_requested",
    PayloadErased = "payload.erased",
    PersonAdded = "person.added",
    PersonRefused = "person.refused",
    PersonRestored = "person.restored",
    PersonRevoked = "person.revoked",
    SignInFailed = "person.sign_in_failed",
    PersonSignedIn = "person.signed_in",
    PersonSignedOut = "person.signed_out",
    PolicyLoaded = "policy.loaded",
    PolicyRejected = "policy.rejected",
    ToolsChanged = "tools.changed",
    UpstreamStarted = "upstream.started",
    UpstreamStopped = "upstream.stopped",
}

impl Event {
    /// Whether it tells how a dispatched call ended; after a dispatch there is exactly one.
    pub const fn is_outcome(&self) -> bool {
        matches!(
            self,
            Self::CallCompleted(_)
                | Self::CallFailed(_)
                | Self::CallCancelled(_)
                | Self::CallInDoubt(_)
        )
    }

    /// The payload that it names; no event names two.
    pub const fn payload(&self) -> Option<&PayloadRef> {
        match self {
            Self::CallDispatched(fact) => fact.request.as_ref(),
            Self::CallDenied(fact) => fact.request.as_ref(),
            Self::CallHeld(fact) => fact.request.as_ref(),
            Self::CallCompleted(fact) => fact.answer.as_ref(),
            Self::CallFailed(fact) => fact.answer.as_ref(),
            Self::CallCancelled(fact) => fact.answer.as_ref(),
            Self::MessageRelayed(fact) => Some(&fact.payload),
            Self::HoldEdited(fact) => Some(&fact.request),
            Self::GrantOpened(fact) => Some(&fact.shape),
            Self::AgentRestored(_)
            | Self::AgentRevoked(_)
            | Self::CallInDoubt(_)
            | Self::CallLinked(_)
            | Self::CallRefused(_)
            | Self::DelegationClosed(_)
            | Self::DelegationOpened(_)
            | Self::EraseRequested(_)
            | Self::FindingRaised(_)
            | Self::GatewayStarted(_)
            | Self::GatewayStopped(_)
            | Self::GrantRevoked(_)
            | Self::HoldCommented(_)
            | Self::HoldExpired(_)
            | Self::HoldGranted(_)
            | Self::HoldLeft(_)
            | Self::HoldRefused(_)
            | Self::HoldRejoined(_)
            | Self::HoldViewed(_)
            | Self::HoldVoted(_)
            | Self::HoldWithdrawn(_)
            | Self::LedgerExported(_)
            | Self::LedgerGap(_)
            | Self::LedgerRecovered(_)
            | Self::LegalHoldLifted(_)
            | Self::LegalHoldPlaced(_)
            | Self::NoticeFailed(_)
            | Self::NoticeSent(_)
            | Self::PasskeyRegistered(_)
            | Self::PasskeyRemoved(_)
            | Self::PayloadErased(_)
            | Self::PersonAdded(_)
            | Self::PersonRefused(_)
            | Self::PersonRestored(_)
            | Self::PersonRevoked(_)
            | Self::PersonSignedIn(_)
            | Self::PersonSignedOut(_)
            | Self::PolicyLoaded(_)
            | Self::PolicyRejected(_)
            | Self::SignInFailed(_)
            | Self::ToolsChanged(_)
            | Self::UpstreamStarted(_)
            | Self::UpstreamStopped(_) => None,
        }
    }
}
