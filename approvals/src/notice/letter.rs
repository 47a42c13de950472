//! Mails: what they say, and their headers.
//!
//! A mail grants nothing. Its link names the call, for people who sign in; there is no token in
//! it, no picture, and nothing that is fetched. Arguments are never in it. Its subject has a risk
//! and a part of the call's id, and no word that an agent or a tool server could choose.

use crate::notice::outbox::{Notice, message_id};
use crate::notice::settings::{SettingsError, parse_address};
use crate::notice::words::{Words, risk, short};
use askama::Template;
use events::{NoticeKind, Timestamp};
use lettre::Message;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use std::time::{Duration, UNIX_EPOCH};

/// How many calls a gathering mail shows.
const SHOWN_MAX: usize = 50;

/// A mail without its addressee.
#[derive(Clone, Debug)]
pub(super) struct Letter {
    /// The message that it follows.
    follows: Option<String>,
    html: String,
    message: String,
    subject: String,
    text: String,
}

/// Why there is no mail.
#[derive(Debug, thiserror::Error)]
pub(super) enum LetterError {
    #[error("{0}")]
    Address(#[from] SettingsError),
    #[error("a mail could not be composed: {0}")]
    Message(#[from] lettre::error::Error),
    #[error("a mail could not be worded: {0}")]
    Template(#[from] askama::Error),
}

#[derive(Template)]
#[template(path = "notice.txt")]
struct NoticeText<'a> {
    words: &'a Words,
}

#[derive(Template)]
#[template(path = "notice.html")]
struct NoticePage<'a> {
    subject: &'a str,
    words: &'a Words,
}

#[derive(Template)]
#[template(path = "digest.txt")]
struct GatheredText<'a> {
    inbox: &'a str,
    more: usize,
    shown: &'a [Words],
    waiting: usize,
}

#[derive(Template)]
#[template(path = "digest.html")]
struct GatheredPage<'a> {
    inbox: &'a str,
    more: usize,
    shown: &'a [Words],
    subject: &'a str,
    waiting: usize,
}

impl Letter {
    /// The mail about one call. All mails about it have one subject and follow the first.
    pub(super) fn of_one(notice: &Notice, public_url: &str) -> Result<Self, LetterError> {
        let call = notice.facts.call;
        let words = Words::of(&notice.facts, notice.kind, public_url);
        let risk = risk(notice.facts.held.rule.risk);
        let subject = format!("Countersign: {risk}-risk call {}", short(call));
        let text = NoticeText { words: &words }.render()?;
        let html = NoticePage { subject: &subject, words: &words }.render()?;
        let domain = notice.message.rsplit_once('@').map_or("", |(_, domain)| domain);
        let first = message_id(call, (NoticeKind::Asked, 0), domain);
        let follows = (first != *notice.message).then_some(first);
        Ok(Self { follows, html, message: notice.message.to_string(), subject, text })
    }

    /// One mail about many calls.
    pub(super) fn of_many(
        message: &str,
        notices: &[Notice],
        public_url: &str,
    ) -> Result<Self, LetterError> {
        let waiting = notices.iter().filter(|notice| notice.facts.ending.is_none()).count();
        let verb = if waiting == 1 { "call waits" } else { "calls wait" };
        let subject = format!("Countersign: {waiting} {verb}");
        let shown = notices.iter().take(SHOWN_MAX);
        let shown: Vec<Words> = shown.map(|it| Words::of(&it.facts, it.kind, public_url)).collect();
        let more = notices.len() - shown.len();
        let inbox = format!("{}/holds", public_url.trim_end_matches('/'));
        let text = GatheredText { inbox: &inbox, more, shown: &shown, waiting }.render()?;
        let page = GatheredPage { inbox: &inbox, more, shown: &shown, subject: &subject, waiting };
        let html = page.render()?;
        Ok(Self { follows: None, html, message: message.to_owned(), subject, text })
    }

    /// The mail to one addressee.
    pub(super) fn to(
        &self,
        from: &Mailbox,
        address: &str,
        now: Timestamp,
    ) -> Result<Message, LetterError> {
        let to = Mailbox::new(None, parse_address(address)?);
        let mut builder = Message::builder()
            .from(from.clone())
            .to(to)
            .date(UNIX_EPOCH + Duration::from_micros(now.micros()))
            .message_id(Some(format!("<{}>", self.message)))
            .subject(self.subject.as_str())
            // RFC 3834, and what Exchange heeds: nobody's absence answers this.
            .raw_header(header("Auto-Submitted", "auto-generated"))
            .raw_header(header("X-Auto-Response-Suppress", "All"));
        if let Some(first) = &self.follows {
            let first = format!("<{first}>");
            builder = builder.in_reply_to(first.clone()).references(first);
        }
        let parts = MultiPart::alternative_plain_html(self.text.clone(), self.html.clone());
        Ok(builder.multipart(parts)?)
    }
}

fn header(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

#[cfg(test)]
mod tests;
