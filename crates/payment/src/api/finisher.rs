//! The clock: takes up payments whose outcome is not known, and refunds that are not made.

use tokio_util::sync::CancellationToken;

use crate::service::PaymentService;

/// Finishes payments as they become due, until `stop`. Each is handed to one replica at a time, so any number may do this.
pub async fn finish_payments(service: PaymentService, stop: CancellationToken) -> anyhow::Result<()> {
    while !stop.is_cancelled() {
        let more = service.finish_due().await.unwrap_or_else(|error| {
            tracing::warn!(error = format!("{:#}", anyhow::Error::from(error)), "unfinished payments wait");
            false
        });
        if !more {
            tokio::select! {
                () = service.wait() => {}
                () = stop.cancelled() => {}
            }
        }
    }
    Ok(())
}
