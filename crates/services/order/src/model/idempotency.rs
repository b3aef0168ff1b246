//! What an Idempotency-Key stands for.

use contracts::ids::{OrderId, TransactionId, UserId};
use contracts::money::Money;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Refusal;

/// A request that its caller may repeat: whose it is, under which key, and what it asked.
///
/// A key is one request's at a time. The token tells which: a request that is taken for dead and goes on after all has lost its key
/// to its repeat, and can neither answer for it nor change anything under it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    pub user: UserId,
    /// 1 to 255 characters.
    pub key: String,
    /// SHA-256 of method, path and body.
    pub fingerprint: Vec<u8>,
    /// This request's own: no repeat has it.
    pub token: Uuid,
}

/// What the key says when a request comes with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// The request is this caller's to do, about this order.
    New { order: OrderId },
    /// An earlier request with this key died on the way: go on with its order and, where it had begun one, its attempt to pay.
    Resumed { order: OrderId, attempt: Option<i32> },
    /// It is being done.
    InProgress,
    /// It has been done.
    Done(Outcome),
    /// The key has been used for another request.
    Reused,
}

/// What came of a request: enough to give the same answer again, byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    Created { order: OrderId, total_price: Money },
    Paid { transaction: TransactionId },
    Cancelled,
    Refused(Refusal),
}
