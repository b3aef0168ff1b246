//! Machine-readable details of a gRPC status: a reason code and its subject. Metadata carries both.

use tonic::{Code, Status, metadata::MetadataValue};

/// The metadata key of the reason, such as `OUT_OF_STOCK`.
const REASON: &str = "reason";

/// Creates a status with a reason code that clients can evaluate.
pub fn with_reason(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    let mut status = Status::new(code, message);
    status.metadata_mut().insert(REASON, MetadataValue::from_static(reason));
    status
}

/// The metadata key of the subject, such as a uuid.
const SUBJECT: &str = "subject";

/// Adds the subject of the reason to the metadata of a status.
pub fn about(mut status: Status, subject: impl std::fmt::Display) -> Status {
    if let Ok(value) = MetadataValue::try_from(subject.to_string()) {
        status.metadata_mut().insert(SUBJECT, value);
    }
    status
}

/// Returns the subject in the metadata of a status.
pub fn subject(status: &Status) -> Option<&str> {
    status.metadata().get(SUBJECT)?.to_str().ok()
}

/// Returns the reason in the metadata of a status.
pub fn reason(status: &Status) -> Option<&str> {
    status.metadata().get(REASON)?.to_str().ok()
}

/// Creates a status with these details, as one service repeats the status of another. An empty detail is none.
pub fn with_details(code: Code, message: String, reason: &str, subject: &str) -> Status {
    let mut status = Status::new(code, message);
    for (key, value) in [(REASON, reason), (SUBJECT, subject)] {
        if let Some(value) = MetadataValue::try_from(value).ok().filter(|_| !value.is_empty()) {
            status.metadata_mut().insert(key, value);
        }
    }
    status
}
