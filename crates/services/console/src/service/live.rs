//! Live steps: one task reads the timeline for all streams of this process, and sends each order's steps to the streams
//! of that order.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::ids::{OrderId, UserId};
use platform::jobs::caught;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    model::{Record, Step},
    repository::Timeline,
    service::stream_slots::{Slot, StreamSlots},
};

/// How often the timeline is read for records that another replica has added.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The maximum number of steps by which a stream may fall behind. If it falls further behind, its reader reads the timeline from its last
/// step on.
const MAX_BEHIND: usize = 64;

/// The streams of this process. Clones share them.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    timeline: Arc<dyn Timeline>,
    slots: StreamSlots,
    orders: Mutex<HashMap<OrderId, broadcast::Sender<Arc<Step>>>>,
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

    /// Opens a stream of the steps of an order, for `user`. The stream has every step that is committed from now on, so a caller that reads
    /// the timeline afterwards misses none.
    pub(super) fn open(&self, order: OrderId, user: UserId) -> Result<(broadcast::Receiver<Arc<Step>>, Slot), Error> {
        let slot = self.slot(user)?;
        let steps = self.orders().entry(order).or_insert_with(|| broadcast::Sender::new(MAX_BEHIND)).subscribe();
        Ok((steps, slot))
    }

    pub(super) fn timeline(&self) -> &dyn Timeline {
        &*self.0.timeline
    }

    /// Wakes the reader of the timeline, because records were added.
    pub fn added(&self) {
        self.0.added.notify_one();
    }

    /// Reads the timeline while there are streams, until `stop`. Then ends all streams.
    pub async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        let _closing = self.0.slots.closing().clone().drop_guard();
        let mut outage = platform::outage::Outage::new("the timeline", "live");
        // The place up to which every step was sent to the streams. `None` while there are no streams.
        let mut place = None;
        loop {
            tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = self.0.added.notified() => {}
                () = tokio::time::sleep(POLL_INTERVAL) => {}
            }
            let orders = self.read_orders();
            if orders.is_empty() {
                place = None;
                continue;
            }
            match caught(self.hand_on(place, orders)).await {
                Ok(up_to) => {
                    outage.over();
                    place = Some(up_to);
                }
                Err(error) => outage.met(format!("{error:#}")),
            }
        }
    }

    /// Sends the steps of these orders after `place` to their streams. Returns the place up to which every step was sent.
    async fn hand_on(&self, place: Option<i64>, mut orders: Vec<OrderId>) -> Result<i64, Error> {
        // A stream that opened before the first read may have missed any record of its order, so all records are sent.
        // The stream's reader skips the steps that it has.
        let place = place.unwrap_or_default();
        let (mut read, mut up_to) = (HashSet::new(), i64::MAX);
        while !orders.is_empty() {
            let caught = self.0.timeline.after(place, &orders).await?;
            self.send(caught.records);
            up_to = up_to.min(caught.up_to);
            read.extend(orders);
            // If the first stream of an order opened during this read, the order may have a record below `up_to` that neither this read nor
            // the reader of the stream has seen.
            orders = self.read_orders().into_iter().filter(|order| !read.contains(order)).collect();
        }
        Ok(up_to)
    }

    fn send(&self, records: Vec<Record>) {
        let senders = self.orders();
        for record in records {
            if let Some(sender) = senders.get(&record.record.order) {
                for step in Step::from_record(record) {
                    let _ = sender.send(Arc::new(step));
                }
            }
        }
    }

    /// Returns the orders that have readers, and forgets the others.
    fn read_orders(&self) -> Vec<OrderId> {
        let mut orders = self.orders();
        orders.retain(|_, sender| sender.receiver_count() > 0);
        orders.keys().copied().collect()
    }

    fn orders(&self) -> MutexGuard<'_, HashMap<OrderId, broadcast::Sender<Arc<Step>>>> {
        self.0.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
