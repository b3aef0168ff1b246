//! Couriers, what they carry, and the orders that wait for one, as text.

use std::fmt::{self, Write as _};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Location {
    pub x: i32,
    pub y: i32,
}

/// A courier as the delivery service's `GET /couriers` lists it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Courier {
    pub name: String,
    pub location: Location,
    pub speed: i32,
    #[serde(default)]
    pub order_id: Option<Uuid>,
}

/// An order as the delivery service's `GET /orders/active` lists it.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Order {
    pub id: Uuid,
    pub location: Location,
}

/// Couriers and active orders, as the delivery service lists them.
#[derive(Clone, Debug, Default, Serialize)]
pub struct List {
    pub couriers: Vec<Courier>,
    pub orders: Vec<Order>,
}

impl fmt::Display for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.couriers.is_empty() {
            writeln!(f, "  no couriers")?;
        }
        for courier in &self.couriers {
            let (name, at) = (printable(&courier.name), shown(courier.location));
            writeln!(f, "  {name:<20} speed {:<3} {at:<9} {}", courier.speed, self.errand(courier))?;
        }
        let carried = |order: &&Order| self.couriers.iter().any(|courier| courier.order_id == Some(order.id));
        let waiting: Vec<&Order> = self.orders.iter().filter(|order| !carried(order)).collect();
        writeln!(f, "\n  {} carried, {} waiting for a courier", self.orders.len() - waiting.len(), waiting.len())?;
        for order in waiting {
            writeln!(f, "    {} to {}", short(order.id), shown(order.location))?;
        }
        Ok(())
    }
}

impl List {
    fn errand(&self, courier: &Courier) -> String {
        let Some(order) = courier.order_id else { return "free".to_owned() };
        match self.orders.iter().find(|active| active.id == order) {
            // It was delivered between the two answers.
            None => format!("carries {}", short(order)),
            Some(active) => format!("carries {} to {}", short(order), shown(active.location)),
        }
    }
}

fn shown(location: Location) -> String {
    format!("({}, {})", location.x, location.y)
}

/// The last digits of an order's uuid, since the first ones of a v7 uuid are the time.
fn short(order: Uuid) -> String {
    let text = order.to_string();
    format!("…{}", &text[text.len() - 8..])
}

/// Replaces control characters in a name: a terminal would obey an escape sequence.
fn printable(name: &str) -> String {
    let mut printable = String::new();
    for character in name.chars().take(20) {
        let _ = printable.write_char(if character.is_control() { '?' } else { character });
    }
    printable
}

#[cfg(test)]
mod tests {
    use super::*;

    fn courier(name: &str, order: Option<u128>) -> Courier {
        let (location, order_id) = (Location { x: 1, y: 2 }, order.map(Uuid::from_u128));
        Courier { name: name.to_owned(), location, speed: 1, order_id }
    }

    #[test]
    fn couriers_are_listed_with_their_errands_and_then_the_orders_that_wait() {
        let order = |id| Order { id: Uuid::from_u128(id), location: Location { x: 5, y: 4 } };
        let couriers = vec![courier("Пеший", None), courier("Вело", Some(0xabc)), courier("\u{1b}[2Jx", Some(0xdef))];
        let list = List { couriers, orders: vec![order(0xabc), order(0x123)] };

        assert_eq!(
            list.to_string(),
            "  Пеший                speed 1   (1, 2)    free
  Вело                 speed 1   (1, 2)    carries …00000abc to (5, 4)
  ?[2Jx                speed 1   (1, 2)    carries …00000def

  1 carried, 1 waiting for a courier
    …00000123 to (5, 4)
"
        );
        let nothing = List::default().to_string();
        assert!(nothing.contains("no couriers") && nothing.contains("0 carried, 0 waiting"), "{nothing}");
    }
}
