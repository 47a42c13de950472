//! What servers say unasked in one session of an agent: on which stream it goes, and whose question
//! an agent's response answers. Not the streams themselves.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, mpsc};

use crate::json::{self, Limits};

use super::envelope::{Kind, Message};

/// How many messages wait for an agent that has no stream open. When there are more the oldest is
/// lost, which is logged.
const BACKLOG_MAX: usize = 256;

/// How many questions of servers may wait for their answers at once.
const QUESTIONS_MAX: usize = 256;

/// Something a server said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unasked {
    /// Which server.
    pub(crate) member: usize,
    /// What.
    pub(crate) text: String,
}

/// The floor of one session.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    flights: Mutex<Vec<Flight>>,
    backlog: Mutex<VecDeque<Unasked>>,
    news: Notify,
    questions: Mutex<HashMap<String, (usize, String)>>,
    next: AtomicU64,
}

#[derive(Debug)]
struct Flight {
    number: u64,
    id: String,
    own: String,
    member: usize,
    aside: mpsc::Sender<Unasked>,
    cancelled: Arc<Notify>,
}

/// A request under way; what its server says meanwhile comes out here.
pub(crate) struct Flying<'f> {
    floor: &'f Floor,
    number: u64,
    pub(crate) asides: mpsc::Receiver<Unasked>,
    /// Told when the agent cancels the request.
    pub(crate) cancelled: Arc<Notify>,
}

impl Drop for Flying<'_> {
    fn drop(&mut self) {
        lock(&self.floor.flights).retain(|flight| flight.number != self.number);
        // What came too late to be said beside the request is said on the stream for the rest.
        self.asides.close();
        while let Ok(unasked) = self.asides.try_recv() {
            self.floor.wait(unasked);
        }
    }
}

impl Floor {
    /// Takes note of a request to `member` that begins; `own` is its id on the line there.
    pub(crate) fn fly(&self, member: usize, id: &str, own: String) -> Flying<'_> {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (aside, asides) = mpsc::channel(BACKLOG_MAX);
        let cancelled = Arc::new(Notify::new());
        let told = Arc::clone(&cancelled);
        let id = id.to_owned();
        lock(&self.flights).push(Flight { number, id, own, member, aside, cancelled: told });
        Flying { floor: self, number, asides, cancelled }
    }

    /// The server that works on the request with this id, and the id that it knows it by.
    pub(crate) fn working(&self, id: &str) -> Option<(usize, String)> {
        let flights = lock(&self.flights);
        let flight = flights.iter().find(|flight| flight.id == id)?;
        Some((flight.member, flight.own.clone()))
    }

    /// Lets go of the request with this id, which the agent has cancelled.
    pub(crate) fn cancel(&self, id: &str) {
        let flights = lock(&self.flights);
        if let Some(flight) = flights.iter().find(|flight| flight.id == id) {
            flight.cancelled.notify_one();
        }
    }

    /// Puts what a server said where the agent will hear it: beside the latest request to that
    /// server, or on the stream for the rest.
    pub(crate) fn unasked(&self, unasked: Unasked) {
        let beside = lock(&self.flights)
            .iter()
            .rev()
            .find(|flight| flight.member == unasked.member)
            .map(|flight| flight.aside.clone());
        let left = match beside {
            Some(aside) => aside.try_send(unasked).err().map(mpsc::error::TrySendError::into_inner),
            None => Some(unasked),
        };
        if let Some(left) = left {
            self.wait(left);
        }
    }

    /// Puts a message on the stream for what belongs to no request.
    pub(crate) fn wait(&self, unasked: Unasked) {
        let mut backlog = lock(&self.backlog);
        if backlog.len() >= BACKLOG_MAX {
            tracing::warn!("a message for an agent that does not listen was lost");
            backlog.pop_front();
        }
        backlog.push_back(unasked);
        self.news.notify_one();
    }

    /// The next message for the agent that belongs to no request.
    pub(crate) async fn next(&self) -> Unasked {
        loop {
            let next = lock(&self.backlog).pop_front();
            if let Some(next) = next {
                return next;
            }
            self.news.notified().await;
        }
    }

    /// A server's message as the agent gets it: a question gets an id that no other server's has.
    /// `None` when too many questions wait.
    pub(crate) fn outward(&self, unasked: &Unasked, limits: Limits) -> Option<String> {
        let text = unasked.text.as_str();
        let Ok(message) = Message::read(text.as_bytes(), limits) else { return None };
        let Kind::Request { id, .. } = message.kind else { return Some(text.to_owned()) };
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let own = format!("\"countersign-{number}\"");
        let mut questions = lock(&self.questions);
        if questions.len() >= QUESTIONS_MAX {
            tracing::warn!("a question of a tool server was not passed on: too many wait");
            return None;
        }
        questions.insert(own.clone(), (unasked.member, id.to_owned()));
        json::set(text, &["id"], &own).ok()
    }

    /// Whose question a response with this id answers, and the server's own id for it.
    pub(crate) fn answered(&self, id: &str) -> Option<(usize, String)> {
        lock(&self.questions).remove(id)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(member: usize, text: &str) -> Unasked {
        Unasked { member, text: text.to_owned() }
    }

    #[tokio::test]
    async fn what_a_server_says_goes_beside_its_latest_request_or_waits() {
        let floor = Floor::default();
        let mut flying = floor.fly(1, "7", "70".to_owned());
        floor.unasked(said(1, "a"));
        floor.unasked(said(0, "b"));
        assert_eq!(flying.asides.recv().await.unwrap().text, "a");
        assert_eq!(floor.next().await, said(0, "b"));
        assert_eq!(floor.working("7"), Some((1, "70".to_owned())));
        drop(flying);
        assert_eq!(floor.working("7"), None);
        floor.unasked(said(1, "c"));
        assert_eq!(floor.next().await.text, "c");
    }

    #[test]
    fn questions_of_two_servers_with_one_id_are_answered_apart() {
        let floor = Floor::default();
        let question = r#"{"jsonrpc":"2.0","id":1,"method":"roots/list"}"#;
        let limits = Limits::default();
        let ids: Vec<String> = [0, 1]
            .map(|member| floor.outward(&said(member, question), limits).unwrap())
            .iter()
            .map(|text| json::find(text, &["id"]).unwrap().text.to_owned())
            .collect();
        assert_eq!(floor.answered(&ids[1]), Some((1, "1".to_owned())));
        assert_eq!(floor.answered(&ids[0]), Some((0, "1".to_owned())));
        assert_eq!(floor.answered(&ids[0]), None, "a question is answered once");
    }
}
