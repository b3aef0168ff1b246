//! Idempotency keys: claims on them, and the outcomes that they remember.

use contracts::ids::{OrderId, TransactionId, UserId};
use contracts::money::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Refusal;

/// A request's claim on an idempotency key: the user, the key, and a fingerprint of the request.
///
/// A key belongs to one request at a time, identified by the token. A request that continues after its lease has expired and its
/// repeat has taken the key over is fenced off: it can neither complete the key nor change anything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub user: UserId,
    /// 1 to 255 characters.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: Vec<u8>,
    /// Unique to this request; a repeat has another.
    pub token: Uuid,
}

/// The result of claiming a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The key is new: the request has to be executed, for this order.
    New { order: OrderId },
    /// An earlier request with this key was interrupted: continue with its order and, if it began one, its attempt to pay.
    Resumed { order: OrderId, attempt: Option<i32> },
    /// An earlier request with this key is in progress.
    InProgress,
    /// An earlier request with this key has this outcome.
    Done(Outcome),
    /// The key has been used for another request.
    Reused,
}

/// The outcome of a request: enough to repeat the response byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Created { order: OrderId, total_price: Money },
    Paid { transaction: TransactionId },
    Cancelled,
    Refused(Refusal),
}
