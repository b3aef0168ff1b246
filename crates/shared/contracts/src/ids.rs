//! Typed ids: the compiler rejects an id of one type where another is expected.
//!
//! In PostgreSQL the ids are columns of type `uuid`. A query names the type of its outputs (`id as "id: OrderId"`), and
//! binds [`uuid`](OrderId::uuid) as its input, since sqlx's macros derive the types of inputs from the schema.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, sqlx::Type)]
            #[serde(transparent)]
            #[sqlx(transparent)]
            pub struct $name(Uuid);

            impl $name {
                pub const fn new(uuid: Uuid) -> Self {
                    Self(uuid)
                }

                pub const fn uuid(self) -> Uuid {
                    self.0
                }
            }

            impl fmt::Display for $name {
                fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    self.0.fmt(f)
                }
            }
        )*
    };
}

ids!(
    /// A registered user of iam.
    UserId,
    /// An order of the order service.
    OrderId,
    /// A kind of part in the inventory service's catalogue.
    PartId,
    /// A charge made by the payment service.
    TransactionId,
    /// The delivery of an order.
    DeliveryId,
    /// A courier of the delivery service.
    CourierId,
    /// A storage place of a courier.
    PlaceId,
    /// An event; the same however often it is published or delivered.
    EventId,
);
