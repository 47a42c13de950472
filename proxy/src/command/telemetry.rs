//! The operator's log: to standard error, by default warnings and worse. Payloads never reach it.

use tracing_subscriber::EnvFilter;

/// Starts the log; `COUNTERSIGN_LOG` says what is in it, as in `info,proxy::mcp=debug`.
pub(super) fn start() {
    let filter = EnvFilter::builder()
        .with_env_var("COUNTERSIGN_LOG")
        .with_default_directive(tracing::level_filters::LevelFilter::WARN.into())
        .from_env_lossy();
    // A second start, in tests, changes nothing.
    drop(tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).try_init());
}
