//! Idempotency keys: the claims of requests on them, and the outcomes that are stored under them.

use contracts::{
    ids::{OrderId, PartId, TransactionId, UserId},
    money::Money,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Status;

/// A request's claim on an idempotency key.
///
/// A key belongs to one request at a time, identified by the token. After a request's lease has expired, a retry
/// may take the key over. The first request can then neither complete the key nor change anything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub user: UserId,
    /// The key, 1 to 255 characters.
    pub key: String,
    /// The SHA-256 of the request's method, path and body.
    pub fingerprint: Vec<u8>,
    /// A random id of this request. A retry has another token.
    pub token: Uuid,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The key is new. The request must be executed for this order.
    New { order: OrderId },
    /// An earlier request with this key was interrupted. This request must continue with that request's order and with
    /// its attempt to pay, if it began one.
    Resumed { order: OrderId, attempt: Option<i32> },
    /// An earlier request with this key is in progress.
    InProgress,
    /// An earlier request with this key ended with this outcome.
    Done(RequestOutcome),
    /// The key was used for a request with another method, path or body.
    Reused,
}

/// The outcome of a request. Each retry gets the same response from it, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOutcome {
    Created { order: OrderId, total_price: Money },
    Paid { transaction: TransactionId },
    Cancelled,
    Refused(OrderRefusal),
}

/// A permanent refusal: a retry would be refused too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum OrderRefusal {
    #[error("order {0} not found")]
    OrderNotFound(OrderId),
    #[error("part {0} not found")]
    PartNotFound(PartId),
    /// No part has the name in the item with this index. Only requests to `/api/orders` are refused for this reason.
    #[error("items[{0}].product_id: part not found")]
    PartNameNotFound(usize),
    #[error("part {0} is out of stock")]
    OutOfStock(PartId),
    /// An unpaid order of the same user has the units. The response to its creation may have been lost.
    #[error("part {part} is out of stock, and your unpaid order {order} holds it: pay or cancel that order")]
    HeldByOwnOrder { part: PartId, order: OrderId },
    /// The user's unpaid orders would hold more than one user's share of the part.
    #[error("part {0}: your unpaid orders hold too many of it; pay or cancel them, or order fewer")]
    TooManyReserved(PartId),
    /// Only requests to `/api/orders` are refused for this reason.
    #[error("the price of part {0} has changed")]
    PriceChanged(PartId),
    #[error("the total price is too large")]
    TotalTooLarge,
    #[error("the order's parts are no longer reserved, so the order was cancelled")]
    ReservationLost,
    #[error("the order is {}", .0.as_str())]
    InvalidStatus(Status),
    #[error("the payment was declined")]
    PaymentDeclined,
    #[error("there is not enough money for this payment")]
    InsufficientFunds,
}
