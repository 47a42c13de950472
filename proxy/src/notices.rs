//! How people are told about calls that wait: from the configuration to the courier's settings.

use crate::config::{self, Config, RoleHolder, Roles};
use approvals::notice::{
    MailSettings, MailTls, NoticeSettings, Patience, Secret, SettingsError, WebhookKind,
    WebhookSettings,
};
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

/// How many mails an addressee gets within an hour before further ones are gathered.
const MAILS_PER_HOUR_MAX: usize = 20;

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
        mail: config.mail.as_ref().map(mail).transpose()?,
        patience: Patience::default(),
        public_url: url,
        role_holders: role_holders(&config.people.roles),
        webhooks,
    }))
}

/// Who has which role by address. Those of groups are known by what is on record of them.
fn role_holders(roles: &Roles) -> BTreeMap<Arc<str>, Vec<Arc<str>>> {
    let address = |holder: &RoleHolder| match holder {
        RoleHolder::Group(_) => None,
        RoleHolder::Person(email) => Some(email.as_str().into()),
    };
    let all = roles.all().into_iter();
    all.map(|(role, holders)| (role.into(), holders.iter().filter_map(address).collect())).collect()
}

fn mail(mail: &config::MailConfig) -> Result<MailSettings, SettingsError> {
    let read = |path: &PathBuf| {
        fs::read(path).map_err(|error| {
            let path = path.display();
            SettingsError::Tls(format!("the certificates in `{path}` cannot be read: {error}"))
        })
    };
    Ok(MailSettings {
        authority: mail.ca.as_ref().map(read).transpose()?,
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
    })
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
