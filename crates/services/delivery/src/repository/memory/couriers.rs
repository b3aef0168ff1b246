//! [`Couriers`] in memory.

use async_trait::async_trait;
use contracts::ids::{CourierId, PlaceId};

use super::{MemoryRepository, carried};
use crate::{
    error::Error,
    model::{Courier, Known, Name, NewCourier, StoragePlace, Volume},
    repository::{Couriers, ListedCourier, MAX_COURIERS, MAX_PLACES},
};

fn place((id, name, total_volume): (PlaceId, Name, Volume)) -> StoragePlace {
    StoragePlace { id, name, total_volume, order: None }
}

fn is_full(count: usize, limit: i64) -> bool {
    i64::try_from(count).is_ok_and(|count| count >= limit)
}

#[async_trait]
impl Couriers for MemoryRepository {
    async fn seed(&self, couriers: &[NewCourier]) -> Result<usize, Error> {
        let mut tables = self.tables();
        let before = tables.couriers.len();
        for new in couriers {
            if tables.courier_mut(new.id).is_none() {
                let NewCourier { id, name, speed, location, places } = new.clone();
                let places = places.into_iter().map(place).collect();
                tables.couriers.push(Courier { id, name, speed, location, places });
            }
        }
        Ok(tables.couriers.len() - before)
    }

    async fn add(&self, courier: &NewCourier) -> Result<(), Error> {
        if is_full(self.tables().couriers.len(), MAX_COURIERS) {
            return Err(Error::TooMany("couriers"));
        }
        self.seed(std::slice::from_ref(courier)).await.map(drop)
    }

    async fn add_place(&self, courier: CourierId, id: PlaceId, name: &Name, volume: Volume) -> Result<(), Error> {
        let mut tables = self.tables();
        let courier = tables.courier_mut(courier).ok_or(Error::CourierNotFound)?;
        if is_full(courier.places.len(), MAX_PLACES) {
            return Err(Error::TooMany("places of this courier"));
        }
        courier.places.push(place((id, name.clone(), volume)));
        Ok(())
    }

    async fn list(&self) -> Result<Vec<ListedCourier>, Error> {
        let tables = self.tables();
        let listed = tables.couriers.iter().map(|courier| {
            let carries = carried(courier).and_then(|order| match tables.known(order) {
                Known::Delivery(delivery) => Some((delivery.public_id(), delivery.user, delivery.cargo?.location)),
                _ => None,
            });
            let Courier { id, name, speed, location, .. } = courier.clone();
            ListedCourier { id, name, speed, location, carries }
        });
        Ok(listed.collect())
    }
}
