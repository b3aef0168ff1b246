//! The permanent reasons to refuse a request, which may be stored under its idempotency key.

use contracts::ids::{OrderId, PartId};
use serde::{Deserialize, Serialize};

use super::Status;

/// A reason for which a repeated request would be refused too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    #[error("order {0} not found")]
    OrderNotFound(OrderId),
    #[error("part {0} not found")]
    PartNotFound(PartId),
    /// No part has the name in the item with this index. The refusal of requests to `/api/orders` only.
    #[error("items[{0}].product_id: part not found")]
    PartNameNotFound(usize),
    #[error("part {0} is out of stock")]
    OutOfStock(PartId),
    /// The user's own unpaid order has the pieces, as when the answer to an earlier request was lost.
    #[error("part {part} is out of stock, and your unpaid order {order} holds it: pay or cancel that order")]
    HeldByOwnOrder { part: PartId, order: OrderId },
    /// The user's unpaid orders would hold more than his share of the part.
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
