//! Formats an error for a log line.

/// Formats an error and its causes in one line: `the database is unavailable: connection refused`.
pub fn error_chain(error: impl Into<anyhow::Error>) -> String {
    format!("{:#}", error.into())
}
