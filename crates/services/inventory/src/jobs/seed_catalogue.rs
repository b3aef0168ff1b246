//! Adds the parts of the catalogue file that the database does not have yet.

use platform::{postgres::DatabaseError, retry};
use tokio_util::sync::CancellationToken;

use crate::{error::Error, model::NewPart, service::InventoryService};

/// Retries while the database is unavailable, until `stop`.
pub async fn seed_catalogue(
    service: &InventoryService,
    parts: &[NewPart],
    stop: &CancellationToken,
) -> Result<(), Error> {
    let is_unavailable = |error: &Error| matches!(error, Error::Database(DatabaseError::Unavailable(_)));
    retry::while_unavailable("seeding of the catalogue", is_unavailable, stop, || service.seed(parts)).await
}
