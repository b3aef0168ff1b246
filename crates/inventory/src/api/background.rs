//! What nobody asks for: the first parts, the end of forgotten reservations and of old inbox rows.

use std::{sync::Arc, time::Duration};

use platform::{
    inbox,
    lease::Lease,
    postgres::Database,
    retry,
    sweeper::{self, Done},
};
use tokio_util::sync::CancellationToken;

use crate::{
    error::Error,
    model::NewPart,
    service::{EXPIRY_BATCH, InventoryService},
};

/// How much longer than its time a reservation may last.
const EXPIRY_PERIOD: Duration = Duration::from_secs(2);
/// How often old inbox rows are looked for.
const INBOX_PERIOD: Duration = Duration::from_mins(10);

/// Adds the parts that are new; an unreachable database is asked again until `stop`.
pub async fn seed(service: &InventoryService, parts: &[NewPart], stop: &CancellationToken) -> Result<(), Error> {
    for pause in retry::patient() {
        match service.seed(parts).await {
            Err(error @ Error::Unavailable(_)) => tracing::warn!(%error, "the catalogue waits"),
            outcome => return outcome,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    Ok(())
}

/// Gives back, again and again, what orders have forgotten.
pub async fn expire(service: InventoryService, lease: Arc<dyn Lease>, stop: CancellationToken) -> anyhow::Result<()> {
    let batch = || async { Ok(Done::of(service.expire().await?, EXPIRY_BATCH.into())) };
    sweeper::run("reservations", lease, EXPIRY_PERIOD, batch, stop).await
}

/// Deletes, again and again, inbox rows of events that are in no topic any more.
pub async fn sweep_inbox(
    pool: Database,
    lease: Arc<dyn Lease>,
    keep: Duration,
    stop: CancellationToken,
) -> anyhow::Result<()> {
    let batch = || async {
        let count = inbox::sweep(&pool, keep).await?;
        Ok(Done { count, more: count > 0 })
    };
    sweeper::run("inbox", lease, INBOX_PERIOD, batch, stop).await
}
