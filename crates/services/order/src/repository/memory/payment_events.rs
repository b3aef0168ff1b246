//! The in-memory implementation of [`PaymentEvents`].

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};

use super::MemoryOrders;
use crate::{
    error::Error,
    repository::{PaymentEvents, ReportedEnd},
};

#[async_trait]
impl PaymentEvents for MemoryOrders {
    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        Ok(self.tables().orders.get(&order).map(|row| row.order.user))
    }

    async fn settle_once(
        &self,
        cause: Cause,
        order: OrderId,
        attempt: i32,
        reported: &ReportedEnd,
    ) -> Result<bool, Error> {
        let mut tables = self.tables();
        if !self.inbox.fresh(cause.consumer, cause.event.uuid()) {
            return Ok(false);
        }
        if tables.attempting(order, attempt).is_none_or(|row| row.shared && !reported.also_shared) {
            return Ok(false);
        }
        self.end_attempt(&mut tables, order, attempt, &reported.settlement, Some(&reported.outcome))?;
        Ok(true)
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        self.inbox.fresh(cause.consumer, cause.event.uuid());
        Ok(())
    }
}
