//! Rows of the tables and their conversion to the model.

use chrono::NaiveDate;
use contracts::ids::{CourierId, DeliveryId, OrderId, UserId};
use platform::postgres::DatabaseError;

use crate::{
    model::{Cargo, Delivery, Early, Known, Location, Name, Speed, State, Status, TrackingNumber, Trip, Volume},
    repository::Shown,
};

/// A row of `orders`, and that of the courier that carries the order.
#[derive(Clone)]
pub struct OrderRow {
    pub order: OrderId,
    pub basket: Option<OrderId>,
    pub state: String,
    pub status: Option<String>,
    pub user: Option<UserId>,
    pub delivery: Option<DeliveryId>,
    pub tracking_number: Option<String>,
    pub x: Option<i16>,
    pub y: Option<i16>,
    pub volume: Option<i32>,
    pub estimated_date: Option<NaiveDate>,
    pub courier: Option<CourierId>,
    pub steps: Option<i32>,
    pub carrier: Option<CourierId>,
    pub carrier_name: Option<String>,
    pub carrier_speed: Option<i32>,
    pub carrier_x: Option<i16>,
    pub carrier_y: Option<i16>,
}

/// Selects [`OrderRow`]s: `$from` is the statement from its `from` clause on, which joins `orders` and `couriers`.
macro_rules! select_orders {
    ($from:literal, $($argument:expr),+ $(,)?) => {
        sqlx::query_as!(
            $crate::repository::postgres::row::OrderRow,
            r#"select orders.uuid as "order!: contracts::ids::OrderId",
                orders.basket_uuid as "basket?: contracts::ids::OrderId",
                orders.state as "state!", orders.status as "status?",
                orders.user_uuid as "user?: contracts::ids::UserId",
                orders.delivery_uuid as "delivery?: contracts::ids::DeliveryId",
                orders.tracking_number as "tracking_number?", orders.x as "x?", orders.y as "y?",
                orders.volume as "volume?", orders.estimated_date as "estimated_date?",
                orders.courier_uuid as "courier?: contracts::ids::CourierId", orders.steps as "steps?",
                couriers.uuid as "carrier?: contracts::ids::CourierId", couriers.name as "carrier_name?",
                couriers.speed as "carrier_speed?", couriers.x as "carrier_x?", couriers.y as "carrier_y?"
            "# + $from,
            $($argument),+
        )
    };
}
pub(super) use select_orders;

pub struct CourierColumns {
    pub courier: CourierId,
    pub name: String,
    pub speed: i32,
    pub x: i16,
    pub y: i16,
}

impl OrderRow {
    /// Returns the delivery, and the trip of the courier that carries the order.
    pub fn shown(mut self) -> Result<Shown, DatabaseError> {
        let name = self.carrier_name.take();
        let carrier = match (self.carrier, name, self.carrier_speed, self.carrier_x, self.carrier_y) {
            (Some(courier), Some(name), Some(speed), Some(x), Some(y)) => {
                Some(CourierColumns { courier, name, speed, x, y })
            }
            _ => None,
        };
        let delivery = self.delivery()?;
        let trip = carrier.map(|carrier| trip(carrier, delivery.clone())).transpose()?;
        Ok(Shown { delivery, trip })
    }

    pub fn known(self) -> Result<Known, DatabaseError> {
        match self.state.as_str() {
            "ASSEMBLED_EARLY" => Ok(Known::Early(Early::Assembled)),
            "CANCELLED_EARLY" => Ok(Known::Early(Early::Cancelled)),
            _ => Ok(Known::Delivery(Box::new(self.delivery()?))),
        }
    }

    pub fn delivery(self) -> Result<Delivery, DatabaseError> {
        let order = self.order;
        let inconsistent = |column| DatabaseError::inconsistent("orders", column, order);
        let carried = self.courier.zip(self.steps.and_then(|steps| u32::try_from(steps).ok()));
        let state = match (self.state.as_str(), carried) {
            ("PENDING", None) => State::Pending,
            ("CREATED", None) => State::Created,
            ("ASSIGNED", Some((courier, steps))) => State::Assigned { courier, steps },
            ("COMPLETED", Some((courier, steps))) => State::Completed { courier, steps },
            ("FAILED", None) => State::Failed,
            _ => return Err(inconsistent("state")),
        };
        let location = match (self.x, self.y) {
            (Some(x), Some(y)) => Some(Location::new(x.into(), y.into()).map_err(|_| inconsistent("x"))?),
            _ => None,
        };
        let volume = self.volume.map(|volume| Volume::new(volume.into())).transpose();
        let volume = volume.map_err(|_| inconsistent("volume"))?;
        let number = self.tracking_number.as_deref().and_then(TrackingNumber::parse);
        Ok(Delivery {
            order,
            basket: self.basket,
            user: self.user,
            id: self.delivery.ok_or_else(|| inconsistent("delivery_uuid"))?,
            tracking_number: number.ok_or_else(|| inconsistent("tracking_number"))?,
            cargo: location.zip(volume).map(|(location, volume)| Cargo { location, volume }),
            estimated: self.estimated_date.ok_or_else(|| inconsistent("estimated_date"))?,
            state,
            status: self.status.as_deref().and_then(Status::parse).ok_or_else(|| inconsistent("status"))?,
        })
    }
}

/// An order that waits or is carried must have a cargo; fails otherwise.
pub fn cargo(delivery: &Delivery) -> Result<Cargo, DatabaseError> {
    delivery.cargo.ok_or_else(|| DatabaseError::inconsistent("orders", "x", delivery.order))
}

impl CourierColumns {
    pub fn read(self) -> Result<(CourierId, Name, Speed, Location), DatabaseError> {
        let id = self.courier;
        let inconsistent = |column| DatabaseError::inconsistent("couriers", column, id);
        let name = Name::new(self.name).map_err(|_| inconsistent("name"))?;
        let speed = Speed::new(self.speed.into()).ok_or_else(|| inconsistent("speed"))?;
        let location = Location::new(self.x.into(), self.y.into()).map_err(|_| inconsistent("x"))?;
        Ok((id, name, speed, location))
    }
}

fn trip(courier: CourierColumns, delivery: Delivery) -> Result<Trip, DatabaseError> {
    let target = cargo(&delivery)?.location;
    let (courier, name, speed, location) = courier.read()?;
    Ok(Trip { courier, name, speed, location, target, delivery })
}
