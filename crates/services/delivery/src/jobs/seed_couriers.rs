//! Seeds the couriers: adds the first couriers that the database does not have yet.

use platform::{postgres::DatabaseError, retry};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, model::NewCourier, service::DeliveryService};

/// Adds the couriers. Retries while the database is unavailable, until `stop`.
pub async fn seed_couriers(
    service: &DeliveryService,
    couriers: &[NewCourier],
    stop: &CancellationToken,
) -> Result<(), Error> {
    for pause in retry::endless_backoff() {
        match service.seed(couriers).await {
            Err(error @ Error::Database(DatabaseError::Unavailable(_))) => {
                tracing::warn!(%error, "seeding the couriers failed, retrying");
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
