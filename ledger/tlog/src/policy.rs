//! Trust policies: which logs are known, and which witnesses must have cosigned a checkpoint
//! (tlog-policy).

mod parse;

use crate::checkpoint::{Checkpoint, CheckpointError, verify_cosignature};
use crate::key::VerifierKey;
use crate::note::{Note, SignatureError};
pub use parse::{POLICY_BYTES_MAX, PolicyError, Problem};

/// Whom to believe. Made by [`Policy::parse`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    logs: Vec<Log>,
    witnesses: Vec<Witness>,
    rules: Vec<Rule>,
    quorum: Quorum,
}

/// A log that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Log {
    /// Its key, whose name is the origin.
    pub key: VerifierKey,
    /// Where it is, if that is said.
    pub url: Option<String>,
}

/// A witness that is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Witness {
    /// What the policy calls it.
    pub name: String,
    /// Its key.
    pub key: VerifierKey,
    /// Where it takes checkpoints, if that is said.
    pub url: Option<String>,
}

/// What a name in the policy stands for. Refers to earlier ones only, so there is no circle.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Rule {
    /// The witness of this place cosigned.
    Witness(usize),
    /// So many of the rules of these places hold.
    Group { least: usize, members: Vec<usize> },
}

/// Which cosignatures are enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Quorum {
    /// None is needed.
    None,
    /// The rule of this place holds.
    Rule(usize),
}

/// A checkpoint that a policy accepts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// What the log says.
    pub checkpoint: Checkpoint,
    /// The policy's names of the witnesses that cosigned, and when, in seconds since 1970.
    pub cosigned_by: Vec<(String, u64)>,
}

/// Why a policy does not accept a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No log of the policy has the checkpoint's origin.
    #[error("the policy knows no log `{origin}`")]
    UnknownLog {
        /// The origin in the checkpoint.
        origin: String,
    },
    /// Too few witnesses cosigned.
    #[error("the witnesses that cosigned are no quorum: {}", listed(cosigned_by))]
    NoQuorum {
        /// The policy's names of those that did.
        cosigned_by: Vec<String>,
    },
    /// The checkpoint is not one, or is not signed by its log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// A cosignature is wrong.
    #[error(transparent)]
    Cosignature(#[from] SignatureError),
}

fn listed(names: &[String]) -> String {
    if names.is_empty() { "none did".to_owned() } else { names.join(", ") }
}

impl Policy {
    /// The logs, in the order of the file.
    pub fn logs(&self) -> &[Log] {
        &self.logs
    }

    /// The witnesses, in the order of the file.
    pub fn witnesses(&self) -> &[Witness] {
        &self.witnesses
    }

    /// The checkpoint in a note, if a known log signed it and a quorum of witnesses cosigned it.
    ///
    /// A signature that is wrong and in the name of a known key refuses the whole note; those of
    /// unknown keys are not looked at.
    pub fn check(&self, note: &Note) -> Result<Accepted, Refusal> {
        let checkpoint = self.signed(note)?;
        let mut cosigned_by = Vec::new();
        let mut cosigned = Vec::with_capacity(self.witnesses.len());
        for witness in &self.witnesses {
            let time = match verify_cosignature(note, &witness.key) {
                Ok(time) => Some(time),
                Err(SignatureError::Missing { .. }) => None,
                Err(error) => return Err(error.into()),
            };
            cosigned.push(time.is_some());
            cosigned_by.extend(time.map(|time| (witness.name.clone(), time)));
        }
        if self.is_quorum(&cosigned) {
            return Ok(Accepted { checkpoint, cosigned_by });
        }
        Err(Refusal::NoQuorum {
            cosigned_by: cosigned_by.into_iter().map(|(name, _)| name).collect(),
        })
    }

    /// The checkpoint, if one of the logs of its origin signed it.
    fn signed(&self, note: &Note) -> Result<Checkpoint, Refusal> {
        let checkpoint: Checkpoint = note.text().parse()?;
        let origin = checkpoint.origin;
        let mut refusal = Refusal::UnknownLog { origin: origin.clone() };
        let mut signed = None;
        for log in self.logs.iter().filter(|log| log.key.name() == origin) {
            match Checkpoint::verify(note, &log.key) {
                Ok(checkpoint) => signed = Some(checkpoint),
                Err(error @ CheckpointError::Signature(SignatureError::Missing { .. })) => {
                    refusal = error.into();
                }
                Err(error) => return Err(error.into()),
            }
        }
        signed.ok_or(refusal)
    }

    /// Whether the quorum holds when the witnesses of these places cosigned.
    fn is_quorum(&self, cosigned: &[bool]) -> bool {
        let mut holds: Vec<bool> = Vec::with_capacity(self.rules.len());
        for rule in &self.rules {
            let is = |list: &[bool], place: &usize| list.get(*place).copied().unwrap_or(false);
            let next = match rule {
                Rule::Witness(place) => is(cosigned, place),
                Rule::Group { least, members } => {
                    members.iter().filter(|place| is(&holds, place)).count() >= *least
                }
            };
            holds.push(next);
        }
        match self.quorum {
            Quorum::None => true,
            Quorum::Rule(place) => holds.get(place).copied().unwrap_or(false),
        }
    }
}
