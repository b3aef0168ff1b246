//! Adds and lists couriers.

use contracts::ids::{CourierId, PlaceId};

use super::DeliveryService;
use crate::{
    error::Error,
    metrics,
    model::{Name, NewCourier, Volume},
    repository::ListedCourier,
};

impl DeliveryService {
    /// Adds the couriers that do not exist yet.
    pub async fn seed(&self, couriers: &[NewCourier]) -> Result<(), Error> {
        let added = self.couriers.seed(couriers).await?;
        if added > 0 {
            tracing::info!(added, "first couriers added");
            self.assign_soon();
        }
        Ok(())
    }

    pub async fn add_courier(&self, courier: &NewCourier) -> Result<(), Error> {
        self.couriers.add(courier).await?;
        self.assign_soon();
        Ok(())
    }

    pub async fn add_place(&self, courier: CourierId, id: PlaceId, name: &Name, volume: Volume) -> Result<(), Error> {
        self.couriers.add_place(courier, id, name, volume).await?;
        self.assign_soon();
        Ok(())
    }

    pub async fn report_counts(&self) -> Result<(), Error> {
        metrics::counts(self.dispatch.counts().await?);
        Ok(())
    }

    pub async fn list_couriers(&self) -> Result<Vec<ListedCourier>, Error> {
        self.couriers.list().await
    }
}
