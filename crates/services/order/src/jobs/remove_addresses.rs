//! Retention: removes the delivery addresses of orders that have ended.

use platform::jobs::{Job, Retention};

use crate::repository::Addresses;

pub fn remove_addresses(retention: &Retention) -> Job {
    retention.job("addresses", |database, age| async move { Ok(Addresses::new(database).remove(age).await?) })
}
