//! A reader of one order's steps: it returns first the steps in the timeline, then each step that is added.

use std::collections::VecDeque;

use contracts::ids::{OrderId, UserId};
use tokio::sync::watch;

use super::{Live, orders::steps_after, stream_slots::Slot};
use crate::{error::Error, model::Step};

pub struct Reader {
    live: Live,
    order: OrderId,
    /// Changes when the order has news.
    news: watch::Receiver<()>,
    slot: Slot,
    /// The steps from the timeline that the reader has yet to return.
    known: VecDeque<Step>,
    /// True if the timeline may have steps after the known ones.
    is_behind: bool,
    /// The place of the last step that the reader returned.
    seen: i64,
}

impl Live {
    /// Reads the steps of an order after the step at `place`, in a stream of `user`.
    pub async fn read(&self, order: OrderId, user: UserId, place: i64) -> Result<Reader, Error> {
        // Opens the stream before it reads the timeline, so that it misses no step in between.
        let (news, slot) = self.open(order, user)?;
        let (live, known) = (self.clone(), VecDeque::new());
        let mut reader = Reader { live, order, news, slot, known, is_behind: true, seen: place };
        reader.catch_up().await?;
        Ok(reader)
    }
}

impl Reader {
    /// Returns the next step. `None` ends the stream: its slot is needed, the service stops, or the timeline cannot be
    /// read. If the call is cancelled, no step is lost.
    pub async fn next(&mut self) -> Option<Step> {
        while !self.slot.closing.is_cancelled() {
            if let Some(step) = self.known.pop_front() {
                self.seen = step.place;
                return Some(step);
            }
            if self.is_behind {
                self.catch_up().await.ok()?;
                continue;
            }
            tokio::select! {
                changed = self.news.changed() => changed.ok()?,
                () = self.slot.closing.cancelled() => return None,
            }
            self.is_behind = true;
        }
        None
    }

    /// Reads the steps after the last one that was returned. The timeline returns a limited number of steps at once.
    async fn catch_up(&mut self) -> Result<(), Error> {
        let (steps, is_all) = steps_after(self.live.timeline(), self.order, self.seen).await?;
        self.known = steps.into();
        self.is_behind = !is_all;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::Arc, time::Duration};

    use platform::{clock, ids};
    use serde_json::Value;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        model::NewRecord,
        repository::{MAX_RECORDS, MIGRATIONS, PgTimeline, Timeline as _},
    };

    /// Returns a record that begins no state: it is one step.
    fn record(order: OrderId, offset: i64) -> NewRecord {
        let now = clock::now();
        NewRecord {
            origin: String::new(),
            topic: "order.paid".to_owned(),
            partition: 0,
            offset,
            order,
            user: None,
            event: Some(ids::random()),
            kind: "events.v1.Unheard".to_owned(),
            committed_at: now,
            published_at: now,
            consumed_at: now,
            trace: None,
            payload: Value::Null,
            headers: Value::Null,
        }
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_reads_on_and_misses_no_step() {
        let timeline = PgTimeline::new(testkit::database(&MIGRATIONS).await.pool);
        let order = OrderId::new(ids::random());
        let count = MAX_RECORDS * 2 + 100;
        timeline.add((1..=count).map(|offset| record(order, offset)).collect()).await.unwrap();
        let live = Live::new(Arc::new(timeline.clone()), 1, &CancellationToken::new());
        let following = tokio::spawn(live.clone().follow(CancellationToken::new()));
        let mut reader = live.read(order, UserId::new(ids::random()), 0).await.unwrap();
        // Meanwhile the reader is woken, before it has returned a step.
        tokio::time::sleep(Duration::from_secs(1)).await;

        for offset in 1..=count {
            assert_eq!(reader.next().await.and_then(|step| step.offset), Some(offset));
        }
        for offset in count + 1..=count + 3 {
            timeline.add(vec![record(order, offset)]).await.unwrap();
            assert_eq!(reader.next().await.and_then(|step| step.offset), Some(offset));
        }
        following.abort();
    }
}
