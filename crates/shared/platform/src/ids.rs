//! Generates ids. Only code at the edge does; everything below takes ids as arguments.

use uuid::Uuid;

/// A time-ordered (v7) UUID, so that indexes on it stay compact.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn ordered() -> Uuid {
    Uuid::now_v7()
}

/// A random (v4) UUID; reveals no creation time.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn random() -> Uuid {
    Uuid::new_v4()
}
