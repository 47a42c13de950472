//! Who is told.

use events::{Filter, Timestamp};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Knows people by what they are.
pub trait Directory: Send + Sync {
    /// The e-mail addresses of everybody whom `filter` means and who may still sign in, those who
    /// stand in for one of them among them. A person who is named by address is known even if
    /// they never signed in.
    fn addresses(&self, filter: &Filter, now: Timestamp) -> Vec<Arc<str>>;
}

/// Where notices go.
#[derive(Clone)]
pub struct Routing {
    /// Knows people.
    pub directory: Arc<dyn Directory>,
    /// How mails are sent, if they are.
    pub mail: Option<MailRoute>,
    /// The names of the webhooks; each is told of every call.
    pub webhooks: Vec<Arc<str>>,
}

/// How mails are sent.
#[derive(Clone, Debug)]
pub struct MailRoute {
    /// The domain in the ids of messages.
    pub domain: Arc<str>,
    /// Who gets what nobody else would get.
    pub fallback: Vec<Arc<str>>,
    /// How many mails an addressee gets within an hour before further ones are gathered.
    pub per_hour_max: usize,
}

impl Routing {
    /// Everybody whom one of `filters` means, but for `excluded`, which is in lower case; nobody if
    /// there are no mails.
    ///
    /// Where that is nobody, those of the fallback, who cannot be excluded.
    pub(super) fn mail_to<'a>(
        &self,
        filters: impl Iterator<Item = &'a Filter>,
        excluded: &BTreeSet<String>,
        now: Timestamp,
    ) -> BTreeSet<Arc<str>> {
        let Some(mail) = &self.mail else { return BTreeSet::new() };
        let mut to: BTreeSet<Arc<str>> =
            filters.flat_map(|filter| self.directory.addresses(filter, now)).collect();
        to.retain(|address| !excluded.contains(&address.to_lowercase()));
        if to.is_empty() {
            to.extend(mail.fallback.iter().cloned());
        }
        to
    }
}
