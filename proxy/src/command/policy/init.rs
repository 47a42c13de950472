//! `countersign policy init`: policies to start with, in a file of the operator's own.

use super::super::CommandError;
use policy::STARTER;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What can be said on the command line.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The file to make. One that is there is left as it is.
    #[arg(long, value_name = "FILE", default_value = "policy/starter.cedar")]
    out: PathBuf,
}

/// Writes the file, and says what the configuration wants.
pub(super) fn run(args: &Args, out: &mut dyn Write) -> Result<(), CommandError> {
    let path = args.out.display();
    make(&args.out).map_err(|error| {
        let is_there = error.kind() == io::ErrorKind::AlreadyExists;
        let hint = if is_there { "; name another file with `--out`" } else { "" };
        CommandError::Io(format!("cannot make `{path}`: {error}{hint}"))
    })?;
    writeln!(
        out,
        "policies to start with are in {path}; read them, and change what does not fit."
    )?;
    writeln!(out, "\nPut this into the configuration, with the path as seen from its folder:")?;
    writeln!(out, "  [policy]\n  files = [{}]", toml::Value::from(path.to_string()))?;
    writeln!(out, "\nThen see what they would have decided, and whether all is right:")?;
    writeln!(out, "  countersign replay --policy {path}\n  countersign check")?;
    Ok(())
}

fn make(path: &Path) -> io::Result<()> {
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        fs::create_dir_all(folder)?;
    }
    File::create_new(path)?.write_all(STARTER.as_bytes())
}
