//! A line to one tool server, whatever carries it.

use events::FailureReason;
use http::{HeaderMap, HeaderValue};

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
    Http(HttpLine),
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

    /// Sends a request.
    pub(crate) async fn ask(
        &self,
        permit: Permit,
        message: &Message<'_>,
        extra: &HeaderMap,
    ) -> Result<Asked, Failure> {
        match self {
            Self::Http(line) => Ok(Asked::Http(Box::new(line.ask(permit, message, extra).await?))),
            Self::Stdio { running, .. } => {
                Ok(Asked::Stdio(running.link.ask(permit, message).await?))
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

impl Asked {
    /// The next message; the response is the last.
    pub(crate) async fn next(&mut self, limits: Limits) -> Result<String, Failure> {
        let next = match self {
            Self::Http(asking) => asking.next(limits).await?,
            Self::Stdio(asking) => asking.next().await,
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
