//! Live steps: one task follows the timeline for all streams of this process, and wakes the streams whose order has
//! news. A stream then reads the timeline from its last step on.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::ids::{OrderId, UserId};
use platform::jobs::caught;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    repository::Timeline,
    service::stream_slots::{Slot, StreamSlots},
};

/// The interval at which the timeline is asked for records that another replica has added.
const POLL_INTERVAL: Duration = Duration::from_millis(250);

/// The streams of this process. Clones share them.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    timeline: Arc<dyn Timeline>,
    slots: StreamSlots,
    /// The orders that have streams. Each stream has a receiver.
    orders: Mutex<HashMap<OrderId, watch::Sender<()>>>,
    added: Notify,
}

impl Live {
    /// Allows at most `streams` open streams, and ends them once `stopping` is cancelled.
    pub fn new(timeline: Arc<dyn Timeline>, streams: usize, stopping: &CancellationToken) -> Self {
        Self(Arc::new(Inner {
            timeline,
            slots: StreamSlots::new(streams, stopping.child_token()),
            orders: Mutex::default(),
            added: Notify::new(),
        }))
    }

    /// Takes the slot of a stream of `user`, as [`StreamSlots::take`] does. Fails if `user` can get none.
    pub fn slot(&self, user: UserId) -> Result<Slot, Error> {
        self.0.slots.take(user).ok_or(Error::TooManyStreams)
    }

    /// Opens a stream of an order, for `user`. It is woken for each step that is committed from now on, so a caller
    /// that reads the timeline afterwards misses none.
    pub(super) fn open(&self, order: OrderId, user: UserId) -> Result<(watch::Receiver<()>, Slot), Error> {
        let slot = self.slot(user)?;
        let news = self.orders().entry(order).or_insert_with(|| watch::Sender::new(())).subscribe();
        Ok((news, slot))
    }

    pub(super) fn timeline(&self) -> &dyn Timeline {
        &*self.0.timeline
    }

    /// Wakes the task that follows the timeline, because records were added.
    pub fn added(&self) {
        self.0.added.notify_one();
    }

    /// Follows the timeline while there are streams, until `stop`. Then ends all streams.
    pub async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        let _closing = self.0.slots.closing().clone().drop_guard();
        let mut outage = platform::outage::Outage::new("the timeline", "live");
        // The place up to which the streams of the followed orders were woken.
        let (mut place, mut followed) = (0, HashSet::new());
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.0.added.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            let orders = self.open_orders();
            if orders.is_empty() {
                followed.clear();
                continue;
            }
            match caught(self.0.timeline.news(place, &orders)).await {
                Ok((news, up_to)) => {
                    outage.over();
                    // A stream that opened while an earlier response was on its way may have missed a record before
                    // `place`.
                    self.wake(news.iter().chain(orders.iter().filter(|order| !followed.contains(*order))));
                    (place, followed) = (up_to, orders.into_iter().collect());
                }
                Err(error) => outage.met(format!("{error:#}")),
            }
        }
    }

    fn wake<'a>(&self, orders: impl Iterator<Item = &'a OrderId>) {
        let senders = self.orders();
        for sender in orders.filter_map(|order| senders.get(order)) {
            sender.send_replace(());
        }
    }

    /// Returns the orders that have streams, and forgets the others.
    fn open_orders(&self) -> Vec<OrderId> {
        let mut orders = self.orders();
        orders.retain(|_, sender| sender.receiver_count() > 0);
        orders.keys().copied().collect()
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<OrderId, watch::Sender<()>>> {
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
