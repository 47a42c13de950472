//! The summary: one page for people, without scripts and without anything from elsewhere.

use super::error::ExportError;
use super::manifest::PayloadCounts;
use super::tally::Tally;
use askama::Template;
use events::Timestamp;

/// What the page shows.
#[derive(Template)]
#[template(path = "evidence.html")]
pub(super) struct Page<'a> {
    pub(super) by: String,
    pub(super) criterion: String,
    pub(super) is_contiguous: bool,
    pub(super) made: Timestamp,
    pub(super) origin: &'a str,
    pub(super) size: u64,
    pub(super) checkpoint: String,
    pub(super) policy: &'a str,
    pub(super) fingerprint: String,
    pub(super) payloads: PayloadCounts,
    pub(super) tally: &'a Tally,
}

impl Page<'_> {
    /// The page as text.
    pub(super) fn html(&self) -> Result<String, ExportError> {
        self.render().map_err(ExportError::make)
    }
}
