//! Pictures of the pages that a suite walks through, for people to look at; nothing is compared.

use std::cell::Cell;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use tests::browser::Browser;
use tests::inbox::Mail;

/// The folder that pictures are written to, in the environment; without it there are none.
const FOLDER: &str = "COUNTERSIGN_SHOTS";

/// A series of pictures.
pub(crate) struct Shots {
    folder: Option<PathBuf>,
    name: &'static str,
    next: Cell<u32>,
}

impl Shots {
    /// A series of this name.
    pub(crate) fn of(name: &'static str) -> Self {
        let folder = std::env::var_os(FOLDER).map(PathBuf::from);
        if let Some(folder) = &folder {
            std::fs::create_dir_all(folder).unwrap();
        }
        Self { folder, name, next: Cell::new(1) }
    }

    /// Whether anybody wants to look.
    pub(crate) fn wanted(&self) -> bool {
        self.folder.is_some()
    }

    /// A picture of what the browser shows.
    pub(crate) fn take(&self, browser: &Browser, what: &str) {
        let Some(folder) = &self.folder else { return };
        let number = self.next.replace(self.next.get() + 1);
        browser.screenshot(&folder.join(format!("{}-{number:02}-{what}.png", self.name)));
    }

    /// A picture of a mail, as a reader's program shows it.
    pub(crate) fn mail(&self, browser: &Browser, mail: &Mail, what: &str) {
        if self.wanted() {
            let page = BASE64_STANDARD.encode(&mail.html);
            browser.open(&format!("data:text/html;charset=utf-8;base64,{page}"));
            self.take(browser, what);
        }
    }
}
