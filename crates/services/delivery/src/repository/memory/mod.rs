//! In-memory implementation of the repository, for tests and the simulation.

mod couriers;
mod deliveries;
mod dispatch;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use contracts::{
    events::Cause,
    ids::{CourierId, OrderId},
};
use outbox::{MemoryLease, MemoryOutbox, inbox::MemoryInbox};
use platform::clock::Virtual;
use uuid::Uuid;

use crate::model::{Courier, Delivery, Early, Event, Known, Trip};

/// Tables behind one lock; clones share them.
#[derive(Clone)]
pub struct MemoryRepository {
    tables: Arc<Mutex<Tables>>,
    pub inbox: MemoryInbox,
    pub outbox: MemoryOutbox,
    /// The lease for moving couriers; its epoch fences their steps.
    pub lease: MemoryLease,
    clock: Virtual,
}

#[derive(Default)]
struct Tables {
    orders: BTreeMap<OrderId, OrderRow>,
    /// In the order in which they were added.
    couriers: Vec<Courier>,
    /// For orders and couriers that were moved back: the time from which they may be assigned again.
    next_tries: BTreeMap<Uuid, DateTime<Utc>>,
}

enum OrderRow {
    Early(Early),
    Delivery {
        delivery: Box<Delivery>,
        /// When the order began to wait for a courier.
        waiting_since: Option<DateTime<Utc>>,
    },
}

impl Default for MemoryRepository {
    fn default() -> Self {
        Self {
            tables: Arc::default(),
            inbox: MemoryInbox::default(),
            outbox: MemoryOutbox::default(),
            lease: MemoryLease::new("mover"),
            clock: Virtual::default(),
        }
    }
}

impl MemoryRepository {
    /// All deliveries, for the audit.
    pub fn all(&self) -> Vec<Delivery> {
        let tables = self.tables();
        tables.orders.values().filter_map(OrderRow::delivery).cloned().collect()
    }

    /// The orders whose only event so far came before `order.paid`, for the audit.
    pub fn early(&self) -> Vec<(OrderId, Early)> {
        let tables = self.tables();
        let early = tables.orders.iter().filter_map(|(order, row)| match row {
            OrderRow::Early(early) => Some((*order, *early)),
            OrderRow::Delivery { .. } => None,
        });
        early.collect()
    }

    /// All couriers, for the audit.
    pub fn couriers(&self) -> Vec<Courier> {
        self.tables().couriers.clone()
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, cause: Cause) {
        self.inbox.fresh(cause.consumer, cause.event.uuid());
    }

    fn publish(&self, events: &[Event]) {
        for event in events {
            self.outbox.insert(event.into());
        }
    }
}

impl OrderRow {
    fn delivery(&self) -> Option<&Delivery> {
        match self {
            Self::Early(_) => None,
            Self::Delivery { delivery, .. } => Some(delivery),
        }
    }
}

impl Tables {
    fn known(&self, order: OrderId) -> Known {
        match self.orders.get(&order) {
            None => Known::Nothing,
            Some(OrderRow::Early(early)) => Known::Early(*early),
            Some(OrderRow::Delivery { delivery, .. }) => Known::Delivery(delivery.clone()),
        }
    }

    fn delivery_mut(&mut self, order: OrderId) -> Option<&mut Delivery> {
        match self.orders.get_mut(&order) {
            Some(OrderRow::Delivery { delivery, .. }) => Some(delivery),
            _ => None,
        }
    }

    fn waiting_since(&self, order: OrderId) -> Option<DateTime<Utc>> {
        match self.orders.get(&order) {
            Some(OrderRow::Delivery { waiting_since, .. }) => *waiting_since,
            _ => None,
        }
    }

    fn courier_mut(&mut self, courier: CourierId) -> Option<&mut Courier> {
        self.couriers.iter_mut().find(|one| one.id == courier)
    }
}

fn carried(courier: &Courier) -> Option<OrderId> {
    courier.places.iter().find_map(|place| place.order)
}

/// Returns the trip of the courier that carries the order of `delivery`.
fn trip(courier: &Courier, delivery: Delivery) -> Option<Trip> {
    Some(Trip {
        courier: courier.id,
        name: courier.name.clone(),
        speed: courier.speed,
        location: courier.location,
        target: delivery.cargo?.location,
        delivery,
    })
}
