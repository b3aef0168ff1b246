//! Adds the catalogue's parts that are not in the database yet.

use platform::retry;
use tokio_util::sync::CancellationToken;

use crate::{error::Error, model::NewPart, service::InventoryService};

/// Adds the parts that are new. A database that is unavailable is tried again until `stop`.
pub async fn seed_catalogue(
    service: &InventoryService,
    parts: &[NewPart],
    stop: &CancellationToken,
) -> Result<(), Error> {
    for pause in retry::patient() {
        match service.seed(parts).await {
            Err(error @ Error::Unavailable(_)) => tracing::warn!(%error, "seeding the catalogue failed, retrying"),
            outcome => return outcome,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    Ok(())
}
