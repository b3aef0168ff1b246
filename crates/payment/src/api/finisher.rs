//! The clock: takes up payments whose outcome is not known, and refunds that are not made.

use tokio_util::sync::CancellationToken;

use crate::service::PaymentService;

/// Finishes payments as they become due, until `stop`.
pub async fn finish_payments(service: PaymentService, stop: CancellationToken) -> anyhow::Result<()> {
    service.finish_due(stop).await;
    Ok(())
}
