//! Tests by layer: the contract of the repository, use cases with in-memory dependencies, and the service over real
//! PostgreSQL and Kafka.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod api;
mod assigning;
mod contract;
mod service;

use chrono::NaiveDate;
use contracts::{
    events::Cause,
    ids::{CourierId, DeliveryId, EventId, OrderId, PlaceId, UserId},
};
use delivery::model::{Cargo, Location, Name, NewCourier, NewDelivery, Speed, TrackingNumber, Volume};
use platform::ids;

fn order() -> OrderId {
    OrderId::new(ids::ordered())
}

fn cause(consumer: &'static str) -> Cause {
    Cause { consumer, event: EventId::new(ids::random()) }
}

fn volume(volume: i64) -> Volume {
    Volume::new(volume).expect("a volume")
}

fn at(x: i64, y: i64) -> Location {
    Location::new(x, y).expect("a cell")
}

fn cargo(size: i64) -> Cargo {
    Cargo { location: at(5, 5), volume: volume(size) }
}

/// A new delivery of an order of the shop.
fn new(order: OrderId) -> NewDelivery {
    NewDelivery {
        order,
        basket: None,
        user: Some(UserId::new(ids::random())),
        id: DeliveryId::new(ids::ordered()),
        tracking_number: TrackingNumber::from_random(ids::random().as_u128()),
        estimated: NaiveDate::from_ymd_opt(2026, 11, 20).expect("a day"),
    }
}

/// A new courier with storage places of these volumes.
fn courier(speed: i64, x: i64, y: i64, volumes: &[i64]) -> NewCourier {
    let place = |size: &i64| (PlaceId::new(ids::ordered()), Name::new("place").expect("a name"), volume(*size));
    NewCourier {
        id: CourierId::new(ids::ordered()),
        name: Name::new("courier").expect("a name"),
        speed: Speed::new(speed).expect("a speed"),
        location: at(x, y),
        places: volumes.iter().map(place).collect(),
    }
}
