//! Logs: JSON, one event per line, on standard output, where Lambda collects them.

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Starts logging at the level that `LOG_LEVEL` names, such as `info` or `roomsync=debug,info`; a level that is not there or cannot be read is
/// `info`.
///
/// Events carry what their statement names and nothing else: no spans, no file names, no colours.
pub fn start() {
    let filter = EnvFilter::try_from_env("LOG_LEVEL").unwrap_or_else(|_| EnvFilter::new("info"));
    let _ = tracing_subscriber::fmt()
        .json()
        .flatten_event(true)
        .with_current_span(false)
        .with_span_list(false)
        .with_span_events(FmtSpan::NONE)
        .with_env_filter(filter)
        .try_init();
}
