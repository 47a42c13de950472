//! Who hears of calls that wait, by mail and by webhook.

use std::fmt;
use std::path::PathBuf;

use super::super::secret::Secret;
use super::upstreams::Setting;

/// `[mail]`: how mail is sent.
#[derive(Debug, Clone)]
pub struct MailConfig {
    /// Whom it comes from.
    pub from: Mailbox,
    /// The server that takes it: a name, or an address without brackets.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// How the connection is encrypted.
    pub tls: MailTls,
    /// A file of certificates in PEM that the server's is trusted by; nothing: those of the system.
    pub ca: Option<PathBuf>,
    /// Account and password at the server; nothing: it takes mail without.
    pub login: Option<(String, Secret)>,
    /// Who gets mail that nobody else would get; at least one address, in lower case.
    pub fallback: Vec<String>,
}

/// How a connection to a mail server is encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte.
    Implicit,
    /// Not at all; only to a server on this machine.
    None,
    /// By `STARTTLS`, without which nothing is sent.
    StartTls,
}

/// An address of mail, and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// What is shown for it: on one line, without `"` and `\`.
    pub name: Option<String>,
    /// The address: ASCII, one `@`, nothing quoted.
    pub address: String,
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(name) = &self.name else { return f.write_str(&self.address) };
        write!(f, "\"{name}\" <{}>", self.address)
    }
}

/// `[[webhook]]`: who else hears of calls that wait.
#[derive(Debug, Clone)]
pub struct Webhook {
    /// Unique among webhooks.
    pub name: String,
    /// Where it is; `https`, or on this machine. A secret where the address alone lets one post.
    pub url: Setting,
    /// What it is told, and how.
    pub kind: WebhookKind,
}

/// What a webhook is told, and how.
#[derive(Debug, Clone)]
pub enum WebhookKind {
    /// As an incoming webhook of Slack takes it: a text and a link.
    Slack,
    /// As Standard Webhooks has it, signed.
    Standard {
        /// What signs: `whsec_` and the key in base64, or else a text that is the key itself.
        secret: Secret,
    },
}
