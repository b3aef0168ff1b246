//! What is known from outside the shop.

use uuid::Uuid;

/// An answer that a client has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Acknowledged {
    pub order: Uuid,
    pub answer: Answer,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    Created,
    Paid { transaction: Uuid },
    Cancelled,
}

/// A message that arrived in a chat, or that its provider refused for good.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Told {
    pub order: Uuid,
    /// `order_paid`, `ship_assembled` or `order_cancelled`.
    pub kind: String,
    pub chat: String,
}

/// A record that nobody can handle, sent on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Poison {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// A use of a session after its logout was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// Which use: `Whoami`, `GET /api/v1/orders`.
    pub place: String,
    /// What the shop answered.
    pub answered: String,
    pub refused: bool,
}
