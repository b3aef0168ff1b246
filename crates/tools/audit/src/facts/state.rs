//! The rows of the services.

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// Defines a status with the database's spelling of its variants.
macro_rules! names {
    ($(#[$attribute:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($variant),* }

        impl $name {
            /// Returns the database's spelling.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

pub(super) use names;

names!(OrderStatus { Pending = "PENDING_PAYMENT", Paid = "PAID", Cancelled = "CANCELLED", Assembled = "ASSEMBLED" });

#[derive(Clone, Debug)]
pub struct Order {
    pub uuid: Uuid,
    pub status: OrderStatus,
    /// The total price in minor units.
    pub total: i64,
    /// The ordered parts. A UUID is repeated once per piece.
    pub parts: Vec<Uuid>,
    /// The transaction by which the order was paid.
    pub transaction: Option<Uuid>,
    /// True if the order has a delivery address.
    pub has_address: bool,
    /// The latest status of the delivery that the order service has received.
    pub delivery_status: Option<String>,
    /// The payment attempt that is in flight or has an unknown outcome.
    pub attempt: Option<i64>,
    pub pay_until: DateTime<Utc>,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

names!(PaymentStatus {
    Pending = "pending",
    Succeeded = "succeeded",
    Declined = "declined",
    Refunding = "refunding",
    Refunded = "refunded",
    Void = "void",
});

/// A payment attempt as the payment service records it. A void attempt belongs to an order that was cancelled before it
/// was paid.
#[derive(Clone, Debug)]
pub struct Payment {
    pub transaction: Uuid,
    pub order: Uuid,
    pub attempt: Option<i64>,
    pub provider: Option<String>,
    /// The provider's id of the charge.
    pub reference: Option<String>,
    /// The amount in minor units.
    pub amount: Option<i64>,
    /// The sum of the partial refunds in minor units, whether made or not.
    pub partially_refunded: i64,
    pub status: PaymentStatus,
    /// True while the provider has accepted the refund and not made it.
    pub is_refund_accepted: bool,
    /// The reason why the attempt was declined.
    pub decline_reason: Option<String>,
    /// True once the payment service has consumed the order's cancellation.
    pub cancelled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

/// A part of a charge that an operator gives back, as the payment service records it.
#[derive(Clone, Copy, Debug)]
pub struct PartialRefund {
    /// The idempotency key of the first request to the provider; later requests append a number.
    pub refund: Uuid,
    /// The charge.
    pub transaction: Uuid,
    /// The amount in minor units.
    pub amount: i64,
    /// True once the provider has made the refund.
    pub is_made: bool,
    /// True while the provider has accepted the refund and not made it.
    pub is_accepted: bool,
    pub created_at: DateTime<Utc>,
    /// The time at which a refund that had failed after it was made was requested again.
    pub requested_at: Option<DateTime<Utc>>,
}

names!(EntryKind { Charge = "charge", Decline = "decline", Refund = "refund" });

/// An entry of a provider's ledger.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The provider's idempotency key; for a charge, the transaction.
    pub key: String,
    pub kind: EntryKind,
    pub order: Uuid,
    /// The amount in minor units.
    pub amount: i64,
    /// The user whose balance it changed; `None` for other payment methods.
    pub account: Option<Uuid>,
}

/// A user's balance for `INVESTOR_MONEY`, in minor units.
#[derive(Clone, Copy, Debug)]
pub struct Balance {
    pub user: Uuid,
    pub initial: i64,
    pub current: i64,
}

#[derive(Clone, Debug)]
pub struct Part {
    pub uuid: Uuid,
    pub name: String,
    pub initial: i64,
    pub restocked: i64,
    pub available: i64,
    pub reserved: i64,
    pub consumed: i64,
}

/// The total restocked quantity of one part.
#[derive(Clone, Copy, Debug)]
pub struct Restock {
    pub part: Uuid,
    pub quantity: i64,
}

names!(ReservationStatus {
    Held = "held",
    Confirmed = "confirmed",
    Released = "released",
    Committed = "committed",
    Expired = "expired",
});

#[derive(Clone, Debug)]
pub struct Reservation {
    pub order: Uuid,
    pub status: ReservationStatus,
    /// Parts and quantities. They are empty for an order that was released before it was reserved.
    pub items: Vec<(Uuid, i64)>,
    /// The price of all items in minor units, from the unit prices that were frozen when they were reserved first.
    pub price: i64,
    /// The time at which a held reservation expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// The time at which the reservation first ended: it expired, or was released or committed.
    pub first_ended_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

names!(BuildStatus { Building = "building", Assembled = "assembled", Failed = "failed" });

#[derive(Clone, Debug)]
pub struct Build {
    pub order: Uuid,
    pub status: BuildStatus,
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
}

names!(NotificationStatus { Queued = "queued", Sent = "sent", Failed = "failed" });

#[derive(Clone, Debug)]
pub struct Notification {
    pub order: Uuid,
    /// The kind of the notification, such as `order_paid`.
    pub kind: String,
    pub status: NotificationStatus,
    pub chat: Option<String>,
    pub attempts: i64,
    /// True if a send attempt ended without a response, so that the message may have arrived twice.
    pub ambiguous: bool,
    pub sent_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// The time at which the user had it queued again.
    pub queued_at: Option<DateTime<Utc>>,
}
