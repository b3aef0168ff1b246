//! Idempotency keys: the claims of requests on them, and the outcomes that are stored under them.

use contracts::ids::{OrderId, TransactionId, UserId};
use contracts::money::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Refusal;

/// A request's claim on an idempotency key.
///
/// A key belongs to one request at a time, identified by the token. After a request's lease has expired, a repeated
/// request may take the key over. The first request can then neither complete the key nor change anything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub user: UserId,
    /// The key, 1 to 255 characters.
    pub key: String,
    /// The SHA-256 of the request's method, path and body.
    pub fingerprint: Vec<u8>,
    /// A random id of this request. A repeated request has another token.
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
    Done(Outcome),
    /// The key was used for a request with another method, path or body.
    Reused,
}

/// The outcome of a request, from which the response can be repeated byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Created { order: OrderId, total_price: Money },
    Paid { transaction: TransactionId },
    Cancelled,
    Refused(Refusal),
}
