//! The request and response bodies of `/api/orders`.

use chrono::{DateTime, NaiveDate, Utc};
use contracts::{
    ids::{OrderId, TransactionId},
    money::Money,
};
use platform::number::{self, NumberError};
use serde::{Deserialize, Deserializer, Serialize, de::Error as _};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    model::{CheckoutDetails, DeliveryStatus, Order, OrderRefusal, PaymentStatus, Status, Tracked},
    service::OrderPayment,
};

/// An order to be made and paid.
#[derive(Deserialize, ToSchema)]
pub struct CheckoutOrder {
    /// The caller's uuid or login.
    pub user_id: String,
    /// The delivery address, not blank and without control characters. If absent or null, the ship is not delivered.
    #[schema(min_length = 1, max_length = 300)]
    pub delivery_address: Option<String>,
    /// At least one, of at most 1000 pieces in all.
    #[schema(min_items = 1, max_items = 1000)]
    pub items: Vec<CheckoutItem>,
}

#[derive(Deserialize, ToSchema)]
pub struct CheckoutItem {
    /// A part's uuid or name. Required, unless `productId` is sent.
    #[schema(value_type = String, required = false)]
    pub product_id: Option<String>,
    /// Another name of `product_id`.
    #[serde(rename = "productId")]
    #[schema(value_type = String, required = false)]
    pub product_id_by_other_name: Option<String>,
    #[serde(deserialize_with = "number::integer")]
    #[schema(minimum = 1, maximum = 1000)]
    pub quantity: i64,
    /// The price of one piece. The order is refused unless it is the part's price.
    #[serde(deserialize_with = "price")]
    #[schema(value_type = f64)]
    pub price: Option<Money>,
}

/// Reads a price exactly. Returns `None` for a number that is not an amount of money, since no part has such a price.
fn price<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Money>, D::Error> {
    let literal = <&RawValue>::deserialize(deserializer)?.get();
    match number::scaled(literal, 2) {
        Err(NumberError::NotANumber) => Err(D::Error::custom("is not a number")),
        Err(NumberError::Decimals | NumberError::TooLarge) => Ok(None),
        Ok(minor) => Ok(Money::from_minor(minor).ok()),
    }
}

/// An order that has been made.
#[derive(Serialize, ToSchema)]
pub struct CheckoutCreated {
    pub order_id: Uuid,
    #[schema(example = "PENDING")]
    pub status: &'static str,
    pub message: &'static str,
}

impl CheckoutCreated {
    pub fn new(order: OrderId) -> Self {
        Self { order_id: order.uuid(), status: "PENDING", message: "The order is created and waits for its payment" }
    }
}

/// An order.
#[derive(Serialize, ToSchema)]
pub struct CheckoutView {
    pub order_id: Uuid,
    pub user_id: Uuid,
    #[schema(example = "PAID", pattern = "^(PENDING|INSUFFICIENT_FUNDS|PAYMENT_FAILED|PAID|CANCELLED)$")]
    pub status: &'static str,
    pub items: Vec<ItemView>,
    /// Two decimals at most.
    pub total_amount: f64,
    pub created_at: DateTime<Utc>,
}

/// The pieces of one part.
#[derive(Serialize, ToSchema)]
pub struct ItemView {
    pub product_id: Uuid,
    pub quantity: i64,
    /// The price of one piece, with two decimals at most.
    pub price: f64,
}

impl CheckoutView {
    pub fn new(order: &Order, details: &CheckoutDetails) -> Self {
        let items = order
            .quantities()
            .into_iter()
            .zip(&details.unit_prices)
            .map(|((part, quantity), price)| ItemView { product_id: part.uuid(), quantity, price: price.to_major() });
        Self {
            order_id: order.uuid.uuid(),
            user_id: order.user.uuid(),
            status: status(order, details),
            items: items.collect(),
            total_amount: order.total_price.to_major(),
            created_at: order.created_at,
        }
    }
}

fn status(order: &Order, details: &CheckoutDetails) -> &'static str {
    let declined =
        details.declined.as_ref().filter(|(attempt, _)| order.attempt.is_none() && *attempt == order.attempts);
    match (order.status, declined) {
        (Status::PendingPayment, Some((_, OrderRefusal::InsufficientFunds))) => "INSUFFICIENT_FUNDS",
        (Status::PendingPayment, Some(_)) => "PAYMENT_FAILED",
        (Status::PendingPayment, None) => "PENDING",
        (Status::Paid | Status::Assembled, _) => "PAID",
        (Status::Cancelled, _) => "CANCELLED",
    }
}

/// An order's payment.
#[derive(Serialize, ToSchema)]
pub struct CheckoutPayment {
    pub order_id: Uuid,
    /// Null until the attempt has reached payment.
    pub payment_id: Option<Uuid>,
    #[schema(value_type = String, example = "SUCCESS", pattern = "^(PENDING|SUCCESS|INSUFFICIENT_FUNDS|FAILED|REFUNDED)$")]
    pub status: PaymentStatus,
    /// Two decimals at most.
    pub amount: f64,
    /// Null until charged.
    pub paid_at: Option<DateTime<Utc>>,
}

impl From<OrderPayment> for CheckoutPayment {
    fn from(payment: OrderPayment) -> Self {
        Self {
            order_id: payment.order.uuid(),
            payment_id: payment.transaction.map(TransactionId::uuid),
            status: payment.status,
            amount: payment.amount.to_major(),
            paid_at: payment.paid_at,
        }
    }
}

/// The delivery of an order.
#[derive(Serialize, ToSchema)]
pub struct CheckoutDelivery {
    pub order_id: Uuid,
    pub delivery_id: Uuid,
    /// `PENDING`, `IN_TRANSIT`, `OUT_FOR_DELIVERY`, `DELIVERED` or `FAILED`.
    #[schema(value_type = String, example = "IN_TRANSIT")]
    pub status: DeliveryStatus,
    /// 12 characters of A–Z and 0–9.
    #[schema(example = "A1B2C3D4E5F6")]
    pub tracking_number: String,
    /// UTC.
    pub estimated_delivery: Option<NaiveDate>,
    /// `Processing`, `(x, y)` or `Delivered to address`; null while the delivery service is unavailable.
    pub current_location: Option<String>,
    /// True while the delivery service is unavailable: the last state that it reported. Absent otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stale: Option<bool>,
}

impl CheckoutDelivery {
    pub fn new(order: OrderId, Tracked { delivery, position }: Tracked) -> Self {
        Self {
            order_id: order.uuid(),
            delivery_id: delivery.uuid.uuid(),
            status: delivery.status,
            tracking_number: delivery.tracking_number,
            estimated_delivery: delivery.estimated_delivery,
            stale: position.is_none().then_some(true),
            current_location: position.map(|position| position.current_location),
        }
    }
}
