//! The auditor's side: verifies what a gateway has recorded, without trusting the gateway or
//! whoever runs it.
//!
//! Works on a log in a directory or on a server, and on an export; knows nothing of the ledger but
//! the formats.

mod finding;

mod record;

mod audit;

mod report;

mod evidence;

mod trust;

mod merkle;

mod verify;

mod folder;

mod web;

mod prefix;

mod export;

mod subject;

pub use audit::PayloadState;
pub use evidence::{Evidence, Fetched, NamedFile, Progress, Silent, Sink, SourceError};
pub use finding::{Check, Finding, Findings, LISTED_MAX, Place};
pub use folder::read_given;
pub use prefix::log_directory;
pub use record::{Defect, Record, Stretch};
pub use report::{Outcome, Report};
pub use subject::Subject;
pub use trust::{Trust, TrustError, read_policy};
pub use verify::verify;
