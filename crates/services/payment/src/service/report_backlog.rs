//! Reports how many payments are unfinished.

use super::PaymentService;
use crate::metrics;

/// The maximum number of payments that are counted. A gauge that shows it means this many or more.
const MAX_COUNTED: i64 = 10_000;

impl PaymentService {
    pub async fn report_backlog(&self) {
        // The job `finish_payments` logs that the database is unavailable.
        if let Ok(unfinished) = self.payments.unfinished(MAX_COUNTED).await {
            metrics::backlog(unfinished);
        }
    }
}
