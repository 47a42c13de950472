//! What an auditor points at: a URL, a log's directory, a gateway's data directory, an export.

use crate::evidence::{Progress, SourceError};
use crate::export::{Archive, Broken, Directory, verify_export};
use crate::finding::{Check, Finding, Place};
use crate::folder::Folder;
use crate::prefix::Prefix;
use crate::report::Report;
use crate::trust::Trust;
use crate::verify::verify;
use crate::web::Web;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

/// How deep logs may lie below a data directory's `tlog`: the parts of a shard's name.
const SHARD_DEPTH_MAX: usize = 4;

/// How many logs one data directory may have.
const SHARDS_MAX: usize = 1024;

/// How much of an archive is read at once.
const ARCHIVE_READ_BYTES: usize = 1 << 20;

/// What an auditor points at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// A log below a URL.
    Url(String),
    /// A log in a directory.
    Log(PathBuf),
    /// A gateway's data: each log in it.
    Data(Vec<PathBuf>),
    /// An export in a directory.
    Directory(PathBuf),
    /// An export in an archive.
    Archive(PathBuf),
}

impl Subject {
    /// Finds out what there is.
    pub fn find(name: &str) -> Result<Self, SourceError> {
        if name.starts_with("http://") || name.starts_with("https://") {
            return Ok(Self::Url(name.to_owned()));
        }
        let path = PathBuf::from(name);
        let failed = |source| SourceError { file: name.to_owned(), source };
        let found = path.metadata().map_err(failed)?;
        if found.is_file() {
            return Ok(Self::Archive(path));
        }
        let has = |below: &str| path.join(below).symlink_metadata().is_ok();
        if has("manifest.json") || has("events") || has("proofs") {
            return Ok(Self::Directory(path));
        }
        if has("checkpoint") || has("tile") {
            return Ok(Self::Log(path));
        }
        let mut logs = Vec::new();
        if has("tlog") {
            shards(&path.join("tlog"), SHARD_DEPTH_MAX, &mut logs).map_err(failed)?;
        }
        if logs.is_empty() {
            let what = "it has neither `checkpoint`, nor a log below `tlog`, nor a manifest";
            return Err(failed(io::Error::other(what)));
        }
        Ok(Self::Data(logs))
    }

    /// Verifies it; gives a report for each log.
    pub fn verify(
        &self,
        trust: &Trust,
        progress: &mut dyn Progress,
    ) -> Result<Vec<Report>, SourceError> {
        match self {
            Self::Url(url) => Ok(vec![verify(&Prefix(Web::new(url)), trust, progress)?]),
            Self::Log(path) => Ok(vec![verify(&Prefix(Folder(path.clone())), trust, progress)?]),
            Self::Data(logs) => logs
                .iter()
                .map(|path| {
                    let mut report = verify(&Prefix(Folder(path.clone())), trust, progress)?;
                    report.say("segments and payloads are checked by `countersign verify`");
                    Ok(report)
                })
                .collect(),
            Self::Directory(path) => Ok(vec![directory(path, trust, progress)?]),
            Self::Archive(path) => Ok(vec![archive(path, trust, progress)?]),
        }
    }
}

fn directory(
    path: &Path,
    trust: &Trust,
    progress: &mut dyn Progress,
) -> Result<Report, SourceError> {
    let name = path.display().to_string();
    match Directory::new(path.to_owned()) {
        Ok(mut items) => verify_export(&mut items, &name, trust, progress),
        Err(Broken::Source(error)) => Err(error),
        Err(Broken::Bad { file, byte, what }) => {
            let mut report = Report::new(&name);
            report.findings.add(Finding::new(Check::Files, what).at(Place { file, byte }));
            Ok(report.finish())
        }
    }
}

fn archive(path: &Path, trust: &Trust, progress: &mut dyn Progress) -> Result<Report, SourceError> {
    let name = path.display().to_string();
    let opened = File::open(path);
    let file = opened.map_err(|source| SourceError { file: name.clone(), source })?;
    let reader = BufReader::with_capacity(ARCHIVE_READ_BYTES, file);
    let mut items = Archive::new(reader, name.as_str().into());
    verify_export(&mut items, &name, trust, progress)
}

/// The directories below `path` that are a log, or were one, in order.
fn shards(path: &Path, depth: usize, found: &mut Vec<PathBuf>) -> io::Result<()> {
    // One whose checkpoint is gone must not be passed over.
    let has = |below: &str| path.join(below).symlink_metadata().is_ok();
    if has("checkpoint") || has("tile") {
        found.push(path.to_owned());
        return Ok(());
    }
    if depth == 0 || found.len() >= SHARDS_MAX || !path.is_dir() {
        return Ok(());
    }
    let mut below: Vec<PathBuf> =
        path.read_dir()?.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>()?;
    below.sort_unstable();
    below.iter().try_for_each(|path| shards(path, depth - 1, found))
}
