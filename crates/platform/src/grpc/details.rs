//! A machine-readable reason beside a status' text.

use tonic::{Code, Status, metadata::MetadataValue};

/// The metadata that carries the reason, such as `OUT_OF_STOCK`.
const REASON: &str = "reason";

/// A status with a reason that programs can rely on.
pub fn with_reason(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(REASON, MetadataValue::from_static(reason));
    status
}

/// The reason that came with a status.
pub fn reason(status: &Status) -> Option<&str> {
    status.metadata().get(REASON)?.to_str().ok()
}
