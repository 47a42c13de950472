//! One line for any event: what a person wants to know first. The text may hold what agents wrote;
//! whoever shows it makes it safe.

mod calls;

mod custody;

mod gateway;

mod holds;

mod people;

use crate::words;
use events::Event;

/// An event in one line.
pub fn summary(event: &Event) -> String {
    match event {
        Event::AgentRestored(fact) => format!("{}: {}: {}", fact.by, fact.agent, fact.reason),
        Event::AgentRevoked(fact) => format!("{}: {}: {}", fact.by, fact.agent, fact.reason),
        Event::CallCancelled(fact) => calls::cancelled(fact),
        Event::CallCompleted(fact) => calls::completed(fact),
        Event::CallDenied(fact) => calls::denied(fact),
        Event::CallDispatched(fact) => calls::dispatched(fact),
        Event::CallFailed(fact) => calls::failed(fact),
        Event::CallHeld(fact) => holds::held(fact),
        Event::CallInDoubt(fact) => calls::in_doubt(fact),
        Event::CallLinked(fact) => calls::linked(fact),
        Event::CallRefused(fact) => calls::refused(fact),
        Event::DelegationClosed(fact) => format!("{}: {}", fact.by, fact.delegation),
        Event::DelegationOpened(fact) => people::delegated(fact),
        Event::EraseRequested(fact) => custody::erase_requested(fact),
        Event::FindingRaised(fact) => format!("{}: {}", words::finding(fact.kind), fact.detail),
        Event::GatewayStarted(fact) => gateway::started(fact),
        Event::GatewayStopped(fact) => {
            format!("{}, {} calls cancelled", fact.reason, fact.cancelled)
        }
        Event::GrantOpened(fact) => holds::grant_opened(fact),
        Event::GrantRevoked(fact) => format!("{}: {}: {}", fact.by.email, fact.grant, fact.reason),
        Event::HoldCommented(fact) => format!("{}: {}", fact.by.email, fact.text),
        Event::HoldEdited(fact) => holds::edited(fact),
        Event::HoldExpired(fact) => holds::expired(fact),
        Event::HoldGranted(fact) => holds::granted(fact),
        Event::HoldLeft(fact) => format!("nobody waits: {}", fact.detail),
        Event::HoldRefused(fact) => holds::refused(fact),
        Event::HoldRejoined(fact) => format!("asked for again, {}", words::rejoined(&fact.by)),
        Event::HoldViewed(fact) => holds::viewed(fact),
        Event::HoldVoted(fact) => holds::voted(fact),
        Event::HoldWithdrawn(fact) => format!("by {}: {}", words::actor(&fact.by), fact.reason),
        Event::LedgerExported(fact) => custody::exported(fact),
        Event::LedgerGap(fact) => custody::gap(fact),
        Event::LedgerRecovered(fact) => custody::recovered(fact),
        Event::LegalHoldLifted(fact) => format!("{}: {}: {}", fact.by, fact.hold, fact.reason),
        Event::LegalHoldPlaced(fact) => custody::hold_placed(fact),
        Event::MessageRelayed(fact) => gateway::relayed(fact),
        Event::NoticeFailed(fact) => holds::notice_failed(fact),
        Event::NoticeSent(fact) => holds::notice_sent(fact),
        Event::PasskeyRegistered(fact) => people::passkey_registered(fact),
        Event::PasskeyRemoved(fact) => people::passkey_removed(fact),
        Event::PayloadErased(fact) => custody::erased(fact),
        Event::PersonAdded(fact) => people::added(fact),
        Event::PersonRefused(fact) => people::refused(fact),
        Event::PersonRestored(fact) => format!("{}: {}: {}", fact.by, fact.email, fact.reason),
        Event::PersonRevoked(fact) => format!("{}: {}: {}", fact.by, fact.email, fact.reason),
        Event::PersonSignedIn(fact) => people::signed_in(fact),
        Event::PersonSignedOut(fact) => format!("{} ({})", fact.person.email, fact.sign_in),
        Event::PolicyLoaded(fact) => people::loaded(fact),
        Event::PolicyRejected(fact) => people::rejected(fact),
        Event::SignInFailed(fact) => people::sign_in_failed(fact),
        Event::ToolsChanged(fact) => gateway::tools_changed(fact),
        Event::UpstreamStarted(fact) => gateway::upstream_started(fact),
        Event::UpstreamStopped(fact) => gateway::upstream_stopped(fact),
    }
}

#[cfg(test)]
mod tests;
