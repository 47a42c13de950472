//! Tells people and programs about calls that wait, by mail and by webhooks.
//!
//! What is due is a fold of the ledger ([`Outbox`]); a task sends it and records that
//! ([`Courier`]). See `docs/notices.md`.

mod neutral;

mod settings;

mod backoff;

mod routing;

mod story;

mod outbox;

mod words;

mod letter;

mod post;

mod webhook;

mod delivery;

mod courier;

#[cfg(test)]
mod samples;

pub use courier::Courier;
pub use outbox::Outbox;
pub use settings::{
    MailSettings, MailTls, NoticeSettings, Patience, Secret, SettingsError, WebhookKind,
    WebhookSettings,
};
