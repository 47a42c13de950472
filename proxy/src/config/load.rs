//! From a file or a text to a configuration that can be used, or to everything that is wrong with
//! it.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};
use toml::de::DeTable;

use super::approvals_role::ApprovalsRole;
use super::diagnostic::{At, Diagnostic, Problems, Report};
use super::read::{self, Reading};
use super::secret::Lookup;
use super::shape::{Config, Kept};
use super::witness_role::WitnessRole;

/// Largest configuration file, in bytes.
pub const CONFIG_BYTES_MAX: usize = 1024 * 1024;

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// What the operator should know all the same, in the order of the file.
    pub warnings: Vec<Diagnostic>,
    /// SHA-256 of the text, for the record of what was loaded.
    pub digest: [u8; 32],
}

impl Config {
    /// Reads a configuration file and the secrets it names. Relative paths in it start from its
    /// folder.
    pub fn load(path: &Path, lookup: &Lookup<'_>) -> Result<Loaded, Problems> {
        Self::parse(&read_text(path)?, path, lookup)
    }

    /// Reads where payloads are and what they are encrypted with, and looks for no other secret.
    pub fn load_kept(path: &Path, lookup: &Lookup<'_>) -> Result<Kept, Problems> {
        let (kept, _) = read_with(&read_text(path)?, path, lookup, read::kept)?;
        Ok(kept)
    }

    /// Reads the text of a configuration. `file` is how it is called in problems, and its folder is
    /// where relative paths start from; the file itself is not touched.
    ///
    /// If the text is not TOML, the problems are those of its syntax alone.
    pub fn parse(text: &str, file: &Path, lookup: &Lookup<'_>) -> Result<Loaded, Problems> {
        let (config, warnings) = read_with(text, file, lookup, read::config)?;
        Ok(Loaded { config, warnings, digest: Sha256::digest(text.as_bytes()).into() })
    }
}

/// The file of a service that can be used.
#[derive(Debug, Clone)]
pub struct LoadedApprovals {
    /// What it says.
    pub role: ApprovalsRole,
    /// What the operator should know all the same, in the order of the file.
    pub warnings: Vec<Diagnostic>,
    /// SHA-256 of the text, for the record of what was loaded.
    pub digest: [u8; 32],
}

impl ApprovalsRole {
    /// Reads the file of a service and the secrets it names, as [`Config::load`] does.
    pub fn load(path: &Path, lookup: &Lookup<'_>) -> Result<LoadedApprovals, Problems> {
        Self::parse(&read_text(path)?, path, lookup)
    }

    /// Reads its text, as [`Config::parse`] does.
    pub fn parse(
        text: &str,
        file: &Path,
        lookup: &Lookup<'_>,
    ) -> Result<LoadedApprovals, Problems> {
        let (role, warnings) = read_with(text, file, lookup, read::approvals_role)?;
        Ok(LoadedApprovals { role, warnings, digest: Sha256::digest(text.as_bytes()).into() })
    }
}

impl WitnessRole {
    /// Reads the file of a witness and the secret it names, as [`Config::load`] does; with it comes
    /// what the operator should know all the same.
    pub fn load(path: &Path, lookup: &Lookup<'_>) -> Result<(Self, Vec<Diagnostic>), Problems> {
        Self::parse(&read_text(path)?, path, lookup)
    }

    /// Reads its text, as [`Config::parse`] does.
    pub fn parse(
        text: &str,
        file: &Path,
        lookup: &Lookup<'_>,
    ) -> Result<(Self, Vec<Diagnostic>), Problems> {
        let (role, warnings) = read_with(text, file, lookup, read::witness_role)?;
        let nothing = || Problems::unreadable(file, "says nothing".to_owned(), "is this the file?");
        Ok((role.ok_or_else(nothing)?, warnings))
    }
}

/// Reads with `read` what it is after, and what the operator should know about that.
fn read_with<T>(
    text: &str,
    file: &Path,
    lookup: &Lookup<'_>,
    read: impl FnOnce(&DeTable<'_>, &mut Reading<'_>) -> T,
) -> Result<(T, Vec<Diagnostic>), Problems> {
    if text.len() > CONFIG_BYTES_MAX {
        let message = format!("has more than {CONFIG_BYTES_MAX} bytes");
        return Err(Problems::unreadable(file, message, "is this the right file?"));
    }
    let folder = match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let mut reading = Reading { report: Report::new(text), folder, lookup };
    let (document, errors) = DeTable::parse_recoverable(text);
    report_syntax(text, &errors, &mut reading.report);
    if !errors.is_empty() {
        return Err(reading.report.finish(file).err().unwrap_or_else(|| {
            Problems::unreadable(file, "is not TOML".to_owned(), "see https://toml.io")
        }));
    }
    let found = read(document.get_ref(), &mut reading);
    Ok((found, reading.report.finish(file)?))
}

/// Reads a file of at most one byte more than is allowed, so that the excess is seen.
fn read_text(path: &Path) -> Result<String, Problems> {
    let mut text = String::new();
    let read = File::open(path)
        .and_then(|file| file.take(CONFIG_BYTES_MAX as u64 + 1).read_to_string(&mut text));
    read.map_err(|error| {
        let hint = "name another file with `--config`";
        Problems::unreadable(path, format!("cannot be read: {error}"), hint)
    })?;
    Ok(text)
}

/// Notes what is not TOML: of each line the first problem, since the rest of it follows from that.
fn report_syntax(text: &str, errors: &[toml::de::Error], report: &mut Report<'_>) {
    let mut errors: Vec<_> = errors.iter().map(|e| (e.span().unwrap_or(0..0), e)).collect();
    errors.sort_by_key(|(span, _)| span.start);
    let mut last_line = 0;
    for (span, error) in errors {
        let at = At { path: String::new(), span };
        let line = report.line_of(&at);
        if line == last_line {
            continue;
        }
        last_line = line;
        // The rest of a line that cannot be read may well be a secret, whatever it is called.
        let start = text.get(..at.span.start).and_then(|before| before.rfind('\n'));
        let start = start.map_or(0, |newline| newline + 1);
        let content = text.get(start..).unwrap_or_default().split('\n').next().unwrap_or_default();
        if let Some(value) = content.find(['=', '"', '\'']) {
            report.conceal(&(start + value + 1..start + content.len()));
        }
        report.problem(&at, error.message().trim_end_matches(", expected nothing"));
    }
}
