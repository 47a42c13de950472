//! What guards a mailbox: it opens every link of a mail, and does on each page all that can be done
//! without being anybody.

use std::collections::{BTreeSet, VecDeque};

use serde_json::{Value, json};

use crate::browser::{Browser, Exchange, Look};
use crate::wire::Connection;

/// How many pages it looks at for one mail.
const PAGES_MAX: usize = 25;

/// Everything that can be clicked.
const CLICKABLE: &str = "a[href], area[href], button, summary, label, [role=button], [onclick], \
     input[type=submit], input[type=button], input[type=image], input[type=checkbox]";

/// Enters something everywhere, agrees to everything, and uses what is not to be used yet.
const FILL: &str = "
    for (const each of document.querySelectorAll('input, textarea, select, button')) {
        each.disabled = false;
        each.readOnly = false;
        if (['checkbox', 'radio'].includes(each.type)) each.checked = true;
        else if (each.type === 'email') each.value = 'scanner@example.com';
        else if (each.tagName === 'SELECT') each.selectedIndex = each.options.length - 1;
        else if (['text', 'password', 'search', 'tel', 'textarea'].includes(each.type))
            each.value ||= 'scanned';
    }";

/// What it did.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The pages that it looked at.
    pub pages: BTreeSet<String>,
    /// How often it clicked something.
    pub clicks: usize,
    /// How often it submitted a form.
    pub submissions: usize,
    /// All that its browser asked for.
    pub exchanges: Vec<Exchange>,
}

/// Opens these links and all pages that they lead to on this machine, first with HEAD and GET, then
/// in a browser with JavaScript and without a session. On each page it clicks everything and
/// submits every form, whether or not they are shown and enabled.
pub fn scan(links: &[String]) -> Scan {
    let browser = Browser::start(&Look::desktop());
    let mut scan = Scan::default();
    let mut waiting: VecDeque<String> = links.iter().cloned().collect();
    while let Some(url) = waiting.pop_front().filter(|_| scan.pages.len() < PAGES_MAX) {
        let url = url.split('#').next().unwrap_or_default().to_owned();
        let near = url.starts_with("http://127.0.0.1:") || url.starts_with("http://localhost:");
        if !near || !scan.pages.insert(url.clone()) {
            continue;
        }
        fetch(&url);
        scan.everything(&browser, &url, &mut waiting);
    }
    scan.exchanges = browser.exchanges();
    scan
}

impl Scan {
    fn everything(&mut self, browser: &Browser, url: &str, waiting: &mut VecDeque<String>) {
        if browser.try_open(url).is_err() {
            return;
        }
        waiting.push_back(browser.url());
        for number in 0..browser.find_all(CLICKABLE).len() {
            self.clicks += usize::from(click(browser, url, number));
            waiting.push_back(browser.url());
        }
        for number in 0..count(browser, url, "form") {
            for how in ["requestSubmit", "submit"] {
                self.submissions += usize::from(submit(browser, url, number, how));
                waiting.push_back(browser.url());
            }
        }
    }
}

fn count(browser: &Browser, url: &str, css: &str) -> usize {
    browser.try_open(url).map_or(0, |()| browser.find_all(css).len())
}

fn click(browser: &Browser, url: &str, number: usize) -> bool {
    if browser.try_open(url).is_err() {
        return false;
    }
    browser.script(FILL, &[]);
    let found = browser.find_all(CLICKABLE);
    let Some(element) = found.get(number) else { return false };
    if element.try_click().is_err() {
        browser.script("arguments[0].click()", &[element.argument()]);
    }
    true
}

/// Submits a form, by a method that checks its fields or by one that does not.
fn submit(browser: &Browser, url: &str, number: usize, how: &str) -> bool {
    if count(browser, url, "form") <= number {
        return false;
    }
    browser.script(FILL, &[]);
    let call = "HTMLFormElement.prototype[arguments[1]].call(document.forms[arguments[0]])";
    browser.script(call, &[json!(number), Value::from(how)]);
    // The next page has come when its address can be asked for.
    browser.find_all("body");
    true
}

/// Asks for it as programs do that are no browsers.
fn fetch(url: &str) {
    let rest = url.trim_start_matches("http://");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let Ok(address) = host.replace("localhost", "127.0.0.1").parse() else { return };
    for method in ["HEAD", "GET"] {
        // Whatever it answers: what matters is what comes of it.
        drop(Connection::open(address).and_then(|mut connection| {
            connection.send(format!("{method} /{path} HTTP/1.1\r\nhost: {host}\r\n\r\n"))?;
            connection.head()
        }));
    }
}
