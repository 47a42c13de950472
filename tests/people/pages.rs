//! A site of a few pages that tests look at, and that remembers what was asked of it.

use tests::upstream::{Request, Upstream};

/// Starts a site; `page` gives for a request's line the header lines and the HTML of its answer.
pub(crate) fn site<P>(page: P) -> Upstream
where
    P: Fn(&Request) -> (String, String) + Send + Sync + 'static,
{
    Upstream::start(move |request, connection| {
        let (headers, body) = page(request);
        let (status, headers) = match headers.strip_prefix("303 ") {
            Some(headers) => (303, headers.to_owned()),
            None => (200, headers),
        };
        let kind = if request.line.contains(".js ") { "text/javascript" } else { "text/html" };
        connection.send(format!(
            "HTTP/1.1 {status} As Scripted\r\ncontent-type: {kind}; charset=utf-8\r\n{headers}\
             content-length: {}\r\n\r\n{body}",
            body.len()
        ))
    })
}

/// A page with this body that asks for the browser's own width.
pub(crate) fn page(body: &str) -> String {
    format!(
        "<!doctype html><html lang=\"en\"><head><title>A page</title>\
         <link rel=\"icon\" href=\"data:,\">\
         <meta name=\"viewport\" content=\"width=device-width\"></head><body>{body}</body></html>"
    )
}

/// The URL of a page.
pub(crate) fn url(site: &Upstream, path: &str) -> String {
    format!("http://{}{path}", site.address)
}
