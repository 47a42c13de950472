//! What notices go through, and what is wrong with such settings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Uri;
use lettre::message::Mailbox;
use lettre::{Address, address::AddressError};
use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// What begins the secret of a webhook as Standard Webhooks writes it.
const SECRET_PREFIX: &str = "whsec_";

/// The fewest bytes a webhook's secret may have.
const SECRET_BYTES_MIN: usize = 24;

/// The name of the channel that is no webhook.
pub(super) const MAIL: &str = "mail";

/// What opens something; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Arc<[u8]>);

impl Secret {
    /// A secret that is text as it stands.
    pub fn new(text: &str) -> Self {
        Self(text.as_bytes().into())
    }

    /// The key of a webhook: `whsec_` and base64 as Standard Webhooks has it, or any text; at
    /// least 24 bytes.
    pub fn of_webhook(text: &str) -> Result<Self, SettingsError> {
        let key = match text.strip_prefix(SECRET_PREFIX) {
            Some(rest) => STANDARD.decode(rest).map_err(|_| SettingsError::SecretEncoding)?,
            None => text.as_bytes().to_vec(),
        };
        if key.len() < SECRET_BYTES_MIN {
            return Err(SettingsError::SecretShort { bytes: key.len() });
        }
        Ok(Self(key.into()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret")
    }
}

/// How the way to the mail server is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailTls {
    /// From the first byte.
    Implicit,
    /// Not at all; to this machine alone.
    None,
    /// `STARTTLS`, without which nothing is sent.
    Starttls,
}

/// How mails are sent.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// A certificate in PEM that the server's is trusted by; nothing: those of the system.
    pub authority: Option<Vec<u8>>,
    /// Who gets what nobody else would get; at least one address.
    pub fallback: Vec<Arc<str>>,
    /// The sender: an address, with a name before it if wanted.
    pub from: String,
    /// The mail server.
    pub host: String,
    /// How many mails an addressee gets within an hour before further ones are gathered.
    pub per_hour_max: usize,
    /// Its port.
    pub port: u16,
    /// How the way there is encrypted.
    pub tls: MailTls,
    /// The account there, with its password.
    pub account: Option<(String, Secret)>,
}

/// What a webhook understands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookKind {
    /// Slack's incoming webhooks, and whatever takes the same.
    Slack,
    /// JSON, signed as Standard Webhooks says.
    Standard(Secret),
}

/// Where programs are told.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// What it understands.
    pub kind: WebhookKind,
    /// Its name; it is that of its channel on record, so it stays the same.
    pub name: Arc<str>,
    /// Its address. It may be a secret, so it is never shown.
    pub url: String,
}

/// How long is tried to deliver one notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long after the first failure it is tried again; each time it takes twice as long.
    pub first: Duration,
    /// The longest wait between two tries.
    pub most: Duration,
    /// How long after the first failure it is given up.
    pub give_up: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_secs(2),
            most: Duration::from_mins(10),
            give_up: Duration::from_hours(4),
        }
    }
}

/// Everything that notices need to know.
#[derive(Clone, Debug)]
pub struct NoticeSettings {
    /// Mails, if there are any.
    pub mail: Option<MailSettings>,
    /// How long is tried.
    pub patience: Patience,
    /// How people reach the pages: what links begin with.
    pub public_url: String,
    /// Who has which role by the configuration, whether or not they ever signed in.
    pub role_holders: BTreeMap<Arc<str>, Vec<Arc<str>>>,
    /// Webhooks.
    pub webhooks: Vec<WebhookSettings>,
}

/// What is wrong with settings.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// An address is none.
    #[error("`{address}` is not an e-mail address: {cause}")]
    Address {
        /// What it is.
        address: String,
        /// Why it is none.
        cause: AddressError,
    },
    /// Something would go over the network unencrypted.
    #[error("`{0}` is not this machine, so what goes there has to be encrypted")]
    Insecure(String),
    /// A webhook has the name of the channel of mails.
    #[error("a webhook cannot be named `{MAIL}`: that is the channel of mails")]
    Name,
    /// Mails without a fallback.
    #[error("mails need a fallback: who gets what nobody else would get?")]
    NoFallback,
    /// A webhook's secret is no base64.
    #[error("a webhook's secret that begins with `{SECRET_PREFIX}` goes on in base64")]
    SecretEncoding,
    /// A webhook's secret can be guessed.
    #[error("a webhook's secret has at least {SECRET_BYTES_MIN} bytes, not {bytes}")]
    SecretShort {
        /// What it has.
        bytes: usize,
    },
    /// TLS cannot be set up.
    #[error("cannot set up TLS: {0}")]
    Tls(String),
    /// Two webhooks have one name.
    #[error("two webhooks are named `{0}`: their notices could not be told apart")]
    Twice(Arc<str>),
    /// No web address. It is not shown: whoever knows that of a chat can post there.
    #[error("the address of the webhook `{0}` does not begin with `https://` and a host")]
    Url(Arc<str>),
}

impl MailSettings {
    /// The sender, once everything is found in order.
    pub(super) fn check(&self) -> Result<Mailbox, SettingsError> {
        if self.fallback.is_empty() {
            return Err(SettingsError::NoFallback);
        }
        for address in &self.fallback {
            parse_address(address)?;
        }
        if self.tls == MailTls::None && !is_this_machine(&self.host) {
            return Err(SettingsError::Insecure(self.host.clone()));
        }
        self.from
            .parse()
            .map_err(|cause| SettingsError::Address { address: self.from.clone(), cause })
    }
}

impl WebhookSettings {
    /// The address, which is encrypted unless it is on this machine.
    pub(super) fn check(&self) -> Result<Uri, SettingsError> {
        let refuse = || SettingsError::Url(Arc::clone(&self.name));
        let uri: Uri = self.url.parse().map_err(|_| refuse())?;
        let host = uri.host().ok_or_else(refuse)?;
        match uri.scheme_str() {
            Some("https") => Ok(uri),
            Some("http") if is_this_machine(host) => Ok(uri),
            Some("http") => Err(SettingsError::Insecure(host.to_owned())),
            Some(_) | None => Err(refuse()),
        }
    }
}

impl fmt::Debug for WebhookSettings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("WebhookSettings");
        shown.field("kind", &self.kind).field("name", &self.name).finish_non_exhaustive()
    }
}

/// Reads one address.
pub(super) fn parse_address(address: &str) -> Result<Address, SettingsError> {
    address.parse().map_err(|cause| SettingsError::Address { address: address.to_owned(), cause })
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mail(host: &str, tls: MailTls) -> MailSettings {
        MailSettings {
            authority: None,
            fallback: vec!["ops@example.com".into()],
            from: "Countersign <gate@example.com>".to_owned(),
            host: host.to_owned(),
            per_hour_max: 20,
            port: 587,
            tls,
            account: None,
        }
    }

    #[test]
    fn nothing_goes_unencrypted_but_to_this_machine() {
        assert!(mail("127.0.0.1", MailTls::None).check().is_ok());
        assert!(mail("mail.example.com", MailTls::Starttls).check().is_ok());
        let error = mail("mail.example.com", MailTls::None).check().unwrap_err();
        assert!(error.to_string().starts_with("`mail.example.com` is not this machine"));
        let url = |url: &str| {
            let url = url.to_owned();
            WebhookSettings { kind: WebhookKind::Slack, name: "chat".into(), url }.check()
        };
        assert!(url("http://[::1]:80/x").is_ok() && url("http://localhost/x").is_ok());
        assert!(matches!(url("http://chat.example/x"), Err(SettingsError::Insecure(_))));
        assert!(matches!(url("http://localhost.evil/x"), Err(SettingsError::Insecure(_))));
        let error = url("ftp://chat.example/secret").unwrap_err();
        assert!(error.to_string().contains("`chat`") && !error.to_string().contains("secret"));
    }

    #[test]
    fn mails_have_a_fallback_and_addresses_that_are_some() {
        let mut settings = mail("localhost", MailTls::None);
        settings.fallback = vec!["ops@example.com\r\nBcc: x@example.com".into()];
        assert!(matches!(settings.check(), Err(SettingsError::Address { .. })));
        settings.fallback.clear();
        assert!(matches!(settings.check(), Err(SettingsError::NoFallback)));
    }

    #[test]
    fn a_webhooks_secret_is_long_and_is_never_shown() {
        let key = Secret::of_webhook("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(key.bytes().len(), 24);
        assert!(Secret::of_webhook("short").is_err());
        assert!(Secret::of_webhook("whsec_???").is_err());
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret");
    }
}
