//! A receiver of webhooks that keeps what it is sent, and fails as a test tells it to.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use crate::patience::until;
use crate::upstream::{Request, Upstream};
use crate::wire::Connection;

/// What it answers instead of 204.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// This status.
    Status(u16),
    /// This status with these header lines, each with its end.
    With(u16, String),
    /// Nothing: the connection is closed.
    Nothing,
}

/// A receiver; it listens until the process ends.
#[derive(Clone, Debug)]
pub struct Webhook {
    upstream: Upstream,
    replies: Arc<Mutex<VecDeque<Reply>>>,
}

impl Webhook {
    /// Starts one.
    pub fn start() -> Self {
        let replies = Arc::new(Mutex::new(VecDeque::new()));
        let next = Arc::clone(&replies);
        let upstream = Upstream::start(move |_, connection| answer(connection, &next));
        Self { upstream, replies }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.upstream.address
    }

    /// The URL to send to.
    pub fn url(&self) -> String {
        format!("http://{}/hook", self.upstream.address)
    }

    /// Gives the next so many requests this reply.
    pub fn reply(&self, reply: &Reply, times: usize) {
        let mut replies = self.replies.lock().unwrap_or_else(PoisonError::into_inner);
        replies.extend(std::iter::repeat_n(reply.clone(), times));
    }

    /// What came so far, the failed ones too.
    pub fn seen(&self) -> Vec<Request> {
        self.upstream.seen()
    }

    /// Waits until so many requests have come.
    pub fn wait(&self, count: usize) -> Vec<Request> {
        until(&format!("{count} webhooks"), || Some(self.seen()).filter(|seen| seen.len() >= count))
    }
}

fn answer(connection: &mut Connection, replies: &Mutex<VecDeque<Reply>>) -> io::Result<()> {
    let reply = replies.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    match reply {
        None => connection.reply(204, ""),
        Some(Reply::Status(status)) => connection.reply(status, ""),
        Some(Reply::With(status, headers)) => connection.reply_with(status, &headers, ""),
        Some(Reply::Nothing) => Err(io::ErrorKind::ConnectionAborted.into()),
    }
}
