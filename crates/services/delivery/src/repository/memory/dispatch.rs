//! [`Dispatch`] in memory.

use async_trait::async_trait;
use contracts::ids::{CourierId, OrderId};
use platform::jobs::MOVED_BACK_FOR;

use super::{MemoryRepository, OrderRow, carried, trip};
use crate::{
    error::Error,
    model::{Assignment, FreeCourier, Known, State, Step, Trip, Volume, Waiting},
    repository::{COURIER_MOVED_BACK_FOR, Counts, Dispatch, MAX_COUNTED, MAX_COURIERS, Moved, TripPage},
};

fn first<T>(all: impl Iterator<Item = T>, limit: i64) -> Vec<T> {
    all.take(usize::try_from(limit).unwrap_or_default()).collect()
}

#[async_trait]
impl Dispatch for MemoryRepository {
    async fn free(&self) -> Result<Vec<FreeCourier>, Error> {
        let (tables, now) = (self.tables(), self.clock.now());
        let free = tables.couriers.iter().filter_map(|one| {
            let next_try_at = tables.next_tries.get(&one.id.uuid());
            let room = one.room().filter(|_| next_try_at.is_none_or(|at| *at <= now))?;
            let was_refused = next_try_at.is_some();
            Some(FreeCourier { id: one.id, speed: one.speed, location: one.location, room, was_refused })
        });
        let mut free: Vec<_> = free.collect();
        free.sort_by_key(|courier| courier.id);
        Ok(first(free.into_iter(), MAX_COURIERS))
    }

    async fn has_waiting(&self, largest: Volume) -> Result<bool, Error> {
        Ok(!self.waiting(largest, 1).await?.is_empty())
    }

    async fn waiting(&self, largest: Volume, limit: i64) -> Result<Vec<Waiting>, Error> {
        let (tables, now) = (self.tables(), self.clock.now());
        let mut waiting: Vec<_> = tables
            .orders
            .values()
            .filter_map(|row| match row {
                OrderRow::Delivery { delivery, waiting_since } if delivery.state == State::Created => {
                    let cargo = delivery.cargo.filter(|cargo| cargo.volume <= largest)?;
                    let from = (*waiting_since).max(tables.next_tries.get(&delivery.order.uuid()).copied());
                    from.is_none_or(|from| from <= now)
                        .then(|| (from, Waiting { delivery: (**delivery).clone(), cargo }))
                }
                _ => None,
            })
            .collect();
        waiting.sort_by_key(|(since, one)| (*since, one.delivery.order));
        Ok(first(waiting.into_iter().map(|(_, one)| one), limit))
    }

    async fn assign(&self, assignments: &[Assignment]) -> Result<Vec<OrderId>, Error> {
        let mut tables = self.tables();
        let mut assigned = Vec::new();
        for Assignment { courier, from, delivery, events } in assignments {
            let order = delivery.order;
            let waits = matches!(tables.known(order), Known::Delivery(known) if known.state == State::Created);
            let volume = delivery.cargo.map(|cargo| cargo.volume).filter(|_| waits);
            let Some(courier) = tables.courier_mut(*courier).filter(|courier| courier.location == *from) else {
                continue;
            };
            let Some(place) = volume.and_then(|volume| courier.place_for(volume)) else { continue };
            if let Some(place) = courier.places.iter_mut().find(|one| one.id == place) {
                place.order = Some(order);
            }
            let courier = courier.id;
            tables.next_tries.remove(&courier.uuid());
            if let Some(known) = tables.delivery_mut(order) {
                *known = delivery.clone();
            }
            self.publish(events);
            assigned.push(order);
        }
        Ok(assigned)
    }

    async fn move_back(&self, orders: &[OrderId], couriers: &[CourierId]) -> Result<(), Error> {
        let (mut tables, now) = (self.tables(), self.clock.now());
        let orders = orders.iter().map(|order| (order.uuid(), now + MOVED_BACK_FOR));
        let couriers = couriers.iter().map(|courier| (courier.uuid(), now + COURIER_MOVED_BACK_FOR));
        tables.next_tries.extend(orders.chain(couriers));
        Ok(())
    }

    async fn trips(&self, after: Option<CourierId>, limit: i64) -> Result<TripPage, Error> {
        let tables = self.tables();
        let mut trips: Vec<Trip> = tables
            .couriers
            .iter()
            .filter(|courier| after.is_none_or(|after| courier.id > after))
            .filter_map(|courier| {
                let Known::Delivery(delivery) = tables.known(carried(courier)?) else { return None };
                trip(courier, *delivery)
            })
            .collect();
        trips.sort_by_key(|trip| trip.courier);
        let trips = first(trips.into_iter(), limit);
        let (last, count) = (trips.last().map(|trip| trip.courier), trips.len());
        Ok(TripPage::new(trips, last, count, limit))
    }

    async fn counts(&self) -> Result<Counts, Error> {
        let tables = self.tables();
        let in_state = |is: fn(State) -> bool| {
            let states = tables.orders.values().filter_map(OrderRow::delivery).map(|delivery| delivery.state);
            states.filter(|state| is(*state)).count().try_into().unwrap_or(u32::MAX)
        };
        Ok(Counts {
            created: in_state(|state| state == State::Created).min(MAX_COUNTED),
            assigned: in_state(|state| matches!(state, State::Assigned { .. })),
            free: tables.couriers.iter().filter(|one| one.is_free()).count().try_into().unwrap_or(u32::MAX),
        })
    }

    async fn step(&self, epoch: i64, steps: &[Step]) -> Result<Moved, Error> {
        let (mut tables, now) = (self.tables(), self.clock.now());
        if self.lease.epoch() != epoch {
            return Ok(Moved::default());
        }
        let mut moved = Moved::default();
        for Step { courier, from, to, delivery, events } in steps {
            let order = delivery.order;
            let since = tables.waiting_since(order).unwrap_or(now);
            let Some(courier) = tables.courier_mut(*courier).filter(|courier| courier.location == *from) else {
                continue;
            };
            let Some(place) = courier.places.iter_mut().find(|place| place.order == Some(order)) else { continue };
            if matches!(delivery.state, State::Completed { .. }) {
                place.order = None;
                moved.arrived += 1;
                moved.took.extend(delivery.user.map(|_| (now - since).to_std().unwrap_or_default()));
            }
            courier.location = *to;
            if let Some(known) = tables.delivery_mut(order) {
                *known = delivery.clone();
            }
            self.publish(events);
            moved.couriers += 1;
        }
        Ok(moved)
    }
}
