//! A real browser without a screen, as a person would use it.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::element::Element;
use crate::patience::until;
use crate::webdriver::{Refusal, Session, element_id};

/// What of the world is reached: this machine, by address or by name.
const WORLD: &str = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost";

/// What no suite needs, and what would have the browser call home.
const ARGUMENTS: &[&str] = &[
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--lang=en-GB",
    WORLD,
];

/// How a browser looks at pages.
#[derive(Clone, Debug)]
pub struct Look {
    width: u32,
    height: u32,
    phone: bool,
    scripts: bool,
    features: BTreeMap<&'static str, &'static str>,
}

/// A browser that runs, with nothing in it; it is killed when dropped.
#[derive(Debug)]
pub struct Browser {
    session: Session,
    heard: Mutex<Heard>,
    _profile: TempDir,
}

#[derive(Debug, Default)]
struct Heard {
    console: Vec<Entry>,
    exchanges: Vec<Exchange>,
}

/// A line of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// `SEVERE`, `WARNING`, `INFO` or `DEBUG`.
    pub level: String,
    /// Who says it: `security` for violations of a content security policy, `network`,
    /// `console-api`, `javascript` and others.
    pub source: String,
    /// What it says.
    pub message: String,
}

/// A request of the browser over HTTP, redirects among them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// The method.
    pub method: String,
    /// The URL.
    pub url: String,
    /// What it was for: `Document`, `Script`, `Stylesheet`, `Image`, `Fetch`, `EventSource`, ….
    pub kind: String,
    /// The status, once there is one.
    pub status: Option<u64>,
    id: String,
}

impl Look {
    /// A window of 1280 by 900.
    pub fn desktop() -> Self {
        let features = BTreeMap::new();
        Self { width: 1280, height: 900, phone: false, scripts: true, features }
    }

    /// A phone of 390 by 844 that is touched, not clicked.
    pub fn phone() -> Self {
        Self { width: 390, height: 844, phone: true, ..Self::desktop() }
    }

    /// In this size.
    #[must_use]
    pub fn size(mut self, width: u32, height: u32) -> Self {
        (self.width, self.height) = (width, height);
        self
    }

    /// Without JavaScript.
    #[must_use]
    pub fn without_scripts(mut self) -> Self {
        self.scripts = false;
        self
    }

    /// By somebody who prefers it dark.
    #[must_use]
    pub fn dark(self) -> Self {
        self.preferring("prefers-color-scheme", "dark")
    }

    /// By somebody with this preference (CSS media features), such as `prefers-reduced-motion`.
    #[must_use]
    pub fn preferring(mut self, feature: &'static str, value: &'static str) -> Self {
        self.features.insert(feature, value);
        self
    }
}

impl Browser {
    /// Starts one.
    pub fn start(look: &Look) -> Self {
        let profile = tempfile::tempdir().unwrap();
        let mut arguments: Vec<String> = ARGUMENTS.iter().map(|each| (*each).to_owned()).collect();
        arguments.push(format!("--user-data-dir={}", profile.path().display()));
        arguments.push(format!("--window-size={},{}", look.width, look.height));
        let session = Session::start(&json!({
            "goog:chromeOptions": {"args": arguments},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "timeouts": {"pageLoad": 25_000, "script": 25_000, "implicit": 0},
            "unhandledPromptBehavior": "accept",
        }));
        let browser = Self { session, heard: Mutex::default(), _profile: profile };
        browser.tools("Emulation.setScriptExecutionDisabled", &json!({"value": !look.scripts}));
        browser.size(look.width, look.height, look.phone);
        let touch = json!({"enabled": look.phone, "maxTouchPoints": 1});
        browser.tools("Emulation.setTouchEmulationEnabled", &touch);
        let preferred = look.features.iter();
        let features: Vec<Value> =
            preferred.map(|(name, value)| json!({"name": name, "value": value})).collect();
        browser.tools("Emulation.setEmulatedMedia", &json!({"features": features}));
        browser
    }

    /// Gives the window another size; as a phone it obeys what the page says of its viewport.
    pub fn size(&self, width: u32, height: u32, phone: bool) {
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": phone});
        self.tools("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// A command of the Chrome `DevTools` protocol.
    pub fn tools(&self, command: &str, parameters: &Value) -> Value {
        self.session.tools(command, parameters)
    }

    /// Opens a URL and waits until it is loaded; fails where nobody answers.
    pub fn open(&self, url: &str) {
        self.try_open(url).unwrap_or_else(|refusal| panic!("{url}: {refusal:?}"));
    }

    /// The same where it may fail.
    pub fn try_open(&self, url: &str) -> Result<(), Refusal> {
        self.session.post("/url", &json!({"url": url})).map(drop)
    }

    /// Loads the page again.
    pub fn reload(&self) {
        self.told("/refresh");
    }

    /// Goes back.
    pub fn back(&self) {
        self.told("/back");
    }

    fn told(&self, path: &str) {
        let done = self.session.post(path, &json!({}));
        done.unwrap_or_else(|refusal| panic!("{path}: {refusal:?}"));
    }

    fn asked(&self, path: &str) -> Value {
        self.session.get(path).unwrap_or_else(|refusal| panic!("{path}: {refusal:?}"))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        self.asked("/url").as_str().unwrap_or_default().to_owned()
    }

    /// Waits until it is somewhere of which this holds.
    pub fn wait_url(&self, what: &str, holds: impl Fn(&str) -> bool) -> String {
        until(what, || Some(self.url()).filter(|url| holds(url)))
    }

    /// The title of the page.
    pub fn title(&self) -> String {
        self.asked("/title").as_str().unwrap_or_default().to_owned()
    }

    /// The page as it stands now, as HTML.
    pub fn source(&self) -> String {
        self.asked("/source").as_str().unwrap_or_default().to_owned()
    }

    /// What can be read on the page.
    pub fn text(&self) -> String {
        let text = self.script("return document.body ? document.body.innerText : ''", &[]);
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until this can be read on the page.
    pub fn wait_text(&self, text: &str) {
        until(&format!("`{text}` on {}", self.url()), || self.text().contains(text).then_some(()));
    }

    /// Waits for the first element that this CSS selector matches.
    pub fn find(&self, css: &str) -> Element<'_> {
        until(&format!("`{css}` on {}", self.url()), || self.find_all(css).into_iter().next())
    }

    /// All elements that this CSS selector matches now.
    pub fn find_all(&self, css: &str) -> Vec<Element<'_>> {
        // While a page gives way to the next there are none.
        let wanted = json!({"using": "css selector", "value": css});
        let found = self.session.post("/elements", &wanted).unwrap_or_default();
        let ids = found.as_array().into_iter().flatten().filter_map(element_id);
        ids.map(|id| Element::new(&self.session, id)).collect()
    }

    /// Waits for the element that a screen reader calls so: a role such as `button`, and its whole
    /// name.
    pub fn role(&self, role: &str, name: &str) -> Element<'_> {
        until(&format!("{role} `{name}` on {}", self.url()), || {
            self.roles(role).into_iter().find(|element| element.label() == name)
        })
    }

    /// All elements that a screen reader gives this role now.
    pub fn roles(&self, role: &str) -> Vec<Element<'_>> {
        let mut found = self.find_all(likely(role));
        found.retain(|element| element.role() == role);
        found
    }

    /// What has the keyboard.
    pub fn focused(&self) -> Option<Element<'_>> {
        let found = self.session.get("/element/active").ok()?;
        element_id(&found).map(|id| Element::new(&self.session, id))
    }

    /// Presses keys, one after the other, on whatever has the keyboard; `Key` names those without
    /// a sign.
    pub fn press(&self, keys: &str) {
        let strokes = keys.chars().flat_map(|key| {
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
        });
        let strokes: Vec<Value> = strokes.collect();
        let actions = json!({"actions": [{"type": "key", "id": "keys", "actions": strokes}]});
        let done = self.session.post("/actions", &actions);
        done.unwrap_or_else(|refusal| panic!("keys: {refusal:?}"));
    }

    /// Runs a function's body with these arguments; what it returns. It runs without JavaScript
    /// too, which is for pages.
    pub fn script(&self, body: &str, arguments: &[Value]) -> Value {
        let call = json!({"script": body, "args": arguments});
        let done = self.session.post("/execute/sync", &call);
        done.unwrap_or_else(|refusal| panic!("{body}: {refusal:?}"))
    }

    /// Writes a picture of the whole page to a file, as PNG.
    pub fn screenshot(&self, file: &Path) {
        let metrics = self.tools("Page.getLayoutMetrics", &json!({}));
        let side = |name: &str| {
            metrics.pointer(&format!("/cssContentSize/{name}")).cloned().unwrap_or_default()
        };
        let (width, height) = (side("width"), side("height"));
        let clip = json!({"x": 0, "y": 0, "width": width, "height": height, "scale": 1});
        let whole = json!({"format": "png", "captureBeyondViewport": true, "clip": clip});
        let picture = self.tools("Page.captureScreenshot", &whole);
        let picture = picture.get("data").and_then(Value::as_str).unwrap_or_default();
        std::fs::write(file, BASE64_STANDARD.decode(picture).unwrap()).unwrap();
    }

    /// The cookies that the page's server would be sent, as `WebDriver` describes them: `name`,
    /// `value`, `path`, `httpOnly`, `secure`, `sameSite`, `expiry`.
    pub fn cookies(&self) -> Vec<Value> {
        self.asked("/cookie").as_array().cloned().unwrap_or_default()
    }

    /// Adds a cookie for the page's server.
    pub fn set_cookie(&self, cookie: &Value) {
        let done = self.session.post("/cookie", &json!({"cookie": cookie}));
        done.unwrap_or_else(|refusal| panic!("{cookie}: {refusal:?}"));
    }

    /// Forgets all cookies of the page's server.
    pub fn forget(&self) {
        let done = self.session.delete("/cookie");
        done.unwrap_or_else(|refusal| panic!("cookies: {refusal:?}"));
    }

    /// Gives the person a key for `WebAuthn` that always says that they are there and who they
    /// are. Pages can use it where their address begins with `http://localhost` or `https`.
    pub fn give_key(&self) {
        self.tools("WebAuthn.enable", &json!({}));
        let options = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true,
            "hasUserVerification": true, "isUserVerified": true,
            "automaticPresenceSimulation": true,
        });
        self.tools("WebAuthn.addVirtualAuthenticator", &json!({"options": options}));
    }

    /// Everything that the console has said so far.
    pub fn console(&self) -> Vec<Entry> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.console.extend(self.session.log("browser").iter().map(Entry::read));
        heard.console.clone()
    }

    /// Fails where the console complained: of scripts that broke, of what is missing, and of what
    /// the content security policy forbids.
    #[track_caller]
    pub fn assert_quiet(&self) {
        let mut entries = self.console();
        entries.retain(|entry| {
            let loud = ["SEVERE", "WARNING"].contains(&entry.level.as_str());
            loud || entry.source == "security"
        });
        assert!(entries.is_empty(), "the console complains: {entries:#?}");
    }

    /// Everything that was asked over HTTP so far.
    pub fn exchanges(&self) -> Vec<Exchange> {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in self.session.log("performance") {
            heard.note(&entry);
        }
        heard.exchanges.clone()
    }
}

/// A CSS selector for everything that may have this role.
fn likely(role: &str) -> &'static str {
    match role {
        "button" => "button, input, summary, [role]",
        "link" => "a, area, [role]",
        "heading" => "h1, h2, h3, h4, h5, h6, [role]",
        "textbox" | "checkbox" | "radio" | "combobox" | "spinbutton" | "searchbox" => {
            "input, textarea, select, [role], [contenteditable]"
        }
        _ => "*",
    }
}

impl Heard {
    /// Takes down what an entry of the performance log says of the network.
    fn note(&mut self, entry: &Value) {
        let text = entry.get("message").and_then(Value::as_str).unwrap_or_default();
        let message: Value = serde_json::from_str(text).unwrap();
        let at = |place: &str| message.pointer(&format!("/message{place}"));
        let text = |place: &str| at(place).and_then(Value::as_str).unwrap_or_default().to_owned();
        let id = text("/params/requestId");
        match text("/method").as_str() {
            "Network.requestWillBeSent" => {
                let redirected = at("/params/redirectResponse/status").and_then(Value::as_u64);
                self.answered(&id, redirected);
                let (method, url) = (text("/params/request/method"), text("/params/request/url"));
                if url.starts_with("http") {
                    let kind = text("/params/type");
                    self.exchanges.push(Exchange { method, url, kind, status: None, id });
                }
            }
            "Network.responseReceived" => {
                self.answered(&id, at("/params/response/status").and_then(Value::as_u64));
            }
            _ => {}
        }
    }

    fn answered(&mut self, id: &str, status: Option<u64>) {
        let open = self.exchanges.iter_mut().rev();
        let mut open = open.filter(|each| each.id == id && each.status.is_none());
        if let Some(exchange) = open.next() {
            exchange.status = status;
        }
    }
}

impl Entry {
    fn read(entry: &Value) -> Self {
        let text =
            |name: &str| entry.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        Self { level: text("level"), source: text("source"), message: text("message") }
    }
}
