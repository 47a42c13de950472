//! The address of a server: scheme, host, port and a path prefix, and nothing that could carry
//! a secret (no user, no query).

use std::fmt;

use http::uri::{Authority, PathAndQuery, Scheme};

/// An `http` or `https` address below which a server answers. The prefix has no `/` at its
/// end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl {
    secure: bool,
    authority: Authority,
    prefix: String,
}

/// Why a text is not the address of a server.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BaseUrlError {
    /// Not `http://` or `https://` and a host.
    #[error("expected an address such as `https://api.example.com/v1`")]
    NotHttp,
    /// A user or password before the host.
    #[error("the address must not hold a user or password")]
    Credentials,
    /// `?…` or `#…`.
    #[error("the address must not hold `?` or `#`")]
    Query,
    /// A port that is not one.
    #[error("the port must be a number from 1 to 65535")]
    Port,
}

impl BaseUrl {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, BaseUrlError> {
        // `http::Uri` drops a fragment in silence, so look before it does.
        if text.contains(['?', '#']) {
            return Err(BaseUrlError::Query);
        }
        let parts = text.parse::<http::Uri>().map_err(|_| BaseUrlError::NotHttp)?.into_parts();
        let secure = match parts.scheme.as_ref().map(Scheme::as_str) {
            Some("http") => false,
            Some("https") => true,
            _ => return Err(BaseUrlError::NotHttp),
        };
        let authority = parts.authority.ok_or(BaseUrlError::NotHttp)?;
        if authority.as_str().contains('@') {
            return Err(BaseUrlError::Credentials);
        }
        if authority.host().is_empty() {
            return Err(BaseUrlError::NotHttp);
        }
        // A host alone has no port text; anything else after it must be a usable port.
        if authority.as_str() != authority.host() && authority.port_u16().is_none_or(|p| p == 0) {
            return Err(BaseUrlError::Port);
        }
        let path = parts.path_and_query.as_ref().map_or("", PathAndQuery::path);
        Ok(Self { secure, authority, prefix: path.trim_end_matches('/').to_owned() })
    }

    /// Whether the connection is TLS.
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host, an IPv6 address with its brackets.
    pub fn host(&self) -> &str {
        self.authority.host()
    }

    /// The port, the scheme's own where none was written.
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.secure { 443 } else { 80 })
    }

    /// Host and, where one was written, port: what the `Host` header says.
    pub fn authority(&self) -> &Authority {
        &self.authority
    }

    /// The path that every request starts with: empty, or `/…` without a `/` at its end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the host is this machine, so that nothing travels a network.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        host.eq_ignore_ascii_case("localhost")
            || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The full address of `path_and_query` (which starts with `/`, or is empty) below this one.
    pub fn join(&self, path_and_query: &str) -> Result<http::Uri, http::Error> {
        let path = format!("{}{path_and_query}", self.prefix);
        let path = if path.is_empty() { "/" } else { path.as_str() };
        http::Uri::builder()
            .scheme(if self.secure { Scheme::HTTPS } else { Scheme::HTTP })
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_go_below_the_prefix() {
        let base = BaseUrl::parse("https://api.example.com/v1/").unwrap();
        assert_eq!(base.to_string(), "https://api.example.com/v1");
        assert_eq!((base.port(), base.is_loopback()), (443, false));
        let uri = base.join("/chat/completions?x=1").unwrap();
        assert_eq!(uri, "https://api.example.com/v1/chat/completions?x=1");
        let local = BaseUrl::parse("http://[::1]:9000").unwrap();
        assert_eq!((local.host(), local.port(), local.is_loopback()), ("[::1]", 9000, true));
        assert_eq!(local.join("").unwrap(), "http://[::1]:9000/");
    }

    #[test]
    fn an_address_that_is_not_one_says_why() {
        for (text, why) in [
            ("api.example.com/v1", BaseUrlError::NotHttp),
            ("/v1", BaseUrlError::NotHttp),
            ("", BaseUrlError::NotHttp),
            ("ftp://example.com", BaseUrlError::NotHttp),
            ("https://ada:pw@example.com", BaseUrlError::Credentials),
            ("https://example.com/?key=1", BaseUrlError::Query),
            ("https://example.com/#a", BaseUrlError::Query),
            ("https://example.com:0", BaseUrlError::Port),
            ("https://example.com:99999", BaseUrlError::Port),
        ] {
            assert_eq!(BaseUrl::parse(text), Err(why), "{text}");
        }
    }
}
