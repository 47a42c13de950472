//! Reaches whoever keeps the payloads: a running gateway, or the ledger itself where none runs.

use super::records::Place;
use super::remote::base_url;
use super::serve::DEFAULT_FILE;
use super::{CommandError, candidate, serve};
use crate::config::{Backend, Config};
use crate::custody::{Custody, CustodyError, LEDGER_FOLDER};
use crate::keeper::{Keeper, KeeperError};
use crate::keys::{KEYS_FOLDER, OPERATOR_KEY};
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use ledger::backend::file::OpenError;
use ledger::sealer::LostLock;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a gateway may take: it may be reading a large ledger.
const PATIENCE: Duration = Duration::from_hours(1);

/// The most bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 << 20;

/// Where the ledger is.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Whose {
    /// The configuration of the gateway; `countersign.toml` if it is there.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where its ledger is, instead of what the configuration says.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Ask a running gateway, such as `http://127.0.0.1:8081`.
    #[arg(long)]
    url: Option<String>,
    /// The file with the operator's key of that gateway, if its data folder is not on this machine.
    #[arg(long, value_name = "FILE", requires = "url")]
    key_file: Option<PathBuf>,
}

/// A way to the keeper.
pub(super) enum Desk {
    /// A running gateway.
    Gateway {
        /// Its address.
        base: String,
        /// The operator's key.
        key: String,
    },
    /// A ledger that no gateway has open.
    Folder(Box<Config>),
}

impl Whose {
    /// Finds the way; asks nothing yet.
    pub(super) fn desk(&self) -> Result<Desk, CommandError> {
        let configuration = || {
            let loaded = serve::configuration(self.config.as_deref(), self.data.as_deref());
            loaded.map(|loaded| loaded.config)
        };
        let Some(url) = &self.url else { return Ok(Desk::Folder(Box::new(configuration()?))) };
        let base = base_url(url)?.to_owned();
        // The configuration of another machine may not be here, nor its secrets.
        let path = match (&self.key_file, &self.data) {
            (Some(path), _) => path.clone(),
            (None, Some(data)) => data.join(KEYS_FOLDER).join(OPERATOR_KEY),
            (None, None) => configuration()?.data.join(KEYS_FOLDER).join(OPERATOR_KEY),
        };
        let key = std::fs::read_to_string(&path).map_err(|error| {
            let hint = "it is in the gateway's data folder: say `--data DIR` or `--key-file FILE`";
            CommandError::Io(format!("no operator's key in `{}`: {error}; {hint}", path.display()))
        })?;
        Ok(Desk::Gateway { base, key: key.trim().to_owned() })
    }
}

/// How long it takes at most until something answers at an address of this machine.
const NEAR: Duration = Duration::from_secs(2);

impl Whose {
    /// The gateway that is named, or that runs where the configuration says: its address and the
    /// operator's key. None if none is named and none runs. Secrets of the configuration that are
    /// not here are not missed.
    pub(super) fn running(&self) -> Result<Option<(String, String)>, CommandError> {
        if self.url.is_some() {
            return match self.desk()? {
                Desk::Gateway { base, key } => Ok(Some((base, key))),
                Desk::Folder(_) => Ok(None),
            };
        }
        let (data, address) = self.configured()?;
        let key = std::fs::read_to_string(data.join(KEYS_FOLDER).join(OPERATOR_KEY));
        let answers = TcpStream::connect_timeout(&address, NEAR).is_ok();
        Ok(key.ok().filter(|_| answers).map(|key| {
            let key = key.trim().to_owned();
            (format!("http://{address}"), key)
        }))
    }

    /// The same where there must be one.
    pub(super) fn gateway(&self) -> Result<(String, String), CommandError> {
        let nothing = |(data, address): (PathBuf, SocketAddr)| {
            let key = data.join(KEYS_FOLDER).join(OPERATOR_KEY);
            CommandError::Io(format!(
                "no gateway answers at `http://{address}`, or its key is not in `{}`: say where it \
                 runs with `--url`, and where its data is with `--data`",
                key.display()
            ))
        };
        self.running()?.ok_or_else(|| match self.configured() {
            Ok(configured) => nothing(configured),
            Err(error) => error,
        })
    }

    /// The ledger, whether or not a gateway writes it.
    pub(super) fn place(&self) -> Place {
        let default = || Path::new(DEFAULT_FILE).exists().then(|| PathBuf::from(DEFAULT_FILE));
        let config = self.config.clone().or_else(default).filter(|_| self.url.is_none());
        let data = self.data.clone().filter(|_| self.url.is_none());
        Place { data, config, url: self.url.clone() }
    }

    /// Where the data is, and where people reach the gateway.
    fn configured(&self) -> Result<(PathBuf, SocketAddr), CommandError> {
        let config = match candidate::configuration(self.config.as_deref())? {
            Some(config) => config,
            None => serve::configuration(None, None)?.config,
        };
        let data = self.data.clone().unwrap_or(config.data);
        Ok((data, config.listen.people))
    }
}

/// What a gateway says where it does not do what is asked.
#[derive(serde::Deserialize)]
struct Problem {
    detail: String,
}

/// Asks a gateway; the answer's body as JSON. What is not there or not understood is a wrong
/// command line; what may not be, or not any more, is a check that failed.
pub(super) async fn ask<T: DeserializeOwned>(
    (base, key): (&str, &str),
    method: Method,
    path: &str,
    asked: &impl Serialize,
) -> Result<T, CommandError> {
    let url = format!("{base}{path}");
    let fail = |what: &dyn std::fmt::Display| CommandError::Io(format!("`{url}`: {what}"));
    let asked = serde_json::to_vec(asked).map_err(|error| fail(&error))?;
    let request = Request::builder()
        .method(method)
        .uri(&url)
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::AUTHORIZATION, format!("Bearer {key}"))
        .body(Full::new(Bytes::from(asked)))
        .map_err(|error| fail(&error))?;
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let exchange = async {
        let answer = client.request(request).await.map_err(|error| fail(&error))?;
        let (head, body) = answer.into_parts();
        let body = Limited::new(body, ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| fail(&error))?.to_bytes();
        match head.status {
            StatusCode::NO_CONTENT => serde_json::from_str("null").map_err(|error| fail(&error)),
            status if status.is_success() => {
                serde_json::from_slice(&body).map_err(|error| fail(&error))
            }
            status => {
                let text = String::from_utf8_lossy(&body);
                let problem: Option<Problem> = serde_json::from_slice(&body).ok();
                let detail = problem.map_or_else(|| text.into_owned(), |problem| problem.detail);
                let detail = analytics::one_line(detail.trim(), 400);
                Err(match status {
                    StatusCode::NOT_FOUND | StatusCode::UNPROCESSABLE_ENTITY => {
                        CommandError::Usage(detail)
                    }
                    StatusCode::CONFLICT | StatusCode::FORBIDDEN => {
                        CommandError::CheckFailed(detail)
                    }
                    status => fail(&format!("{status}: {detail}")),
                })
            }
        }
    };
    tokio::time::timeout(PATIENCE, exchange).await.map_err(|_| fail(&"no answer"))?
}

/// Works as the keeper of a ledger that no gateway has open.
pub(super) async fn keep<T>(
    config: &Config,
    work: impl AsyncFnOnce(&Keeper) -> Result<T, KeeperError>,
) -> Result<T, CommandError> {
    let folder = config.data.join(LEDGER_FOLDER);
    if config.ledger.backend == Backend::Memory || !folder.is_dir() {
        let shown = folder.display();
        let hint = "say `--data DIR`, or ask a running gateway with `--url`";
        return Err(CommandError::Io(format!("no ledger in `{shown}`: {hint}")));
    }
    let custody = Custody::open(config, LostLock::Refuse).await;
    let (ledger, _, closing) = custody.map_err(|error| not_opened(config, &error))?.split();
    let keeper = Keeper::new(ledger);
    let done = work(&keeper).await;
    drop(keeper);
    closing.close().await.map_err(|error| CommandError::Io(error.to_string()))?;
    done.map_err(|error| {
        let text = error.to_string();
        if matches!(error, KeeperError::NoHold(_) | KeeperError::NoSession(_)) {
            CommandError::Usage(text)
        } else {
            CommandError::Io(text)
        }
    })
}

/// What to say of a ledger that does not open for a command.
pub(super) fn not_opened(config: &Config, error: &CustodyError) -> CommandError {
    let hint = if matches!(error, CustodyError::Open(OpenError::Held { .. })) {
        let address = config.listen.people;
        format!("; if that is the gateway, ask it: `--url http://{address}`")
    } else {
        String::new()
    };
    CommandError::Io(format!("{error}{hint}"))
}
