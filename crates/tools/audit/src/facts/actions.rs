//! The log of operators' actions, whose rows are a chain of hashes, and the signed checkpoints.

use chrono::{DateTime, Utc};

#[derive(Clone, Debug, Default)]
pub struct ActionLog {
    /// In the order of their ids.
    pub actions: Vec<Action>,
    pub checkpoints: Vec<Checkpoint>,
    /// The hash of the last row that was written into the chain; empty if none was.
    pub last: String,
}

#[derive(Clone, Debug)]
pub struct Action {
    pub id: i64,
    /// `None` for a row that is not in the chain.
    pub link: Option<Link>,
}

#[derive(Clone, Debug)]
pub struct Link {
    /// The stored hash of the row before; empty in the first row of the chain.
    pub previous: String,
    /// The stored hash.
    pub hash: String,
    /// The hash of the row's content and of `previous`.
    pub computed: String,
}

#[derive(Clone, Debug)]
pub struct Checkpoint {
    /// The row that was the last one when it was signed.
    pub action: i64,
    pub hash: String,
    pub at: DateTime<Utc>,
    pub signature: Signature,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Signature {
    Valid,
    Invalid,
    /// Of a key that the shop does not have.
    OtherKey(String),
    /// Not verified, and why: a predicate such as `is not verified: RECEIPT_KEY is not set`.
    NotVerified(String),
}
