//! The sum of all facts, and the name of each.

use crate::{
    CallCancelled, CallCompleted, CallDenied, CallDispatched, CallFailed, CallInDoubt, CallLinked,
    CallRefused, EraseRequested, FindingRaised, GatewayStarted, GatewayStopped, LedgerExported,
    LedgerGap, LedgerRecovered, LegalHoldLifted, LegalHoldPlaced, MessageRelayed, PayloadErased,
    PayloadRef, ToolsChanged, UpstreamStarted, UpstreamStopped,
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
    CallCancelled = "call.cancelled",
    CallCompleted = "call.completed",
    CallDenied = "call.denied",
    CallDispatched = "call.dispatched",
    CallFailed = "call.failed",
    CallInDoubt = "call.in_doubt",
    CallLinked = "call.linked",
    CallRefused = "call.refused",
    FindingRaised = "finding.raised",
    GatewayStarted = "gateway.started",
    GatewayStopped = "gateway.stopped",
    LedgerExported = "ledger.exported",
    LedgerGap = "ledger.gap",
    LedgerRecovered = "ledger.recovered",
    LegalHoldLifted = "legal_hold.lifted",
    LegalHoldPlaced = "legal_hold.placed",
    MessageRelayed = "message.relayed",
    EraseRequested = "payload.erase_requested",
    PayloadErased = "payload.erased",
    ToolsChanged = "tools.changed",
    UpstreamStarted = "upstream.started",
    UpstreamStopped = "upstream.stopped",
}

impl Event {
    /// The payload that it names; no event names two.
    pub const fn payload(&self) -> Option<&PayloadRef> {
        match self {
            Self::CallDispatched(fact) => fact.request.as_ref(),
            Self::CallDenied(fact) => fact.request.as_ref(),
            Self::CallCompleted(fact) => fact.answer.as_ref(),
            Self::CallFailed(fact) => fact.answer.as_ref(),
            Self::CallCancelled(fact) => fact.answer.as_ref(),
            Self::MessageRelayed(fact) => Some(&fact.payload),
            Self::CallInDoubt(_)
            | Self::CallLinked(_)
            | Self::CallRefused(_)
            | Self::EraseRequested(_)
            | Self::FindingRaised(_)
            | Self::GatewayStarted(_)
            | Self::GatewayStopped(_)
            | Self::LedgerExported(_)
            | Self::LedgerGap(_)
            | Self::LedgerRecovered(_)
            | Self::LegalHoldLifted(_)
            | Self::LegalHoldPlaced(_)
            | Self::PayloadErased(_)
            | Self::ToolsChanged(_)
            | Self::UpstreamStarted(_)
            | Self::UpstreamStopped(_) => None,
        }
    }
}
