//! Generates the ids, dates and random values of new deliveries and couriers, so that use cases and the model take them
//! as arguments.

use std::sync::Arc;

use chrono::{DateTime, Days, Utc};
use contracts::ids::{CourierId, DeliveryId, OrderId, PlaceId, UserId};
use platform::{clock, random::Random};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::model::{
    FIRST_PLACE_VOLUME, Location, Name, NewCourier, NewDelivery, Speed, TrackingNumber, Volume, first_place,
};

/// The estimated time until an order arrives, as long as no courier carries it.
const ESTIMATE: Days = Days::new(3);

/// By default, uses the clock and the process's randomness.
#[derive(Clone)]
pub struct Generator {
    now: Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>,
    random: Random,
}

impl Default for Generator {
    fn default() -> Self {
        Self::new(clock::now, Random::default())
    }
}

/// Derives the key of a basket's delivery from the basket's id. No order has this key.
pub fn basket_key(id: OrderId) -> OrderId {
    let digest: [u8; 32] = Sha256::digest(format!("basket:{id}")).into();
    OrderId::new(Uuid::from_bytes(std::array::from_fn(|place| digest[place])))
}

impl Generator {
    pub fn new(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static, random: Random) -> Self {
        Self { now: Arc::new(now), random }
    }

    pub fn delivery(&self, order: OrderId, user: Option<UserId>) -> NewDelivery {
        let today = (self.now)().date_naive();
        NewDelivery {
            order,
            basket: None,
            user,
            id: DeliveryId::new(self.random.id()),
            tracking_number: TrackingNumber::from_random(self.random.bits()),
            estimated: today.checked_add_days(ESTIMATE).unwrap_or(today),
        }
    }

    /// The delivery of a basket, whose id an outside program chose.
    pub fn basket(&self, id: OrderId) -> NewDelivery {
        NewDelivery { basket: Some(id), ..self.delivery(basket_key(id), None) }
    }

    /// The courier has one storage place and begins at a random cell.
    pub fn courier(&self, name: Name, speed: Speed) -> NewCourier {
        NewCourier {
            id: CourierId::new(self.random.id()),
            name,
            speed,
            location: Location::numbered(self.random.between(0..=Location::COUNT - 1)),
            places: vec![self.place(first_place(), FIRST_PLACE_VOLUME)],
        }
    }

    pub fn place(&self, name: Name, volume: Volume) -> (PlaceId, Name, Volume) {
        (PlaceId::new(self.random.id()), name, volume)
    }
}
