//! Ids at the edge: the one place that makes random ones; everything below takes them as arguments.

use uuid::Uuid;

/// An id that grows with time, so that indexes on it stay compact.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn ordered() -> Uuid {
    Uuid::now_v7()
}

/// An id of 122 random bits that tells nothing.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn random() -> Uuid {
    Uuid::new_v4()
}
