//! The timeline of orders, which no input reads.

use std::time::Duration;

use async_trait::async_trait;
use console::{
    error::Error,
    model::{NewRecord, Record},
    repository::{Caught, Timeline},
};
use contracts::ids::{OrderId, UserId};

pub struct UnreadTimeline;

#[async_trait]
impl Timeline for UnreadTimeline {
    async fn add(&self, records: Vec<NewRecord>) -> Result<u64, Error> {
        Ok(u64::try_from(records.len()).unwrap_or(u64::MAX))
    }

    async fn of_order(&self, _: OrderId, _: i64) -> Result<Vec<Record>, Error> {
        Ok(Vec::new())
    }

    async fn owner(&self, _: OrderId) -> Result<Option<UserId>, Error> {
        Ok(None)
    }

    async fn after(&self, _: i64, _: &[OrderId]) -> Result<Caught, Error> {
        Ok(Caught::default())
    }

    async fn remove_old(&self, _: Duration, _: i64) -> Result<u64, Error> {
        Ok(0)
    }
}
