//! The request and response bodies of `/api/v1/orders`, and the response to each outcome. The same outcome always
//! results in the same bytes. `problems` maps errors.

use axum::{
    Json,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use chrono::{DateTime, Utc};
use contracts::{
    ids::{OrderId, PartId, TransactionId, UserId},
    money::Money,
};
use futures::FutureExt as _;
use platform::invalid::InvalidFields;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{
        Action, DeliveryAddress, DeliveryStatus, MAX_PARTS, NewOrder, Order, PaymentMethod, PaymentStatus,
        RequestOutcome, Status,
    },
    service::{OrderPayment, idempotency},
};

/// An order to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateOrder {
    /// The caller's own uuid.
    pub user_uuid: Uuid,
    /// At least one; a repeated uuid is a quantity.
    #[schema(min_items = 1, max_items = 1000)]
    pub part_uuids: Vec<Uuid>,
    /// The delivery address, not blank and without control characters. If absent or null, the ship is not delivered.
    #[schema(min_length = 1, max_length = 300)]
    pub delivery_address: Option<String>,
}

impl CreateOrder {
    /// Fails with all invalid members.
    pub fn into_order(self, uuid: OrderId) -> Result<NewOrder, InvalidFields> {
        let mut invalid = InvalidFields::default();
        let parts = invalid.check("part_uuids", parts(self.part_uuids));
        let address = invalid.check("delivery_address", self.delivery_address.map(DeliveryAddress::new).transpose());
        let (Some(parts), Some(delivery_address)) = (parts, address) else { return Err(invalid) };
        Ok(NewOrder { uuid, user: UserId::new(self.user_uuid), parts, delivery_address })
    }
}

fn parts(uuids: Vec<Uuid>) -> Result<Vec<PartId>, String> {
    match uuids.len() {
        0 => Err("must name at least one part".to_owned()),
        1..=MAX_PARTS => Ok(uuids.into_iter().map(PartId::new).collect()),
        _ => Err(format!("must name at most {MAX_PARTS} parts")),
    }
}

/// An order that has been made.
#[derive(Serialize, ToSchema)]
pub struct Created {
    pub order_uuid: Uuid,
    /// The same as `order_uuid`.
    pub uuid: Uuid,
    /// Two decimals at most.
    pub total_price: f64,
}

impl Created {
    pub fn new(order: OrderId, total_price: Money) -> Self {
        Self { order_uuid: order.uuid(), uuid: order.uuid(), total_price: total_price.to_major() }
    }
}

/// How an order is to be paid.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PayOrder {
    /// `CARD`, `SBP`, `CREDIT_CARD` or `INVESTOR_MONEY`, with or without `PAYMENT_METHOD_` before it.
    #[schema(example = "CARD", pattern = "^(PAYMENT_METHOD_)?(CARD|SBP|CREDIT_CARD|INVESTOR_MONEY)$")]
    pub payment_method: String,
}

/// A payment that has been made.
#[derive(Serialize, ToSchema)]
pub struct Paid {
    pub transaction_uuid: Uuid,
}

/// An order.
#[derive(Serialize, ToSchema)]
pub struct OrderView {
    pub order_uuid: Uuid,
    pub user_uuid: Uuid,
    /// As sent.
    pub part_uuids: Vec<Uuid>,
    /// Two decimals at most.
    pub total_price: f64,
    /// Absent until paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_uuid: Option<Uuid>,
    /// Absent until paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "CARD")]
    pub payment_method: Option<PaymentMethod>,
    #[schema(value_type = String, example = "PENDING_PAYMENT")]
    pub status: Status,
    /// As sent; absent if the order has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_address: Option<String>,
    /// Absent until the delivery has begun.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "IN_TRANSIT")]
    pub delivery_status: Option<DeliveryStatus>,
    /// The actions that the order's state allows: `PAY`, `CANCEL`.
    #[schema(value_type = Vec<String>)]
    pub allowed_actions: Vec<Action>,
    /// Only in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_at: Option<DateTime<Utc>>,
}

impl From<Order> for OrderView {
    fn from(order: Order) -> Self {
        let allowed_actions = order.allowed_actions();
        Self {
            order_uuid: order.uuid.uuid(),
            user_uuid: order.user.uuid(),
            part_uuids: order.parts.into_iter().map(PartId::uuid).collect(),
            total_price: order.total_price.to_major(),
            transaction_uuid: order.payment.map(|(_, transaction)| transaction.uuid()),
            payment_method: order.payment.map(|(method, _)| method),
            status: order.status,
            delivery_address: order.delivery_address.map(DeliveryAddress::into_string),
            delivery_status: order.delivery.map(|delivery| delivery.status),
            allowed_actions,
            created_at: None,
        }
    }
}

/// A page of a user's orders, newest first.
#[derive(Serialize, ToSchema)]
pub struct OrdersPage {
    pub orders: Vec<OrderView>,
    /// To be sent as `cursor` for the next page; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

/// An order's payment.
#[derive(Serialize, ToSchema)]
pub struct PaymentView {
    pub order_uuid: Uuid,
    /// Absent until charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transaction_uuid: Option<Uuid>,
    #[schema(value_type = String, example = "SUCCESS", pattern = "^(PENDING|SUCCESS|INSUFFICIENT_FUNDS|FAILED|REFUNDED)$")]
    pub status: PaymentStatus,
    /// Two decimals at most.
    pub amount: f64,
    #[schema(value_type = String, example = "CARD")]
    pub payment_method: PaymentMethod,
    /// Absent until charged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub paid_at: Option<DateTime<Utc>>,
}

impl From<OrderPayment> for PaymentView {
    fn from(payment: OrderPayment) -> Self {
        let charged = payment.transaction.filter(|_| payment.status.is_charged());
        Self {
            order_uuid: payment.order.uuid(),
            transaction_uuid: charged.map(TransactionId::uuid),
            status: payment.status,
            amount: payment.amount.to_major(),
            payment_method: payment.method,
            paid_at: payment.paid_at,
        }
    }
}

/// Marks a response that an earlier request stored under the same idempotency key.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// Responds with the result of `work`. Adds the header `Idempotency-Replayed` if an earlier request stored the result.
pub fn respond<R: IntoResponse>(work: impl Future<Output = R>) -> impl Future<Output = Response> {
    idempotency::watching_replay(work).map(|(result, is_replay)| {
        let mut response = result.into_response();
        if is_replay {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    })
}

impl IntoResponse for RequestOutcome {
    fn into_response(self) -> Response {
        match self {
            Self::Created { order, total_price } => {
                let location = (header::LOCATION, format!("/api/v1/orders/{order}"));
                (StatusCode::CREATED, [location], Json(Created::new(order, total_price))).into_response()
            }
            Self::Paid { transaction } => {
                (StatusCode::OK, Json(Paid { transaction_uuid: transaction.uuid() })).into_response()
            }
            Self::Cancelled => StatusCode::NO_CONTENT.into_response(),
            Self::Refused(refusal) => Error::from(refusal).into_response(),
        }
    }
}
