//! What an export's manifest says, compared with what is in the export. Nobody signed it: it proves
//! that the export is whole, and nothing about events.

use crate::finding::{Check, Finding, Findings, Place};
use events::Digest;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The format that is known here.
const FORMAT: &str = "countersign-evidence/1";

/// The most bytes of a manifest.
pub(super) const MANIFEST_BYTES_MAX: usize = 64 * 1024 * 1024;

/// An export's manifest.
#[derive(Debug, Deserialize)]
pub(super) struct Manifest {
    format: String,
    pub(super) by: String,
    pub(super) criterion: String,
    pub(super) contiguous: bool,
    origin: String,
    size: u64,
    pub(super) made: String,
    first: Option<u64>,
    last: Option<u64>,
    pub(super) events: u64,
    /// How many of the events, at the end, stand behind a range.
    #[serde(default)]
    pub(super) behind: u64,
    pub(super) payloads: PayloadsSaid,
    files: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct PayloadsSaid {
    pub(super) included: bool,
    pub(super) undecryptable: u64,
}

#[derive(Debug, Deserialize)]
struct Entry {
    path: String,
    bytes: u64,
    sha256: Digest,
}

/// A file as it was found.
#[derive(Debug)]
pub(super) struct Seen {
    pub(super) file: Arc<str>,
    pub(super) bytes: u64,
    pub(super) sha256: [u8; 32],
}

/// What was found of everything that a manifest speaks of.
#[derive(Debug)]
pub(super) struct Whole<'a> {
    pub(super) origin: &'a str,
    pub(super) size: u64,
    pub(super) first: Option<u64>,
    pub(super) last: Option<u64>,
    pub(super) events: u64,
    pub(super) files: &'a BTreeMap<String, Seen>,
}

impl Manifest {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > MANIFEST_BYTES_MAX {
            return Err(format!("it has more than {MANIFEST_BYTES_MAX} bytes"));
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
        if manifest.format != FORMAT {
            return Err(format!("its format is `{}`, not `{FORMAT}`", manifest.format));
        }
        Ok(manifest)
    }

    /// Finds everything that it says otherwise than it is.
    pub(super) fn compare(&self, whole: &Whole<'_>, file: &Arc<str>, findings: &mut Findings) {
        let mut differs = |what: &str, says: String, is: String| {
            let detail = format!("it says that {what} is {says}, and it is {is}");
            findings.add(Finding::new(Check::Files, detail).at(Place::of(file)));
        };
        let place = |place: Option<u64>| place.map_or("none".to_owned(), |at| at.to_string());
        if self.origin != whole.origin {
            differs("the log", self.origin.clone(), whole.origin.to_owned());
        }
        let pairs = [
            ("the checkpoint's size", Some(self.size), Some(whole.size)),
            ("the number of events", Some(self.events), Some(whole.events)),
            ("the first event", self.first, whole.first),
            ("the last event", self.last, whole.last),
        ];
        for (what, says, is) in pairs {
            if says != is {
                differs(what, place(says), place(is));
            }
        }
        self.compare_files(whole, file, findings);
    }

    fn compare_files(&self, whole: &Whole<'_>, file: &Arc<str>, findings: &mut Findings) {
        let mut listed = BTreeMap::new();
        for entry in &self.files {
            if listed.insert(entry.path.as_str(), entry).is_some() {
                let detail = format!("it lists `{}` twice", entry.path);
                findings.add(Finding::new(Check::Files, detail).at(Place::of(file)));
            }
            if !whole.files.contains_key(&entry.path) {
                let detail = format!("`{}` is missing", entry.path);
                findings.add(Finding::new(Check::Files, detail).at(Place::of(file)));
            }
        }
        for (path, seen) in whole.files {
            let detail = match listed.get(path.as_str()) {
                None => "the manifest does not list the file".to_owned(),
                Some(entry) if entry.bytes != seen.bytes => {
                    format!("it has {} bytes, not the {} of the manifest", seen.bytes, entry.bytes)
                }
                Some(entry) if entry.sha256.0 != seen.sha256 => {
                    "its digest is not that of the manifest".to_owned()
                }
                Some(_) => continue,
            };
            findings.add(Finding::new(Check::Files, detail).at(Place::of(&seen.file)));
        }
    }
}
