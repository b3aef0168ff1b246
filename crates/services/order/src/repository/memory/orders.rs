//! The in-memory implementation of [`Orders`].

use std::collections::HashMap;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, PartId, UserId},
};
use platform::cursor::{self, Cursor};

use super::{MemoryOrders, tables::Row};
use crate::{
    error::Error,
    model::{Action, CancelReason, CheckoutDetails, Claim, Event, NewOrder, Order, Outcome, Status},
    repository::{OVERDUE_TAKEN_FOR, Orders, Quote, UNPAID_COUNTS_FOR, UnpaidLimits},
};

#[async_trait]
impl Orders for MemoryOrders {
    async fn create(
        &self,
        order: &NewOrder,
        quote: &Quote,
        event: &Event,
        unpaid_limits: UnpaidLimits,
        claim: Option<&Claim>,
    ) -> Result<Order, Error> {
        let now = self.clock.now();
        let mut tables = self.tables();
        if let Some(row) = tables.orders.get(&order.uuid) {
            return Ok(row.order.clone());
        }
        tables.check(claim)?;
        let since = now - UNPAID_COUNTS_FOR;
        let is_unpaid =
            |row: &&Row| row.order.user == order.user && row.order.was_never_paid() && row.order.created_at > since;
        if tables.orders.values().filter(is_unpaid).count() >= unpaid_limits.max_unpaid as usize {
            return Err(Error::TooManyUnpaid { most: unpaid_limits.max_unpaid });
        }
        let created = order.created(quote.total_price, now);
        tables.orders.insert(
            order.uuid,
            Row {
                order: created.clone(),
                pay_until: now + unpaid_limits.pay_within,
                next_try_at: None,
                next_at: None,
                epoch: 0,
                shared: false,
                tries: 0,
                details: CheckoutDetails { unit_prices: quote.unit_prices.clone(), declined: None },
                self_payment_at: quote.pays_itself.then_some(now),
                self_payment_tries: 0,
            },
        );
        self.tell(event);
        if let Some(claim) = claim {
            tables.remember(claim, &Outcome::Created { order: order.uuid, total_price: quote.total_price });
        }
        Ok(created)
    }

    async fn find(&self, user: UserId, order: OrderId) -> Result<Option<Order>, Error> {
        Ok(self.tables().orders.get(&order).map(|row| row.order.clone()).filter(|order| order.user == user))
    }

    async fn existing(&self, orders: &[OrderId]) -> Result<HashMap<OrderId, Status>, Error> {
        let tables = self.tables();
        Ok(orders.iter().filter_map(|order| Some((*order, tables.orders.get(order)?.order.status))).collect())
    }

    async fn holder(&self, user: UserId, part: PartId) -> Result<Option<OrderId>, Error> {
        let mut holders = self.all();
        holders.retain(|order| {
            order.user == user && order.status == Status::PendingPayment && order.parts.contains(&part)
        });
        Ok(holders.iter().max_by_key(|order| order.created_at).map(|order| order.uuid))
    }

    async fn open(&self, user: UserId, limit: u8) -> Result<(Vec<OrderId>, u32), Error> {
        let mut open = self.all();
        open.retain(|order| order.user == user && order.is_open());
        open.sort_by_key(|order| (order.created_at, order.uuid));
        let total = u32::try_from(open.len()).unwrap_or(u32::MAX);
        Ok((open.iter().take(limit.into()).map(|order| order.uuid).collect(), total))
    }

    async fn page(&self, user: UserId, after: Option<Cursor>, size: u8) -> Result<(Vec<Order>, Option<Cursor>), Error> {
        let mut orders = self.all();
        orders.retain(|order| {
            order.user == user
                && after.is_none_or(|cursor| (order.created_at, order.uuid.uuid()) < (cursor.created_at, cursor.uuid))
        });
        orders.sort_by_key(|order| std::cmp::Reverse((order.created_at, order.uuid)));
        let next = cursor::cut(&mut orders, size.into(), |last| Cursor {
            created_at: last.created_at,
            uuid: last.uuid.uuid(),
        });
        Ok((orders, next))
    }

    async fn cancel(&self, order: OrderId, event: &Event, claim: Option<&Claim>) -> Result<bool, Error> {
        let mut tables = self.tables();
        tables.check(claim)?;
        let Some(row) = tables.orders.get_mut(&order) else { return Ok(false) };
        // The reason changes only the event, which the caller has.
        if row.order.cancel(CancelReason::ByUser).is_err() {
            return Ok(false);
        }
        self.tell(event);
        if let Some(claim) = claim {
            tables.remember(claim, &Outcome::Cancelled);
        }
        Ok(true)
    }

    async fn overdue(&self, limit: i64) -> Result<Vec<(OrderId, UserId)>, Error> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let mut overdue: Vec<_> = tables.orders.values_mut().collect();
        overdue.retain(|row| row.order.check(Action::Cancel).is_ok() && row.overdue_at() < now);
        overdue.sort_by_key(|row| row.overdue_at());
        let taken = overdue.into_iter().take(usize::try_from(limit).unwrap_or(0)).map(|row| {
            row.next_try_at = Some(now + OVERDUE_TAKEN_FOR);
            (row.order.uuid, row.order.user)
        });
        Ok(taken.collect())
    }

    async fn assemble(&self, cause: Cause, order: OrderId) -> Result<bool, Error> {
        let mut tables = self.tables();
        if !self.inbox.fresh(cause.consumer, cause.event.uuid()) {
            return Ok(false);
        }
        Ok(tables.orders.get_mut(&order).is_some_and(|row| row.order.assemble().is_ok()))
    }

    async fn compensate(&self, cause: Cause, order: OrderId, cancellation: &Event) -> Result<bool, Error> {
        let mut tables = self.tables();
        if !self.inbox.fresh(cause.consumer, cause.event.uuid()) {
            return Ok(false);
        }
        let changed = tables.orders.get_mut(&order).is_some_and(|row| row.order.compensate().is_ok());
        if changed {
            self.tell(cancellation);
        }
        Ok(changed)
    }
}
