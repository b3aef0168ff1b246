//! A reader of one order's steps: first those that the timeline has, then each one as it is added.

use std::collections::VecDeque;

use contracts::ids::OrderId;

use super::{Live, Stream, orders::steps_after};
use crate::{error::Error, model::Step};

pub struct Reader {
    known: VecDeque<Step>,
    stream: Stream,
    /// The place of the last step that was read.
    seen: i64,
}

impl Live {
    /// Reads the steps of an order after the step at `place`.
    pub async fn read(&self, order: OrderId, place: i64) -> Result<Reader, Error> {
        // First the stream, then what there is: no step is between them.
        let stream = self.open(order)?;
        let known = steps_after(self.timeline(), order, place).await?;
        Ok(Reader { known: known.into(), stream, seen: place })
    }
}

impl Reader {
    /// Returns the next step. `None` ends the stream: the service stops, or the reader has fallen too far behind.
    pub async fn next(&mut self) -> Option<Step> {
        if let Some(step) = self.known.pop_front() {
            self.seen = step.place;
            return Some(step);
        }
        loop {
            let step = tokio::select! {
                step = self.stream.steps.recv() => step.ok()?,
                () = self.stream.closing.cancelled() => return None,
            };
            if step.place > self.seen {
                self.seen = step.place;
                return Some(step.as_ref().clone());
            }
        }
    }
}
