//! The in-memory implementation of [`Orders`] and [`Deliveries`].

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use contracts::{
    events::{Cause, OrderOf},
    ids::{OrderId, PartId, UserId},
};
use platform::cursor::{self, Cursor};

use super::{MemoryOrders, OrderRow};
use crate::{
    error::Error,
    model::{
        Action, CancelReason, CheckoutDetails, Claim, Delivery, Destination, Event, NewOrder, Order, RequestOutcome,
        Status,
    },
    repository::{
        Deliveries, OVERDUE_TAKEN_FOR, OrderTerms, Orders, UNPAID_COUNTS_FOR, UnpaidLimits, orders::another_user,
    },
};

#[async_trait]
impl Orders for MemoryOrders {
    async fn create(
        &self,
        order: &NewOrder,
        terms: &OrderTerms,
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
        let is_unpaid = |row: &&OrderRow| {
            row.order.user == order.user && row.order.was_never_paid() && row.order.created_at > since
        };
        if tables.orders.values().filter(is_unpaid).count() >= unpaid_limits.max_unpaid as usize {
            return Err(Error::TooManyUnpaid { max_unpaid: unpaid_limits.max_unpaid });
        }
        let created = order.created(terms.total_price, now);
        tables.orders.insert(
            order.uuid,
            OrderRow {
                order: created.clone(),
                pay_until: now + unpaid_limits.pay_within,
                next_try_at: None,
                next_at: None,
                epoch: 0,
                shared: false,
                tries: 0,
                details: CheckoutDetails { unit_prices: terms.unit_prices.clone(), declined: None },
                self_payment_at: terms.pays_itself.then_some(now),
                self_payment_tries: 0,
            },
        );
        self.write_event(event);
        if let Some(claim) = claim {
            tables.complete_key(claim, &RequestOutcome::Created { order: order.uuid, total_price: terms.total_price });
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
        self.write_event(event);
        if let Some(claim) = claim {
            tables.complete_key(claim, &RequestOutcome::Cancelled);
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
            self.write_event(cancellation);
        }
        Ok(changed)
    }

    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        Ok(self.tables().orders.get(&order).map(|row| row.order.user))
    }

    async fn checkout_details(&self, order: OrderId) -> Result<CheckoutDetails, Error> {
        Ok(self.tables().orders.get(&order).map(|row| row.details.clone()).unwrap_or_default())
    }

    async fn due_to_pay_themselves(&self, limit: i64, backoff: Duration) -> Result<Vec<(OrderId, UserId)>, Error> {
        let now = self.clock.now();
        let mut tables = self.tables();
        let mut due: Vec<_> = tables.orders.values_mut().collect();
        due.retain(|row| row.self_payment_at.is_some_and(|at| at <= now) && row.order.check(Action::Pay).is_ok());
        due.sort_by_key(|row| row.self_payment_at);
        let taken = due.into_iter().take(usize::try_from(limit).unwrap_or(0)).map(|row| {
            row.self_payment_at = Some(now + backoff * (1 << row.self_payment_tries.min(4)));
            row.self_payment_tries += 1;
            (row.order.uuid, row.order.user)
        });
        Ok(taken.collect())
    }
}

#[async_trait]
impl Deliveries for MemoryOrders {
    async fn destination(&self, order: OrderId) -> Result<Option<Destination>, Error> {
        let tables = self.tables();
        let order = tables.orders.get(&order).map(|row| &row.order);
        Ok(order.and_then(|order| {
            let address = order.delivery_address.clone()?;
            Some(Destination { address, volume: order.parts.len() })
        }))
    }

    async fn store_delivery(&self, cause: Cause, subject: OrderOf, reported: &Delivery) -> Result<bool, Error> {
        let mut tables = self.tables();
        let order = tables.orders.get_mut(&subject.order).map(|row| &mut row.order);
        if order.as_ref().is_some_and(|order| order.user != subject.user) {
            return Err(another_user(subject));
        }
        if !self.inbox.fresh(cause.consumer, cause.event.uuid()) {
            return Ok(false);
        }
        Ok(order.is_some_and(|order| order.store_delivery(reported)))
    }
}
