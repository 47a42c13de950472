//! The load: connections that each have one request under way, and the time that each took.

use super::cases::{Case, Source};
use super::figures::Figures;
use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use tokio::task::{JoinError, JoinSet};

/// How much of an answer that is not `200` is shown.
const SHOWN_BYTES: usize = 300;

/// Why a load ended early.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The connection failed.
    #[error("cannot reach `{0}`: {1}")]
    Connect(SocketAddr, std::io::Error),
    /// HTTP failed.
    #[error("a call failed: {0}")]
    Http(#[from] hyper::Error),
    /// Something else was answered.
    #[error("a call was answered {status}: {body}")]
    Status {
        /// With what.
        status: StatusCode,
        /// And what it said.
        body: String,
    },
    /// A task ended.
    #[error("a connection's task ended: {0}")]
    Task(#[from] JoinError),
}

/// Where calls of one case go.
#[derive(Clone, Debug)]
pub struct Target {
    address: SocketAddr,
    host: HeaderValue,
    path: Arc<str>,
}

impl Target {
    /// The path `path` at `address`.
    pub fn new(address: SocketAddr, path: &str) -> Self {
        let host = HeaderValue::try_from(address.to_string());
        let host = host.unwrap_or_else(|_| HeaderValue::from_static("localhost"));
        Self { address, host, path: path.into() }
    }
}

/// One connection.
pub struct Connection {
    sender: SendRequest<Full<Bytes>>,
    target: Target,
}

impl Connection {
    /// Connects.
    pub async fn open(target: &Target) -> Result<Self, LoadError> {
        let failed = |error| LoadError::Connect(target.address, error);
        let stream = TcpStream::connect(target.address).await.map_err(failed)?;
        stream.set_nodelay(true).map_err(failed)?;
        let (sender, connection) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(async move {
            // What breaks is seen by the request that was under way.
            drop(connection.await);
        });
        Ok(Self { sender, target: target.clone() })
    }

    /// Makes one call; `piece` sees each piece of the answer as it comes.
    pub async fn call(
        &mut self,
        source: &mut Source,
        mut piece: impl FnMut(&Bytes),
    ) -> Result<(), LoadError> {
        let request = source.request(&self.target.host, &self.target.path);
        self.sender.ready().await?;
        let mut response = self.sender.send_request(request).await?;
        if response.status() != StatusCode::OK {
            let status = response.status();
            let body = response.into_body().collect().await?.to_bytes();
            let shown = body.get(..SHOWN_BYTES).unwrap_or(&body);
            return Err(LoadError::Status { status, body: String::from_utf8_lossy(shown).into() });
        }
        while let Some(frame) = response.frame().await {
            if let Ok(data) = frame?.into_data() {
                piece(&data);
            }
        }
        Ok(())
    }
}

/// The connections of one case to one target, kept open between slots.
pub struct Load {
    lanes: Vec<(Connection, Source)>,
}

impl Load {
    /// Opens so many connections, and makes one call on each that does not count.
    pub async fn open(case: Case, target: &Target, connections: usize) -> Result<Self, LoadError> {
        let mut opening = JoinSet::new();
        for index in 0..connections {
            let target = target.clone();
            opening.spawn(async move {
                let mut source = Source::new(case, index);
                let mut connection = Connection::open(&target).await?;
                connection.call(&mut source, |_| ()).await?;
                Ok::<_, LoadError>((connection, source))
            });
        }
        Ok(Self { lanes: all(opening).await? })
    }

    /// Calls on every connection, again and again, for so long.
    pub async fn run(&mut self, duration: Duration) -> Result<(usize, Figures), LoadError> {
        let mut running = JoinSet::new();
        let began = Instant::now();
        let until = began + duration;
        for (connection, source) in self.lanes.drain(..) {
            running.spawn(drive(connection, source, until));
        }
        let lanes = all(running).await?;
        let seconds = began.elapsed().as_secs_f64();
        let mut samples = Vec::new();
        for (connection, source, of_lane) in lanes {
            self.lanes.push((connection, source));
            samples.extend(of_lane);
        }
        Ok((samples.len(), Figures::of(samples, seconds)))
    }
}

/// Calls until the time is over; gives everything back, and how long each call took.
async fn drive(
    mut connection: Connection,
    mut source: Source,
    until: Instant,
) -> Result<(Connection, Source, Vec<u32>), LoadError> {
    let mut samples = Vec::new();
    let mut from = Instant::now();
    while from < until {
        connection.call(&mut source, |_| ()).await?;
        let now = Instant::now();
        samples.push(micros(now - from));
        from = now;
    }
    Ok((connection, source, samples))
}

/// In microseconds.
pub fn micros(duration: Duration) -> u32 {
    u32::try_from(duration.as_micros()).unwrap_or(u32::MAX)
}

async fn all<T: 'static>(mut tasks: JoinSet<Result<T, LoadError>>) -> Result<Vec<T>, LoadError> {
    let mut results = Vec::with_capacity(tasks.len());
    while let Some(ended) = tasks.join_next().await {
        results.push(ended??);
    }
    Ok(results)
}
