//! Facts from outside the shop: clients' responses, messages in chats, poison messages and session probes.

use uuid::Uuid;

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

/// A message that arrived in a chat, or that the provider rejected permanently.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Told {
    pub order: Uuid,
    /// The kind of the notification, such as `order_paid`.
    pub kind: String,
    pub chat: String,
}

/// A poison message sent on purpose.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Poison {
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
}

/// A request within a session after its logout was acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// The request, such as `Whoami` or `GET /api/v1/orders`.
    pub place: String,
    /// The response to the request.
    pub answered: String,
    pub refused: bool,
}
