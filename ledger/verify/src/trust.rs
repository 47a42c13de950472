//! Whom the auditor believes, and what that says of a checkpoint: form, signature, witnesses,
//! checkpoints of earlier times.

use crate::evidence::NamedFile;
use crate::finding::{Check, Finding, Findings, Place};
use crate::report::Report;
use std::sync::Arc;
use tlog::{Checkpoint, CheckpointError, Note, Policy, Refusal, VerifierKey};

/// Whom the auditor believes.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// The logs and witnesses that are believed. Without it the key that came with the evidence
    /// is, and the report says so.
    pub policy: Option<Policy>,
    /// Signed checkpoints of the same log that the auditor has kept, with their files.
    pub known: Vec<NamedFile>,
}

/// A text is neither a policy nor a key.
#[derive(Debug, thiserror::Error)]
#[error("neither a policy ({policy}) nor a verifier key ({key})")]
pub struct TrustError {
    policy: tlog::PolicyError,
    key: tlog::KeyError,
}

/// The policy in a file, or the one that believes the log of the one key in it.
pub fn read_policy(text: &[u8]) -> Result<Policy, TrustError> {
    let policy = match Policy::parse(text) {
        Ok(policy) => return Ok(policy),
        Err(policy) => policy,
    };
    let key: Result<VerifierKey, _> = String::from_utf8_lossy(text).trim_end().parse();
    let made = key.and_then(|key| {
        Policy::parse(format!("log {key}\nquorum none\n").as_bytes())
            .map_err(|_| tlog::KeyError::Form)
    });
    made.map_err(|key| TrustError { policy, key })
}

/// A checkpoint that was read, and those of earlier times to compare with, by size.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) note: Note,
    pub(crate) checkpoint: Checkpoint,
    pub(crate) file: Arc<str>,
    pub(crate) known: Vec<(Arc<str>, Checkpoint)>,
}

impl Head {
    /// Reads a checkpoint; without one there is nothing to compare with.
    pub(crate) fn read(file: &Arc<str>, bytes: &[u8], report: &mut Report) -> Option<Self> {
        let read = Note::parse(bytes).map_err(CheckpointError::from).and_then(|note| {
            let checkpoint: Checkpoint = note.text().parse()?;
            Ok((note, checkpoint))
        });
        match read {
            Ok((note, checkpoint)) => {
                if !checkpoint.extensions.is_empty() {
                    let detail = "it has lines behind the root, which mean nothing";
                    let finding = Finding::new(Check::Checkpoint, detail);
                    report.findings.add(finding.at(Place::of(file)));
                }
                report.pass(
                    Check::Checkpoint,
                    format!("`{}`, {} events", checkpoint.origin, checkpoint.size),
                );
                report.origin = Some(checkpoint.origin.clone());
                report.size = Some(checkpoint.size);
                report.root = Some(checkpoint.root.to_string());
                Some(Self { note, checkpoint, file: Arc::clone(file), known: Vec::new() })
            }
            Err(error) => {
                let finding = Finding::new(Check::Checkpoint, error);
                report.findings.add(finding.at(Place::of(file)));
                None
            }
        }
    }

    /// Checks signatures, and reads the checkpoints of earlier times.
    pub(crate) fn judge(&mut self, trust: &Trust, beside: Option<NamedFile>, report: &mut Report) {
        let found;
        let policy = match (&trust.policy, beside) {
            (Some(policy), _) => policy,
            (None, Some((file, text))) => match read_policy(&text) {
                Ok(policy) => {
                    report.say(
                        "the key came with the evidence: compare it with one you got elsewhere",
                    );
                    for log in policy.logs() {
                        report.say(&format!("the key that came with it: {}", log.key));
                    }
                    found = policy;
                    &found
                }
                Err(error) => {
                    let finding = Finding::new(Check::Signature, error);
                    report.findings.add(finding.at(Place::of(&file)));
                    return;
                }
            },
            (None, None) => {
                let detail = "no key to check the signature with: give `--vkey` or `--policy`";
                report.findings.add(Finding::new(Check::Signature, detail));
                return;
            }
        };
        self.signature(policy, report);
        self.witnesses(policy, report);
        self.earlier(trust, policy, report);
    }

    fn signature(&self, policy: &Policy, report: &mut Report) {
        match signer(policy, &self.note, &self.checkpoint) {
            Ok(key) => report.pass(Check::Signature, format!("signed by {key}")),
            Err(error) => {
                let finding = Finding::new(Check::Signature, error);
                report.findings.add(finding.at(Place::of(&self.file)));
            }
        }
    }

    fn witnesses(&self, policy: &Policy, report: &mut Report) {
        if policy.witnesses().is_empty() {
            return report.skip(Check::Witnesses, "the policy names no witness");
        }
        match policy.check(&self.note) {
            Ok(accepted) => {
                let names: Vec<String> = accepted
                    .cosigned_by
                    .iter()
                    .map(|(name, time)| format!("{name} at {}", moment(*time)))
                    .collect();
                let names = if names.is_empty() { "nobody".to_owned() } else { names.join(", ") };
                report.pass(Check::Witnesses, format!("a quorum: cosigned by {names}"));
            }
            Err(error @ (Refusal::NoQuorum { .. } | Refusal::Cosignature(_))) => {
                let finding = Finding::new(Check::Witnesses, error);
                report.findings.add(finding.at(Place::of(&self.file)));
            }
            Err(_) => report.skip(Check::Witnesses, "the log's own signature is not in order"),
        }
    }

    fn earlier(&mut self, trust: &Trust, policy: &Policy, report: &mut Report) {
        if trust.known.is_empty() {
            return report.skip(Check::Known, "none given (`--known`)");
        }
        for (file, bytes) in &trust.known {
            match self.earlier_one(bytes, policy) {
                Ok(checkpoint) => self.known.push((Arc::clone(file), checkpoint)),
                Err(detail) => {
                    report.findings.add(Finding::new(Check::Known, detail).at(Place::of(file)));
                }
            }
        }
        self.known.sort_by_key(|(_, checkpoint)| checkpoint.size);
    }

    fn earlier_one(&self, bytes: &[u8], policy: &Policy) -> Result<Checkpoint, String> {
        let note = Note::parse(bytes).map_err(|error| error.to_string())?;
        let known: Checkpoint =
            note.text().parse().map_err(|error: CheckpointError| error.to_string())?;
        if known.origin != self.checkpoint.origin {
            return Err(format!("it is of another log, `{}`", known.origin));
        }
        signer(policy, &note, &known).map_err(|error| error.to_string())?;
        Ok(known)
    }

    /// Finds checkpoints that are ahead of the log, or differ at the same size.
    pub(crate) fn compare_sizes(&self, findings: &mut Findings) {
        for (file, known) in &self.known {
            let (size, root) = (self.checkpoint.size, self.checkpoint.root);
            let detail = if known.size > size {
                format!(
                    "the log was rolled back: it has {size} events, and had {} when this was signed",
                    known.size
                )
            } else if known.size == size && known.root != root {
                format!("the log signed two different trees of {size} events")
            } else {
                continue;
            };
            findings.add(Finding::new(Check::Known, detail).at(Place::of(file)));
        }
    }
}

/// The key of the log that signed a checkpoint.
fn signer(
    policy: &Policy,
    note: &Note,
    checkpoint: &Checkpoint,
) -> Result<VerifierKey, CheckpointError> {
    let mut failed = None;
    let mut signed = None;
    let of_log = policy.logs().iter().filter(|log| log.key.name() == checkpoint.origin);
    for log in of_log {
        match Checkpoint::verify(note, &log.key) {
            Ok(_) => signed = Some(log.key.clone()),
            // A wrong signature in a known name is worse than none.
            Err(error @ CheckpointError::Signature(tlog::SignatureError::Missing { .. })) => {
                failed = Some(error);
            }
            Err(error) => return Err(error),
        }
    }
    let expected = policy.logs().first().map(|log| log.key.name().to_owned()).unwrap_or_default();
    let other = || CheckpointError::OtherLog { found: checkpoint.origin.clone(), expected };
    signed.ok_or_else(|| failed.unwrap_or_else(other))
}

/// Seconds since 1970 as people read them.
fn moment(seconds: u64) -> String {
    events::Timestamp::from_micros(seconds.saturating_mul(1_000_000)).to_string()
}
