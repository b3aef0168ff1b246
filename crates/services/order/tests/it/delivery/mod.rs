//! Tests of an order's delivery: the HTTP endpoints, the gRPC call, and the events that order writes and consumes.

mod addresses;
mod app;
mod consumer;
mod events;
mod http;
mod tracking;

use chrono::NaiveDate;
use contracts::{
    events::DeliveryStatusUpdated,
    ids::{CourierId, DeliveryId, OrderId, UserId},
};
use order::model::{Cell, Courier, Delivery, DeliveryAddress, DeliveryStatus, NewOrder, Position, Tracked};
use uuid::Uuid;

use crate::ids;
use crate::shop::Shop;

const ADDRESS: &str = "Москва, ул. Тверская, 1";

fn address() -> DeliveryAddress {
    DeliveryAddress::new(ADDRESS.to_owned()).expect("an address")
}

/// Creates an order of one engine with a delivery address.
pub async fn order(shop: &Shop) -> OrderId {
    let order = NewOrder::new(ids::order(), shop.user, vec![shop.engine]);
    shop.create(NewOrder { delivery_address: Some(address()), ..order }).await
}

pub fn reported(status: DeliveryStatus) -> Delivery {
    Delivery {
        uuid: DeliveryId::new(Uuid::from_u128(7)),
        status,
        tracking_number: "A1B2C3D4E5F6".to_owned(),
        estimated_delivery: NaiveDate::from_ymd_opt(2026, 11, 24),
    }
}

/// Returns the event of [`reported`].
fn updated(order: OrderId, user: UserId, status: &str) -> DeliveryStatusUpdated {
    DeliveryStatusUpdated {
        order_uuid: order.to_string(),
        user_uuid: user.to_string(),
        delivery_uuid: Uuid::from_u128(7).to_string(),
        status: status.to_owned(),
        tracking_number: "A1B2C3D4E5F6".to_owned(),
        estimated_date: "2026-11-24".to_owned(),
        ..DeliveryStatusUpdated::default()
    }
}

/// Returns the state of a delivery that a courier carries.
pub fn carried() -> Tracked {
    let courier = Courier {
        uuid: CourierId::new(Uuid::from_u128(8)),
        name: "Вело".to_owned(),
        speed: 2,
        location: Cell { x: 4, y: 2 },
        steps_left: 3,
    };
    let position = Position { current_location: "(4, 2)".to_owned(), progress: 43, courier: Some(courier) };
    Tracked { delivery: reported(DeliveryStatus::InTransit), position: Some(position) }
}
