//! Secrets and where they come from: the one place that reads the environment and secret files.
//! Not a vault: a secret stays in memory for as long as the configuration does.

use std::fmt;
use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

/// Largest secret file, in bytes. Keys are short; anything longer is the wrong file.
pub const SECRET_BYTES_MAX: u64 = 64 * 1024;

/// A text that is never shown: `Debug` and `Display` print `…`.
#[derive(Clone)]
pub struct Secret(Box<str>);

impl Secret {
    /// Takes a text into custody.
    pub fn new(text: impl Into<Box<str>>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the one line that sends or hashes it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

/// Where a secret is kept, as the configuration names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretRef {
    /// An environment variable.
    Env(String),
    /// A file; a relative path has been resolved against the configuration file's folder.
    File(PathBuf),
}

impl fmt::Display for SecretRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Env(name) => write!(f, "environment variable `{name}`"),
            Self::File(path) => write!(f, "file `{}`", path.display()),
        }
    }
}

/// What a lookup found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The text, as it was kept.
    pub secret: Secret,
    /// Whether every account of this machine may read it too.
    pub readable_by_others: bool,
}

/// Why a lookup found nothing.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    /// The variable does not exist.
    #[error("it is not set")]
    Unset,
    /// Secrets are text.
    #[error("it is not UTF-8 text")]
    NotText,
    /// Longer than [`SECRET_BYTES_MAX`].
    #[error("it has more than {SECRET_BYTES_MAX} bytes")]
    TooLong,
    /// The file system said no.
    #[error("it cannot be read: {0}")]
    Unreadable(#[from] std::io::Error),
}

/// How references are resolved; [`look_up`] in the product, a closure over a table in tests.
pub type Lookup<'a> = dyn Fn(&SecretRef) -> Result<Found, LookupError> + 'a;

/// Resolves a reference in this process's environment and file system.
pub fn look_up(reference: &SecretRef) -> Result<Found, LookupError> {
    match reference {
        SecretRef::Env(name) => from_environment(name),
        SecretRef::File(path) => from_file(&File::open(path)?),
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
fn from_environment(name: &str) -> Result<Found, LookupError> {
    use std::env::VarError;
    match std::env::var(name) {
        Ok(text) => Ok(Found { secret: Secret::new(text), readable_by_others: false }),
        Err(VarError::NotPresent) => Err(LookupError::Unset),
        Err(VarError::NotUnicode(_)) => Err(LookupError::NotText),
    }
}

fn from_file(file: &File) -> Result<Found, LookupError> {
    let mut bytes = Vec::new();
    file.take(SECRET_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > SECRET_BYTES_MAX {
        return Err(LookupError::TooLong);
    }
    let text = String::from_utf8(bytes).map_err(|_| LookupError::NotText)?;
    let readable_by_others =
        rustix::fs::fstat(file).is_ok_and(|stat| stat.st_mode & rustix::fs::Mode::ROTH.bits() != 0);
    Ok(Found { secret: Secret::new(text), readable_by_others })
}
