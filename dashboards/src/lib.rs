//! What one sees: pages and interfaces over what the ledger says. Nothing here decides or records.

// Each module uses only those above it; the empty lines keep rustfmt from sorting them.
pub mod truth;

mod markup;

mod moment;

mod assets;

mod secured;

pub mod pages;

mod look_routes;

mod problem;

pub mod site;

mod local_peers;

mod ledger_routes;

mod tlog_routes;

mod export_source;

mod export_routes;

pub use assets::asset_routes;
pub use export_routes::export_routes;
pub use export_source::{Announce, ExportAsked, ExportSource};
pub use ledger_routes::{EVENTS_MAX, ledger_routes};
pub use look_routes::{look, look_routes};
pub use markup::{Label, Marked, SideBySide, Value};
pub use moment::{Moment, distance};
pub use problem::problem;
pub use secured::{fenced, secured};
pub use tlog_routes::tlog_routes;
