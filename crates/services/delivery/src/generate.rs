//! Generates what chance and the clock decide of new deliveries and couriers: the edge of everything below it.

use chrono::Days;
use contracts::ids::{CourierId, DeliveryId, OrderId, PlaceId, UserId};
use platform::{clock, ids};
use rand::RngExt as _;

use crate::model::{
    FIRST_PLACE_VOLUME, Location, Name, NewCourier, NewDelivery, Speed, TrackingNumber, Volume, first_place,
};

/// The days until an order arrives, as long as no courier has it.
const ESTIMATE: Days = Days::new(3);

/// A delivery about to be made now.
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

/// A courier with its first place, somewhere on the grid.
pub fn courier(name: Name, speed: Speed) -> NewCourier {
    NewCourier {
        id: CourierId::new(ids::ordered()),
        name,
        speed,
        location: Location::numbered(rand::rng().random_range(0..Location::COUNT)),
        places: vec![place(first_place(), FIRST_PLACE_VOLUME)],
    }
}

/// A storage place about to be added.
pub fn place(name: Name, volume: Volume) -> (PlaceId, Name, Volume) {
    (PlaceId::new(ids::ordered()), name, volume)
}
