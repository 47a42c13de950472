//! A line to one tool server, whatever carries it.

use std::time::Duration;

use events::FailureReason;
use http::{HeaderMap, HeaderValue};

use tokio::time::timeout;

use crate::json::Limits;
use crate::upstream::Permit;

use super::clerk::Failure;
use super::envelope::Message;
use super::http_line::{Era, HttpAsking, HttpLine};
use super::line_link::Asking;
use super::process::Running;

/// A line to one tool server.
pub(crate) enum Line {
    /// Over HTTP.
    Http(Box<HttpLine>),
    /// To a process.
    Stdio {
        /// The process.
        running: Running,
        /// How it is spoken to.
        era: Era,
    },
}

/// A request under way.
pub(crate) enum Asked {
    /// Over HTTP.
    Http(Box<HttpAsking>),
    /// To a process.
    Stdio(Asking),
}

impl Line {
    /// How the server is spoken to.
    pub(crate) fn era(&self) -> &Era {
        match self {
            Self::Http(line) => &line.era,
            Self::Stdio { era, .. } => era,
        }
    }

    /// Settles how the server is spoken to.
    pub(crate) fn agree(&mut self, agreed: Era) {
        match self {
            Self::Http(line) => line.era = agreed,
            Self::Stdio { era, .. } => *era = agreed,
        }
    }

    /// Whether every request stands by itself.
    pub(crate) fn is_modern(&self) -> bool {
        matches!(self.era(), Era::Modern)
    }

    /// Whether it can still be used.
    pub(crate) fn is_open(&self) -> bool {
        match self {
            Self::Http(_) => true,
            Self::Stdio { running, .. } => running.link.is_open(),
        }
    }

    /// A number by which the server will know one request.
    pub(crate) fn number(&self) -> u64 {
        match self {
            Self::Http(line) => line.number(),
            Self::Stdio { running, .. } => running.link.number(),
        }
    }

    /// Sends a request by this number.
    pub(crate) async fn ask(
        &self,
        permit: Permit,
        number: u64,
        message: &Message<'_>,
        extra: &HeaderMap,
    ) -> Result<Asked, Failure> {
        match self {
            Self::Http(line) => {
                Ok(Asked::Http(Box::new(line.ask(permit, number, message, extra).await?)))
            }
            Self::Stdio { running, .. } => {
                Ok(Asked::Stdio(running.link.ask(permit, number, message).await?))
            }
        }
    }

    /// Sends a notification or a response.
    pub(crate) async fn tell(&self, permit: Permit, message: &Message<'_>) -> Result<(), Failure> {
        match self {
            Self::Http(line) => line.tell(permit, message).await,
            Self::Stdio { running, .. } => running.link.tell(permit, message).await,
        }
    }
}

impl Line {
    /// Goes on with an answer that has broken off.
    pub(crate) async fn resume(&self, permit: Permit, asked: &mut Asked) -> Result<(), Failure> {
        match (self, asked) {
            (Self::Http(line), Asked::Http(asking)) => line.resume(permit, asking).await,
            _ => Err(Failure::new(FailureReason::Truncated, "its answer broke off")),
        }
    }
}

impl Asked {
    /// How long to wait before a broken answer is gone on with; `None` when it cannot be.
    pub(crate) fn resumable(&self) -> Option<Duration> {
        match self {
            Self::Http(asking) => asking.resumable(),
            Self::Stdio(_) => None,
        }
    }

    /// The next message; the response is the last. Fails when nothing comes for `patience`.
    pub(crate) async fn next(
        &mut self,
        limits: Limits,
        patience: Duration,
    ) -> Result<String, Failure> {
        let next = match self {
            // Its reading has that patience with every byte, also with those that keep it alive.
            Self::Http(asking) => asking.next(limits).await?,
            Self::Stdio(asking) => timeout(patience, asking.next()).await.map_err(|_| {
                let detail = format!("it said nothing for {patience:?}");
                Failure::new(FailureReason::TimedOut, detail)
            })?,
        };
        next.ok_or_else(|| match self {
            Self::Http(_) => {
                Failure::new(FailureReason::Truncated, "its answer ended without the response")
            }
            Self::Stdio(_) => Failure::new(
                FailureReason::Exited,
                "its process ended, or fell silent towards a slow agent, before the response",
            ),
        })
    }

    /// The request's id on its line.
    pub(crate) fn own_id(&self) -> String {
        match self {
            Self::Http(asking) => asking.own.clone(),
            Self::Stdio(asking) => asking.number(),
        }
    }

    /// The HTTP status; 0 where there is none.
    pub(crate) fn status(&self) -> u16 {
        match self {
            Self::Http(asking) => asking.status,
            Self::Stdio(_) => 0,
        }
    }

    /// The session that the answer opens.
    pub(crate) fn session(&self) -> Option<HeaderValue> {
        match self {
            Self::Http(asking) => asking.session.clone(),
            Self::Stdio(_) => None,
        }
    }
}
