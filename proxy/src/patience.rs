//! How long a connection may keep the gateway waiting: for its first request, for the rest of a
//! request's head, and between two requests. How long answers take is not known here.

use crate::heard::{Heard, Stage};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// Patience with one connection.
#[derive(Debug)]
pub struct Patience {
    heard: Heard,
    header_timeout: Duration,
    idle_timeout: Duration,
    stage: Option<Stage>,
    deadline: Option<Instant>,
    alarm: Pin<Box<Sleep>>,
}

/// Why a connection is given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overdue {
    /// A request began, and its head was not complete in time.
    Head,
    /// Nothing was asked, or nothing of the answer was taken.
    Silent,
}

impl Patience {
    /// Waits `header_timeout` for a connection's first byte, and for the head of each request from
    /// its first byte on; `idle_timeout` for the next request, and for whoever takes nothing of an
    /// answer. What is given up so is dropped, by which those who make the answer learn of it.
    /// Where every answer was an error so far, as for strangers, it is no longer than for the
    /// first.
    pub fn new(heard: Heard, header_timeout: Duration, idle_timeout: Duration) -> Self {
        let alarm = Box::pin(sleep_until(Instant::now() + header_timeout));
        Self { heard, header_timeout, idle_timeout, stage: None, deadline: None, alarm }
    }

    /// Serves the connection to its end, as long as it does not keep the gateway waiting.
    pub async fn with<C: Future>(
        &mut self,
        mut connection: Pin<&mut C>,
    ) -> Result<C::Output, Overdue> {
        poll_fn(|context| match connection.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Ok(ended)),
            Poll::Pending => self.poll_overdue(context).map(Err),
        })
        .await
    }

    /// Whatever changes the stage wakes the connection's task, so it is enough to look then.
    fn poll_overdue(&mut self, context: &mut Context<'_>) -> Poll<Overdue> {
        let stage = self.heard.stage();
        if self.stage != Some(stage) {
            self.stage = Some(stage);
            self.deadline = self.allowed(stage).map(|allowed| Instant::now() + allowed);
        }
        let Some(deadline) = self.deadline else { return Poll::Pending };
        // An alarm that was set for an earlier moment is only put off when it rings: while
        // requests follow each other, nothing is set.
        if deadline < self.alarm.deadline() {
            self.alarm.as_mut().reset(deadline);
        }
        while self.alarm.deadline() < deadline {
            ready!(self.alarm.as_mut().poll(context));
            self.alarm.as_mut().reset(deadline);
        }
        ready!(self.alarm.as_mut().poll(context));
        match stage {
            Stage::Asking { .. } => Poll::Ready(Overdue::Head),
            Stage::New | Stage::Idle { .. } | Stage::Answering | Stage::Untaken { .. } => {
                Poll::Ready(Overdue::Silent)
            }
        }
    }

    const fn allowed(&self, stage: Stage) -> Option<Duration> {
        match stage {
            Stage::New | Stage::Asking { .. } | Stage::Idle { welcome: false, .. } => {
                Some(self.header_timeout)
            }
            Stage::Idle { welcome: true, .. } | Stage::Untaken { .. } => Some(self.idle_timeout),
            Stage::Answering => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heard::Listening;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
    use tokio::time::timeout;

    const HEADER: Duration = Duration::from_secs(10);
    const IDLE: Duration = Duration::from_mins(2);
    const MOMENT: Duration = Duration::from_millis(1);

    struct Stage {
        agent: DuplexStream,
        gateway: Listening<DuplexStream>,
        heard: Heard,
        patience: Patience,
    }

    impl Stage {
        fn set() -> Self {
            let (agent, gateway) = duplex(1 << 10);
            let heard = Heard::default();
            let gateway = Listening::new(gateway, heard.clone());
            let patience = Patience::new(heard.clone(), HEADER, IDLE);
            heard.welcome();
            Self { agent, gateway, heard, patience }
        }

        async fn hears(&mut self, text: &[u8]) {
            self.agent.write_all(text).await.unwrap();
            self.gateway.read_exact(&mut vec![0; text.len()]).await.unwrap();
        }

        /// What it comes to when nothing happens any more, and after how long.
        async fn waits(&mut self) -> (Overdue, Duration) {
            let began = Instant::now();
            let silence = std::pin::pin!(std::future::pending::<()>());
            (self.patience.with(silence).await.unwrap_err(), began.elapsed())
        }

        async fn is_patient_for(&mut self, duration: Duration) -> bool {
            timeout(duration, self.waits()).await.is_err()
        }
    }

    fn about(found: (Overdue, Duration), expected: (Overdue, Duration)) {
        assert_eq!(found.0, expected.0);
        assert!(expected.1 <= found.1 && found.1 < expected.1 + 5 * MOMENT, "{found:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_must_begin_and_be_complete_soon() {
        let mut stage = Stage::set();
        about(stage.waits().await, (Overdue::Silent, HEADER));
        let mut stage = Stage::set();
        assert!(stage.is_patient_for(HEADER / 2).await);
        stage.hears(b"GET").await;
        assert!(stage.is_patient_for(HEADER / 2).await);
        stage.hears(b" /").await;
        about(stage.waits().await, (Overdue::Head, HEADER / 2));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_may_take_its_time_and_the_next_request_as_well_but_not_its_head() {
        let mut stage = Stage::set();
        stage.hears(b"GET / HTTP/1.1\r\n\r\n").await;
        let answering = stage.heard.asked();
        assert!(stage.is_patient_for(10 * IDLE).await);
        stage.gateway.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
        drop(answering);
        assert!(stage.is_patient_for(IDLE * 9 / 10).await);
        stage.hears(b"GET").await;
        about(stage.waits().await, (Overdue::Head, HEADER));
    }

    #[tokio::test(start_paused = true)]
    async fn an_idle_connection_is_given_up_but_not_while_its_answer_is_taken_slowly() {
        let mut stage = Stage::set();
        stage.hears(b"GET / HTTP/1.1\r\n\r\n").await;
        drop(stage.heard.asked());
        assert!(stage.is_patient_for(IDLE * 9 / 10).await);
        stage.gateway.write_all(b"the rest of the answer").await.unwrap();
        about(stage.waits().await, (Overdue::Silent, IDLE));
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_got_nothing_but_errors_is_not_waited_for_long() {
        let (agent, gateway) = duplex(1 << 10);
        let heard = Heard::default();
        let gateway = Listening::new(gateway, heard.clone());
        let patience = Patience::new(heard.clone(), HEADER, IDLE);
        let mut stage = Stage { agent, gateway, heard, patience };
        stage.hears(b"GET / HTTP/1.1\r\n\r\n").await;
        drop(stage.heard.asked());
        about(stage.waits().await, (Overdue::Silent, HEADER));
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_of_which_nothing_is_taken_is_given_up() {
        let mut stage = Stage::set();
        stage.hears(b"GET / HTTP/1.1\r\n\r\n").await;
        let answering = stage.heard.asked();
        let more = vec![0; 1 << 11];
        assert!(timeout(MOMENT, stage.gateway.write_all(&more)).await.is_err(), "it fits");
        about(stage.waits().await, (Overdue::Silent, IDLE));
        drop(answering);
    }
}
