//! The delivery of an order, as `GET /api/v1/orders/{order_uuid}/delivery` returns it.

use std::fmt;

use anyhow::{Context as _, ensure};
use contracts::events::DELIVERY_STATUSES;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::response::uuid;

/// A delivery, checked against the contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub delivery: Uuid,
    pub status: String,
    pub tracking_number: String,
    pub estimated_delivery: String,
    /// `None`, like the next two fields, in order's own copy, which it returns while delivery is unavailable.
    pub current_location: Option<String>,
    pub progress: Option<i64>,
    pub courier: Option<Courier>,
    pub is_stale: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Courier {
    pub name: String,
    pub speed: i64,
    pub steps_left: i64,
}

impl Delivery {
    pub fn from_json(order: Uuid, body: &Value) -> anyhow::Result<Self> {
        let text = |member: &str| {
            let text = body[member].as_str().map(str::to_owned);
            text.with_context(|| format!("{member} is not a string in {body}"))
        };
        ensure!(uuid(body, "order_uuid")? == order, "the delivery of another order came back: {body}");
        let is_stale = body["stale"] == true;
        let delivery = Self {
            delivery: uuid(body, "delivery_uuid")?,
            status: text("status")?,
            tracking_number: text("tracking_number")?,
            estimated_delivery: text("estimated_delivery")?,
            current_location: if is_stale { None } else { Some(text("current_location")?) },
            progress: body["progress"].as_i64(),
            courier: body.get("courier").map(Courier::deserialize).transpose()?,
            is_stale,
        };
        ensure!(DELIVERY_STATUSES.contains(&delivery.status.as_str()), "an unknown status in {body}");
        let is_one = |letter: char| letter.is_ascii_uppercase() || letter.is_ascii_digit();
        let number = &delivery.tracking_number;
        ensure!(number.len() == 12 && number.chars().all(is_one), "{number} is no tracking number in {body}");
        let day = delivery.estimated_delivery.as_bytes();
        ensure!(day.len() == 10 && day[4] == b'-' && day[7] == b'-', "estimated_delivery is not YYYY-MM-DD in {body}");
        ensure!(is_stale || (0..=100).contains(&delivery.progress.unwrap_or(-1)), "no progress in {body}");
        Ok(delivery)
    }
}

impl fmt::Display for Delivery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status)?;
        if let Some(location) = &self.current_location {
            write!(f, ": {location}")?;
        }
        if let Some(Courier { name, steps_left, .. }) = &self.courier {
            let steps = if *steps_left == 1 { "step" } else { "steps" };
            write!(f, ", {name}, {steps_left} {steps} left")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ORDER: Uuid = Uuid::from_u128(1);

    fn carried() -> Value {
        json!({
            "order_uuid": ORDER, "delivery_uuid": Uuid::from_u128(2), "status": "IN_TRANSIT", "tracking_number": "AB12CD34EF56",
            "estimated_delivery": "2026-11-20", "current_location": "(4, 2)", "progress": 55,
            "courier": { "id": Uuid::from_u128(3), "name": "Вело", "speed": 2, "location": { "x": 4, "y": 2 }, "steps_left": 1 },
        })
    }

    #[test]
    fn a_copy_of_order_has_no_courier() {
        let mut copy = carried();
        for member in ["current_location", "progress", "courier"] {
            copy.as_object_mut().unwrap().remove(member);
        }
        Delivery::from_json(ORDER, &copy).unwrap_err();
        copy["stale"] = json!(true);

        let delivery = Delivery::from_json(ORDER, &copy).unwrap();

        assert_eq!((delivery.to_string().as_str(), delivery.is_stale), ("IN_TRANSIT", true));
    }

    #[test]
    fn a_response_that_the_contract_does_not_have_is_refused() {
        assert_eq!(Delivery::from_json(ORDER, &carried()).unwrap().progress, Some(55));
        for (member, value) in [
            ("order_uuid", json!(Uuid::from_u128(9))),
            ("delivery_uuid", json!("none")),
            ("status", json!("LOST")),
            ("tracking_number", json!("ab12cd34ef56")),
            ("estimated_delivery", json!("soon")),
            ("progress", json!(101)),
        ] {
            let mut body = carried();
            body[member] = value;

            assert!(Delivery::from_json(ORDER, &body).is_err(), "{body}");
        }
    }
}
