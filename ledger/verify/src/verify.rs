//! The verification of one log: one thread reads, one hashes, one reads the events, each record
//! once.

use crate::audit::{Audit, Audited, ENDED_MAX, GrantCounts, Part};
use crate::evidence::{Evidence, Fetched, Progress, SourceError};
use crate::finding::{Check, Finding, Place};
use crate::merkle::{Derived, Merkle};
use crate::record::Stretch;
use crate::report::Report;
use crate::trust::{Head, Trust};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;

/// How many stretches wait between two threads, at most.
const WAITING_MAX: usize = 16;

/// Verifies a log: everything that its checkpoint covers.
pub fn verify(
    evidence: &dyn Evidence,
    trust: &Trust,
    progress: &mut dyn Progress,
) -> Result<Report, SourceError> {
    let file = evidence.file("checkpoint");
    let mut report = Report::new(&file);
    let missing = |what: &str| Finding::new(Check::Checkpoint, what).at(Place::of(&file));
    let bytes = match evidence.checkpoint()? {
        Fetched::Bytes(bytes) => bytes,
        Fetched::Missing => {
            report.findings.add(missing("there is no checkpoint"));
            return Ok(report.finish());
        }
        Fetched::Odd(what) => {
            report.findings.add(missing(what));
            return Ok(report.finish());
        }
    };
    let Some(mut head) = Head::read(&file, &bytes, &mut report) else {
        return Ok(report.finish());
    };
    let beside = if trust.policy.is_none() { evidence.trust()? } else { None };
    head.judge(trust, beside, &mut report);
    head.compare_sizes(&mut report.findings);
    progress.begin(Some(head.checkpoint.size));
    let (derived, audited) = read(evidence, &head, progress)?;
    tell(&mut report, &head, derived, audited);
    Ok(report.finish())
}

/// Reads every record once; hashes it here, and folds it in another thread.
fn read(
    evidence: &dyn Evidence,
    head: &Head,
    progress: &mut dyn Progress,
) -> Result<(Derived, Audited), SourceError> {
    thread::scope(|scope| {
        let (to_hash, from_reader) = sync_channel(WAITING_MAX);
        let (to_fold, from_hash) = sync_channel(WAITING_MAX);
        let size = head.checkpoint.size;
        let reader = scope.spawn(move || send(evidence, size, &to_hash));
        let folder = scope.spawn(move || fold(evidence, &from_hash));
        let mut merkle = Merkle::new(evidence, head);
        let mut failed = None;
        for stretch in from_reader {
            progress.advance(stretch.len(), stretch.bytes());
            // The other end is gone only if its thread has panicked, which the join tells.
            drop(to_fold.send(Arc::clone(&stretch)));
            if let Err(error) = merkle.stretch(&stretch) {
                failed = Some(error);
                break;
            }
        }
        drop(to_fold);
        let audited = joined(folder);
        // The reader stops when nobody listens.
        joined(reader)?;
        match failed {
            Some(error) => Err(error),
            None => Ok((merkle.finish()?, audited)),
        }
    })
}

fn joined<T>(handle: thread::ScopedJoinHandle<'_, T>) -> T {
    handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn send(
    evidence: &dyn Evidence,
    size: u64,
    stretches: &SyncSender<Arc<Stretch>>,
) -> Result<(), SourceError> {
    evidence.records(size, &mut |stretch| {
        let sent = stretches.send(Arc::new(stretch));
        if sent.is_ok() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
}

fn fold(evidence: &dyn Evidence, stretches: &Receiver<Arc<Stretch>>) -> Audited {
    let mut payload = |at, session, payload: &_| evidence.payload(at, session, payload);
    let mut audit = Audit::new(&mut payload);
    for stretch in stretches {
        audit.stretch(&stretch);
    }
    audit.finish(Part::WHOLE)
}

fn tell(report: &mut Report, head: &Head, derived: Derived, audited: Audited) {
    report.findings.absorb(derived.findings);
    let size = head.checkpoint.size;
    report.pass(Check::Records, format!("{size} records lead to the root that was signed"));
    report.pass(Check::Tiles, format!("{} tiles are what the records make them", derived.tiles));
    if !head.known.is_empty() {
        let known = head.known.len();
        report.pass(Check::Known, format!("the log goes on from {known} earlier checkpoints"));
    }
    report.skip(Check::Proofs, "not needed: the whole tree was re-derived");
    report.skip(Check::Files, "not needed: a log has no manifest");
    report.pass(Check::Sequence, format!("{} events without a gap", audited.events));
    tell_audit(report, audited);
}

/// What a fold over events adds to a report.
pub(crate) fn tell_audit(report: &mut Report, audited: Audited) {
    let Audited { findings, events, unknown, calls, open, grants, payloads, erasures, .. } =
        audited;
    report.findings.absorb(findings);
    let of_them =
        if unknown > 0 { format!(", {unknown} of kinds unknown here") } else { String::new() };
    report.pass(Check::Events, format!("{events} events in canonical form{of_them}"));
    report.pass(
        Check::Calls,
        format!(
            "{} dispatched, {} outcomes ({} in doubt), {} denied, {open} open; a call is known \
             again within the latest {ENDED_MAX}",
            calls.dispatched, calls.outcomes, calls.in_doubt, calls.denied
        ),
    );
    let GrantCounts { held, granted, made, opened, used } = grants;
    report.pass(
        Check::Grants,
        format!(
            "{held} held, {granted} granted, {made} of them dispatched; {opened} grants of a kind, \
             {used} calls under them; that votes were as their persons meant is not checked"
        ),
    );
    if payloads.unread > 0 {
        report.skip(Check::Payloads, "the payloads are not part of this evidence");
    } else {
        report.pass(
            Check::Payloads,
            format!(
                "{} as committed to, {} erased, {} discarded",
                payloads.present, payloads.erased, payloads.discarded
            ),
        );
    }
    report.pass(Check::Erasures, format!("{erasures} erasures, each asked for"));
    report.pass(Check::Holds, "nothing was erased under a hold".to_owned());
    if audited.forgot_sessions {
        report.say("legal holds and erasures were checked for the first sessions only");
    }
}
