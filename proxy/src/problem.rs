//! What can go wrong for a caller: one public list of codes, each with its HTTP status.
//!
//! Each code has a page in `docs/errors/`. How an error looks on the wire is the dialect's matter.

use http::StatusCode;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $text:literal, $status:ident;)*) => {
        /// Why the gateway itself did not do what was asked.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ErrorCode {
            $($(#[$doc])* $name,)*
        }

        impl ErrorCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The code as callers see it.
            pub const fn text(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                }
            }

            /// Its HTTP status.
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$name => StatusCode::$status,)*
                }
            }
        }
    };
}

codes! {
    /// The answer is over the configured limit.
    AnswerTooLarge = "answer_too_large", BAD_GATEWAY;
    /// People had too little time to decide, or the agent to make the call; nothing was done.
    ApprovalExpired = "approval_expired", FORBIDDEN;
    /// People have not decided yet; the same call asked for again waits on.
    ApprovalPending = "approval_pending", FORBIDDEN;
    /// People said no.
    ApprovalRefused = "approval_refused", FORBIDDEN;
    /// The call is not to be made any more.
    ApprovalWithdrawn = "approval_withdrawn", FORBIDDEN;
    /// People are asked too much already.
    ApprovalsFull = "approvals_full", FORBIDDEN;
    /// The body is over the configured limit.
    BodyTooLarge = "body_too_large", PAYLOAD_TOO_LARGE;
    /// The body did not arrive in time, or not whole.
    BodyTooSlow = "body_too_slow", REQUEST_TIMEOUT;
    /// All memory for bodies is in use.
    Busy = "busy", SERVICE_UNAVAILABLE;
    /// The `Host` or `Origin` header is not one that this gateway answers to.
    ForbiddenOrigin = "forbidden_origin", FORBIDDEN;
    /// The token is good, and not for this: another one must be asked for.
    InsufficientScope = "insufficient_scope", FORBIDDEN;
    /// A defect of the gateway.
    Internal = "internal", INTERNAL_SERVER_ERROR;
    /// The key is not one that the gateway knows, or there is none.
    InvalidKey = "invalid_api_key", UNAUTHORIZED;
    /// The token is not one that the gateway accepts.
    InvalidToken = "invalid_token", UNAUTHORIZED;
    /// Nobody can say at the moment whether the token is good.
    IssuerUnavailable = "issuer_unavailable", SERVICE_UNAVAILABLE;
    /// The ledger cannot record, so nothing may be done.
    LedgerUnavailable = "ledger_unavailable", SERVICE_UNAVAILABLE;
    /// The call was made, but its outcome could not be recorded; the result is withheld.
    OutcomeUnrecorded = "outcome_unrecorded", SERVICE_UNAVAILABLE;
    /// The request is not what its dialect says.
    MalformedRequest = "malformed_request", BAD_REQUEST;
    /// The path is served, with another method.
    MethodNotAllowed = "method_not_allowed", METHOD_NOT_ALLOWED;
    /// No upstream serves the model.
    ModelNotFound = "model_not_found", NOT_FOUND;
    /// The path is not served.
    NotFound = "not_found", NOT_FOUND;
    /// The policy forbids it.
    PolicyDenied = "policy_denied", FORBIDDEN;
    /// The gateway is stopping.
    ShuttingDown = "shutting_down", SERVICE_UNAVAILABLE;
    /// The body's content encoding or type is not one that can be read.
    UnsupportedEncoding = "unsupported_encoding", UNSUPPORTED_MEDIA_TYPE;
    /// The connection to the upstream broke before the answer was whole.
    UpstreamBroken = "upstream_broken", BAD_GATEWAY;
    /// The upstream stayed silent too long.
    UpstreamTimedOut = "upstream_timed_out", GATEWAY_TIMEOUT;
    /// The upstream cannot be reached; nothing was sent.
    UpstreamUnreachable = "upstream_unreachable", BAD_GATEWAY;
}

impl ErrorCode {
    /// Whether the same request may be sent again as it is.
    pub const fn is_retryable(self) -> bool {
        match self {
            Self::BodyTooSlow
            | Self::Busy
            | Self::IssuerUnavailable
            | Self::LedgerUnavailable
            | Self::ShuttingDown
            | Self::UpstreamUnreachable => true,
            Self::ApprovalExpired
            | Self::ApprovalPending
            | Self::ApprovalRefused
            | Self::ApprovalWithdrawn
            | Self::ApprovalsFull
            | Self::AnswerTooLarge
            | Self::BodyTooLarge
            | Self::ForbiddenOrigin
            | Self::InsufficientScope
            | Self::Internal
            | Self::InvalidKey
            | Self::InvalidToken
            | Self::OutcomeUnrecorded
            | Self::MalformedRequest
            | Self::MethodNotAllowed
            | Self::ModelNotFound
            | Self::NotFound
            | Self::PolicyDenied
            | Self::UnsupportedEncoding
            | Self::UpstreamBroken
            | Self::UpstreamTimedOut => false,
        }
    }

    /// Whether it is an answer about the call, which a model should read, and nothing that its
    /// client could mend.
    pub const fn is_for_the_model(self) -> bool {
        matches!(
            self,
            Self::ApprovalExpired
                | Self::ApprovalPending
                | Self::ApprovalRefused
                | Self::ApprovalWithdrawn
                | Self::ApprovalsFull
                | Self::PolicyDenied
        )
    }

    /// Whether the upstream may have done what was asked.
    pub const fn may_have_acted(self) -> bool {
        match self {
            Self::AnswerTooLarge
            | Self::Internal
            | Self::OutcomeUnrecorded
            | Self::UpstreamBroken
            | Self::UpstreamTimedOut => true,
            Self::ApprovalExpired
            | Self::ApprovalPending
            | Self::ApprovalRefused
            | Self::ApprovalWithdrawn
            | Self::ApprovalsFull
            | Self::BodyTooLarge
            | Self::BodyTooSlow
            | Self::Busy
            | Self::ForbiddenOrigin
            | Self::InsufficientScope
            | Self::InvalidKey
            | Self::InvalidToken
            | Self::IssuerUnavailable
            | Self::LedgerUnavailable
            | Self::MalformedRequest
            | Self::MethodNotAllowed
            | Self::ModelNotFound
            | Self::NotFound
            | Self::PolicyDenied
            | Self::ShuttingDown
            | Self::UnsupportedEncoding
            | Self::UpstreamUnreachable => false,
        }
    }
}

/// An error on its way to the caller.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Problem {
    /// What kind.
    pub code: ErrorCode,
    /// What the caller may know: what failed, which value, what to do.
    pub message: String,
    /// The id of the call or refusal on record, where there is one.
    pub id: Option<String>,
}

impl Problem {
    /// An error that is not on record yet.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), id: None }
    }

    /// The same error, recorded under `id`.
    #[must_use]
    pub fn recorded_as(mut self, id: events::CallId) -> Self {
        self.id = Some(id.to_string());
        self
    }
}
