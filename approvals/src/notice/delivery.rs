//! Brings one message to its addressees, and says for each of them what became of it.

use crate::desk::Clock;
use crate::notice::letter::Letter;
use crate::notice::outbox::{Due, Notice};
use crate::notice::post::{Failure, Post};
use crate::notice::settings::MAIL;
use crate::notice::story::Need;
use crate::notice::webhook::Webhook;
use events::Timestamp;
use std::collections::BTreeMap;
use std::sync::Arc;

/// How notices get to people.
#[derive(Debug)]
pub(super) struct Ways {
    pub(super) post: Option<Post>,
    pub(super) public_url: String,
    pub(super) webhooks: Vec<Webhook>,
}

/// What became of one message.
#[derive(Debug)]
pub(super) struct Delivered {
    pub(super) due: Due,
    /// For each addressee.
    pub(super) outcomes: BTreeMap<Arc<str>, Result<(), Failure>>,
}

impl Due {
    /// The channel that it takes.
    pub(super) fn channel(&self) -> &str {
        match self {
            Self::Gathered { .. } => MAIL,
            Self::Single(notice) => &notice.channel,
        }
    }

    /// Everything that it tells anybody.
    pub(super) fn needs(&self) -> Vec<Need> {
        self.notices().iter().flat_map(Notice::needs).collect()
    }

    /// The notices in it.
    pub(super) fn notices(&self) -> &[Notice] {
        match self {
            Self::Gathered { notices, .. } => notices,
            Self::Single(notice) => std::slice::from_ref(notice),
        }
    }

    /// The message's own id.
    pub(super) const fn message(&self) -> &Arc<str> {
        match self {
            Self::Gathered { message, .. } => message,
            Self::Single(notice) => &notice.message,
        }
    }

    fn to(&self) -> Vec<Arc<str>> {
        match self {
            Self::Gathered { to, .. } => vec![Arc::clone(to)],
            Self::Single(notice) => notice.to.iter().cloned().collect(),
        }
    }
}

impl Ways {
    /// Sends one message to each of its addressees, one after the other.
    pub(super) async fn deliver(&self, due: Due, clock: &Clock) -> Delivered {
        let mut outcomes = BTreeMap::new();
        let mut cut_off: Option<String> = None;
        for to in due.to() {
            let outcome = match &cut_off {
                // Where a server is not there, the next addressee's mail does not get there either.
                Some(detail) => Err(Failure::Later(detail.clone())),
                None => self.deliver_to(&due, &to, clock.now()).await,
            };
            if let Err(Failure::Unreachable(detail)) = &outcome {
                cut_off = Some(detail.clone());
            }
            outcomes.insert(to, outcome);
        }
        Delivered { due, outcomes }
    }

    async fn deliver_to(&self, due: &Due, to: &str, now: Timestamp) -> Result<(), Failure> {
        if due.channel() == MAIL {
            let Some(post) = &self.post else {
                return Err(Failure::Later("no mail server is configured".to_owned()));
            };
            return post.send(&self.letter(due)?, to, now).await;
        }
        let webhook = self.webhooks.iter().find(|webhook| webhook.name().as_ref() == to);
        match (webhook, due) {
            (Some(webhook), Due::Single(notice)) => {
                webhook.send(notice, &self.public_url, now).await
            }
            (None, _) | (_, Due::Gathered { .. }) => {
                Err(Failure::Final(format!("no webhook is named `{to}` any more")))
            }
        }
    }

    fn letter(&self, due: &Due) -> Result<Letter, Failure> {
        let letter = match due {
            Due::Gathered { message, notices, .. } => {
                Letter::of_many(message, notices, &self.public_url)
            }
            Due::Single(notice) => Letter::of_one(notice, &self.public_url),
        };
        letter.map_err(|error| Failure::Final(error.to_string()))
    }
}
