//! The scanner finds everything that could be done by whoever has a link.

use tests::group::installed;
use tests::scanner::scan;
use tests::upstream::Request;

use crate::pages::{page, site, url};

#[test]
fn a_scanner_opens_clicks_and_submits_whatever_a_link_leads_to() {
    if !installed() {
        return;
    }
    let site = site(|request: &Request| {
        let path = request.line.split(' ').nth(1).unwrap_or_default();
        match path {
            "/link" => ("303 location: /landed\r\n".to_owned(), String::new()),
            "/by_script.js" => {
                let script = "fetch('/loaded', {method: 'POST'});\
                     document.querySelector('#b').onclick = () => fetch('/pressed')";
                (String::new(), script.to_owned())
            }
            "/landed" => (
                String::new(),
                page(
                    "<button id=\"b\" disabled>Approve</button><a href=\"/next\">Next</a>\
                     <form method=\"post\" action=\"/decided\"><input name=\"code\" required>\
                     <button hidden>Hidden</button></form><script src=\"/by_script.js\"></script>",
                ),
            ),
            _ => (String::new(), page("<p>Nothing</p>")),
        }
    });
    let done = scan(&[url(&site, "/link")]);
    let seen: Vec<String> = site.seen().into_iter().map(|request| request.line).collect();
    let wanted = [
        "HEAD /link ",
        "GET /landed ",
        "POST /loaded ",
        "GET /pressed ",
        "GET /next ",
        "POST /decided ",
    ];
    for wanted in wanted {
        assert!(seen.iter().any(|line| line.starts_with(wanted)), "no {wanted}in {seen:#?}");
    }
    assert!(done.clicks >= 3 && done.submissions >= 2, "{done:#?}");
    assert!(done.pages.iter().any(|page| page.ends_with("/next")), "{:?}", done.pages);
    let posted = site.seen().into_iter().find(|request| request.line.starts_with("POST /decided"));
    assert_eq!(posted.unwrap().body, b"code=scanned");
}
