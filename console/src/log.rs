//! The log: one JSON object per line on standard error. Secrets can't reach it, since their types don't show them.

use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` chooses what; by default everything of ours from `info` on and warnings of libraries.
pub fn start() {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("warn,flintd=info,flint_fastpath_service=info,flint_stream=info"));
    // A second call (tests) keeps the first subscriber.
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).try_init();
}
