//! An order's timeline, for its owner and for operators.

use std::sync::Arc;

use contracts::ids::OrderId;
use platform::auth::Caller;

use crate::{
    client::Orders,
    error::Error,
    model::Step,
    repository::{MAX_RECORDS, Timeline},
};

#[derive(Clone)]
pub struct Timelines {
    timeline: Arc<dyn Timeline>,
    orders: Orders,
}

impl Timelines {
    pub fn new(timeline: Arc<dyn Timeline>, orders: Orders) -> Self {
        Self { timeline, orders }
    }

    /// Fails with [`Error::OrderNotFound`] unless the caller owns the order or is an operator. `path` names the request
    /// in the security event of an operator's access. Returns true if the caller owns the order.
    pub async fn check(&self, caller: &Caller, session: &str, order: OrderId, path: &str) -> Result<bool, Error> {
        let Some(owner) = self.timeline.owner(order).await? else {
            // No record of a new order has arrived yet.
            return self.orders.check(session, order).await.map(|()| true);
        };
        if caller.may_inspect(Some(owner.uuid()), order.uuid(), path) {
            Ok(matches!(caller, Caller::User(user) if user.uuid == owner.uuid()))
        } else {
            Err(Error::OrderNotFound)
        }
    }

    /// Returns the steps of an order, the oldest first: those of its first [`MAX_RECORDS`] records.
    pub async fn steps(&self, order: OrderId) -> Result<Vec<Step>, Error> {
        let (mut steps, _) = steps_after(&*self.timeline, order, 0).await?;
        steps.sort_by_key(|step| (step.at, step.place));
        Ok(steps)
    }
}

/// Returns true if an order may have more records than its timeline, which has `records`. Each record is one event.
pub fn is_cut(records: usize) -> bool {
    i64::try_from(records).unwrap_or(i64::MAX) >= MAX_RECORDS
}

/// Returns the steps of an order after the step at `place`, by place, and whether these are all.
pub(super) async fn steps_after(
    timeline: &dyn Timeline,
    order: OrderId,
    place: i64,
) -> Result<(Vec<Step>, bool), Error> {
    // A reader at place `2n` has seen the event of record `n`, but may not have seen its state: it reads the record
    // again and skips the event.
    let records = timeline.of_order(order, (place - 1).div_euclid(2)).await?;
    let is_all = !is_cut(records.len());
    Ok((records.into_iter().flat_map(Step::from_record).filter(|step| step.place > place).collect(), is_all))
}
