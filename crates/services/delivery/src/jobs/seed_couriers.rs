//! Adds the first couriers that the database does not have yet.

use platform::{postgres::DatabaseError, retry};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, model::NewCourier, service::DeliveryService};

/// Retries while the database is unavailable, until `stop`.
pub async fn seed_couriers(
    service: &DeliveryService,
    couriers: &[NewCourier],
    stop: &CancellationToken,
) -> Result<(), Error> {
    let is_unavailable = |error: &Error| matches!(error, Error::Database(DatabaseError::Unavailable(_)));
    retry::while_unavailable("seeding of couriers", is_unavailable, stop, || service.seed(couriers)).await
}
