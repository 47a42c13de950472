//! The documents of policy, as files: which ones are meant, and reading them all, at the start and
//! whenever they may have changed. What they say is the policy's matter.

use std::collections::BTreeSet;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::pattern::Pattern;

/// Largest document, in bytes.
pub const POLICY_FILE_BYTES_MAX: usize = 1024 * 1024;
/// All documents together, in bytes.
pub const POLICY_BYTES_MAX: usize = 16 * POLICY_FILE_BYTES_MAX;
/// How many documents there may be.
pub const POLICY_FILES_MAX: usize = 4096;

/// `[policy]`: the documents that decide beside the agents' lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Which files; at least one.
    pub files: Vec<PolicyFiles>,
    /// How often it is looked whether they have changed.
    pub reload_interval: Duration,
    /// The configuration file's folder: documents below it are called by the rest of their path.
    pub folder: PathBuf,
}

/// Files as the configuration names them; paths have been resolved against its folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyFiles {
    /// Those in a folder whose names fit a pattern; none that starts with a `.`, unless the pattern
    /// does.
    Fitting {
        /// The folder.
        folder: PathBuf,
        /// The names.
        names: Pattern,
    },
    /// A file, or of a folder the files that end in `.cedar`.
    Named(PathBuf),
}

impl fmt::Display for PolicyFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fitting { folder, names } => {
                write!(f, "{}", folder.join(names.as_str()).display())
            }
            Self::Named(path) => write!(f, "{}", path.display()),
        }
    }
}

/// A document, as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFile {
    /// What it is called in verdicts and problems: its path below the configuration's folder, else
    /// all of it.
    pub name: String,
    /// What it says.
    pub text: String,
}

/// Why the documents could not be read, for one reason of possibly several.
#[derive(Debug, thiserror::Error)]
pub enum PolicyFileError {
    /// Nothing fits; an empty policy would let everything through that is on an agent's list.
    #[error("no policy file fits `{0}`: write one there, or take it out of `policy.files`")]
    NoneFits(String),
    /// The file system said no.
    #[error("policy file `{name}` cannot be read: {source}")]
    Unreadable {
        /// Which file or folder.
        name: String,
        /// What it said.
        source: io::Error,
    },
    /// A device, a pipe, or a folder below a folder.
    #[error("policy file `{0}` is not a file")]
    NotAFile(String),
    /// Policies are text.
    #[error("policy file `{0}` is not UTF-8 text")]
    NotText(String),
    /// Longer than [`POLICY_FILE_BYTES_MAX`].
    #[error("policy file `{0}` has more than {POLICY_FILE_BYTES_MAX} bytes: split it")]
    TooLong(String),
    /// Longer than [`POLICY_BYTES_MAX`].
    #[error("the policy files have more than {POLICY_BYTES_MAX} bytes together, with `{0}`")]
    TooLongTogether(String),
    /// More than [`POLICY_FILES_MAX`].
    #[error("there are {0} policy files, {POLICY_FILES_MAX} at most: put some together")]
    TooMany(usize),
}

impl PolicyConfig {
    /// Reads every document, in the order of their paths, each once; or tells every problem, and
    /// then none can be used: a policy of which a part is missing is another policy.
    ///
    /// Blocks while it reads.
    pub fn read(&self) -> Result<Vec<PolicyFile>, Vec<PolicyFileError>> {
        let (mut paths, mut errors) = (BTreeSet::new(), Vec::new());
        for files in &self.files {
            match self.list(files) {
                Ok(found) => paths.extend(found),
                Err(error) => errors.push(error),
            }
        }
        if paths.len() > POLICY_FILES_MAX {
            errors.push(PolicyFileError::TooMany(paths.len()));
            return Err(errors);
        }
        let (mut documents, mut bytes) = (Vec::new(), 0);
        for path in paths {
            let name = self.name(&path);
            match read(&path, &name) {
                Ok(text) => {
                    bytes += text.len();
                    if bytes > POLICY_BYTES_MAX {
                        errors.push(PolicyFileError::TooLongTogether(name));
                        break;
                    }
                    documents.push(PolicyFile { name, text });
                }
                Err(error) => errors.push(error),
            }
        }
        if errors.is_empty() { Ok(documents) } else { Err(errors) }
    }

    fn name(&self, path: &Path) -> String {
        path.strip_prefix(&self.folder).unwrap_or(path).display().to_string()
    }

    /// The files that are meant, in no order.
    fn list(&self, files: &PolicyFiles) -> Result<Vec<PathBuf>, PolicyFileError> {
        let found = match files {
            PolicyFiles::Fitting { folder, names } => self.fitting(folder, names)?,
            PolicyFiles::Named(path) if path.is_dir() => self.fitting(path, &Pattern::cedar())?,
            PolicyFiles::Named(path) => vec![path.clone()],
        };
        let nothing = || PolicyFileError::NoneFits(files.to_string());
        if found.is_empty() { Err(nothing()) } else { Ok(found) }
    }

    fn fitting(&self, folder: &Path, names: &Pattern) -> Result<Vec<PathBuf>, PolicyFileError> {
        let name = || self.name(folder);
        let unreadable = |source| PolicyFileError::Unreadable { name: name(), source };
        let mut found = Vec::new();
        for entry in fs::read_dir(folder).map_err(unreadable)? {
            let entry = entry.map_err(unreadable)?;
            let file_name = entry.file_name();
            let fits = file_name.to_str().is_some_and(|name| {
                names.matches(name) && (!name.starts_with('.') || names.as_str().starts_with('.'))
            });
            if fits {
                found.push(entry.path());
            }
        }
        Ok(found)
    }
}

/// The text of one document.
fn read(path: &Path, name: &str) -> Result<String, PolicyFileError> {
    let unreadable = |source| PolicyFileError::Unreadable { name: name.to_owned(), source };
    // Opening a pipe would wait for a writer, so look first.
    if !fs::metadata(path).map_err(unreadable)?.is_file() {
        return Err(PolicyFileError::NotAFile(name.to_owned()));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(unreadable)?;
    file.take(POLICY_FILE_BYTES_MAX as u64 + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() > POLICY_FILE_BYTES_MAX {
        return Err(PolicyFileError::TooLong(name.to_owned()));
    }
    String::from_utf8(bytes).map_err(|_| PolicyFileError::NotText(name.to_owned()))
}
