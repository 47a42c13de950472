//! Attempts that were refused, on record: who tried what, so many within an hour.

use super::Site;
use approvals::{CommandError, Refusal};
use events::{Person, PersonRefused, SignInFailed};
use http::StatusCode;
use std::net::IpAddr;
use std::sync::Arc;

/// How many characters of what was tried are kept.
const WHAT_CHARACTERS_MAX: usize = 256;

/// Why something was not done, for whoever wanted it.
#[derive(Clone, Debug)]
pub(super) struct No {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) detail: String,
}

impl No {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self { status, code, detail: detail.into() }
    }

    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", detail)
    }

    pub(super) fn unknown() -> Self {
        let detail = "there is no such call, or it was decided long ago";
        Self::new(StatusCode::NOT_FOUND, "unknown", detail)
    }

    pub(super) fn unprocessable(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, detail)
    }
}

impl From<CommandError> for No {
    fn from(error: CommandError) -> Self {
        let detail = error.to_string();
        let (status, code) = match error {
            CommandError::Unknown => (StatusCode::NOT_FOUND, "unknown"),
            CommandError::Refused(refusal) => (status(&refusal), refusal.code()),
            CommandError::Grant(_) => (StatusCode::UNPROCESSABLE_ENTITY, "grant_refused"),
            CommandError::Delegation(_) => (StatusCode::UNPROCESSABLE_ENTITY, "delegation_refused"),
            CommandError::Record(_) => (StatusCode::SERVICE_UNAVAILABLE, "ledger_unavailable"),
            CommandError::Elsewhere { answered: true, .. } => {
                (StatusCode::CONFLICT, "refused_there")
            }
            CommandError::Elsewhere { answered: false, .. } => {
                (StatusCode::SERVICE_UNAVAILABLE, "gateway_unavailable")
            }
            CommandError::Stopping => (StatusCode::SERVICE_UNAVAILABLE, "shutting_down"),
        };
        Self { status, code, detail }
    }
}

const fn status(refusal: &Refusal) -> StatusCode {
    if refusal.is_conflict() {
        return StatusCode::CONFLICT;
    }
    match refusal {
        Refusal::ReasonRequired
        | Refusal::PasskeyRequired
        | Refusal::TooLong { .. }
        | Refusal::Empty
        | Refusal::ViewRequired
        | Refusal::Unchanged => StatusCode::UNPROCESSABLE_ENTITY,
        Refusal::Ineligible(_)
        | Refusal::SignedOut
        | Refusal::NotDelegated { .. }
        | Refusal::EditForbidden
        | Refusal::NoBreakGlass { .. }
        | Refusal::NoSay { .. }
        | Refusal::AlreadyVoted { .. }
        | Refusal::Stale { .. }
        | Refusal::Decided { .. }
        | Refusal::BeingMade
        | Refusal::TooLate { .. } => StatusCode::FORBIDDEN,
    }
}

impl Site {
    /// Puts on record that a person tried what they may not.
    pub(super) async fn refused(&self, by: Option<Person>, what: &str, no: &No) {
        if no.status.is_server_error() || !self.refusals().take(self.now()) {
            tracing::warn!(what, code = no.code, "a refused attempt is not on record");
            return;
        }
        let what = what.chars().take(WHAT_CHARACTERS_MAX).collect();
        let fact = PersonRefused { by, code: no.code.into(), detail: no.detail.clone(), what };
        if let Err(error) = self.desk().note(fact).await {
            tracing::error!(%error, "a refused attempt is not on record");
        }
    }

    /// Puts on record that somebody did not get in.
    pub(super) async fn sign_in_failed(
        &self,
        account: Option<Arc<str>>,
        (method, peer): (Arc<str>, IpAddr),
        detail: String,
    ) {
        if !self.failures().take(self.now()) {
            tracing::warn!(%method, %peer, "a failed sign-in is not on record");
            return;
        }
        let peer = Some(peer.to_string().into());
        let fact = SignInFailed { account, detail, method, peer };
        if let Err(error) = self.desk().note(fact).await {
            tracing::error!(%error, "a failed sign-in is not on record");
        }
    }
}
