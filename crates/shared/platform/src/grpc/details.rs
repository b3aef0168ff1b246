//! Machine-readable details of a gRPC status: a reason code and its subject, as metadata.

use tonic::{Code, Status, metadata::MetadataValue};

/// The metadata that carries the reason, such as `OUT_OF_STOCK`.
const REASON: &str = "reason";

/// A status with a reason that programs can rely on.
pub fn with_reason(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(REASON, MetadataValue::from_static(reason));
    status
}

/// The metadata that carries the subject of the reason, such as a uuid.
const SUBJECT: &str = "subject";

/// The status with its subject in the metadata, for programs.
pub fn about(mut status: Status, subject: impl std::fmt::Display) -> Status {
    if let Ok(value) = MetadataValue::try_from(subject.to_string()) {
        status.metadata_mut().insert(SUBJECT, value);
    }
    status
}

/// The subject of a status.
pub fn subject(status: &Status) -> Option<&str> {
    status.metadata().get(SUBJECT)?.to_str().ok()
}

/// The reason that came with a status.
pub fn reason(status: &Status) -> Option<&str> {
    status.metadata().get(REASON)?.to_str().ok()
}
