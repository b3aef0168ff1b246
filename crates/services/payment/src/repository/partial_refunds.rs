//! The part of the store that keeps partial refunds.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::TransactionId;
use uuid::Uuid;

use crate::{
    error::Error,
    model::{PartialRefund, RecordedRefund, RefundRequest, RefundState},
};

#[async_trait]
pub trait PartialRefunds: Send + Sync {
    /// Records a partial refund, unless one is recorded under its order and reference, and returns the recorded one.
    /// Returns `None` if the order was not charged, its charge is refunded as a whole, less than the amount is left of
    /// it, or it has [`MAX_PARTIAL_REFUNDS`](crate::model::MAX_PARTIAL_REFUNDS).
    async fn add_refund(&self, refund: &PartialRefund) -> Result<Option<RecordedRefund>, Error>;
    /// Takes at most `limit` refunds that are due, those with the fewest tries first, and returns them with their number of tries before.
    /// Each has the [`lease`](super::lease) of that number and is due again afterwards.
    async fn due_refunds(&self, limit: i64) -> Result<Vec<(RecordedRefund, u32)>, Error>;
    /// Records the provider's answer to a request. Does nothing if another request is the latest. A refund that is not made is due again
    /// after `pause`.
    async fn record_refund(
        &self,
        refund: Uuid,
        request: &RefundRequest,
        state: &RefundState,
        pause: Duration,
    ) -> Result<(), Error>;
    /// Makes an unfinished refund due now.
    async fn hurry_partial_refund(&self, refund: Uuid) -> Result<(), Error>;
    /// Makes a refund due again, under the next key, because it has failed after it was made. Does nothing if the refund was not made by
    /// the request with this number.
    async fn reopen_partial_refund(&self, refund: Uuid, number: u32) -> Result<(), Error>;
    /// Returns the partial refunds of a charge, oldest first. A refund that cannot be decoded is left out.
    async fn refunds_of(&self, transaction: TransactionId) -> Result<Vec<RecordedRefund>, Error>;
}
