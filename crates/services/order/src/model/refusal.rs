//! Why a request is refused.

use contracts::ids::{OrderId, PartId};
use serde::{Deserialize, Serialize};

use super::Status;

/// A permanent reason to refuse a request: a repeat is refused the same way, so an idempotency key may remember it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Refusal {
    #[error("there is no order {0}")]
    OrderNotFound(OrderId),
    #[error("there is no part {0}")]
    PartNotFound(PartId),
    #[error("part {0} is out of stock")]
    OutOfStock(PartId),
    /// Only requests to `/api/orders`, which replicas of an older version do not serve, are refused so.
    #[error("the price of part {0} has changed")]
    PriceChanged(PartId),
    #[error("the order's parts are no longer reserved and it is cancelled")]
    ReservationLost,
    #[error("the order is {}", .0.as_str())]
    InvalidStatus(Status),
    #[error("the payment was declined")]
    PaymentDeclined,
    #[error("there is not enough money for this payment")]
    InsufficientFunds,
}
