//! Reports how many attempts to pay stay unsettled.

use super::OrderService;
use crate::metrics;

/// The maximum number of attempts that are counted. A gauge that shows it means this many or more.
const MAX_COUNTED: i64 = 10_000;

impl OrderService {
    pub async fn report_backlog(&self) {
        // The reconciler logs that the database is unavailable.
        if let Ok(count) = self.attempts.long_unsettled(MAX_COUNTED).await {
            metrics::unsettled(count);
        }
    }
}
