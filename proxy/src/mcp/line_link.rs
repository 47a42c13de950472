//! Messages to and from one tool server process, a line each: gives every request an id of the
//! link's own, and the responses their askers' ids back. It starts no process.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use events::FailureReason;
use tokio::sync::mpsc::{self, error::SendTimeoutError};
use tokio::sync::watch;

use crate::json::{self, Limits};
use crate::upstream::Permit;

use super::clerk::Failure;
use super::envelope::{Kind, Message};

/// How many messages may wait for one asker, and how many lines for the process. An asker that
/// falls further behind loses its call, and is told so, rather than hold up all others.
pub(crate) const WAITING_MAX: usize = 256;

/// How long a process may take none of the lines that wait for it.
const TAKEN_WITHIN: Duration = Duration::from_secs(30);

const TOKEN: [&str; 3] = ["params", "_meta", "progressToken"];
const PROGRESS: [&str; 2] = ["params", "progressToken"];
/// Where a notification says to which subscription it belongs: the id of its request.
pub(crate) const SUBSCRIPTION: [&str; 3] =
    ["params", "_meta", "io.modelcontextprotocol/subscriptionId"];

/// One process's end of the line; cheap to clone.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

struct Shared {
    lines: mpsc::Sender<Bytes>,
    waiting: Mutex<Option<HashMap<u64, Waiter>>>,
    next: AtomicU64,
    /// Where messages go that belong to no request.
    unasked: mpsc::Sender<String>,
    limits: Limits,
    flow: watch::Sender<Flow>,
}

/// Whether the line is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// So many requests wait for their responses.
    Waiting(usize),
    /// It has ended.
    Closed,
}

struct Waiter {
    id: String,
    token: Option<String>,
    messages: mpsc::Sender<String>,
}

/// A request that the process works on: its messages, the response last.
pub(crate) struct Asking {
    number: u64,
    link: Link,
    messages: mpsc::Receiver<String>,
}

impl Asking {
    /// The request's id on this link.
    pub(crate) fn number(&self) -> String {
        self.number.to_string()
    }

    /// The next message; `None` when no more will come.
    pub(crate) async fn next(&mut self) -> Option<String> {
        self.messages.recv().await
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if let Some(waiting) = self.link.waiting().as_mut() {
            waiting.remove(&self.number);
            self.link.0.flow.send_replace(Flow::Waiting(waiting.len()));
        }
    }
}

impl Link {
    /// A link that writes to `lines`, and hands on to `unasked` what nobody asked for.
    pub(crate) fn new(
        lines: mpsc::Sender<Bytes>,
        unasked: mpsc::Sender<String>,
        limits: Limits,
    ) -> Self {
        let waiting = Mutex::new(Some(HashMap::new()));
        Self(Arc::new(Shared {
            lines,
            waiting,
            next: AtomicU64::new(1),
            unasked,
            limits,
            flow: watch::Sender::new(Flow::Waiting(0)),
        }))
    }

    /// Whether the process still runs.
    pub(crate) fn is_open(&self) -> bool {
        self.waiting().is_some()
    }

    /// A number by which the process will know one request.
    pub(crate) fn number(&self) -> u64 {
        self.0.next.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a request by this number.
    pub(crate) async fn ask(
        &self,
        permit: Permit,
        number: u64,
        message: &Message<'_>,
    ) -> Result<Asking, Failure> {
        let token = message.value(&TOKEN).map(str::to_owned);
        let own = number.to_string();
        let mut text = set(message.text, &["id"], &own);
        if token.is_some() {
            text = set(&text, &TOKEN, &own);
        }
        let (messages, receiver) = mpsc::channel(WAITING_MAX);
        let id = message.id().unwrap_or("null").to_owned();
        match self.waiting().as_mut() {
            Some(waiting) => {
                waiting.insert(number, Waiter { id, token, messages });
                self.0.flow.send_replace(Flow::Waiting(waiting.len()));
            }
            None => return Err(not_running()),
        }
        let asking = Asking { number, link: self.clone(), messages: receiver };
        self.write(permit, &text).await?;
        Ok(asking)
    }

    /// Sends a notification or a response.
    pub(crate) async fn tell(&self, permit: Permit, message: &Message<'_>) -> Result<(), Failure> {
        self.write(permit, message.text).await
    }

    async fn write(&self, permit: Permit, text: &str) -> Result<(), Failure> {
        tracing::trace!(sequence = permit.sequence().number(), "a line to a process");
        // JSON text has no line end that matters, so a message can always be one line.
        let mut line = text.replace(['\n', '\r'], " ");
        line.push('\n');
        let sent = self.0.lines.send_timeout(Bytes::from(line), TAKEN_WITHIN).await;
        sent.map_err(|error| match error {
            SendTimeoutError::Timeout(_) => {
                // Nothing was sent, and nothing will be.
                Failure::new(FailureReason::Unreachable, "its process takes no more input")
            }
            SendTimeoutError::Closed(_) => not_running(),
        })
    }

    /// Hands a line of the process to whom it concerns.
    pub(crate) fn receive(&self, line: &[u8]) -> Result<(), String> {
        let message = Message::read(line, self.0.limits).map_err(|malformed| malformed.detail)?;
        match &message.kind {
            Kind::Response { id, .. } => self.answer(&message, id.unwrap_or_default()),
            Kind::Notification { .. } => {
                let concerned = [&PROGRESS[..], &SUBSCRIPTION[..]];
                let concerned = concerned.iter().find_map(|path| {
                    let number = message.value(path)?.trim_matches('"').parse::<u64>().ok()?;
                    self.notify(number, path, &message)
                });
                concerned.unwrap_or_else(|| self.pass_on(message.text))
            }
            Kind::Request { .. } => self.pass_on(message.text),
        }
    }

    fn answer(&self, message: &Message<'_>, id: &str) -> Result<(), String> {
        let number = id.trim_matches('"').parse::<u64>().ok();
        let waiter = number.and_then(|number| self.waiting().as_mut()?.remove(&number));
        let waiter = waiter.ok_or_else(|| format!("a response to `{id}`, which nobody asked"))?;
        let text = set(message.text, &["id"], &waiter.id);
        waiter.messages.try_send(text).map_err(|_| "its asker has gone or is too slow".to_owned())
    }

    /// Hands a notification to the asker of the request with this number; `None` if there is none.
    fn notify(
        &self,
        number: u64,
        path: &[&str],
        message: &Message<'_>,
    ) -> Option<Result<(), String>> {
        let mut waiting = self.waiting();
        let waiting = waiting.as_mut()?;
        let waiter = waiting.get(&number)?;
        let original = if path == PROGRESS { waiter.token.as_deref()? } else { &waiter.id };
        let text = set(message.text, path, original);
        if waiter.messages.try_send(text).is_err() {
            waiting.remove(&number);
            return Some(Err("its asker is too slow, so the call was given up".to_owned()));
        }
        Some(Ok(()))
    }

    fn pass_on(&self, text: &str) -> Result<(), String> {
        let passed = self.0.unasked.try_send(text.to_owned());
        passed.map_err(|_| "nobody listens for what was not asked".to_owned())
    }

    /// Ends the link: everybody who waits learns that nothing more will come.
    pub(crate) fn close(&self) {
        *self.waiting() = None;
        self.0.flow.send_replace(Flow::Closed);
    }

    /// Returns when the line has ended.
    pub(crate) async fn closed(&self) {
        let mut flow = self.0.flow.subscribe();
        drop(flow.wait_for(|flow| *flow == Flow::Closed).await);
    }

    /// Returns when no request waits for its response.
    pub(crate) async fn idle(&self) {
        let mut flow = self.0.flow.subscribe();
        drop(flow.wait_for(|flow| matches!(flow, Flow::Waiting(0) | Flow::Closed)).await);
    }

    fn waiting(&self) -> MutexGuard<'_, Option<HashMap<u64, Waiter>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn set(text: &str, path: &[&str], value: &str) -> String {
    // It fails only where the path leads through no object, and then there is nothing to set.
    json::set(text, path, value).unwrap_or_else(|_| text.to_owned())
}

fn not_running() -> Failure {
    Failure::new(FailureReason::Exited, "its process does not run")
}
