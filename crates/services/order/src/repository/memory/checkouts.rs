//! The in-memory implementation of [`Checkouts`].

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};

use super::MemoryOrders;
use crate::{
    error::Error,
    model::{Action, CheckoutDetails},
    repository::Checkouts,
};

#[async_trait]
impl Checkouts for MemoryOrders {
    async fn details(&self, order: OrderId) -> Result<CheckoutDetails, Error> {
        Ok(self.tables().orders.get(&order).map(|row| row.details.clone()).unwrap_or_default())
    }

    async fn due_to_pay_themselves(&self, limit: i64, pause: Duration) -> Result<Vec<(OrderId, UserId)>, Error> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let mut due: Vec<_> = tables.orders.values_mut().collect();
        due.retain(|row| row.self_payment_at.is_some_and(|at| at <= now) && row.order.check(Action::Pay).is_ok());
        due.sort_by_key(|row| row.self_payment_at);
        let taken = due.into_iter().take(usize::try_from(limit).unwrap_or(0)).map(|row| {
            row.self_payment_at = Some(now + pause * (1 << row.self_payment_tries.min(4)));
            row.self_payment_tries += 1;
            (row.order.uuid, row.order.user)
        });
        Ok(taken.collect())
    }
}
