//! Runs the verifiers of `tests/verifiers`, which other people wrote.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::tools::available;

/// What a verifier said: of a refusal the reason, else a line for each check.
pub type Said = Result<String, String>;

/// One program that verifies logs and proofs.
#[derive(Debug)]
pub struct Verifier {
    name: &'static str,
    program: Vec<PathBuf>,
}

impl Verifier {
    /// Verifies the log in this folder by its key, and that it goes on from checkpoints that are
    /// known from before.
    pub fn verify_log(&self, folder: &Path, vkey: &str, known: &[PathBuf]) -> Said {
        let mut command = self.command("verify-log", vkey);
        for checkpoint in known {
            command.arg("--old").arg(checkpoint);
        }
        self.said(command.arg(folder))
    }

    /// Verifies that a `.tlog-proof` proves this entry.
    pub fn verify_proof(&self, proof: &Path, vkey: &str, entry: &Path) -> Said {
        let mut command = self.command("verify-proof", vkey);
        self.said(command.arg("--entry").arg(entry).arg(proof))
    }

    fn command(&self, what: &str, vkey: &str) -> Command {
        let (program, script) = self.program.split_first().unwrap();
        let mut command = Command::new(program);
        command.args(script).args([what, "--vkey", vkey]).stdin(Stdio::null());
        command
    }

    /// Fails unless it judged: a verifier that breaks has refused nothing.
    fn said(&self, command: &mut Command) -> Said {
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim_end().to_owned();
        let reason = said.lines().last().and_then(|last| last.strip_prefix("refused: "));
        match (output.status.code(), reason) {
            (Some(0), None) => Ok(said),
            (Some(1), Some(reason)) => Err(format!("{}: {reason}", self.name)),
            _ => panic!("{}: {output:?}", self.name),
        }
    }
}

/// All of them, to be asked at once.
#[derive(Debug)]
pub struct Verifiers {
    /// Google's `golang.org/x/mod/sumdb`.
    pub go: Verifier,
    /// The package `aics-tlog`.
    pub python: Verifier,
}

impl Verifiers {
    /// Those that are installed.
    pub fn find() -> Option<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("verifiers");
        let place = Command::new(folder.join("run")).arg("--place").output().unwrap();
        assert!(place.status.success(), "{place:?}");
        let place = PathBuf::from(String::from_utf8(place.stdout).unwrap().trim_end());
        let installed = place.join("complete").exists();
        let remedy = "run tests/verifiers/setup";
        // As `run` would start them, which takes as long as what they do.
        let python = vec![place.join("venv/bin/python"), folder.join("python/verify.py")];
        available(installed, "other people's verifiers", remedy).then(|| Self {
            go: Verifier { name: "go", program: vec![place.join("go/verify")] },
            python: Verifier { name: "python", program: python },
        })
    }

    /// What each says of a log; see [`Verifier::verify_log`].
    pub fn verify_log(&self, folder: &Path, vkey: &str, known: &[PathBuf]) -> [Said; 2] {
        self.each(|verifier| verifier.verify_log(folder, vkey, known))
    }

    /// What each says of a proof; see [`Verifier::verify_proof`].
    pub fn verify_proof(&self, proof: &Path, vkey: &str, entry: &Path) -> [Said; 2] {
        self.each(|verifier| verifier.verify_proof(proof, vkey, entry))
    }

    fn each(&self, ask: impl Fn(&Verifier) -> Said + Sync) -> [Said; 2] {
        std::thread::scope(|scope| {
            let go = scope.spawn(|| ask(&self.go));
            [ask(&self.python), go.join().unwrap()]
        })
    }
}
