//! Couriers: what each caller may see of them, and their changes. One request per tick to the delivery service serves
//! all streams of this process.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use contracts::{
    ids::{OrderId, UserId},
    proto::delivery::v1::Courier,
};
use moka::sync::Cache;
use platform::{
    auth::{Caller, User},
    jobs::caught,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{Live, stream_slots::Slot};
use crate::{client::Services, error::Error, repository::Timeline};

/// Couriers move once a second by default.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The maximum number of orders whose owner and destination are cached. Neither ever changes.
const MAX_KEPT: u64 = 10_000;

/// Reads couriers for the callers of this process. Clones share the couriers that were read last.
#[derive(Clone)]
pub struct Couriers {
    services: Services,
    timeline: Arc<dyn Timeline>,
    /// The couriers as they were last seen. Each stream has a receiver.
    seen: watch::Sender<Vec<Courier>>,
    owners: Cache<OrderId, UserId>,
    destinations: Cache<OrderId, (i32, i32)>,
}

/// The data of a courier that a caller may see.
#[derive(Clone, Debug, PartialEq)]
pub struct Visible {
    /// Its `order_id` is empty unless the caller is the order's user or an operator.
    pub courier: Courier,
    /// The order that the courier carries, if it is the caller's.
    pub own_order: Option<OrderId>,
    pub is_busy: bool,
}

impl Couriers {
    pub fn new(services: Services, timeline: Arc<dyn Timeline>) -> Self {
        Self {
            services,
            timeline,
            seen: watch::Sender::new(Vec::new()),
            owners: Cache::new(MAX_KEPT),
            destinations: Cache::new(MAX_KEPT),
        }
    }

    /// Returns all couriers, as the caller may see them.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Visible>, Error> {
        let mut visible = Vec::new();
        for courier in self.services.couriers().await? {
            visible.push(self.visible(courier, caller).await?);
        }
        Ok(visible)
    }

    pub async fn visible(&self, mut courier: Courier, caller: &Caller) -> Result<Visible, Error> {
        let order = Uuid::try_parse(&courier.order_id).ok().map(OrderId::new);
        let owner = match order {
            Some(order) => self.owner(order).await?,
            None => None,
        };
        let is_own = owner.is_some_and(|owner| matches!(caller, Caller::User(user) if user.uuid == owner.uuid()));
        let is_busy = !courier.order_id.is_empty() || courier.steps_left > 0;
        if !is_own && !caller.may_operate() {
            courier.order_id.clear();
        }
        Ok(Visible { courier, own_order: order.filter(|_| is_own), is_busy })
    }

    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error> {
        if let Some(owner) = self.owners.get(&order) {
            return Ok(Some(owner));
        }
        let owner = self.timeline.owner(order).await?;
        if let Some(owner) = owner {
            self.owners.insert(order, owner);
        }
        Ok(owner)
    }

    /// Returns the cell to which an order goes, if it is cached.
    pub fn destination(&self, order: OrderId) -> Option<(i32, i32)> {
        self.destinations.get(&order)
    }

    /// Looks up the cell of an order's address and caches it.
    pub async fn find_destination(&self, order: OrderId, address: &str) -> Option<(i32, i32)> {
        let cell = self.services.cell(address.to_owned()).await.ok()?;
        self.destinations.insert(order, cell);
        Some(cell)
    }

    /// Reads the couriers, as the user may see them, in one of the streams of `live`.
    pub async fn read(&self, live: &Live, user: User) -> Result<CourierReader, Error> {
        let slot = live.slot(UserId::new(user.uuid))?;
        // Subscribes to the changes before it reads the couriers, so that it misses no change in between.
        let changes = self.seen.subscribe();
        let known = self.services.couriers().await?;
        let pending = known.clone().into();
        Ok(CourierReader { couriers: self.clone(), caller: Caller::User(user), known, pending, changes, slot })
    }

    /// Reads the couriers from the delivery service while there are streams, until `stop`.
    pub async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut outage = platform::outage::Outage::new("the couriers", "live");
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            if self.seen.receiver_count() == 0 {
                continue;
            }
            match caught(self.services.couriers()).await {
                Ok(couriers) => {
                    outage.over();
                    self.seen.send_if_modified(|seen| {
                        let is_changed = *seen != couriers;
                        *seen = couriers;
                        is_changed
                    });
                }
                Err(error) => outage.met(format!("{error:#}")),
            }
        }
    }
}

/// A reader of the couriers: it returns first all couriers, then each courier that changes.
pub struct CourierReader {
    couriers: Couriers,
    caller: Caller,
    /// The couriers as the reader last saw them. It returns those that differ from them.
    known: Vec<Courier>,
    /// The couriers that the reader has yet to return.
    pending: VecDeque<Courier>,
    changes: watch::Receiver<Vec<Courier>>,
    slot: Slot,
}

impl CourierReader {
    /// Returns the next courier. `None` ends the stream: its slot is needed, the service stops, or the owner of the
    /// courier's order could not be determined.
    pub async fn next(&mut self) -> Option<Courier> {
        while !self.slot.closing.is_cancelled() {
            if let Some(courier) = self.pending.pop_front() {
                return self.couriers.visible(courier, &self.caller).await.ok().map(|visible| visible.courier);
            }
            tokio::select! {
                changed = self.changes.changed() => changed.ok()?,
                () = self.slot.closing.cancelled() => return None,
            }
            let now = self.changes.borrow_and_update().clone();
            self.pending.extend(now.iter().filter(|courier| !self.known.contains(courier)).cloned());
            self.known = now;
        }
        None
    }
}
