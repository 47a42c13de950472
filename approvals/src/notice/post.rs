//! Hands mails to a mail server.

use crate::notice::letter::{Letter, LetterError};
use crate::notice::settings::{MailSettings, MailTls, SettingsError};
use events::Timestamp;
use lettre::message::Mailbox;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use std::sync::Arc;
use std::time::Duration;

/// How long a mail server has for each answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(20);

/// How long all of one mail may take.
const MAIL_WITHIN: Duration = Duration::from_mins(2);

/// How many connections are open to the mail server at most.
const CONNECTIONS_MAX: u32 = 4;

/// What a server answers that wants other credentials: no fault of the addressee, and it ends when
/// somebody has corrected them.
const CREDENTIALS_REFUSED: [&str; 6] = ["432", "454", "530", "534", "535", "538"];

/// Why something was not delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It never will be: it is not tried again.
    Final(String),
    /// It may be later.
    Later(String),
    /// It may be later, and nothing else is at the moment.
    Unreachable(String),
}

impl Failure {
    /// What went wrong.
    pub(super) fn detail(&self) -> &str {
        match self {
            Self::Final(detail) | Self::Later(detail) | Self::Unreachable(detail) => detail,
        }
    }
}

/// A mail server.
#[derive(Clone, Debug)]
pub(super) struct Post {
    from: Mailbox,
    smtp: AsyncSmtpTransport<Tokio1Executor>,
}

impl Post {
    /// Checks the settings; connects only when there is something to send.
    pub(super) fn new(settings: &MailSettings) -> Result<Self, SettingsError> {
        let from = settings.check()?;
        let wrong = |error: Error| SettingsError::Tls(error.to_string());
        let parameters = || {
            let mut parameters = TlsParameters::builder(settings.host.clone());
            if let Some(authority) = &settings.authority {
                let authority = Certificate::from_pem(authority).map_err(wrong)?;
                parameters = parameters.add_root_certificate(authority);
            }
            parameters.build_rustls().map_err(wrong)
        };
        let tls = match settings.tls {
            MailTls::Implicit => Tls::Wrapper(parameters()?),
            MailTls::None => Tls::None,
            MailTls::Starttls => Tls::Required(parameters()?),
        };
        let mut smtp = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&settings.host)
            .port(settings.port)
            .tls(tls)
            .timeout(Some(ANSWER_WITHIN))
            .hello_name(ClientId::Domain(from.email.domain().to_owned()))
            .pool_config(PoolConfig::new().max_size(CONNECTIONS_MAX));
        if let Some((user, password)) = &settings.account {
            let password = String::from_utf8_lossy(password.bytes()).into_owned();
            smtp = smtp.credentials(Credentials::new(user.clone(), password));
        }
        Ok(Self { from, smtp: smtp.build() })
    }

    /// What follows the `@` in the ids of messages.
    pub(super) fn domain(&self) -> Arc<str> {
        self.from.email.domain().into()
    }

    /// Sends a mail to one addressee.
    pub(super) async fn send(
        &self,
        letter: &Letter,
        to: &str,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let message = letter
            .to(&self.from, to, now)
            .map_err(|error: LetterError| Failure::Final(error.to_string()))?;
        match tokio::time::timeout(MAIL_WITHIN, self.smtp.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(judge(&error)),
            Err(_) => Err(Failure::Unreachable(format!(
                "the mail server did not take a mail within {MAIL_WITHIN:?}"
            ))),
        }
    }
}

/// What an error of the transport means for the addressee.
fn judge(error: &Error) -> Failure {
    let detail = with_causes(error);
    let Some(status) = error.status().map(|status| status.to_string()) else {
        return Failure::Unreachable(detail);
    };
    if CREDENTIALS_REFUSED.contains(&status.as_str()) {
        return Failure::Unreachable(detail);
    }
    if error.is_permanent() { Failure::Final(detail) } else { Failure::Later(detail) }
}

/// An error with what caused it, on one line.
pub(super) fn with_causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
