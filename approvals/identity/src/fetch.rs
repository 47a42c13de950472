//! The one way from here to identity providers: HTTP with limits on size and time, by `https` only.

use http::Uri;
use std::fmt::Debug;
use std::io;
use std::time::Duration;
use ureq::Agent;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes of an answer.
const ANSWER_MAX: u64 = 512 << 10;

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Where.
    pub url: &'a str,
    /// The header `Authorization`.
    pub authorization: Option<&'a str>,
    /// A form to post; without one it is a `GET`.
    pub form: Option<&'a str>,
}

/// What was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
}

/// There is no answer.
#[derive(Debug, thiserror::Error)]
#[error("`{url}` cannot be asked: {source}")]
pub struct FetchError {
    /// Where, without its query.
    pub url: String,
    /// Why not.
    pub source: io::Error,
}

/// Asks over HTTP. It blocks. No redirection is followed, and nothing else is asked but what the
/// configuration names, or a provider that the configuration names.
pub trait Fetch: Debug + Send + Sync {
    /// One answer, whatever its status.
    fn fetch(&self, ask: Ask<'_>) -> Result<Answer, FetchError>;
}

/// Asks for real.
#[derive(Debug)]
pub struct Web {
    outside: Agent,
    /// This machine is not behind a proxy.
    here: Agent,
}

impl Web {
    /// With the certificate authorities that Mozilla trusts, or with those of this PEM file alone.
    pub fn new(authorities: Option<&[u8]>) -> io::Result<Self> {
        let mut tls = TlsConfig::builder();
        if let Some(pem) = authorities {
            let mut certificates: Vec<Certificate<'static>> = Vec::new();
            for item in parse_pem(pem) {
                if let PemItem::Certificate(certificate) = item.map_err(ureq::Error::into_io)? {
                    certificates.push(certificate);
                }
            }
            if certificates.is_empty() {
                return Err(io::Error::other("there is no certificate in the file"));
            }
            tls = tls.root_certs(RootCerts::new_with_certs(&certificates));
        }
        let tls = tls.build();
        let config = || {
            Agent::config_builder()
                .timeout_global(Some(TIMEOUT))
                .max_redirects(0)
                .http_status_as_error(false)
                .accept("application/json")
                .user_agent("countersign")
                .tls_config(tls.clone())
        };
        Ok(Self { outside: config().build().into(), here: config().proxy(None).build().into() })
    }

    fn ask(&self, ask: Ask<'_>) -> io::Result<Answer> {
        let agent = if is_loopback(ask.url) { &self.here } else { &self.outside };
        let sent = match ask.form {
            None => {
                let mut request = agent.get(ask.url);
                if let Some(value) = ask.authorization {
                    request = request.header("authorization", value);
                }
                request.call()
            }
            Some(form) => {
                let mut request =
                    agent.post(ask.url).header("content-type", "application/x-www-form-urlencoded");
                if let Some(value) = ask.authorization {
                    request = request.header("authorization", value);
                }
                request.send(form)
            }
        };
        let mut response = sent.map_err(ureq::Error::into_io)?;
        let body = response.body_mut().with_config().limit(ANSWER_MAX).read_to_vec();
        Ok(Answer { status: response.status().as_u16(), body: body.map_err(ureq::Error::into_io)? })
    }
}

impl Fetch for Web {
    fn fetch(&self, ask: Ask<'_>) -> Result<Answer, FetchError> {
        let failed = |source| {
            let url = ask.url.split(['?', '#']).next().unwrap_or_default();
            FetchError { url: url.to_owned(), source }
        };
        if !is_fetchable(ask.url) {
            let why = "expected `https`, or `http` to this machine, without user and fragment";
            return Err(failed(io::Error::other(why)));
        }
        self.ask(ask).map_err(failed)
    }
}

/// Whether a URL may be asked at all: by `https`, or by `http` where it does not leave the machine.
pub fn is_fetchable(url: &str) -> bool {
    let Ok(parsed) = url.parse::<Uri>() else { return false };
    let plain = !url.contains('#')
        && parsed.authority().is_some_and(|authority| !authority.as_str().contains('@'));
    plain && (parsed.scheme_str() == Some("https") || is_loopback(url))
}

fn is_loopback(url: &str) -> bool {
    let Ok(url) = url.parse::<Uri>() else { return false };
    let host = url.host().unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<std::net::IpAddr>();
    let is_here = address.map_or(host == "localhost", |address| address.is_loopback());
    is_here && url.scheme_str() == Some("http")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_this_machine_are_asked() {
        for good in [
            "https://id.example.com/a?b",
            "http://127.0.0.1:9/x",
            "http://[::1]/",
            "http://localhost:3000/",
        ] {
            assert!(is_fetchable(good), "{good}");
        }
        for bad in [
            "http://id.example.com/",
            "http://127.0.0.1.example.com/",
            "http://169.254.169.254/",
            "file:///etc/passwd",
            "https://user@id.example.com/",
            "/relative",
            "",
            "https://id.example.com/#part",
            "http://localhost.example.com/",
        ] {
            assert!(!is_fetchable(bad), "{bad}");
        }
        let web = Web::new(None).unwrap();
        let ask = Ask { url: "http://192.0.2.1/?secret", authorization: None, form: None };
        let refused = web.fetch(ask).unwrap_err().to_string();
        assert!(refused.contains("expected `https`") && !refused.contains("secret"), "{refused}");
        assert!(Web::new(Some(b"no certificate")).is_err());
    }
}
