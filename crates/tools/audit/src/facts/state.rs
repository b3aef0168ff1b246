//! The rows of the services. Their readers select columns by the names of the fields.

use std::{error::Error, fmt};

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use uuid::Uuid;

/// A spelling in the database that the audit does not know.
#[derive(Debug)]
pub struct Unknown(pub(super) String);

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not known to this audit", self.0)
    }
}

impl Error for Unknown {}

/// Defines a status with its spelling in the database.
macro_rules! names {
    ($(#[$attribute:meta])* $name:ident { $($variant:ident = $text:literal),* $(,)? }) => {
        $(#[$attribute])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum $name { $($variant),* }

        impl $name {
            /// Returns the spelling in the database.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),* }
            }

            pub fn parse(text: &str) -> Option<Self> {
                match text { $($text => Some(Self::$variant),)* _ => None }
            }
        }

        impl TryFrom<String> for $name {
            type Error = crate::facts::state::Unknown;

            fn try_from(text: String) -> Result<Self, Self::Error> {
                Self::parse(&text).ok_or(crate::facts::state::Unknown(text))
            }
        }
    };
}

pub(super) use names;

names!(OrderStatus { Pending = "PENDING_PAYMENT", Paid = "PAID", Cancelled = "CANCELLED", Assembled = "ASSEMBLED" });

#[derive(Clone, Debug, FromRow)]
pub struct Order {
    pub uuid: Uuid,
    /// The user who may pay the order.
    pub user: Uuid,
    #[sqlx(try_from = "String")]
    pub status: OrderStatus,
    /// In minor units.
    pub total: i64,
    /// The ordered parts. A UUID occurs once per piece.
    pub parts: Vec<Uuid>,
    /// The transaction that paid the order.
    pub transaction: Option<Uuid>,
    pub has_address: bool,
    /// The latest delivery status that the order service received.
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
#[derive(Clone, Debug, FromRow)]
pub struct Payment {
    pub transaction: Uuid,
    pub order: Uuid,
    pub attempt: Option<i64>,
    /// The user whom the attempt charges.
    pub user: Option<Uuid>,
    pub provider: Option<String>,
    /// The provider's id of the charge.
    pub reference: Option<String>,
    /// In minor units.
    pub amount: Option<i64>,
    /// The sum of the partial refunds in minor units, whether made or not.
    pub partially_refunded: i64,
    #[sqlx(try_from = "String")]
    pub status: PaymentStatus,
    /// True while the provider has accepted the refund but not made it.
    pub is_refund_accepted: bool,
    pub decline_reason: Option<String>,
    /// True once the payment service has consumed the order's cancellation.
    pub cancelled: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
}

impl Payment {
    /// Returns the void attempt of an order that was cancelled then.
    pub fn void(transaction: Uuid, order: Uuid, at: DateTime<Utc>) -> Self {
        Self {
            transaction,
            order,
            attempt: None,
            user: None,
            provider: None,
            reference: None,
            amount: None,
            partially_refunded: 0,
            status: PaymentStatus::Void,
            is_refund_accepted: false,
            decline_reason: None,
            cancelled: true,
            created_at: at,
            updated_at: at,
        }
    }
}

/// A part of a charge that an operator refunds, as the payment service records it.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct PartialRefund {
    /// The idempotency key of the first request to the provider; later requests append a number.
    pub refund: Uuid,
    pub transaction: Uuid,
    /// In minor units.
    pub amount: i64,
    /// True if the row says who ordered it.
    pub is_signed: bool,
    /// True once the provider has made the refund.
    pub is_made: bool,
    /// True while the provider has accepted the refund but not made it.
    pub is_accepted: bool,
    pub created_at: DateTime<Utc>,
    /// When payment requested the refund again, or opened it again, after it had failed.
    pub requested_at: Option<DateTime<Utc>>,
}

names!(EntryKind { Charge = "charge", Decline = "decline", Refund = "refund" });

#[derive(Clone, Debug, FromRow)]
pub struct Entry {
    /// The provider's idempotency key; for a charge, the transaction.
    pub key: String,
    #[sqlx(try_from = "String")]
    pub kind: EntryKind,
    pub order: Uuid,
    /// In minor units.
    pub amount: i64,
    /// The user whose balance the entry changed; `None` for payment methods other than `INVESTOR_MONEY`.
    pub account: Option<Uuid>,
}

/// A user's balance for `INVESTOR_MONEY`, in minor units.
#[derive(Clone, Copy, Debug, FromRow)]
pub struct Balance {
    pub user: Uuid,
    pub initial: i64,
    pub current: i64,
}

#[derive(Clone, Debug, FromRow)]
pub struct Part {
    pub uuid: Uuid,
    pub name: String,
    pub initial: i64,
    pub restocked: i64,
    pub available: i64,
    pub reserved: i64,
    pub consumed: i64,
}

/// All restocks of a part.
#[derive(Clone, Debug, FromRow)]
pub struct Restock {
    pub part: Uuid,
    pub quantity: i64,
    /// The ids of the restocks without an author.
    pub unsigned: Vec<Uuid>,
}

names!(ReservationStatus {
    Held = "held",
    Confirmed = "confirmed",
    Released = "released",
    Committed = "committed",
    Expired = "expired",
});

#[derive(Clone, Debug, FromRow)]
pub struct Reservation {
    pub order: Uuid,
    #[sqlx(try_from = "String")]
    pub status: ReservationStatus,
    /// Parts and quantities. Empty for an order that was released before it was reserved.
    #[sqlx(skip)]
    pub items: Vec<(Uuid, i64)>,
    /// The price of all items in minor units, from the unit prices frozen at the first reservation.
    #[sqlx(skip)]
    pub price: i64,
    /// When a held reservation expires.
    pub expires_at: Option<DateTime<Utc>>,
    /// When the reservation first ended: it expired, or was released or committed.
    pub first_ended_at: Option<DateTime<Utc>>,
    pub updated_at: DateTime<Utc>,
}

names!(BuildStatus { Building = "building", Assembled = "assembled", Failed = "failed" });

#[derive(Clone, Debug, FromRow)]
pub struct Build {
    pub order: Uuid,
    #[sqlx(try_from = "String")]
    pub status: BuildStatus,
    pub started_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
}

names!(NotificationStatus { Queued = "queued", Sent = "sent", Failed = "failed" });

#[derive(Clone, Debug, FromRow)]
pub struct Notification {
    pub order: Uuid,
    /// The kind of the notification, such as `order_paid`.
    pub kind: String,
    #[sqlx(try_from = "String")]
    pub status: NotificationStatus,
    pub chat: Option<String>,
    pub attempts: i64,
    /// True if a send attempt ended without a response: the message may have arrived twice.
    pub ambiguous: bool,
    pub sent_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// When the user requested the message again.
    pub queued_at: Option<DateTime<Utc>>,
}

impl Notification {
    /// Returns the kind of the notification of each event of a type: `order_paid` for `events.v1.OrderPaid`.
    pub fn kind_of(event_type: &str) -> String {
        let name = event_type.rsplit('.').next().unwrap_or_default();
        let mut kind = String::new();
        for letter in name.chars() {
            if letter.is_ascii_uppercase() && !kind.is_empty() {
                kind.push('_');
            }
            kind.push(letter.to_ascii_lowercase());
        }
        kind
    }
}
