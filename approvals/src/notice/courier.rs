//! The task that follows the ledger, sends what is due, and records what became of it.
//!
//! Nothing waits for it: a decision is made whether or not anybody could be told. It remembers
//! nothing that matters, either. What it sent and had not recorded when its process died is sent
//! again by the next one, with the same message id.

use crate::desk::Clock;
use crate::notice::backoff::delay;
use crate::notice::delivery::{Delivered, Ways};
use crate::notice::outbox::{Notice, Outbox};
use crate::notice::post::{Failure, Post};
use crate::notice::routing::{MailRoute, Routing};
use crate::notice::settings::{MAIL, NoticeSettings, Patience, SettingsError};
use crate::notice::story::Need;
use crate::notice::webhook::Webhook;
use crate::roster::Roster;
use crate::time::after;
use events::{Draft, Envelope, Event, NoticeFailed, NoticeSent, Timestamp};
use ledger::log::ReadError;
use ledger::{Entry, Ledger, RecordError, Sequence};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::{JoinError, JoinSet};

/// How much of the ledger is read at once.
const READ_BYTES: usize = 1 << 20;

/// The longest the courier does not look, so that a set clock is noticed.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// How long something under way has to end when the gateway stops.
const END_WITHIN: Duration = Duration::from_secs(5);

/// How long events are gathered before it is looked what is due.
const GATHER: Duration = Duration::from_millis(20);

/// How many messages are under way at once by one channel: one channel that hangs keeps no other.
const AT_ONCE_MAX: usize = 4;

/// The most addressees in one event.
const ADDRESSEES_MAX: usize = 200;

/// The most characters of what went wrong that are recorded.
const DETAIL_CHARACTERS_MAX: usize = 500;

/// More than the end of a record from `"type"` on.
const KIND_BYTES: usize = 64;

/// What is tried again.
#[derive(Clone, Copy, Debug)]
struct Retry {
    first: Timestamp,
    next: Timestamp,
    tries: u32,
}

/// Sends notices. See the module.
pub struct Courier {
    clock: Clock,
    /// Whether something happened by which more may be due.
    is_stale: bool,
    ledger: Ledger,
    next: Sequence,
    outbox: Outbox,
    patience: Patience,
    retries: BTreeMap<Need, Retry>,
    routing: Routing,
    /// What is being sent or recorded, each with its message.
    under_way: BTreeMap<Need, Arc<str>>,
    /// What happened and is not recorded yet, with what it settles.
    unrecorded: VecDeque<(Draft<Event>, Vec<Need>)>,
    ways: Arc<Ways>,
}

impl Courier {
    /// Checks the settings. Nothing is read or sent before [`Courier::run`].
    pub fn new(
        ledger: Ledger,
        clock: Clock,
        settings: &NoticeSettings,
    ) -> Result<Self, SettingsError> {
        let post = settings.mail.as_ref().map(Post::new).transpose()?;
        let mail = settings.mail.as_ref().zip(post.as_ref()).map(|(mail, post)| MailRoute {
            domain: post.domain(),
            fallback: mail.fallback.clone(),
            per_hour_max: mail.per_hour_max,
        });
        let webhooks: Vec<Webhook> =
            settings.webhooks.iter().map(Webhook::new).collect::<Result<_, _>>()?;
        let mut names = BTreeSet::new();
        for webhook in &webhooks {
            let name = webhook.name();
            if name.as_ref() == MAIL {
                return Err(SettingsError::Name);
            }
            if !names.insert(Arc::clone(name)) {
                return Err(SettingsError::Twice(Arc::clone(name)));
            }
        }
        let routing = Routing {
            mail,
            role_holders: settings.role_holders.clone(),
            roster: Roster::default(),
            webhooks: names.into_iter().collect(),
        };
        let public_url = settings.public_url.clone();
        Ok(Self {
            clock,
            is_stale: true,
            ledger,
            next: Sequence::FIRST,
            outbox: Outbox::default(),
            patience: settings.patience,
            retries: BTreeMap::new(),
            routing,
            under_way: BTreeMap::new(),
            unrecorded: VecDeque::new(),
            ways: Arc::new(Ways { post, public_url, webhooks }),
        })
    }

    /// Reads the ledger from its beginning, and from then on sends what is due until `stop` is
    /// ready.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        let mut committed = self.ledger.committed();
        let mut deliveries: JoinSet<Delivered> = JoinSet::new();
        tokio::pin!(stop);
        loop {
            committed.mark_unchanged();
            let wait = self.work(&mut deliveries).await;
            tokio::select! {
                biased;
                () = &mut stop => break,
                Some(ended) = deliveries.join_next() => self.take_in(ended),
                changed = committed.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    // Nobody waits for a mail by the millisecond, and more events may come.
                    tokio::time::sleep(GATHER).await;
                }
                () = tokio::time::sleep(wait) => self.is_stale |= !wait.is_zero(),
            }
        }
        let all = async {
            while let Some(ended) = deliveries.join_next().await {
                self.take_in(ended);
            }
        };
        if tokio::time::timeout(END_WITHIN, all).await.is_err() {
            tracing::info!("notices: some are under way and are sent again after the next start");
        }
        self.record().await;
    }

    /// Does what there is to do, and says how long there may be nothing else.
    async fn work(&mut self, deliveries: &mut JoinSet<Delivered>) -> Duration {
        self.record().await;
        match self.follow().await {
            // Only at the end of the ledger is it known what is due.
            Ok(true) => {}
            Ok(false) => return Duration::ZERO,
            Err(error) => {
                tracing::error!(%error, "notices: the ledger could not be read");
                return LOOK_EVERY;
            }
        }
        if self.is_stale {
            self.is_stale = false;
            self.send(deliveries);
        }
        let now = self.clock.now();
        let next = self.retries.values().map(|retry| retry.next).filter(|next| now < *next).min();
        let wait = next.map(|next| Duration::from_micros(next.micros() - now.micros()));
        wait.map_or(LOOK_EVERY, |wait| wait.min(LOOK_EVERY))
    }

    /// Reads some of what is new, and says whether there was nothing.
    async fn follow(&mut self) -> Result<bool, ReadError> {
        let (reader, from) = (Arc::clone(self.ledger.reader()), self.next);
        let read = move || reader.read(from, READ_BYTES);
        // It ends otherwise only when the runtime does.
        let Ok(records) = tokio::task::spawn_blocking(read).await else { return Ok(false) };
        let records = records?;
        for record in &records {
            if concerns_notices(record) {
                match Envelope::parse(record) {
                    Ok(envelope) => {
                        self.routing.roster.apply(&envelope);
                        // By an event about people, others may be told.
                        self.is_stale |= self.outbox.apply(&envelope) || envelope.call.is_none();
                    }
                    Err(error) => tracing::error!(
                        %error,
                        sequence = %self.next,
                        "notices: an event is not understood, and nobody is told of it"
                    ),
                }
            }
            self.next = self.next.after(1);
        }
        Ok(records.is_empty())
    }

    /// Begins to send what is due and neither under way nor waiting for its next try.
    fn send(&mut self, deliveries: &mut JoinSet<Delivered>) {
        let now = self.clock.now();
        let waits = self.retries.iter().filter(|(_, retry)| now < retry.next);
        let mut busy: BTreeSet<Need> = waits.map(|(need, _)| need.clone()).collect();
        busy.extend(self.under_way.keys().cloned());
        let mut due_still = BTreeSet::new();
        for due in self.outbox.due(now, &self.routing, &busy) {
            let needs = due.needs();
            due_still.extend(needs.iter().cloned());
            if self.is_full(due.channel()) {
                continue;
            }
            for need in needs {
                self.under_way.insert(need, Arc::clone(due.message()));
            }
            let (ways, clock) = (Arc::clone(&self.ways), self.clock.clone());
            deliveries.spawn(async move { ways.deliver(due, &clock).await });
        }
        self.retries.retain(|need, _| busy.contains(need) || due_still.contains(need));
    }

    /// Whether as much is under way by a channel as it takes at once.
    fn is_full(&self, channel: &str) -> bool {
        let by_channel = self.under_way.iter().filter(|(need, _)| need.channel.as_ref() == channel);
        let messages: BTreeSet<_> = by_channel.map(|(_, message)| message).collect();
        AT_ONCE_MAX <= messages.len()
    }

    /// Takes in what became of a message: what is to be recorded, and what is to be tried again.
    fn take_in(&mut self, ended: Result<Delivered, JoinError>) {
        self.is_stale = true;
        let delivered = match ended {
            Ok(delivered) => delivered,
            Err(error) => {
                tracing::error!(%error, "notices: a delivery broke off");
                return;
            }
        };
        let message = delivered.due.message();
        for notice in delivered.due.notices() {
            let mut sent = Vec::new();
            for need in notice.needs() {
                match delivered.outcomes.get(&need.to) {
                    Some(Ok(())) => sent.push(need),
                    Some(Err(failure)) => self.fail((notice, message), need, failure),
                    None => {}
                }
            }
            for some in sent.chunks(ADDRESSEES_MAX) {
                let fact = NoticeSent {
                    channel: Arc::clone(&notice.channel),
                    kind: notice.kind,
                    message: Arc::clone(message),
                    round: notice.round,
                    to: some.iter().map(|need| Arc::clone(&need.to)).collect(),
                };
                self.report(notice, fact.into(), some.to_vec());
            }
        }
    }

    /// Sets the time of the next try, or lets it be recorded that there is none.
    fn fail(&mut self, (notice, message): (&Notice, &Arc<str>), need: Need, failure: &Failure) {
        let now = self.clock.now();
        let before = self.retries.get(&need).copied();
        let tries = before.map_or(0, |before| before.tries).saturating_add(1);
        let first = before.map_or(now, |before| before.first);
        let Patience { first: shortest, most, give_up } = self.patience;
        if matches!(failure, Failure::Final(_)) || after(first, give_up) <= now {
            let fact = failed(notice, message, (failure.detail(), tries), &need);
            self.report(notice, fact, vec![need]);
            return;
        }
        // Without chance they are tried again all the same.
        let chance = getrandom::u32().unwrap_or_default();
        let next = after(now, delay(tries, (shortest, most), chance));
        tracing::warn!(
            to = need.to.as_ref(),
            channel = need.channel.as_ref(),
            detail = failure.detail(),
            tries,
            "notices: one was not delivered and is tried again"
        );
        self.under_way.remove(&need);
        self.retries.insert(need, Retry { first, next, tries });
    }

    fn report(&mut self, notice: &Notice, fact: Event, needs: Vec<Need>) {
        let draft = Draft {
            id: self.clock.event_id(),
            time: self.clock.now(),
            session: notice.facts.session,
            cause: Some(notice.cause),
            call: Some(notice.facts.call),
            fact,
        };
        self.unrecorded.push_back((draft, needs));
    }

    /// Records what became of messages. What cannot be recorded now is kept, and its notices count
    /// as under way for so long: they are not sent twice.
    async fn record(&mut self) {
        while let Some((draft, needs)) = self.unrecorded.pop_front() {
            // It has happened already, so the reserve is for it.
            if let Err(error) = record_reserved(&self.ledger, draft.clone()).await {
                tracing::error!(%error, "notices: one was sent or given up, and is not on record");
                self.unrecorded.push_front((draft, needs));
                return;
            }
            self.outbox.apply(&as_read(draft));
            for need in &needs {
                self.under_way.remove(need);
                self.retries.remove(need);
            }
            self.is_stale = true;
        }
    }
}

fn failed(notice: &Notice, message: &Arc<str>, (detail, tries): (&str, u32), need: &Need) -> Event {
    let fact = NoticeFailed {
        channel: Arc::clone(&notice.channel),
        detail: detail.chars().take(DETAIL_CHARACTERS_MAX).collect(),
        kind: notice.kind,
        message: Arc::clone(message),
        round: notice.round,
        to: vec![Arc::clone(&need.to)],
        tries,
    };
    fact.into()
}

async fn record_reserved(ledger: &Ledger, draft: Draft<Event>) -> Result<(), RecordError> {
    let Draft { id, time, session, cause, call, fact } = draft;
    if let Event::NoticeSent(fact) = fact {
        let draft = Draft { id, time, session, cause, call, fact };
        ledger.record(Entry::from(draft).reserved()).await?;
    } else if let Event::NoticeFailed(fact) = fact {
        let draft = Draft { id, time, session, cause, call, fact };
        ledger.record(Entry::from(draft).reserved()).await?;
    }
    Ok(())
}

/// What was recorded, as it will be read.
fn as_read(draft: Draft<Event>) -> Envelope {
    let Draft { id, time, session, cause, call, fact } = draft;
    let (sequence, source) = (0, "".into());
    Envelope { sequence, id, time, source, session, cause, call, event: fact }
}

/// Whether a record is of a kind that notices are made from: its canonical form ends with it.
fn concerns_notices(record: &[u8]) -> bool {
    let tail = record.get(record.len().saturating_sub(KIND_BYTES)..).unwrap_or(record);
    let tail = String::from_utf8_lossy(tail);
    let kind = tail.rsplit_once("\"type\":\"").map_or("", |(_, kind)| kind);
    ["call.held", "delegation.", "hold.", "notice.", "person."]
        .iter()
        .any(|it| kind.starts_with(it))
}

#[cfg(test)]
mod tests;
