//! Use cases: deliveries from the payment of the order to its arrival, and couriers.
//!
//! Deliveries follow the shop's orders through their events, which may arrive in any order and more than once. Each use
//! case reads the order's state, lets the model decide, and writes only if the state has not changed meanwhile;
//! otherwise it starts again.

mod couriers;

use std::{sync::Arc, time::Duration};

use contracts::{
    events::{Cause, OrderPaid, Published as _, group},
    ids::{EventId, OrderId, UserId},
};
pub use couriers::Round;
use outbox::Waker;
use platform::auth::Caller;
use tokio::sync::Notify;

use crate::{
    client::{Geo, OrderAddresses},
    error::Error,
    generate::basket_key,
    model::{Cargo, Delivery, Early, Event, Known, NewDelivery, State, Street, Volume},
    repository::{ActiveOrder, Couriers, Deliveries, Dispatch, Shown},
};

/// A transition that an event of a paid order causes; `None` if it is illegal in the delivery's state.
type Transition = fn(&mut Delivery) -> Option<Vec<Event>>;

/// The name in security events when an operator sees another user's delivery.
const GET_STATUS: &str = "/delivery.v1.DeliveryService/GetDeliveryStatus";
const MAX_ACTIVE: i64 = 1_000;

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

    /// Creates the delivery of a paid order. Unless the order is already cancelled, asks the order service for the
    /// address, and geo for its cell.
    pub async fn order_paid(&self, cause: Cause, new: &NewDelivery) -> Result<(), Error> {
        let mut cargo = None;
        loop {
            let known = self.deliveries.find(new.order).await?;
            let (delivery, events) = match known {
                // A service may have asked for a delivery of the order for another user.
                Known::Delivery(delivery) if delivery.user != new.user => return Err(Error::AnotherDelivery),
                Known::Delivery(_) => return self.deliveries.skip(cause).await,
                Known::Early(Early::Cancelled) => new.clone().cancelled(),
                Known::Early(Early::Assembled) => new.clone().ready(self.cargo(new.order, &mut cargo).await?),
                Known::Nothing => new.clone().paid(self.cargo(new.order, &mut cargo).await?),
            };
            if self.write(&known, &delivery, &events, Some(cause)).await? {
                tracing::info!(order_uuid = %new.order, state = delivery.state.as_str(), "delivery created");
                return Ok(());
            }
        }
    }

    /// Skips an event that concerns no delivery, such as `OrderPaid` of an order without an address.
    pub async fn skip(&self, cause: Cause) -> Result<(), Error> {
        self.deliveries.skip(cause).await
    }

    pub async fn ship_assembled(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        self.apply(order, Delivery::assembled, Early::Assembled, cause).await
    }

    /// Handles the cancellation of a paid order.
    pub async fn order_cancelled(&self, cause: Cause, order: OrderId) -> Result<(), Error> {
        self.apply(order, Delivery::cancelled, Early::Cancelled, cause).await
    }

    async fn apply(&self, order: OrderId, transition: Transition, early: Early, cause: Cause) -> Result<(), Error> {
        loop {
            let known = self.deliveries.find(order).await?;
            let written = match &known {
                Known::Nothing => self.deliveries.keep_early(order, early, paid(order), cause).await?,
                Known::Early(_) => return self.deliveries.skip(cause).await,
                Known::Delivery(delivery) => {
                    let mut delivery = (**delivery).clone();
                    // The event is a redelivery, or its transition is illegal in this state.
                    let Some(events) = transition(&mut delivery) else {
                        let state = delivery.state.as_str();
                        tracing::info!(order_uuid = %order, consumer = cause.consumer, state, "event skipped");
                        return self.deliveries.skip(cause).await;
                    };
                    self.write(&known, &delivery, &events, Some(cause)).await?
                }
            };
            if written {
                return Ok(());
            }
        }
    }

    async fn write(
        &self,
        known: &Known,
        delivery: &Delivery,
        events: &[Event],
        cause: Option<Cause>,
    ) -> Result<bool, Error> {
        let written = self.deliveries.save(known, delivery, events, cause).await?;
        if written {
            self.relay.wake();
            if delivery.state == State::Created {
                self.assign_soon();
            }
        }
        Ok(written)
    }

    /// Looks up the destination and volume of a paid order once, and stores them in `asked`.
    async fn cargo(&self, order: OrderId, asked: &mut Option<Cargo>) -> Result<Cargo, Error> {
        if let Some(cargo) = asked {
            return Ok(*cargo);
        }
        let address = self.orders.address(order).await?.ok_or(Error::NoAddress)?;
        let location = self.geo.locate(&address.street).await?;
        Ok(*asked.insert(Cargo { location, volume: address.volume }))
    }

    /// Creates the delivery, or returns the order's existing one.
    pub async fn create(&self, new: &NewDelivery, street: &Street, volume: Volume) -> Result<Delivery, Error> {
        let mut located = None;
        // The versions before December 2026 stored a basket under its own id.
        if let Some(basket) = new.basket
            && let Known::Delivery(earlier) = self.deliveries.find(basket).await?
            && earlier.user.is_none()
        {
            return Ok(*earlier);
        }
        loop {
            let known = self.deliveries.find(new.order).await?;
            let (delivery, events) = match known {
                Known::Delivery(delivery) => return Ok(*delivery),
                // No courier carries a cancelled order.
                Known::Early(Early::Cancelled) => new.clone().cancelled(),
                Known::Nothing | Known::Early(Early::Assembled) => {
                    let location = match located {
                        Some(location) => location,
                        None => *located.insert(self.geo.locate(street).await?),
                    };
                    new.clone().ready(Cargo { location, volume })
                }
            };
            if self.write(&known, &delivery, &events, None).await? {
                tracing::info!(order_uuid = %delivery.public_id(), "delivery created");
                return Ok(delivery);
            }
        }
    }

    /// Users see the deliveries of their own orders; operators and services see all, also those of baskets.
    pub async fn show(&self, caller: &Caller, order: OrderId) -> Result<Shown, Error> {
        let shown = match self.deliveries.show(order).await? {
            None => self.deliveries.show(basket_key(order)).await?,
            shown => shown,
        };
        let owner = |shown: &Shown| shown.delivery.user.map(UserId::uuid);
        shown.filter(|shown| caller.may_inspect(owner(shown), order.uuid(), GET_STATUS)).ok_or(Error::NotFound)
    }

    /// Returns up to 1 000 orders that wait for a courier or are carried, of `user` or of all users, longest wait
    /// first.
    pub async fn active(&self, user: Option<UserId>) -> Result<Vec<ActiveOrder>, Error> {
        self.deliveries.active(user, MAX_ACTIVE).await
    }
}

/// The cause of the order's `OrderPaid`, whose event id is derived from the order.
fn paid(order: OrderId) -> Cause {
    let event = EventId::new(outbox::event_uuid(order.uuid(), OrderPaid::TYPE, None));
    Cause { consumer: const { group::<OrderPaid>("delivery") }, event }
}
