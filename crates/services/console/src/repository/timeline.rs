//! The records of all orders, in the order of their commits.

use std::time::Duration;

use async_trait::async_trait;
use contracts::ids::{OrderId, UserId};

use crate::{
    error::Error,
    model::{NewRecord, Record},
};

/// The maximum number of records that are read at once. An order has about ten; repeats and attempts to pay add to
/// them.
pub const MAX_RECORDS: i64 = 1000;

/// The records after a place, and the place up to which these records are complete.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Caught {
    pub records: Vec<Record>,
    pub up_to: i64,
}

impl Caught {
    /// Creates the result of a read. `last` is the last place of the timeline.
    pub(super) fn new(records: Vec<Record>, last: i64) -> Self {
        let is_full = i64::try_from(records.len()).is_ok_and(|count| count >= MAX_RECORDS);
        let up_to = records.last().filter(|_| is_full).map_or(last, |record| record.place);
        Self { records, up_to }
    }
}

#[async_trait]
pub trait Timeline: Send + Sync {
    /// Adds the records that the timeline lacks, and returns their number. A record that is added later gets a higher
    /// place, and becomes visible later.
    async fn add(&self, records: Vec<NewRecord>) -> Result<u64, Error>;

    /// Returns the records of an order after `place`, by place, at most [`MAX_RECORDS`].
    async fn of_order(&self, order: OrderId, place: i64) -> Result<Vec<Record>, Error>;

    /// Returns the user of an order, or `None` if no record names it yet.
    async fn owner(&self, order: OrderId) -> Result<Option<UserId>, Error>;

    /// Returns the records of these orders after `place`, by place, at most [`MAX_RECORDS`].
    async fn after(&self, place: i64, orders: &[OrderId]) -> Result<Caught, Error>;

    /// Deletes up to `limit` records that were consumed before `age`. Returns their number.
    async fn remove_old(&self, age: Duration, limit: i64) -> Result<u64, Error>;
}
