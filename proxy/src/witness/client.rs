//! Asks witnesses to cosign the checkpoints of this gateway's log, all at once, and counts those
//! that did.

mod exchange;

use crate::clock;
use crate::config::{Config, Witness};
use crate::upstream::TlsError;
use exchange::Door;
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use ledger::Cosigner;
use ledger::sealer::{LogFiles, Signed};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;
use tlog::{
    AddCheckpoint, Note, NoteSignature, VerifierKey, consistency_proof, parse_cosignatures,
    parse_size, verify_cosignature,
};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout, timeout_at};

/// How long one witness may take, all that it has to be told included.
const TIMEOUT: Duration = Duration::from_secs(10);

/// How long the others are waited for when enough have cosigned, if they were in time before.
const GRACE: Duration = Duration::from_millis(200);

/// How often a witness is asked about one checkpoint: with what is thought that it knows, and again
/// when it has said what it knows.
const ROUNDS: usize = 3;

/// How far the time of a cosignature may be from the gateway's, in seconds.
const SKEW_MAX: u64 = 3600;

/// The witnesses of a log, and how many of them must cosign a checkpoint before it counts.
#[derive(Debug)]
pub struct Witnesses {
    peers: Vec<Arc<Peer>>,
    needed: usize,
    /// Who failed last, and how: a witness that is down is not told of with every checkpoint.
    told: std::sync::Mutex<String>,
}

/// One witness.
#[derive(Debug)]
struct Peer {
    name: String,
    key: VerifierKey,
    door: Door,
    /// The size that it cosigned last, as far as is known; held while it is asked.
    size: Arc<Mutex<u64>>,
    /// Whether it was in time when it was asked last.
    prompt: AtomicBool,
}

impl Witnesses {
    /// The witnesses of a configuration; `None` if it has none.
    pub fn new(config: &Config) -> Result<Option<Self>, TlsError> {
        let peers = config.witnesses.iter().map(|witness| {
            let Witness { name, url, key } = witness;
            Ok(Arc::new(Peer {
                name: name.clone(),
                key: key.clone(),
                door: Door::new(url)?,
                size: Arc::default(),
                prompt: AtomicBool::new(true),
            }))
        });
        let peers = peers.collect::<Result<Vec<_>, TlsError>>()?;
        let needed = config.checkpoints.witnesses_needed;
        Ok((!peers.is_empty()).then_some(Self { peers, needed, told: std::sync::Mutex::default() }))
    }

    async fn gather(&self, signed: &Signed, files: &LogFiles) -> Result<Note, String> {
        let ask = |peer: &Arc<Peer>| {
            let peer = Arc::clone(peer);
            async move {
                let answer = peer.ask(signed, files).await;
                (peer, answer)
            }
        };
        let mut asked: FuturesUnordered<_> = self.peers.iter().map(ask).collect();
        let mut waiting: Vec<Arc<Peer>> = self.peers.clone();
        let mut note = signed.note.clone();
        let (mut cosigned, mut failures) = (0, Vec::new());
        let mut enough_at = None;
        while waiting.iter().any(|peer| enough_at.is_none() || peer.was_prompt()) {
            let next = match enough_at {
                None => asked.next().await,
                Some(at) => timeout_at(at + GRACE, asked.next()).await.unwrap_or(None),
            };
            let Some((peer, answer)) = next else { break };
            waiting.retain(|other| !Arc::ptr_eq(other, &peer));
            let added =
                answer.and_then(|signature| note.add(signature).map_err(|error| error.to_string()));
            match added {
                Ok(()) => cosigned += 1,
                Err(why) => failures.push(format!("{}: {why}", peer.name)),
            }
            if cosigned >= self.needed && enough_at.is_none() {
                enough_at = Some(Instant::now());
            }
        }
        for peer in waiting {
            peer.prompt.store(false, Ordering::Relaxed);
            failures.push(format!("{}: it has not answered yet", peer.name));
        }
        self.judge(note, cosigned, &failures)
    }

    fn judge(&self, note: Note, cosigned: usize, failures: &[String]) -> Result<Note, String> {
        let all = self.peers.len();
        let why = failures.join("; ");
        if cosigned < self.needed {
            let needed = self.needed;
            let message = "the checkpoint needs the cosignatures of";
            return Err(format!("{message} {needed} of {all} witnesses and has {cosigned}: {why}"));
        }
        self.tell(why);
        Ok(note)
    }

    fn tell(&self, why: String) {
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told == why {
            return;
        }
        if why.is_empty() {
            tracing::info!("every witness cosigns again");
        } else {
            tracing::warn!(why, "not every witness cosigned the checkpoint");
        }
        *told = why;
    }
}

impl Cosigner for Witnesses {
    fn cosign<'a>(
        &'a self,
        signed: &'a Signed,
        files: &'a LogFiles,
    ) -> Pin<Box<dyn Future<Output = Result<Note, String>> + Send + 'a>> {
        Box::pin(self.gather(signed, files))
    }
}

impl Peer {
    fn was_prompt(&self) -> bool {
        self.prompt.load(Ordering::Relaxed)
    }

    /// Gets its cosignature of a checkpoint. Once it is asked, it is heard to the end even if
    /// nobody waits for it any more, so that one that is merely slow keeps up.
    async fn ask(
        self: &Arc<Self>,
        signed: &Signed,
        files: &LogFiles,
    ) -> Result<NoteSignature, String> {
        let size = Arc::clone(&self.size).lock_owned().await;
        let asking = tokio::spawn(Arc::clone(self).hear(size, signed.clone(), files.clone()));
        asking.await.unwrap_or_else(|error| Err(error.to_string()))
    }

    async fn hear(
        self: Arc<Self>,
        mut size: OwnedMutexGuard<u64>,
        signed: Signed,
        files: LogFiles,
    ) -> Result<NoteSignature, String> {
        let began = Instant::now();
        let talk = timeout(TIMEOUT, self.talk(&mut size, &signed, &files)).await;
        self.prompt.store(began.elapsed() <= GRACE, Ordering::Relaxed);
        talk.unwrap_or_else(|_| Err(format!("it did not answer within {TIMEOUT:?}")))
    }

    async fn talk(
        &self,
        known: &mut u64,
        signed: &Signed,
        files: &LogFiles,
    ) -> Result<NoteSignature, String> {
        let size = signed.checkpoint.size;
        for _ in 0..ROUNDS {
            let old = (*known).min(size);
            let request = request(old, signed, files).await?;
            let answer = self.door.post(request.to_string()).await?;
            match answer.status.as_u16() {
                200 => {
                    let cosignature = self.cosignature(&signed.note, &answer.body)?;
                    *known = size;
                    return Ok(cosignature);
                }
                409 => *known = self.conflict(old, size, &answer.body)?,
                422 => {
                    return Err(format!("it has cosigned another tree of {old} records: {FORK}"));
                }
                _ => return Err(answer.refusal()),
            }
        }
        Err(format!("it said {ROUNDS} times that it knows another size"))
    }

    /// The size that it knows, to begin the proof at, if this log can go on from there.
    fn conflict(&self, old: u64, size: u64, body: &[u8]) -> Result<u64, String> {
        let stored = parse_size(body)
            .map_err(|error| format!("it knows another size, and does not say which: {error}"))?;
        if stored > size {
            let key = self.key.name();
            return Err(format!(
                "{key} has cosigned more than is here, {stored} records and not {size}: the log was \
                 rolled back, or another copy of it is written"
            ));
        }
        if stored == old {
            return Err(format!("it has cosigned another tree of {stored} records: {FORK}"));
        }
        Ok(stored)
    }

    /// Its cosignature in an answer, if it is right.
    fn cosignature(&self, note: &Note, body: &[u8]) -> Result<NoteSignature, String> {
        let signatures = parse_cosignatures(body)
            .map_err(|error| format!("its answer is not a cosignature: {error}"))?;
        let (name, id) = (self.key.name(), self.key.id());
        let own = signatures.into_iter().find(|it| it.name == name && it.key_id == id);
        let own = own.ok_or_else(|| format!("it did not cosign with the key {}", self.key))?;
        let mut cosigned = Note::new(note.text().to_owned()).map_err(|error| error.to_string())?;
        cosigned.add(own.clone()).map_err(|error| error.to_string())?;
        let time = verify_cosignature(&cosigned, &self.key).map_err(|error| error.to_string())?;
        let now = clock::now().micros() / 1_000_000;
        if time.abs_diff(now) > SKEW_MAX {
            return Err(format!(
                "its cosignature is of the time {time}, and here it is {now}: one clock is wrong"
            ));
        }
        Ok(own)
    }
}

/// What a tree that does not go on from another one means.
const FORK: &str = "the log was changed, or another copy of it is written";

/// The request to cosign, with the proof that the tree goes on from `old`.
async fn request(old: u64, signed: &Signed, files: &LogFiles) -> Result<AddCheckpoint, String> {
    let (files, size) = (files.clone(), signed.checkpoint.size);
    let prove = move || consistency_proof(&files, old, size).map_err(|error| error.to_string());
    let proof = tokio::task::spawn_blocking(prove).await.map_err(|error| error.to_string())?;
    let proof = proof.map_err(|error| format!("it cannot be proved to it: {error}"))?;
    AddCheckpoint::new(old, proof, signed.note.clone()).map_err(|error| error.to_string())
}
