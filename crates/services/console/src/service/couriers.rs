//! Couriers: what each caller may see of them, and one request per tick to the delivery service for all streams of this
//! process.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use contracts::{
    ids::{OrderId, UserId},
    proto::delivery::v1::Courier,
};
use moka::sync::Cache;
use platform::{auth::Caller, jobs::caught};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{client::Delivery, error::Error, repository::Timeline};

/// Couriers move once a second by default.
const POLL_INTERVAL: Duration = Duration::from_millis(500);
/// The maximum number of changes by which a stream may fall behind. If it falls further behind, its reader gets all couriers again.
const MAX_BEHIND: usize = 256;
/// The maximum number of orders whose owner and destination are cached. Neither ever changes.
const MAX_KEPT: u64 = 10_000;

/// The couriers as they were last seen. Clones share them.
#[derive(Clone)]
pub struct Couriers {
    delivery: Delivery,
    timeline: Arc<dyn Timeline>,
    seen: Arc<Mutex<Vec<Courier>>>,
    changes: broadcast::Sender<Arc<Courier>>,
    owners: Cache<OrderId, UserId>,
    destinations: Cache<OrderId, (i32, i32)>,
}

/// What a caller may see of a courier.
#[derive(Clone, Debug, PartialEq)]
pub struct Visible {
    /// Its `order_id` is empty unless the caller is the order's user or an operator.
    pub courier: Courier,
    /// The order that the courier carries, if it is the caller's.
    pub own_order: Option<OrderId>,
    pub is_busy: bool,
}

impl Couriers {
    pub fn new(delivery: Delivery, timeline: Arc<dyn Timeline>) -> Self {
        Self {
            delivery,
            timeline,
            seen: Arc::default(),
            changes: broadcast::Sender::new(MAX_BEHIND),
            owners: Cache::new(MAX_KEPT),
            destinations: Cache::new(MAX_KEPT),
        }
    }

    /// Returns all couriers, as the caller may see them.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<Visible>, Error> {
        let mut visible = Vec::new();
        for courier in self.delivery.couriers().await? {
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
        let cell = self.delivery.cell(address.to_owned()).await.ok()?;
        self.destinations.insert(order, cell);
        Some(cell)
    }

    /// Returns the couriers that change from now on.
    pub(super) fn subscribe(&self) -> broadcast::Receiver<Arc<Courier>> {
        self.changes.subscribe()
    }

    /// Returns all couriers as they were last seen.
    pub(super) fn last_seen(&self) -> Vec<Courier> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reads the couriers from the delivery service while there are streams, until `stop`.
    pub async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        let mut outage = platform::outage::Outage::new("the couriers", "live");
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            if self.changes.receiver_count() == 0 {
                continue;
            }
            match caught(self.delivery.couriers()).await {
                Ok(couriers) => {
                    outage.over();
                    self.tell(couriers);
                }
                Err(error) => outage.met(format!("{error:#}")),
            }
        }
    }

    pub(super) fn tell(&self, couriers: Vec<Courier>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        for courier in couriers.iter().filter(|courier| !seen.contains(courier)) {
            let _ = self.changes.send(Arc::new(courier.clone()));
        }
        *seen = couriers;
    }
}
