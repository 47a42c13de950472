//! What people are told about a call that waits for them.

use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Why people were told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoticeKind {
    /// A call is held.
    Asked,
    /// It is decided.
    Decided,
    /// It was edited, so it is decided on again.
    Edited,
    /// It has waited for long.
    Escalated,
    /// It still waits.
    Reminded,
}

/// People were told about a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeSent {
    /// By what: `mail`, or the name of a webhook.
    pub channel: Arc<str>,
    /// Why.
    pub kind: NoticeKind,
    /// The message's own id: `Message-ID`, or that of the webhook's message.
    pub message: Arc<str>,
    /// Which of its kind for this call, from 0.
    pub round: u32,
    /// Who: e-mail addresses, or the webhook's name.
    pub to: Vec<Arc<str>>,
}

/// People could not be told about a call, and it is not tried again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NoticeFailed {
    /// By what.
    pub channel: Arc<str>,
    /// What went wrong last.
    pub detail: String,
    /// Why they were to be told.
    pub kind: NoticeKind,
    /// The message's own id.
    pub message: Arc<str>,
    /// Which of its kind for this call, from 0.
    pub round: u32,
    /// Who.
    pub to: Vec<Arc<str>>,
    /// How often it was tried.
    pub tries: u32,
}
