//! Erases a customer's orders, and removes from the cache orders that another replica or a job has erased. The service
//! customers erases the customer's profile (`EraseCustomer`).

use std::time::Duration;

use super::IntakeService;
use crate::error::Error;

/// Orders erased per statement.
const BATCH_SIZE: i64 = 500;
/// If at least this many orders have been erased, clears the whole cache; removes fewer orders one by one.
const MAX_FORGOTTEN: i64 = 10_000;

impl IntakeService {
    /// Erases all orders of a customer except for their keys. Returns the number of erased orders.
    pub async fn erase(&self, customer_id: &str) -> Result<u64, Error> {
        let mut count = 0;
        loop {
            let erased = self.orders.erase(customer_id, BATCH_SIZE).await?;
            self.cache.remove(&erased);
            count += u64::try_from(erased.len()).unwrap_or(u64::MAX);
            if erased.is_empty() {
                return Ok(count);
            }
        }
    }

    /// Removes from this replica's cache the orders that were erased during the last `period`.
    pub async fn forget_erased_orders(&self, period: Duration) -> Result<(), Error> {
        let erased = self.orders.erased_within(period, MAX_FORGOTTEN).await?;
        if i64::try_from(erased.len()).is_ok_and(|count| count < MAX_FORGOTTEN) {
            self.cache.remove(&erased);
        } else {
            self.cache.clear();
        }
        Ok(())
    }
}
