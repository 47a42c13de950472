//! Lets programs of the same machine in, and others who show that they may.

use crate::site::Site;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use identity::role::Right;
use std::net::{IpAddr, SocketAddr};

/// What proxies add when they pass on what somebody else asked.
const PASSED_ON: [&str; 6] =
    ["forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip"];

/// Who else is let in: whoever has a right, by the site's sign-in; without a site nobody.
#[derive(Clone, Debug)]
pub(crate) struct Others {
    /// Who knows.
    pub(crate) site: Option<Site>,
    /// The right.
    pub(crate) right: Right,
}

/// Answers 403 unless the peer's address is a loopback one and the `Host` asked for is too, or the
/// request shows that it comes from somebody who may.
///
/// The second is against DNS rebinding: a web page can make a browser on this machine ask, but
/// under the page's own host name. Where the server does not tell the peer, nobody is let in; nor
/// is who says that it asks for somebody else, because a proxy on this machine has its address.
pub(crate) async fn only_local(
    State(others): State<Others>,
    request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let passed_on = PASSED_ON.iter().any(|name| request.headers().contains_key(*name));
    if is_local(peer, host) && !passed_on {
        return next.run(request).await;
    }
    if let Some(site) = &others.site {
        let (method, headers) = (request.method().clone(), request.headers().clone());
        if site.lets_in((&method, &headers), others.right).await {
            return next.run(request).await;
        }
    }
    let detail = "events and payloads are served to this machine, and to whoever has the right: ask \
                  by `127.0.0.1` and not through a proxy, or send a person's token or the \
                  operator's key as `Authorization: Bearer …`\n";
    (StatusCode::FORBIDDEN, detail).into_response()
}

fn is_local(peer: Option<IpAddr>, host: Option<&str>) -> bool {
    let is_loopback = |ip: IpAddr| ip.to_canonical().is_loopback();
    let name = host.map(without_port);
    let named = name.is_some_and(|name| {
        let name = name.trim_start_matches('[').trim_end_matches(']');
        name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(is_loopback)
    });
    peer.is_some_and(is_loopback) && named
}

/// A host without its port; an IPv6 address stands in brackets (RFC 9110 section 7.2).
fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, _)) if !name.contains(':') || name.ends_with(']') => name,
        Some(_) | None => host,
    }
}

#[cfg(test)]
mod tests {
    use super::is_local;

    #[test]
    fn only_this_machine_is_let_in() {
        let table = [
            (Some("127.0.0.1"), Some("127.0.0.1:8081"), true),
            (Some("127.0.0.1"), Some("LocalHost:8081"), true),
            (Some("127.8.9.1"), Some("localhost"), true),
            (Some("::1"), Some("[::1]:8081"), true),
            (Some("::ffff:127.0.0.1"), Some("[::1]"), true),
            (Some("127.0.0.1"), Some("evil.example:8081"), false),
            (Some("127.0.0.1"), Some("localhost.evil.example"), false),
            (Some("127.0.0.1"), None, false),
            (Some("10.0.0.7"), Some("127.0.0.1:8081"), false),
            (None, Some("127.0.0.1:8081"), false),
        ];
        for (peer, host, expected) in table {
            let peer = peer.map(|peer| peer.parse().unwrap());
            assert_eq!(is_local(peer, host), expected, "{peer:?} {host:?}");
        }
    }
}
