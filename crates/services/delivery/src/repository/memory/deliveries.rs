//! [`Deliveries`] in memory.

use std::mem::discriminant;

use async_trait::async_trait;
use contracts::{
    events::Cause,
    ids::{OrderId, UserId},
};

use super::{MemoryRepository, OrderRow, carried, trip};
use crate::{
    error::Error,
    model::{Delivery, Early, Event, Known, State},
    repository::{ActiveOrder, Deliveries, Shown},
};

#[async_trait]
impl Deliveries for MemoryRepository {
    async fn find(&self, order: OrderId) -> Result<Known, Error> {
        Ok(self.tables().known(order))
    }

    async fn save(
        &self,
        known: &Known,
        delivery: &Delivery,
        events: &[Event],
        cause: Option<Cause>,
    ) -> Result<bool, Error> {
        let mut tables = self.tables();
        let unchanged = match (known, tables.known(delivery.order)) {
            (Known::Nothing, Known::Nothing) => true,
            (Known::Early(before), Known::Early(now)) => *before == now,
            (Known::Delivery(before), Known::Delivery(now)) => discriminant(&before.state) == discriminant(&now.state),
            _ => false,
        };
        if !unchanged {
            return Ok(false);
        }
        let waiting_since = (delivery.state == State::Created).then(|| self.clock.now());
        tables
            .orders
            .insert(delivery.order, OrderRow::Delivery { delivery: Box::new(delivery.clone()), waiting_since });
        self.publish(events);
        if let Some(cause) = cause {
            self.record(cause);
        }
        Ok(true)
    }

    async fn keep_early(&self, order: OrderId, early: Early, paid: Cause, cause: Cause) -> Result<bool, Error> {
        let mut tables = self.tables();
        if tables.orders.contains_key(&order) {
            return Ok(false);
        }
        if !self.inbox.events(paid.consumer).contains(&paid.event.uuid()) {
            tables.orders.insert(order, OrderRow::Early(early));
        }
        self.record(cause);
        Ok(true)
    }

    async fn skip(&self, cause: Cause) -> Result<(), Error> {
        self.record(cause);
        Ok(())
    }

    async fn active(&self, user: Option<UserId>, limit: i64) -> Result<Vec<ActiveOrder>, Error> {
        let tables = self.tables();
        let mut active: Vec<_> = tables
            .orders
            .values()
            .filter_map(|row| match row {
                OrderRow::Delivery { delivery, waiting_since }
                    if matches!(delivery.state, State::Created | State::Assigned { .. })
                        && (user.is_none() || user == delivery.user) =>
                {
                    let location = delivery.cargo?.location;
                    Some((waiting_since, ActiveOrder { order: delivery.public_id(), user: delivery.user, location }))
                }
                _ => None,
            })
            .collect();
        active.sort_by_key(|(since, one)| (*since, one.order));
        Ok(active.into_iter().map(|(_, one)| one).take(usize::try_from(limit).unwrap_or_default()).collect())
    }

    async fn show(&self, order: OrderId) -> Result<Option<Shown>, Error> {
        let tables = self.tables();
        let Known::Delivery(delivery) = tables.known(order) else { return Ok(None) };
        let courier = tables.couriers.iter().find(|courier| carried(courier) == Some(order));
        let trip = courier.and_then(|courier| trip(courier, (*delivery).clone()));
        Ok(Some(Shown { delivery: *delivery, trip }))
    }
}
