//! Finds the recorded sessions that suites play: the whole file where there is one, else the part
//! that is vendored.

use std::path::{Path, PathBuf};

use proxy::standin::recording::{LoadError, Recordings};

/// The file's place beside the repository.
const BESIDE: &str = "../../shared/data/tau-airline/gpt-4o-airline.json";

/// The sessions of the file that `COUNTERSIGN_TAU_AIRLINE` names, else of the one beside the
/// repository, else the vendored ones.
pub fn recordings() -> Result<Recordings, LoadError> {
    #[expect(clippy::disallowed_methods, reason = "a suite has no configuration file")]
    let named = std::env::var("COUNTERSIGN_TAU_AIRLINE").ok().map(PathBuf::from);
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join(BESIDE);
    match named.or_else(|| beside.exists().then_some(beside)) {
        Some(file) => Recordings::from_file(&file),
        None => Recordings::embedded(),
    }
}
