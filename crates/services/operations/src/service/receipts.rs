//! Receipts: the results of the audit's rules for one order. Readers share a receipt while it is being made and for a
//! second after.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, anyhow};
use contracts::{
    ids::{OrderId, UserId},
    proto::operations::v1::Check,
};
use futures::future::BoxFuture;
use moka::sync::Cache;
use tokio::{
    sync::{Semaphore, watch},
    time::timeout,
};
use tracing::Instrument as _;

use crate::error::Error;

const CACHE_TTL: Duration = Duration::from_secs(1);
/// The maximum number of cached receipts.
const MAX_KEPT: u64 = 1_000;
/// The maximum number of receipts that are made at once. They share one connection to each database, and a blocking
/// thread makes each.
const MAX_AT_ONCE: usize = 4;
/// The maximum number of receipts that are made or wait for their turn.
const MAX_UNDER_WAY: usize = 64;
/// The maximum number of these that requests of one user began. A receipt is made to its end although its reader has
/// left, so the number of a user's requests does not bound them.
const MAX_UNDER_WAY_PER_USER: usize = 8;
/// The maximum time that a receipt waits for its turn. It leaves a page enough time for the rest.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// Makes the receipt of an order.
type Make = Box<dyn Fn(OrderId) -> BoxFuture<'static, anyhow::Result<Vec<Check>>> + Send + Sync>;
type Checks = Arc<Vec<Check>>;
/// The result of making a receipt: the checks, or why there are none.
type Made = Result<Checks, String>;

/// Makes receipts. Clones share those that are being made and those that are cached.
#[derive(Clone)]
pub struct Receipts(Arc<Inner>);

struct Inner {
    make: Make,
    made: Cache<OrderId, Checks>,
    under_way: Mutex<HashMap<OrderId, Making>>,
    turns: Semaphore,
}

/// A receipt that is made or waits for its turn.
struct Making {
    /// The user whose request began it.
    user: UserId,
    made: watch::Receiver<Option<Made>>,
}

impl Receipts {
    pub fn new(
        make: impl Fn(OrderId) -> BoxFuture<'static, anyhow::Result<Vec<Check>>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(Inner {
            make: Box::new(make),
            made: Cache::builder().max_capacity(MAX_KEPT).time_to_live(CACHE_TTL).build(),
            under_way: Mutex::default(),
            turns: Semaphore::new(MAX_AT_ONCE),
        }))
    }

    /// Returns the receipt of an order. The caller must have checked that `user` may see the order.
    pub async fn of(&self, order: OrderId, user: UserId) -> Result<Checks, Error> {
        let mut making = {
            let mut under_way = self.0.under_way.lock().unwrap_or_else(PoisonError::into_inner);
            // A task caches its receipt in `made` before it ends, so the receipt is either there or in `under_way`.
            if let Some(made) = self.0.made.get(&order) {
                return Ok(made);
            }
            under_way.retain(|_, making| making.made.has_changed().is_ok());
            if !under_way.contains_key(&order) {
                refuse_above_bounds(&under_way, user)?;
            }
            under_way.entry(order).or_insert_with(|| Making { user, made: self.begin(order) }).made.clone()
        };
        let made = making.wait_for(Option::is_some).await.ok().and_then(|made| made.clone());
        let made = made.unwrap_or_else(|| Err("it panicked".to_owned()));
        made.map_err(|problem| Error::NoReceipt(anyhow!(problem)))
    }

    /// Makes a receipt in a task, which continues if its readers leave: its blocking part cannot be stopped, so the
    /// task keeps its turn until that part has ended.
    fn begin(&self, order: OrderId) -> watch::Receiver<Option<Made>> {
        let (sender, making) = watch::channel(None);
        let receipts = self.0.clone();
        let make = async move {
            let made = receipts.make(order).await.map_err(|error| format!("{error:#}"));
            if let Err(error) = &made {
                tracing::warn!(order_uuid = %order, error, "receipt cannot be made");
            }
            sender.send_replace(Some(made));
        };
        tokio::spawn(make.in_current_span());
        making
    }
}

/// Fails if no further receipt may be begun for this user.
fn refuse_above_bounds(under_way: &HashMap<OrderId, Making>, user: UserId) -> Result<(), Error> {
    if under_way.len() >= MAX_UNDER_WAY {
        return Err(Error::NoReceipt(anyhow!("{MAX_UNDER_WAY} others are being made")));
    }
    if under_way.values().filter(|making| making.user == user).count() >= MAX_UNDER_WAY_PER_USER {
        return Err(Error::NoReceipt(anyhow!("{MAX_UNDER_WAY_PER_USER} others of this user are being made")));
    }
    Ok(())
}

impl Inner {
    async fn make(&self, order: OrderId) -> anyhow::Result<Checks> {
        let _turn = timeout(MAX_WAIT, self.turns.acquire()).await.context("too many others are being made")??;
        let checks = (self.make)(order).await?;
        let checks = Arc::new(checks);
        self.made.insert(order, checks.clone());
        Ok(checks)
    }
}
