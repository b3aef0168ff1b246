//! The services' own rows.

use chrono::{DateTime, Utc};
use uuid::Uuid;

macro_rules! names {
    ($(#[$attribute:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($variant),* }

        impl $name {
            /// As the database has it.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }
    };
}

names!(OrderStatus { Pending = "PENDING_PAYMENT", Paid = "PAID", Cancelled = "CANCELLED", Assembled = "ASSEMBLED" });

#[derive(Clone, Debug)]
pub struct Order {
    pub uuid: Uuid,
    pub status: OrderStatus,
    /// Minor units.
    pub total: i64,
    /// A repeated uuid is a quantity.
    pub parts: Vec<Uuid>,
    /// How it was paid.
    pub transaction: Option<Uuid>,
    /// The attempt to pay that is in flight or whose outcome is unknown.
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

/// An attempt as payment sees it. A void one stands for an order that was cancelled before it was paid.
#[derive(Clone, Debug)]
pub struct Payment {
    pub transaction: Uuid,
    pub order: Uuid,
    pub attempt: Option<i64>,
    pub provider: Option<String>,
    pub status: PaymentStatus,
    /// True once payment knows that the order is cancelled.
    pub cancelled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

names!(EntryKind { Charge = "charge", Decline = "decline", Refund = "refund" });

/// An entry in a provider's books.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What the provider tells repetitions by: of a charge, its transaction.
    pub key: String,
    pub kind: EntryKind,
    pub order: Uuid,
    /// Minor units.
    pub amount: i64,
    /// The user whose balance it changed; nothing where another method of payment was used.
    pub account: Option<Uuid>,
}

/// What a user has for `INVESTOR_MONEY`, in minor units.
#[derive(Clone, Copy, Debug)]
pub struct Balance {
    pub user: Uuid,
    /// What it began with, where that is known.
    pub initial: Option<i64>,
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

/// What one part got by all deliveries.
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
    /// Parts and quantities; none for an order that was released before it reserved.
    pub items: Vec<(Uuid, i64)>,
    /// When a held one ends by itself.
    pub expires_at: Option<DateTime<Utc>>,
    /// When it was confirmed for the first time.
    pub first_confirmed_at: Option<DateTime<Utc>>,
    /// When it expired, or was released or committed, for the first time.
    pub first_ended_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

names!(JobStatus { Building = "building", Assembled = "assembled", Failed = "failed" });

#[derive(Clone, Debug)]
pub struct Job {
    pub order: Uuid,
    pub status: JobStatus,
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
}

names!(NotificationStatus { Queued = "queued", Sent = "sent", Failed = "failed" });

#[derive(Clone, Debug)]
pub struct Notification {
    pub order: Uuid,
    /// `order_paid`, `ship_assembled` or `order_cancelled`.
    pub kind: String,
    pub status: NotificationStatus,
    pub chat: Option<String>,
    pub attempts: i64,
    /// A hand-over ended without an answer, so that the message may have arrived twice.
    pub ambiguous: bool,
    pub created_at: DateTime<Utc>,
}
