//! The order, its delivery, payment and items, with the members of the published model in their order.

use std::{fmt, sync::Arc};

use chrono::{DateTime, Utc};
use platform::number::integer_or_zero;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::members::{object, objects, or_empty};

/// The key of an order, chosen by the program that produced it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, max_length = 64)]
pub struct OrderUid(Arc<str>);

impl OrderUid {
    /// The maximum length, in characters.
    pub const MAX_LENGTH: usize = 64;

    /// `None` if the text is not a valid uid.
    pub fn new(text: &str) -> Option<Self> {
        Some(Self(text.into())).filter(Self::is_valid)
    }

    /// Skips the check, which was made when the uid was stored.
    pub fn stored(text: &str) -> Self {
        Self(text.into())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_valid(&self) -> bool {
        !self.0.trim().is_empty() && self.0.chars().count() <= Self::MAX_LENGTH && !self.0.contains('\0')
    }
}

impl fmt::Display for OrderUid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// A member of an object. [`text`](Self::text) returns its value if it is a text, so that its length can be checked.
trait Member {
    fn text(&self) -> Option<&str> {
        None
    }
}

impl Member for i64 {}
impl Member for Delivery {}
impl Member for Payment {}
impl Member for Vec<Item> {}
impl Member for Option<DateTime<Utc>> {}

impl Member for String {
    fn text(&self) -> Option<&str> {
        Some(self)
    }
}

impl Member for OrderUid {
    fn text(&self) -> Option<&str> {
        Some(self.as_str())
    }
}

/// Defines an object of the model. A member that is absent or null in JSON becomes empty or 0.
macro_rules! object {
    ($(#[$about:meta])* $object:ident { $($member:ident: $kind:ty = $read:literal),* $(,)? }) => {
        $(#[$about])*
        #[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Deserialize, Serialize, ToSchema)]
        #[serde(default)]
        pub struct $object {
            $(#[serde(deserialize_with = $read)]
            pub $member: $kind,)*
        }

        impl $object {
            /// The texts of the object with the names of their members.
            pub(super) fn texts(&self) -> impl Iterator<Item = (&'static str, &str)> {
                [$((stringify!($member), Member::text(&self.$member))),*]
                    .into_iter()
                    .filter_map(|(name, text)| Some((name, text?)))
            }
        }
    };
}

object!(
    /// An order.
    Order {
        order_uid: OrderUid = "or_empty",
        track_number: String = "or_empty",
        entry: String = "or_empty",
        delivery: Delivery = "object",
        payment: Payment = "object",
        items: Vec<Item> = "objects",
        locale: String = "or_empty",
        internal_signature: String = "or_empty",
        customer_id: String = "or_empty",
        delivery_service: String = "or_empty",
        shardkey: String = "or_empty",
        sm_id: i64 = "integer_or_zero",
        date_created: Option<DateTime<Utc>> = "or_empty",
        oof_shard: String = "or_empty",
    }
);

object!(
    /// The recipient and the address of an order.
    Delivery {
        name: String = "or_empty",
        phone: String = "or_empty",
        zip: String = "or_empty",
        city: String = "or_empty",
        address: String = "or_empty",
        region: String = "or_empty",
        email: String = "or_empty",
    }
);

object!(
    /// How an order was paid.
    Payment {
        transaction: String = "or_empty",
        request_id: String = "or_empty",
        currency: String = "or_empty",
        provider: String = "or_empty",
        amount: i64 = "integer_or_zero",
        payment_dt: i64 = "integer_or_zero",
        bank: String = "or_empty",
        delivery_cost: i64 = "integer_or_zero",
        goods_total: i64 = "integer_or_zero",
        custom_fee: i64 = "integer_or_zero",
    }
);

object!(
    /// One line of an order.
    Item {
        chrt_id: i64 = "integer_or_zero",
        track_number: String = "or_empty",
        price: i64 = "integer_or_zero",
        rid: String = "or_empty",
        name: String = "or_empty",
        sale: i64 = "integer_or_zero",
        size: String = "or_empty",
        total_price: i64 = "integer_or_zero",
        nm_id: i64 = "integer_or_zero",
        brand: String = "or_empty",
        status: i64 = "integer_or_zero",
    }
);

impl Order {
    /// Returns the order as PostgreSQL stores it: with a time in whole microseconds, in which a leap second is the
    /// first second of the next minute.
    #[must_use]
    pub fn as_stored(mut self) -> Self {
        self.date_created = self.date_created.and_then(|at| DateTime::from_timestamp_micros(at.timestamp_micros()));
        self
    }

    /// The approximate size in bytes.
    pub fn size(&self) -> usize {
        let of = |texts: usize| texts + 64;
        let text = |texts: &mut dyn Iterator<Item = (&'static str, &str)>| texts.map(|(_, text)| of(text.len())).sum();
        let own: usize = text(&mut self.texts());
        let parts: usize = text(&mut self.delivery.texts()) + text(&mut self.payment.texts());
        let items: usize = self.items.iter().map(|item| text(&mut item.texts())).sum();
        own + parts + items
    }
}
