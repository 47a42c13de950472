//! The 32 secret bytes that a signing key grows from: as text, and in a file that its owner alone
//! can read.

use std::fmt::{self, Write as _};
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use tlog::KEY_BYTES;

/// As text a seed has two digits for each byte; a newline may follow.
const TEXT_BYTES_MAX: u64 = 2 * KEY_BYTES as u64 + 1;

/// A seed, which `Debug` does not show.
#[derive(Clone)]
pub struct Seed([u8; KEY_BYTES]);

/// A text is no seed. It is not shown, for it may be nearly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a seed: 64 hexadecimal digits in small letters")]
pub struct SeedError;

impl Seed {
    /// A new one, out of the system's randomness.
    pub fn random() -> io::Result<Self> {
        let mut bytes = [0; KEY_BYTES];
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        Ok(Self(bytes))
    }

    /// Reads a text.
    pub fn parse(text: &str) -> Result<Self, SeedError> {
        let text = text.strip_suffix('\n').unwrap_or(text);
        let (pairs, rest) = text.as_bytes().as_chunks::<2>();
        let mut bytes = [0; KEY_BYTES];
        if pairs.len() != bytes.len() || !rest.is_empty() {
            return Err(SeedError);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }

    /// Reads a file; `None` if it is not there.
    pub fn load(path: &Path) -> io::Result<Option<Self>> {
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut text = String::new();
        file.take(TEXT_BYTES_MAX + 1).read_to_string(&mut text)?;
        Self::parse(&text).map(Some).map_err(io::Error::other)
    }

    /// Makes a new one and keeps it in a file and its folder; both are durable when this returns.
    pub fn make(path: &Path) -> io::Result<Self> {
        let seed = Self::random()?;
        let folder = path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        let next = path.with_extension("next");
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&next)?;
        file.write_all(format!("{}\n", seed.text()).as_bytes())?;
        file.sync_all()?;
        fs::rename(&next, path)?;
        File::open(folder)?.sync_all()?;
        folder.parent().map_or(Ok(()), |parent| File::open(parent)?.sync_all())?;
        Ok(seed)
    }

    /// The bytes, for the one line that makes a key of them.
    pub const fn expose(&self) -> &[u8; KEY_BYTES] {
        &self.0
    }

    /// The text, for whoever is to keep it.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for byte in self.0 {
            // Writing to a string cannot fail.
            let _infallible = write!(text, "{byte:02x}");
        }
        text
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Seed(…)")
    }
}

fn digit(byte: u8) -> Result<u8, SeedError> {
    match byte {
        b'0'..=b'9' => Ok(byte - b'0'),
        b'a'..=b'f' => Ok(byte - b'a' + 10),
        _ => Err(SeedError),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    #[test]
    fn a_seed_is_made_once_and_read_back_and_nobody_else_can() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys/a.key");
        assert!(Seed::load(&path).unwrap().is_none());
        let made = Seed::make(&path).unwrap();
        assert_eq!(Seed::load(&path).unwrap().unwrap().expose(), made.expose());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(format!("{made:?}"), "Seed(…)");
    }

    #[test]
    fn a_text_that_is_no_seed_is_refused() {
        let text = "0123456789abcdef".repeat(4);
        assert_eq!(Seed::parse(&format!("{text}\n")).unwrap().text(), text);
        for wrong in ["", "00", &text[1..], &format!("{text}00"), &text.to_uppercase()] {
            assert_eq!(Seed::parse(wrong).err(), Some(SeedError), "{wrong}");
        }
    }
}
