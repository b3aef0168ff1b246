//! Machine-readable details of a gRPC status: a reason code and its subject, as metadata.

use tonic::{Code, Status, metadata::MetadataValue};

/// The metadata that carries the reason, such as `OUT_OF_STOCK`.
const REASON: &str = "reason";

/// Creates a status with a reason for programs.
pub fn with_reason(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(REASON, MetadataValue::from_static(reason));
    status
}

/// The metadata that carries the subject of the reason, such as a uuid.
const SUBJECT: &str = "subject";

/// Adds the subject to the metadata of a status, for programs.
pub fn about(mut status: Status, subject: impl std::fmt::Display) -> Status {
    if let Ok(value) = MetadataValue::try_from(subject.to_string()) {
        status.metadata_mut().insert(SUBJECT, value);
    }
    status
}

/// Returns the subject in a status' metadata.
pub fn subject(status: &Status) -> Option<&str> {
    status.metadata().get(SUBJECT)?.to_str().ok()
}

/// Returns the reason in a status.
pub fn reason(status: &Status) -> Option<&str> {
    status.metadata().get(REASON)?.to_str().ok()
}
