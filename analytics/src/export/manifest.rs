//! The bundle's files as they are added, and the list of them that ends it.

use super::archive::Archive;
use super::error::ExportError;
use events::{Digest, Timestamp};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

/// The name of the format, with its version.
const FORMAT: &str = "countersign-evidence/1";

/// What the bundle is, with every file that does not prove itself.
#[derive(Debug, Serialize)]
pub(super) struct Manifest<'a> {
    format: &'static str,
    pub(super) by: &'a str,
    pub(super) criterion: String,
    pub(super) contiguous: bool,
    pub(super) origin: &'a str,
    pub(super) size: u64,
    pub(super) made: Timestamp,
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
    pub(super) events: u64,
    /// How many of the events, at the end, stand behind a range to tell what became of payloads.
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) behind: u64,
    pub(super) payloads: PayloadCounts,
    files: Vec<Listed>,
}

/// What became of the payloads that the events name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PayloadCounts {
    /// Whether they were wanted at all.
    pub included: bool,
    /// In the bundle.
    pub present: u64,
    /// Not in the store any more.
    pub erased: u64,
    /// Never kept, as was configured.
    pub discarded: u64,
    /// In the store, without the key to read them.
    pub undecryptable: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for it")]
const fn is_zero(count: &u64) -> bool {
    *count == 0
}

#[derive(Debug, Serialize)]
struct Listed {
    path: String,
    bytes: usize,
    sha256: Digest,
}

/// Adds files to an archive, and remembers them for the manifest.
pub(super) struct Files<'a> {
    archive: &'a mut dyn Archive,
    listed: Vec<Listed>,
}

impl<'a> Files<'a> {
    pub(super) fn new(archive: &'a mut dyn Archive) -> Self {
        Self { archive, listed: Vec::new() }
    }

    /// Adds a file that the manifest lists.
    pub(super) fn add(&mut self, path: String, content: &[u8]) -> Result<(), ExportError> {
        self.archive.add(&path, content)?;
        let sha256 = Digest(Sha256::digest(content).into());
        self.listed.push(Listed { path, bytes: content.len(), sha256 });
        Ok(())
    }

    /// Adds a proof or payload, which needs no digest of ours.
    pub(super) fn add_unlisted(&mut self, path: &str, content: &[u8]) -> Result<(), ExportError> {
        Ok(self.archive.add(path, content)?)
    }

    /// Ends the bundle.
    pub(super) fn finish(self, mut manifest: Manifest<'_>) -> Result<(), ExportError> {
        manifest.files = self.listed;
        let mut text = serde_json::to_vec_pretty(&manifest).map_err(ExportError::make)?;
        text.push(b'\n');
        Ok(self.archive.add("manifest.json", &text)?)
    }
}

impl<'a> Manifest<'a> {
    /// One that says nothing yet but who asked, and of which ledger.
    pub(super) fn new(by: &'a str, origin: &'a str, size: u64, made: Timestamp) -> Self {
        Self {
            format: FORMAT,
            by,
            criterion: String::new(),
            contiguous: false,
            origin,
            size,
            made,
            first: None,
            last: None,
            events: 0,
            behind: 0,
            payloads: PayloadCounts::default(),
            files: Vec::new(),
        }
    }
}
