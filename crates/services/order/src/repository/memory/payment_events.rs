//! The in-memory implementation of [`PaymentEvents`].

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};

use super::MemoryOrders;
use crate::{
    error::Error,
    repository::{PaymentEvents, ReportedEnd, Settlement},
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
        let row = tables.attempting(order, attempt).filter(|row| reported.also_shared || !row.shared);
        let Some(row) = row else { return Ok(false) };
        match &reported.settlement {
            Settlement::Paid { transaction, event } => {
                row.order.pay(attempt, *transaction)?;
                self.tell(event);
            }
            Settlement::Declined(refusal) => row.decline(attempt, refusal)?,
            _ => return Err(Error::Inconsistent("an event can only settle an attempt as paid or declined".to_owned())),
        }
        row.next_at = None;
        tables.remember_attempt(order, attempt, Some(&reported.outcome));
        Ok(true)
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        self.inbox.fresh(cause.consumer, cause.event.uuid());
        Ok(())
    }
}
