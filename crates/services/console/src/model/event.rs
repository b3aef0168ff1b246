//! What the console knows of each event: the state that begins with it, and its words.

use contracts::events::route_of;
use serde_json::Value;

/// A state of an order, a payment or a delivery, and the service that keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub service: &'static str,
    pub name: String,
}

/// The words of an event for a reader who does not know the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// Short enough for the drawing.
    pub title: &'static str,
    pub sentence: &'static str,
}

/// Returns the state that begins with an event of the type `kind`, if there is one.
pub fn state(kind: &str, payload: &Value) -> Option<State> {
    let route = route_of(kind)?;
    let state = |service, name: &str| Some(State { service, name: name.to_owned() });
    match kind.strip_prefix("events.v1.")? {
        "OrderCreated" => state("order", "PENDING_PAYMENT"),
        "OrderPaid" => state("order", "PAID"),
        "ShipAssembled" => state("order", "ASSEMBLED"),
        "AssemblyFailed" => state("assembly", "FAILED"),
        "OrderCancelled" => state("order", "CANCELLED"),
        "PaymentCompleted" | "DeliveryStatusUpdated" => {
            state(route.producer, payload["status"].as_str().unwrap_or_default())
        }
        _ => None,
    }
}

/// Returns the words of an event by its type without the package, and by members of its payload. `None` if this table lacks it.
pub fn words<'a>(name: &str, member: impl Fn(&str) -> Option<&'a str>) -> Option<Words> {
    let (title, sentence) = match (name, member("status").unwrap_or_default()) {
        ("OrderCreated", _) => (
            "Order placed",
            "The order and this event were stored in one transaction. The parts are set aside for you.",
        ),
        ("PaymentCompleted", "SUCCESS") => ("Payment succeeded", "The payment provider took the money, once."),
        ("PaymentCompleted", "INSUFFICIENT_FUNDS") => {
            ("Balance too low", "The balance does not cover the price. Nothing was taken.")
        }
        ("PaymentCompleted", "FAILED") => {
            ("Payment declined", "The payment provider refused the charge. Nothing was taken.")
        }
        ("OrderPaid", _) => {
            ("Order paid", "The order is paid. This event starts the building and prepares the delivery.")
        }
        ("OrderCancelled", _) if member("paid") == Some("true") => {
            ("Order cancelled", "The order was cancelled after it was paid: the money goes back, and so do the parts.")
        }
        ("OrderCancelled", _) => {
            ("Order cancelled", "The order was cancelled before it was paid: the parts go back on the shelf.")
        }
        ("ShipAssembled", _) => ("Ship built", "The ship is built. A courier may fetch it."),
        ("AssemblyFailed", _) => {
            ("Ship cannot be built", "The ship cannot be built. The order will be cancelled, and the money returned.")
        }
        ("DeliveryStatusUpdated", status) => delivery(status)?,
        _ => return None,
    };
    Some(Words { title, sentence })
}

/// Returns the title and the sentence of a delivery's status.
pub fn delivery(status: &str) -> Option<(&'static str, &'static str)> {
    Some(match status {
        "PENDING" => ("Delivery planned", "The delivery is planned and waits for the ship."),
        "IN_TRANSIT" => ("On its way", "A courier has the ship and is on the way."),
        "OUT_FOR_DELIVERY" => ("Almost there", "The courier is at most one step away."),
        "DELIVERED" => ("Delivered", "The ship has arrived."),
        "FAILED" => ("No delivery", "There will be no delivery: the order was cancelled."),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use contracts::events::{DELIVERY_STATUSES, PAYMENT_OUTCOMES, ROUTES};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_event_of_an_order_begins_a_state_and_has_words() {
        for route in ROUTES.iter().filter(|route| route.is_of_order()) {
            assert!(state(route.kind, &json!({"status": "SUCCESS"})).is_some(), "{}", route.kind);
            let name = route.kind.rsplit('.').next().unwrap();
            let mut statuses = DELIVERY_STATUSES.into_iter().chain(PAYMENT_OUTCOMES);
            assert!(statuses.any(|status| words(name, |_| Some(status)).is_some()), "{name}");
        }
        assert_eq!(state("events.v1.Unheard", &json!({})), None);
        assert_eq!(words("Unheard", |_| None), None);
    }

    #[test]
    fn every_status_of_a_delivery_and_outcome_of_a_payment_has_words() {
        for status in DELIVERY_STATUSES {
            assert!(words("DeliveryStatusUpdated", |_| Some(status)).is_some(), "{status}");
        }
        for outcome in PAYMENT_OUTCOMES {
            assert!(words("PaymentCompleted", |_| Some(outcome)).is_some(), "{outcome}");
        }
    }
}
