//! The repository of the changes that the payment service's events cause.

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};

use crate::{error::Error, model::Outcome, repository::Settlement};

#[async_trait]
pub trait PaymentEvents: Send + Sync {
    /// Returns the user who placed the order, or `None` if the order does not exist.
    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error>;
    /// Ends an attempt as paid or declined, once per event, in one statement with the inbox row. Writes the outcome to
    /// the idempotency key of the request that began the attempt. Returns false if the attempt is no longer in
    /// progress, or if it is shared and the event must not end a shared attempt.
    async fn settle_once(
        &self,
        cause: Cause,
        order: OrderId,
        attempt: i32,
        reported: &ReportedEnd,
    ) -> Result<bool, Error>;
    /// Writes only the inbox row of an event that changes nothing else.
    async fn skip(&self, cause: Cause) -> Result<(), Error>;
}

/// The end of an attempt that an event of the payment service reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReportedEnd {
    /// Either [`Settlement::Paid`] or [`Settlement::Declined`].
    pub settlement: Settlement,
    pub outcome: Outcome,
    /// True if the event may also end an attempt that another process has taken over.
    pub also_shared: bool,
}
