//! Who is told about calls that wait, and by what: from the configuration and from who is known at
//! the desk to the courier's settings.

use crate::config::{self, Config};
use approvals::notice::{
    Directory, MailSettings, MailTls, NoticeSettings, Patience, Secret, SettingsError, WebhookKind,
    WebhookSettings,
};
use approvals::{Desk, Roster};
use events::{Filter, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// How many mails an addressee gets within an hour before further ones are gathered.
const MAILS_PER_HOUR_MAX: usize = 20;

/// Everybody whom the desk knows.
pub struct Known(pub Desk);

impl Directory for Known {
    fn addresses(&self, filter: &Filter, now: Timestamp) -> Vec<Arc<str>> {
        let roster = self.0.roster();
        let mut found: BTreeSet<Arc<str>> = meant(&roster, filter);
        let delegations = roster.delegations(now);
        let delegates = delegations.filter(|(_, it)| found.contains(&*it.from.email));
        let delegates: Vec<Arc<str>> = delegates.map(|(_, it)| Arc::clone(&it.to)).collect();
        found.extend(delegates);
        found.into_iter().filter(|email| roster.revoked_person(email).is_none()).collect()
    }
}

fn meant(roster: &Roster, filter: &Filter) -> BTreeSet<Arc<str>> {
    let people = roster.people();
    let email = |known: &approvals::roster::Known| Arc::clone(&known.person.email);
    match filter {
        Filter::Person(address) => BTreeSet::from([Arc::clone(address)]),
        Filter::Group(group) => {
            people.filter(|known| known.groups.contains(group)).map(email).collect()
        }
        Filter::Role(role) => {
            people.filter(|known| known.roles.contains(role)).map(email).collect()
        }
    }
}

/// What the courier needs to know; nothing where nobody is told of anything. `url` is how people
/// reach the pages.
pub fn notice_settings(
    config: &Config,
    url: String,
) -> Result<Option<NoticeSettings>, SettingsError> {
    if config.mail.is_none() && config.webhooks.is_empty() {
        return Ok(None);
    }
    let webhooks = config.webhooks.iter().map(webhook).collect::<Result<_, _>>()?;
    Ok(Some(NoticeSettings {
        mail: config.mail.as_ref().map(mail),
        patience: Patience::default(),
        public_url: url,
        webhooks,
    }))
}

fn mail(mail: &config::MailConfig) -> MailSettings {
    MailSettings {
        fallback: mail.fallback.iter().map(|address| address.as_str().into()).collect(),
        from: mail.from.to_string(),
        host: mail.host.clone(),
        per_hour_max: MAILS_PER_HOUR_MAX,
        port: mail.port,
        tls: match mail.tls {
            config::MailTls::Implicit => MailTls::Implicit,
            config::MailTls::None => MailTls::None,
            config::MailTls::StartTls => MailTls::Starttls,
        },
        account: mail
            .login
            .as_ref()
            .map(|(user, password)| (user.clone(), Secret::new(password.expose()))),
    }
}

fn webhook(webhook: &config::Webhook) -> Result<WebhookSettings, SettingsError> {
    let kind = match &webhook.kind {
        config::WebhookKind::Slack => WebhookKind::Slack,
        config::WebhookKind::Standard { secret } => {
            WebhookKind::Standard(Secret::of_webhook(secret.expose())?)
        }
    };
    let (name, url) = (webhook.name.as_str().into(), webhook.url.expose().to_owned());
    Ok(WebhookSettings { kind, name, url })
}
