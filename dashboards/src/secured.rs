//! What a browser is told with every page, and which requests are taken from a browser at all.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum::{Router, middleware};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use std::sync::Arc;

/// Nothing inline, nothing from elsewhere, nothing around the page, and no sink for scripts.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; \
                      base-uri 'none'; require-trusted-types-for 'script'";

const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    (HeaderName::from_static("x-robots-tag"), "noindex, nofollow"),
];

/// Serves these pages as pages of ours must be served:
///
/// - every answer has the headers above, and is not kept by anybody unless it says otherwise;
/// - a request that changes something (any but GET, HEAD and OPTIONS) is answered 403 unless the
///   browser says that it comes from a page of the same origin, or of `url`: how people reach the
///   pages, where something between changes the host that is asked for.
pub fn secured(pages: Router, url: &str) -> Router {
    let origin: Arc<str> = url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/").into();
    pages.layer(middleware::from_fn_with_state(origin, secure))
}

/// Gives every answer, also those that say that there is nothing, the headers above that it does
/// not have. What is for programs is opened in browsers too.
pub fn fenced(all: Router) -> Router {
    all.layer(middleware::map_response(async |mut response: Response| {
        fence(response.headers_mut());
        response
    }))
}

fn fence(headers: &mut HeaderMap) {
    let no_store = (header::CACHE_CONTROL, "no-store");
    for (name, value) in HEADERS.into_iter().chain([no_store]) {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

async fn secure(State(own): State<Arc<str>>, request: Request, next: Next) -> Response {
    let is_ours = request.method().is_safe() || is_same_origin(request.headers(), &own);
    let mut response = if is_ours {
        next.run(request).await
    } else {
        let detail = "this form was not sent by a page of this gateway: open the page again and \
                      send it from there\n";
        (StatusCode::FORBIDDEN, detail).into_response()
    };
    fence(response.headers_mut());
    response
}

/// Whether a browser says that a page of this origin sent the request. What says nothing is no
/// browser, or hides where it comes from, and is not taken.
fn is_same_origin(headers: &HeaderMap, own: &str) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = text("origin") else { return false };
    let authority = origin.split_once("://").map(|(_, authority)| authority);
    origin == own || (authority.is_some() && text("host") == authority)
}

#[cfg(test)]
mod tests {
    use super::{HEADERS, is_same_origin};
    use http::{HeaderMap, HeaderValue};

    #[test]
    fn only_pages_of_the_same_origin_may_change_something() {
        let table: [(&[(&'static str, &'static str)], bool); 8] = [
            (&[("sec-fetch-site", "same-origin")], true),
            (&[("sec-fetch-site", "same-site"), ("origin", "http://a"), ("host", "a")], false),
            (&[("sec-fetch-site", "cross-site")], false),
            (&[("sec-fetch-site", "none")], false),
            (&[("origin", "https://gw.example:8081"), ("host", "gw.example:8081")], true),
            (&[("origin", "https://public.example"), ("host", "10.0.0.7:8081")], true),
            (&[("origin", "null"), ("host", "gw.example")], false),
            (&[("host", "gw.example")], false),
        ];
        for (pairs, expected) in table {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (name.parse().unwrap(), HeaderValue::from_static(value)));
            let headers: HeaderMap = pairs.collect();
            assert_eq!(is_same_origin(&headers, "https://public.example"), expected, "{headers:?}");
        }
    }

    #[test]
    fn nothing_inline_and_nothing_from_elsewhere_is_allowed() {
        let (_, policy) = HEADERS[0];
        assert!(policy.starts_with("default-src 'none'") && !policy.contains("unsafe"));
        assert!(policy.contains("frame-ancestors 'none'"));
    }
}
