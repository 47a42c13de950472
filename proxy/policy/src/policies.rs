//! Policies, read and checked, ready to decide.

use crate::annotation::{Annotations, read};
use crate::check::{Draft, check};
use crate::condition::Mentions;
use crate::entity::Directory;
use crate::facts::Model;
use crate::local::Local;
use crate::problem::PolicyProblem;
use crate::scope::{Index, Scope};
use crate::source::{POLICIES_MAX, Piece, Source, pieces};
use cedar_policy::{Effect, Expression, Policy, PolicyId};
use events::Digest;
use miette::Diagnostic;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A policy, ready to decide.
#[derive(Debug)]
pub(crate) struct Compiled {
    /// Its `@id`, else the file and line where it starts.
    pub(crate) name: Arc<str>,
    pub(crate) effect: Effect,
    pub(crate) scope: Scope,
    /// None if it has no `when` or `unless`.
    pub(crate) condition: Option<Expression>,
    pub(crate) mentions: Mentions,
    pub(crate) annotations: Annotations,
    pub(crate) local: Local,
    /// As Cedar has it, for the other opinion in tests.
    #[cfg(test)]
    pub(crate) policy: Policy,
}

/// Policies, read and checked. They never change, so that all may share them.
#[derive(Debug)]
pub struct Policies {
    pub(crate) compiled: Vec<Compiled>,
    pub(crate) index: Index,
    pub(crate) directory: Directory,
    /// What those that decide say of tools that agents run themselves.
    local: Local,
    sources: Vec<Source>,
    digest: Digest,
}

impl Policies {
    /// Reads policies and checks them against what there is to decide about.
    ///
    /// # Errors
    ///
    /// With everything that is wrong with them, in the order of the text.
    pub fn compile(sources: &[Source], model: &Model) -> Result<Self, Vec<PolicyProblem>> {
        let (policies, problems) = Self::build(sources, model)?;
        if problems.is_empty() { Ok(policies) } else { Err(problems) }
    }

    /// The same policies for another model: a server has told its tools, or has others now. What is
    /// wrong with them now is told and changes nothing: a policy whose condition fails forbids what
    /// it was to forbid, and permits nothing.
    ///
    /// # Errors
    ///
    /// If the model can't be read.
    pub fn remodel(&self, model: &Model) -> Result<(Self, Vec<PolicyProblem>), Vec<PolicyProblem>> {
        Self::build(&self.sources, model)
    }

    /// The same with other texts, to be read by [`Policies::remodel`] whatever is wrong with them.
    #[cfg(test)]
    pub(crate) fn with_sources(self, sources: Vec<Source>) -> Self {
        Self { sources, ..self }
    }

    fn build(
        sources: &[Source],
        model: &Model,
    ) -> Result<(Self, Vec<PolicyProblem>), Vec<PolicyProblem>> {
        let mut problems = Vec::new();
        let names: Vec<Arc<str>> = sources.iter().map(|one| one.name.as_str().into()).collect();
        let texts = names.iter().zip(sources);
        let pieces: Vec<Piece<'_>> =
            texts.flat_map(|(name, one)| pieces(name, &one.text, &mut problems)).collect();
        let directory = Directory::new(model).map_err(|message| {
            vec![PolicyProblem { file: "model".into(), line: 1, column: 1, message, hint: None }]
        })?;
        if let Some(piece) = pieces.get(POLICIES_MAX) {
            let message = format!("{} policies, {POLICIES_MAX} at most", pieces.len());
            problems.push(piece.problem(0, message, None));
            return Err(problems);
        }
        let parsed: Vec<(Piece<'_>, Policy)> = pieces
            .into_iter()
            .enumerate()
            .filter_map(|(number, piece)| Some((piece, parse(number, &piece, &mut problems)?)))
            .collect();
        let compiled: Vec<Compiled> =
            parsed.iter().filter_map(|(piece, one)| compile(piece, one, &mut problems)).collect();
        if parsed.len() == compiled.len() {
            let drafts: Vec<Draft<'_>> = parsed
                .iter()
                .zip(&compiled)
                .map(|((piece, policy), Compiled { scope, mentions, .. })| Draft {
                    piece: *piece,
                    policy,
                    scope,
                    mentions,
                })
                .collect();
            twice(&drafts, &compiled, &mut problems);
            check(&drafts, &directory, &mut problems);
        }
        let mut index = Index::default();
        let mut local = Local::default();
        for (number, policy) in compiled.iter().enumerate() {
            index.add(number, &policy.scope);
            if !policy.annotations.is_shadow {
                local.join(&policy.local);
            }
        }
        problems.sort();
        let (sources, digest) = (sources.to_vec(), digest(sources));
        Ok((Self { compiled, index, directory, local, sources, digest }, problems))
    }

    /// The digest of all their text: SHA-256 over `countersign/policies/v1` and a zero byte, and of
    /// each source the name and the text, each after its length in eight bytes, the highest first.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// How many decide.
    pub fn len(&self) -> usize {
        self.compiled.len() - self.shadowed()
    }

    /// Whether none decides, which permits nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether any that decides names tools that agents run themselves. If none does, they are not
    /// meant, and nobody need ask.
    pub fn concern_local(&self) -> bool {
        self.local.is_named
    }

    /// Whether any that decides names this one of them alone.
    pub fn name_local(&self, tool: &str) -> bool {
        self.local.tools.contains(tool)
    }

    /// How many are only watched.
    pub fn shadowed(&self) -> usize {
        self.compiled.iter().filter(|policy| policy.annotations.is_shadow).count()
    }
}

/// The digest of policies' text, compiled or not.
pub fn digest(sources: &[Source]) -> Digest {
    let mut hasher = Sha256::new();
    hasher.update(b"countersign/policies/v1\0");
    for Source { name, text } in sources {
        for part in [name, text] {
            hasher.update((part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
    }
    Digest(hasher.finalize().into())
}

fn parse(number: usize, piece: &Piece<'_>, problems: &mut Vec<PolicyProblem>) -> Option<Policy> {
    match Policy::parse(Some(PolicyId::new(number.to_string())), piece.text) {
        Ok(policy) => Some(policy),
        Err(errors) => {
            for error in errors.iter() {
                let label = error.labels().and_then(|mut labels| labels.next());
                let at = label.as_ref().map_or(0, miette::LabeledSpan::offset);
                let expected = label.as_ref().and_then(miette::LabeledSpan::label);
                let hint = error.help().map(|help| help.to_string());
                let hint = hint.or_else(|| expected.map(str::to_owned));
                problems.push(piece.problem(at, error.to_string(), hint));
            }
            None
        }
    }
}

fn compile(
    piece: &Piece<'_>,
    policy: &Policy,
    problems: &mut Vec<PolicyProblem>,
) -> Option<Compiled> {
    let mentions = match Mentions::of(policy) {
        Ok(mentions) => mentions,
        Err(message) => {
            problems.push(piece.problem(0, message, None));
            return None;
        }
    };
    let annotations = read(piece, policy, mentions.unattended(), problems);
    let scope = Scope::of(policy);
    Some(Compiled {
        name: annotations.id.clone().unwrap_or_else(|| piece.place().into()),
        effect: policy.effect(),
        local: Local::of(policy, &scope, &mentions),
        scope,
        condition: policy.as_ref().non_scope_constraints().cloned().map(Expression::from),
        mentions,
        annotations,
        #[cfg(test)]
        policy: policy.clone(),
    })
}

/// Complains of names that more than one policy has: a verdict must name one.
fn twice(drafts: &[Draft<'_>], compiled: &[Compiled], problems: &mut Vec<PolicyProblem>) {
    let mut places: BTreeMap<&str, String> = BTreeMap::new();
    for (Draft { piece, .. }, policy) in drafts.iter().zip(compiled) {
        if let Some(place) = places.get(&*policy.name) {
            let message = format!("the name `{}` is taken by {place}", policy.name);
            let hint = Some("give each policy an `@id` of its own".to_owned());
            problems.push(piece.problem(piece.annotation("id"), message, hint));
        } else {
            places.insert(&policy.name, piece.place());
        }
    }
}
