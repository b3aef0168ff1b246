//! The repository of the changes that events of the payment service make.

use async_trait::async_trait;
use contracts::ids::{EventId, OrderId, UserId};

use crate::{error::Error, model::Outcome, repository::Settlement};

#[async_trait]
pub trait PaymentEvents: Send + Sync {
    /// Returns the user who placed the order.
    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error>;
    /// Ends an attempt as paid or declined and writes `outcome` to the key that began it, once per event and in one statement with
    /// the inbox row. False when the attempt is not in progress any more, or when another process may decide about it.
    async fn settle_once(
        &self,
        consumer: &'static str,
        event: EventId,
        order: OrderId,
        attempt: i32,
        settled: &Settled,
    ) -> Result<bool, Error>;
    /// Writes the inbox row of an event that changes nothing.
    async fn skip(&self, consumer: &'static str, event: EventId) -> Result<(), Error>;
}

/// How an event settles an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settled {
    /// [`Settlement::Paid`] or [`Settlement::Declined`].
    pub settlement: Settlement,
    pub outcome: Outcome,
    /// False when only an attempt that no other process has taken over may be ended.
    pub also_shared: bool,
}
