//! Generates the ids, dates and random values of new deliveries and couriers, so that use cases and the model take them as arguments.

use chrono::Days;
use contracts::ids::{CourierId, DeliveryId, OrderId, PlaceId, UserId};
use platform::{clock, ids};
use rand::RngExt as _;

use crate::model::{
    FIRST_PLACE_VOLUME, Location, Name, NewCourier, NewDelivery, Speed, TrackingNumber, Volume, first_place,
};

/// The estimated days until an order arrives, while no courier carries it.
const ESTIMATE: Days = Days::new(3);

/// Generates a new delivery, as of now.
pub fn delivery(order: OrderId, user: Option<UserId>) -> NewDelivery {
    let today = clock::now().date_naive();
    NewDelivery {
        order,
        user,
        id: DeliveryId::new(ids::ordered()),
        tracking_number: TrackingNumber::from_random(rand::rng().random()),
        estimated: today.checked_add_days(ESTIMATE).unwrap_or(today),
    }
}

/// Generates a courier with its first storage place, at a random cell.
pub fn courier(name: Name, speed: Speed) -> NewCourier {
    NewCourier {
        id: CourierId::new(ids::ordered()),
        name,
        speed,
        location: Location::numbered(rand::rng().random_range(0..Location::COUNT)),
        places: vec![place(first_place(), FIRST_PLACE_VOLUME)],
    }
}

/// Generates a storage place.
pub fn place(name: Name, volume: Volume) -> (PlaceId, Name, Volume) {
    (PlaceId::new(ids::ordered()), name, volume)
}
