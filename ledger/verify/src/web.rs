//! Files below a URL, fetched with limits on size and time.

use crate::evidence::{Fetched, SourceError};
use crate::folder::{Files, read_some};
use std::io;
use std::time::Duration;
use ureq::Agent;

/// How long one file may take.
const FETCH_TIMEOUT: Duration = Duration::from_mins(1);

/// How long it may take to connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How often a server may send us elsewhere.
const REDIRECTS_MAX: u32 = 3;

/// How often a file is asked for, when the connection fails or the server is busy.
const ATTEMPTS_MAX: u32 = 3;

/// Files of a server, below a prefix without a slash at its end.
#[derive(Debug)]
pub(crate) struct Web {
    agent: Agent,
    prefix: String,
}

impl Web {
    pub(crate) fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(FETCH_TIMEOUT))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .max_redirects(REDIRECTS_MAX)
            .http_status_as_error(false)
            .user_agent("ledger-verify")
            .build();
        Self { agent: config.into(), prefix: url.trim_end_matches('/').to_owned() }
    }

    fn fetch(&self, url: &str, most: usize) -> io::Result<Fetched> {
        let mut response = self.agent.get(url).call().map_err(ureq::Error::into_io)?;
        match response.status().as_u16() {
            200 => read_some(response.body_mut().as_reader(), most).map(Fetched::Bytes),
            // Object stores answer 403 for what is not there.
            403 | 404 | 410 => Ok(Fetched::Missing),
            status => Err(io::Error::other(format!("the server answers {status}"))),
        }
    }
}

impl Files for Web {
    fn read(&self, path: &str, most: usize) -> Result<Fetched, SourceError> {
        let url = self.name(path);
        let mut attempt = 1;
        loop {
            match self.fetch(&url, most) {
                Ok(fetched) => return Ok(fetched),
                Err(source) if attempt == ATTEMPTS_MAX => {
                    return Err(SourceError { file: url, source });
                }
                Err(_) => attempt += 1,
            }
        }
    }

    fn name(&self, path: &str) -> String {
        format!("{}/{path}", self.prefix)
    }
}
