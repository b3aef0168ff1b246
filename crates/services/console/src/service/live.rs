//! Live steps: one reader of the timeline for all streams of this process, which hands each order's steps to its streams.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use contracts::ids::OrderId;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, metrics, model::Step, repository::Timeline};

/// How often the timeline is read for records that another replica has added.
const POLL_INTERVAL: Duration = Duration::from_millis(250);
/// The steps that a stream may fall behind. One that falls further behind ends, and its reader continues after the last step that it saw.
const MAX_BEHIND: usize = 64;

/// The streams of this process. Clones share them.
#[derive(Clone)]
pub struct Live(Arc<Inner>);

struct Inner {
    timeline: Arc<dyn Timeline>,
    slots: Arc<Semaphore>,
    orders: Mutex<HashMap<OrderId, broadcast::Sender<Arc<Step>>>>,
    added: Notify,
    closing: CancellationToken,
}

/// An open stream. Its slot is free again once it is dropped.
pub struct Stream {
    pub steps: broadcast::Receiver<Arc<Step>>,
    pub closing: CancellationToken,
    _slot: Slot,
}

/// One of the streams that may be open at once.
pub struct Slot(#[expect(dead_code, reason = "held until the stream ends")] OwnedSemaphorePermit);

impl Drop for Slot {
    fn drop(&mut self) {
        metrics::stream_closed();
    }
}

impl Live {
    /// Allows at most `streams` open streams.
    pub fn new(timeline: Arc<dyn Timeline>, streams: usize) -> Self {
        Self(Arc::new(Inner {
            timeline,
            slots: Arc::new(Semaphore::new(streams.min(Semaphore::MAX_PERMITS))),
            orders: Mutex::default(),
            added: Notify::new(),
            closing: CancellationToken::new(),
        }))
    }

    /// Takes the slot of a stream. Fails while all are taken.
    pub fn slot(&self) -> Result<(Slot, CancellationToken), Error> {
        let permit = self.0.slots.clone().try_acquire_owned().map_err(|_| Error::TooManyStreams)?;
        metrics::stream_opened();
        Ok((Slot(permit), self.0.closing.clone()))
    }

    /// Opens a stream of the steps of an order. It has every step that is committed from now on, so that who reads the timeline afterwards
    /// misses none.
    pub fn open(&self, order: OrderId) -> Result<Stream, Error> {
        let (slot, closing) = self.slot()?;
        let steps = self.orders().entry(order).or_insert_with(|| broadcast::Sender::new(MAX_BEHIND)).subscribe();
        Ok(Stream { steps, closing, _slot: slot })
    }

    /// Says that records were added.
    pub fn added(&self) {
        self.0.added.notify_one();
    }

    /// Reads the timeline while there are streams, until `stop`. Then ends all streams.
    pub async fn follow(self, stop: CancellationToken) -> anyhow::Result<()> {
        let _closing = self.0.closing.clone().drop_guard();
        let mut outage = platform::outage::Outage::new("the timeline", "live");
        // The place up to which every step was handed on. `None` while there are no streams.
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
            match self.hand_on(place, &orders).await {
                Ok(up_to) => {
                    outage.over();
                    place = Some(up_to);
                }
                Err(error) => outage.met(format!("{:#}", anyhow::Error::from(error))),
            }
        }
    }

    /// Hands on the steps after `place`, and returns the place up to which that is all.
    async fn hand_on(&self, place: Option<i64>, orders: &[OrderId]) -> Result<i64, Error> {
        let caught = match place {
            Some(place) => self.0.timeline.after(place, orders).await?,
            // A stream that opened before this look may have missed any of its records: hand on all of them. It skips those that it has.
            None => self.0.timeline.after(0, orders).await?,
        };
        let senders = self.orders();
        for record in caught.records {
            if let Some(sender) = senders.get(&record.record.order) {
                for step in Step::from_record(record) {
                    let _ = sender.send(Arc::new(step));
                }
            }
        }
        Ok(caught.up_to)
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
