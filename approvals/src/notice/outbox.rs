//! What has to be told to whom, as the ledger has it; pure.
//!
//! A fold: what is on record as sent, or as given up, is not due again, whatever process it was
//! that sent it. Nothing else is remembered, so an outbox that is made again from the same events
//! has the same due.

use crate::notice::routing::{Audience, MailRoute, Routing};
use crate::notice::settings::MAIL;
use crate::notice::story::{Facts, Need, Story};
use crate::time::after;
use events::{CallId, Digest, Envelope, Event, EventId, NoticeKind, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

/// How long what has ended is kept: far longer than a notice is under way.
const KEPT_AFTER_END: Duration = Duration::from_hours(24);

/// What mails are counted within.
const HOUR: Duration = Duration::from_hours(1);

/// How long an addressee who gets too many mails waits between two that gather.
pub(super) const GATHERED_EVERY: Duration = Duration::from_mins(5);

/// The most notices of one gathering mail: their events are recorded in one batch.
const GATHERED_MAX: usize = 500;

/// What begins the message id of a gathering mail.
const GATHERED_PREFIX: &str = "digest-";

/// What is due and what was sent. See the module.
#[derive(Debug, Default)]
pub struct Outbox {
    stories: BTreeMap<CallId, Story>,
    ended: BTreeSet<(Timestamp, CallId)>,
    /// The messages that each address got lately, and when.
    mails: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Timestamp>>,
}

/// One message about one call.
#[derive(Clone, Debug)]
pub(super) struct Notice {
    /// The event that it tells of.
    pub(super) cause: EventId,
    pub(super) channel: Arc<str>,
    pub(super) facts: Arc<Facts>,
    pub(super) kind: NoticeKind,
    /// The message's own id; the same however often it is tried.
    pub(super) message: Arc<str>,
    pub(super) round: u32,
    pub(super) to: BTreeSet<Arc<str>>,
}

/// Something to send.
#[derive(Clone, Debug)]
pub(super) enum Due {
    /// A mail for one who gets too many, about several calls.
    Gathered { message: Arc<str>, notices: Vec<Notice>, to: Arc<str> },
    /// One message.
    Single(Notice),
}

impl Notice {
    pub(super) fn needs(&self) -> impl Iterator<Item = Need> {
        self.to.iter().map(|to| Need {
            call: self.facts.call,
            kind: self.kind,
            round: self.round,
            channel: Arc::clone(&self.channel),
            to: Arc::clone(to),
        })
    }
}

impl Outbox {
    /// Takes in one event, in the order of the ledger, and says whether more may be due by it.
    /// What notices do not tell of is ignored.
    pub fn apply(&mut self, envelope: &Envelope) -> bool {
        self.forget(envelope.time);
        let Some(call) = envelope.call else { return false };
        if let Event::CallHeld(held) = &envelope.event {
            let event = (envelope.id, envelope.time);
            let story = || Story::new((call, envelope.session), event, held);
            self.stories.entry(call).or_insert_with(story);
            return true;
        }
        let Some(story) = self.stories.get_mut(&call) else { return false };
        if let Event::HoldEdited(edited) = &envelope.event {
            story.edit(envelope.id, edited);
        } else if let Event::HoldVoted(voted) = &envelope.event {
            story.vote(envelope.id, voted);
        } else if let Event::NoticeSent(sent) = &envelope.event {
            for to in &sent.to {
                let at = (Arc::clone(&sent.channel), Arc::clone(to));
                story.tell(at, envelope.cause, envelope.time);
                story.settle(need(call, (sent.kind, sent.round), (&sent.channel, to)));
                if sent.channel.as_ref() == MAIL {
                    let mails = self.mails.entry(Arc::clone(to)).or_default();
                    mails.retain(|_, at| envelope.time < after(*at, HOUR));
                    mails.insert(Arc::clone(&sent.message), envelope.time);
                }
            }
        } else if let Event::NoticeFailed(failed) = &envelope.event {
            for to in &failed.to {
                story.settle(need(call, (failed.kind, failed.round), (&failed.channel, to)));
            }
        } else {
            story.end(envelope.id, envelope.time, &envelope.event);
            if story.facts().ending.is_none() {
                return false;
            }
            self.ended.insert((envelope.time, call));
        }
        true
    }

    fn forget(&mut self, now: Timestamp) {
        while let Some((at, call)) = self.ended.first().copied()
            && after(at, KEPT_AFTER_END) < now
        {
            self.ended.remove(&(at, call));
            let latest = self.stories.get(&call).and_then(|story| story.facts().ending.as_ref());
            if latest.is_none_or(|ending| after(ending.at, KEPT_AFTER_END) < now) {
                self.stories.remove(&call);
            }
        }
    }

    /// What is to be sent now, in the order in which calls were held. What `busy` has is on its
    /// way, or waits until it is tried again, and is left out.
    pub(super) fn due(&self, now: Timestamp, routing: &Routing, busy: &BTreeSet<Need>) -> Vec<Due> {
        let mut single: BTreeMap<Need, BTreeSet<Arc<str>>> = BTreeMap::new();
        let mut mails: BTreeMap<Arc<str>, Vec<Need>> = BTreeMap::new();
        let mut add = |need: Need| {
            let to = Arc::clone(&need.to);
            let of_all = Need { to: "".into(), ..need };
            single.entry(of_all).or_default().insert(to);
        };
        let audience = Audience::new(routing, now);
        for need in self.stories.values().flat_map(|story| story.needs(now, &audience)) {
            if busy.contains(&need) {
                continue;
            }
            if need.channel.as_ref() == MAIL {
                mails.entry(Arc::clone(&need.to)).or_default().push(need);
            } else {
                add(need);
            }
        }
        let mut gathered = Vec::new();
        for (to, mut needs) in mails {
            let Some(mail) = &routing.mail else { continue };
            let room = self.room(&to, now, mail, busy);
            let over = needs.split_off(needs.len().min(room));
            needs.into_iter().for_each(&mut add);
            if !over.is_empty() && self.may_gather(&to, now, busy) {
                gathered.push((to, over));
            }
        }
        let single = single.into_iter();
        let single =
            single.filter_map(|(need, to)| Some(Due::Single(self.notice(need, to, routing)?)));
        let gathered = gathered.into_iter();
        single.chain(gathered.map(|(to, needs)| self.gather(to, needs, routing))).collect()
    }

    /// How many more mails an address gets within this hour.
    fn room(&self, to: &str, now: Timestamp, mail: &MailRoute, busy: &BTreeSet<Need>) -> usize {
        let sent = self.mails.get(to).into_iter().flat_map(BTreeMap::values);
        let sent = sent.filter(|at| now < after(**at, HOUR)).count();
        mail.per_hour_max.saturating_sub(sent).saturating_sub(busy_for(to, busy))
    }

    fn may_gather(&self, to: &str, now: Timestamp, busy: &BTreeSet<Need>) -> bool {
        let mails = self.mails.get(to).into_iter().flatten();
        let lately = |(message, at): (&Arc<str>, &Timestamp)| {
            message.starts_with(GATHERED_PREFIX) && now < after(*at, GATHERED_EVERY)
        };
        busy_for(to, busy) == 0 && !mails.into_iter().any(lately)
    }

    fn notice(&self, need: Need, to: BTreeSet<Arc<str>>, routing: &Routing) -> Option<Notice> {
        let story = self.stories.get(&need.call)?;
        let Need { kind, round, channel, .. } = need;
        let message = match routing.mail.as_ref().filter(|_| channel.as_ref() == MAIL) {
            Some(mail) => message_id(need.call, (kind, round), &mail.domain),
            // Standard Webhooks joins the id to others with dots, so it has none.
            None => format!("hold_{}_{}_{round}", need.call.ulid(), word(kind)),
        };
        let facts = Arc::clone(story.facts());
        let cause = story.cause()?;
        Some(Notice { cause, channel, facts, kind, message: message.into(), round, to })
    }

    fn gather(&self, to: Arc<str>, mut needs: Vec<Need>, routing: &Routing) -> Due {
        needs.truncate(GATHERED_MAX);
        let of_one = |need| self.notice(need, BTreeSet::from([Arc::clone(&to)]), routing);
        let notices: Vec<Notice> = needs.into_iter().filter_map(of_one).collect();
        // The same notices to the same address are the same message.
        let parts = notices.iter().map(|notice| notice.message.as_bytes());
        let parts: Vec<&[u8]> = [to.as_bytes()].into_iter().chain(parts).collect();
        let name: String = Digest::of(&parts).to_string().chars().take(26).collect();
        let domain = routing.mail.as_ref().map_or("", |mail| mail.domain.as_ref());
        let message = format!("{GATHERED_PREFIX}{name}@{domain}").into();
        Due::Gathered { message, notices, to }
    }
}

fn need(
    call: CallId,
    (kind, round): (NoticeKind, u32),
    (channel, to): (&Arc<str>, &Arc<str>),
) -> Need {
    Need { call, kind, round, channel: Arc::clone(channel), to: Arc::clone(to) }
}

/// How much is on its way to an address.
fn busy_for(to: &str, busy: &BTreeSet<Need>) -> usize {
    busy.iter().filter(|need| need.to.as_ref() == to && need.channel.as_ref() == MAIL).count()
}

/// The id of a mail about one call.
pub(super) fn message_id(call: CallId, (kind, round): (NoticeKind, u32), domain: &str) -> String {
    format!("hold-{}.{}.{round}@{domain}", call.ulid(), word(kind))
}

/// A kind as one word.
pub(super) const fn word(kind: NoticeKind) -> &'static str {
    match kind {
        NoticeKind::Asked => "asked",
        NoticeKind::Decided => "decided",
        NoticeKind::Edited => "edited",
        NoticeKind::Escalated => "escalated",
        NoticeKind::Reminded => "reminded",
    }
}

#[cfg(test)]
mod tests;
