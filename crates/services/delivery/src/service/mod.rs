//! Use cases: deliveries from the payment of the order to its arrival, and couriers.

mod couriers;
mod deliveries;

use std::{sync::Arc, time::Duration};

pub use couriers::Round;
use platform::outbox::Waker;
use tokio::sync::Notify;

use crate::{
    client::{Geo, OrderAddresses},
    repository::{Couriers, Deliveries, Dispatch},
};

/// The repositories of the service, which one type implements.
#[derive(Clone)]
pub struct Repositories {
    pub deliveries: Arc<dyn Deliveries>,
    pub couriers: Arc<dyn Couriers>,
    pub dispatch: Arc<dyn Dispatch>,
}

impl Repositories {
    pub fn new(repository: Arc<impl Deliveries + Couriers + Dispatch + 'static>) -> Self {
        Self { deliveries: repository.clone(), couriers: repository.clone(), dispatch: repository }
    }
}

#[derive(Clone)]
pub struct DeliveryService {
    deliveries: Arc<dyn Deliveries>,
    couriers: Arc<dyn Couriers>,
    dispatch: Arc<dyn Dispatch>,
    orders: Arc<dyn OrderAddresses>,
    geo: Arc<dyn Geo>,
    relay: Waker,
    /// Wakes this replica's job that assigns orders.
    to_assign: Arc<Notify>,
    /// The time between two steps of a courier.
    tick: Duration,
}

impl DeliveryService {
    pub fn new(
        repositories: Repositories,
        orders: Arc<dyn OrderAddresses>,
        geo: Arc<dyn Geo>,
        relay: Waker,
        tick: Duration,
    ) -> Self {
        let Repositories { deliveries, couriers, dispatch } = repositories;
        Self { deliveries, couriers, dispatch, orders, geo, relay, to_assign: Arc::default(), tick }
    }

    /// Must be called when an order or a courier becomes available.
    fn assign_soon(&self) {
        self.to_assign.notify_one();
    }
}
