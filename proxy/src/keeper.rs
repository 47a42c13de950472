//! Erases payloads, when somebody asks and when their time is over, and keeps those that a legal
//! hold protects. Every step is on record before it is taken.

use crate::clock;
use crate::config::{Config, Of};
use crate::custody::plain;
use analytics::{Criterion, Fold, FoldError, Keeping, Kept, Selection, Used};
use events::{
    Draft, ERASE_SESSIONS_MAX, EraseRequested, EventId, LegalHoldLifted, LegalHoldPlaced,
    PayloadErased, SessionId, Timestamp,
};
use ledger::log::{Erased, ReadError};
use ledger::{Ledger, RecordError, Sequence, payload};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, MutexGuard};

/// How many bytes of events are read at once.
const READ_BYTES: usize = 1 << 20;

/// How often an erasure is tried whose sessions have calls under way.
const TRIES: u32 = 5;

/// Who keeps the payloads of one ledger.
pub struct Keeper {
    ledger: Ledger,
    /// Held from the look at the holds to the end of an erasure: a hold that was placed before
    /// keeps what it protects.
    turn: Mutex<Settled>,
}

/// Whether every erasure on record is known to be done. What a crash or an error broke off is
/// completed before the next one.
#[derive(Debug, Default)]
struct Settled(bool);

/// What is to be erased, and why.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which sessions.
    pub criterion: Criterion,
    /// The same as it was said.
    pub said: String,
    /// Who asks.
    pub by: Arc<str>,
    /// The law, contract or rule that asks for it.
    pub basis: String,
}

/// What was erased, and what was not.
#[derive(Clone, Debug, Default)]
pub struct Erasure {
    /// How many sessions.
    pub sessions: u64,
    /// How many payloads and keys.
    pub payloads: u64,
    /// How many bytes they took.
    pub bytes: u64,
    /// The sessions that a legal hold keeps, each with the hold.
    pub held: Vec<(SessionId, EventId)>,
}

/// Why the keeper could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum KeeperError {
    /// The ledger could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// An event could not be read.
    #[error(transparent)]
    Fold(#[from] FoldError),
    /// It could not be recorded, so it was not done.
    #[error("nothing was done: {0}")]
    Record(#[from] RecordError),
    /// An erasure is on record as asked for, and not as done.
    #[error(
        "the erasure is not complete: {0}; it will be completed before the next one, at the latest \
         at the next start"
    )]
    Unfinished(RecordError),
    /// No call of this session is on record, so that there is nothing to keep.
    #[error("the ledger knows no session `{0}`")]
    NoSession(SessionId),
    /// There is no such hold in force.
    #[error("no legal hold `{0}` is in force: `countersign legal-hold list` shows those that are")]
    NoHold(EventId),
    /// The gateway stops.
    #[error("the gateway stops; an erasure that was begun is completed at the next start")]
    Stopping,
    /// A task was ended.
    #[error("reading the ledger was broken off: {0}")]
    Broken(#[from] tokio::task::JoinError),
}

impl Keeper {
    /// The keeper of this ledger. There must be one for each process that writes it.
    pub fn new(ledger: Ledger) -> Self {
        Self { ledger, turn: Mutex::default() }
    }

    /// What an order would erase.
    pub async fn preview(&self, criterion: &Criterion) -> Result<Selection, KeeperError> {
        Ok(self.look().await?.select(criterion))
    }

    /// Erases what fits, but what a legal hold keeps.
    pub async fn erase(&self, order: Order) -> Result<Erasure, KeeperError> {
        let mut turn = self.turn().await?;
        let selection = self.look().await?.select(&order.criterion);
        self.carry_out(selection, &order, &mut turn).await
    }

    /// Erases what its rules keep no longer, by the time `now`.
    pub async fn erase_due(&self, config: &Config, now: Timestamp) -> Result<Erasure, KeeperError> {
        let mut turn = self.turn().await?;
        let selection = self.look().await?.pick(|_, kept| is_due(config, kept, now));
        let order = Order {
            criterion: Criterion::default(),
            said: "payloads past the time their rule keeps them".into(),
            by: "gateway".into(),
            basis: "retention: `kept_for` in the configuration".into(),
        };
        self.carry_out(selection, &order, &mut turn).await
    }

    /// Completes erasures that were asked for and not done: there was a crash, or calls were under
    /// way. Every further erasure does this first.
    pub async fn complete(&self) -> Result<Erasure, KeeperError> {
        let mut turn = self.turn.lock().await;
        self.settle(&mut turn).await
    }

    /// Waits for the turn, with all settled that went before.
    async fn turn(&self) -> Result<MutexGuard<'_, Settled>, KeeperError> {
        let mut turn = self.turn.lock().await;
        self.settle(&mut turn).await?;
        Ok(turn)
    }

    /// A hold that was placed since keeps what is whole; what may be gone in part, it cannot.
    async fn settle(&self, settled: &mut Settled) -> Result<Erasure, KeeperError> {
        let mut erasure = Erasure::default();
        if settled.0 {
            return Ok(erasure);
        }
        let keeping = self.look().await?;
        for (request, fact) in keeping.unfinished() {
            let mut sessions = Vec::new();
            for session in &fact.sessions {
                match keeping.held(*session) {
                    Some(hold) if self.has_key(*session).await? => {
                        erasure.held.push((*session, hold));
                    }
                    Some(_) | None => sessions.push(*session),
                }
            }
            if !sessions.is_empty() {
                self.finish(*request, sessions, &mut erasure).await?;
            }
        }
        // What is held is due when the hold is lifted.
        settled.0 = erasure.held.is_empty();
        Ok(erasure)
    }

    /// Whether nothing of a session is erased yet: its key goes first.
    async fn has_key(&self, session: SessionId) -> Result<bool, KeeperError> {
        let reader = Arc::clone(self.ledger.reader());
        let read = move || reader.payload(payload::scope(session), payload::SALT_ADDRESS);
        Ok(tokio::task::spawn_blocking(read).await??.is_some())
    }

    /// Places a legal hold; its id names it from now on.
    pub async fn place(&self, hold: LegalHoldPlaced) -> Result<EventId, KeeperError> {
        let _turn = self.turn.lock().await;
        if let Some(session) = hold.session
            && !self.look().await?.knows(session)
        {
            return Err(KeeperError::NoSession(session));
        }
        let draft = plain(hold);
        let id = draft.id;
        self.ledger.record(draft).await?;
        Ok(id)
    }

    /// Lifts a legal hold.
    pub async fn lift(&self, lifted: LegalHoldLifted) -> Result<(), KeeperError> {
        let _turn = self.turn.lock().await;
        if !self.look().await?.holds().contains_key(&lifted.hold) {
            return Err(KeeperError::NoHold(lifted.hold));
        }
        self.ledger.record(plain(lifted)).await?;
        Ok(())
    }

    /// The legal holds in force.
    pub async fn holds(&self) -> Result<BTreeMap<EventId, LegalHoldPlaced>, KeeperError> {
        Ok(self.look().await?.holds().clone())
    }

    async fn carry_out(
        &self,
        selection: Selection,
        order: &Order,
        settled: &mut Settled,
    ) -> Result<Erasure, KeeperError> {
        let mut erasure = Erasure { held: selection.held, ..Erasure::default() };
        for sessions in selection.sessions.chunks(ERASE_SESSIONS_MAX) {
            let draft = plain(EraseRequested {
                basis: order.basis.clone(),
                by: Arc::clone(&order.by),
                criterion: order.said.clone(),
                sessions: sessions.to_vec(),
            });
            let request = draft.id;
            // Whoever waits for this may go away, or it may fail.
            settled.0 = false;
            self.ledger.record(draft).await?;
            self.finish(request, sessions.to_vec(), &mut erasure).await?;
            settled.0 = true;
        }
        Ok(erasure)
    }

    /// Erases what an event on record asks for. Where calls of a session are under way, the others
    /// are erased all the same, and what is left is completed before the next erasure.
    async fn finish(
        &self,
        request: EventId,
        sessions: Vec<SessionId>,
        erasure: &mut Erasure,
    ) -> Result<(), KeeperError> {
        let mut left = vec![sessions];
        let mut busy = None;
        while let Some(part) = left.pop() {
            match self.erase_part(request, &part).await {
                Ok(erased) => {
                    erasure.sessions += u64::try_from(part.len()).unwrap_or(u64::MAX);
                    erasure.payloads += erased.payloads;
                    erasure.bytes += erased.bytes;
                }
                Err(RecordError::NotErased(_)) if 1 < part.len() => {
                    let (first, second) = part.split_at(part.len() / 2);
                    left.extend([second.to_vec(), first.to_vec()]);
                }
                Err(error @ RecordError::NotErased(_)) => busy = Some(error),
                Err(error) => return Err(KeeperError::Unfinished(error)),
            }
        }
        busy.map_or(Ok(()), |error| Err(KeeperError::Unfinished(error)))
    }

    /// Erases these sessions at once, or nothing: a single one is tried for as long as its calls
    /// may reasonably be under way.
    async fn erase_part(
        &self,
        request: EventId,
        sessions: &[SessionId],
    ) -> Result<Erased, RecordError> {
        let is_one = sessions.len() == 1;
        let mut tries = TRIES;
        loop {
            tries -= 1;
            let scopes = sessions.iter().map(|session| payload::scope(*session)).collect();
            let sessions = sessions.to_vec();
            let record = move |erased: Erased| {
                let (bytes, payloads) = (erased.bytes, erased.payloads);
                let fact = PayloadErased { bytes, payloads, sessions };
                Draft { cause: Some(request), ..plain(fact.into()) }
            };
            match self.ledger.erase(scopes, record).await {
                Ok((_, erased)) => return Ok(erased),
                // What is gone must be on record; to erase it again does no harm.
                Err(RecordError::Unrecorded(_)) if 0 < tries => {}
                Err(RecordError::NotErased(_)) if is_one && 0 < tries => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// What the ledger says now. Reads all of it, on a thread of its own.
    async fn look(&self) -> Result<Keeping, KeeperError> {
        let reader = Arc::clone(self.ledger.reader());
        let read = move || {
            let mut fold = Fold::new(Keeping::default());
            loop {
                let records = reader.read(Sequence::new(fold.cursor()), READ_BYTES)?;
                if records.is_empty() {
                    return Ok(fold.into_projection());
                }
                for record in &records {
                    fold.apply_record(record)?;
                }
            }
        };
        tokio::task::spawn_blocking(read).await?
    }
}

/// Whether the shortest time that a session's calls are kept is over.
fn is_due(config: &Config, kept: &Kept, now: Timestamp) -> bool {
    let times = kept.used.iter().filter_map(|used| {
        config.kept_for(match used {
            Used::Model(model) => Of::Model(model),
            Used::Tool { server, tool } => Of::Tool(server, tool),
        })
    });
    // A session of nothing but other requests is under the rules for everything.
    let others = kept.used.is_empty().then(|| config.kept_for(Of::Tool("", ""))).flatten();
    times.chain(others).min().is_some_and(|time| kept.last < before(now, time))
}

/// The moment so long before another.
pub fn before(now: Timestamp, time: Duration) -> Timestamp {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    Timestamp::from_micros(now.micros().saturating_sub(micros))
}

/// How often payloads are looked for whose time is over.
const LOOK_EVERY: Duration = Duration::from_hours(6);

/// Completes what a crash broke off; then erases what is due, now and from time to time, for as
/// long as the gateway runs. Does nothing more where no rule has a time.
pub async fn keep(keeper: Arc<Keeper>, config: Arc<Config>) {
    if let Err(error) = keeper.complete().await {
        tracing::error!(%error, "an erasure that was asked for is not complete");
    }
    while config.payloads.iter().any(|rule| rule.kept_for.is_some()) {
        match keeper.erase_due(&config, clock::now()).await {
            Ok(erasure) if erasure.sessions > 0 => {
                let Erasure { sessions, payloads, .. } = erasure;
                tracing::info!(sessions, payloads, "payloads whose time was over are erased");
            }
            Ok(_) => {}
            Err(error) => tracing::error!(%error, "payloads whose time is over are not erased"),
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

#[cfg(test)]
mod tests;
