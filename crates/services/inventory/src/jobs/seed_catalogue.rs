//! Seeds the catalogue: adds the parts of the catalogue file that the database does not have yet.

use platform::{postgres::DatabaseError, retry};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, model::NewPart, service::InventoryService};

/// Seeds the catalogue. Retries while the database is unavailable, until `stop`.
pub async fn seed_catalogue(
    service: &InventoryService,
    parts: &[NewPart],
    stop: &CancellationToken,
) -> Result<(), Error> {
    for pause in retry::endless_backoff() {
        match service.seed(parts).await {
            Err(error @ Error::Database(DatabaseError::Unavailable(_))) => {
                tracing::warn!(%error, "seeding the catalogue failed, retrying");
            }
            outcome => return outcome,
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => break,
        }
    }
    Ok(())
}
