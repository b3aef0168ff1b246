//! What the console knows about each event: the state that begins with it, and the texts for both.

use contracts::events::route_of;
use serde_json::Value;

/// A state of an order, a payment, a build or a delivery, and the service that keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub service: &'static str,
    pub name: String,
}

/// The texts for an event, for a reader who does not know the system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Words {
    /// A title short enough for the drawing.
    pub title: &'static str,
    pub sentence: &'static str,
}

/// The states that begin with an event of one type: the event, the service that keeps the state, its name, and its title.
/// Any other event begins no state.
const STATES: &[(&str, &str, &str, &str)] = &[
    ("OrderCreated", "order", "PENDING_PAYMENT", "Waiting for payment"),
    ("OrderPaid", "order", "PAID", "Paid"),
    ("ShipAssembled", "order", "ASSEMBLED", "Ship ready"),
    ("AssemblyFailed", "assembly", "FAILED", "Ship cannot be built"),
    ("OrderCancelled", "order", "CANCELLED", "Cancelled"),
];

/// Returns the state that begins with an event of the type `kind`. `None` if this table lacks the event.
pub fn state(kind: &str, payload: &Value) -> Option<State> {
    let route = route_of(kind)?;
    let event = kind.strip_prefix("events.v1.")?;
    if let Some((_, service, name, _)) = STATES.iter().copied().find(|(own, ..)| *own == event) {
        return Some(State { service, name: name.to_owned() });
    }
    // For these two events, the state is the status in the payload.
    let name = payload["status"].as_str().unwrap_or_default().to_owned();
    matches!(event, "PaymentCompleted" | "DeliveryStatusUpdated").then_some(State { service: route.producer, name })
}

/// Returns the title of a state. `None` if no event begins it.
pub fn state_title(service: &str, name: &str) -> Option<&'static str> {
    match service {
        "payment" => payment(name),
        "delivery" => delivery(name).map(|(title, _)| title),
        _ => {
            let own = STATES.iter().copied().find(|(_, keeper, state, _)| (*keeper, *state) == (service, name));
            own.map(|(.., title)| title)
        }
    }
}

/// Returns the texts for an event, by its type without the package and by members of its payload. `None` if this table lacks the event.
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

/// Returns the title of a payment's status, also of a status that only payment's API has and no event.
pub fn payment(status: &str) -> Option<&'static str> {
    Some(match status {
        "PENDING" => "Payment under way",
        "SUCCESS" => "Charged",
        "INSUFFICIENT_FUNDS" => "Refused: balance too low",
        "FAILED" => "Charge declined",
        "REFUNDED" => "Money returned",
        _ => return None,
    })
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
    use contracts::events::{DELIVERY_STATUSES, PAYMENT_OUTCOMES};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_state_begins_with_an_event_of_the_catalogue_and_has_a_title() {
        let of_status =
            [("PaymentCompleted", "payment", "FAILED", ""), ("DeliveryStatusUpdated", "delivery", "FAILED", "")];
        for (event, service, name, _) in STATES.iter().copied().chain(of_status) {
            let state = state(&format!("events.v1.{event}"), &json!({"status": name}));
            assert_eq!(state, Some(State { service, name: name.to_owned() }), "{event}");
            assert!(state_title(service, name).is_some(), "{event}");
        }
        assert_eq!(state("events.v1.Unheard", &json!({})), None);
        assert_eq!((state_title("order", "UNHEARD"), state_title("audit", "PAID")), (None, None));
        assert_eq!(words("Unheard", |_| None), None);
    }

    #[test]
    fn every_status_of_a_delivery_and_outcome_of_a_payment_has_words_and_a_title() {
        for status in DELIVERY_STATUSES {
            assert!(words("DeliveryStatusUpdated", |_| Some(status)).is_some(), "{status}");
            assert!(state_title("delivery", status).is_some(), "{status}");
        }
        for outcome in PAYMENT_OUTCOMES {
            assert!(words("PaymentCompleted", |_| Some(outcome)).is_some(), "{outcome}");
            assert!(state_title("payment", outcome).is_some(), "{outcome}");
        }
    }
}
