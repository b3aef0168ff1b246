//! Generates ids. Only code at the edge calls these functions; all other code takes ids as arguments.

use uuid::Uuid;

/// Returns a time-ordered (v7) UUID, which keeps indexes compact.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn ordered() -> Uuid {
    Uuid::now_v7()
}

/// Returns a random (v4) UUID, which reveals no creation time.
#[expect(clippy::disallowed_methods, reason = "this is the edge")]
pub fn random() -> Uuid {
    Uuid::new_v4()
}
