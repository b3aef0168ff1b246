//! The texts of the pages for the values of the contracts. A value without an entry is shown as it is.

use serde_json::Value;

/// The services of an order's events: what each does for the order, and the colour of its steps.
const SERVICES: &[(&str, &str, &str)] = &[
    ("order", "keeps your order", "plain"),
    ("payment", "takes the money", "money"),
    ("inventory", "has the parts", "goods"),
    ("assembly", "builds the ship", "goods"),
    ("delivery", "carries it to you", "goods"),
    ("notification", "sends you messages", "messages"),
];

fn service(name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    SERVICES.iter().copied().find(|(service, ..)| *service == name)
}

/// Returns the work of a service for an order.
pub fn role(name: &str) -> &'static str {
    service(name).map_or("", |(_, role, _)| role)
}

/// The colour of a service's steps.
pub fn class(name: &str) -> &'static str {
    service(name).map_or("plain", |(.., class)| class)
}

/// Returns the title, short enough for the drawing, and the sentence for an event, by its type without the package and
/// its payload.
pub fn event(name: &str, payload: &Value) -> Option<(&'static str, &'static str)> {
    Some(match (name, payload["status"].as_str().unwrap_or_default()) {
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
        ("OrderCancelled", _) if payload["paid"] == true => {
            ("Order cancelled", "The order was cancelled after it was paid: the money goes back, and so do the parts.")
        }
        ("OrderCancelled", _) => {
            ("Order cancelled", "The order was cancelled before it was paid: the parts go back on the shelf.")
        }
        ("ShipAssembled", _) => ("Ship built", "The ship is built. A courier may fetch it."),
        ("AssemblyFailed", _) => {
            ("Ship cannot be built", "The ship cannot be built. The order will be cancelled, and the money returned.")
        }
        ("DeliveryStatusUpdated", status) => of_delivery(status)?,
        _ => return None,
    })
}

/// Returns the title of a state that a service keeps.
pub fn state<'a>(service: &str, name: &'a str) -> &'a str {
    match (service, name) {
        ("payment", _) => payment(name),
        ("delivery", _) => delivery(name),
        ("assembly", "FAILED") => "Ship cannot be built",
        _ => order(name),
    }
}

/// Returns the title and the sentence of a delivery's status.
fn of_delivery(status: &str) -> Option<(&'static str, &'static str)> {
    Some(match status {
        "PENDING" => ("Delivery planned", "The delivery is planned and waits for the ship."),
        "IN_TRANSIT" => ("On its way", "A courier has the ship and is on the way."),
        "OUT_FOR_DELIVERY" => ("Almost there", "The courier is at most one step away."),
        "DELIVERED" => ("Delivered", "The ship has arrived."),
        "FAILED" => ("No delivery", "There will be no delivery: the order was cancelled."),
        _ => return None,
    })
}

pub fn order(status: &str) -> &str {
    match status {
        "PENDING_PAYMENT" => "Waiting for payment",
        "PAID" => "Paid, being built",
        "ASSEMBLED" => "Built",
        "CANCELLED" => "Cancelled",
        other => other,
    }
}

/// Why an order was cancelled: the name of a `CancelReason`, with or without its prefix.
pub fn cancellation(reason: &str) -> &'static str {
    match reason.strip_prefix("CANCEL_REASON_").unwrap_or(reason) {
        "BY_USER" => "You cancelled it.",
        "PAYMENT_DEADLINE" => "It was not paid in time.",
        "ASSEMBLY_FAILED" => "The ship could not be built. Your money is on its way back.",
        "OUT_OF_STOCK" => "The shop ran out of a part.",
        _ => "",
    }
}

pub fn delivery(status: &str) -> &str {
    of_delivery(status).map_or(status, |(title, _)| title)
}

pub fn payment(status: &str) -> &str {
    match status {
        "PENDING" => "Payment under way",
        "SUCCESS" => "Charged",
        "INSUFFICIENT_FUNDS" => "Refused: balance too low",
        "FAILED" => "Charge declined",
        "REFUNDED" => "Money returned",
        other => other,
    }
}

pub fn method(method: &str) -> &str {
    match method {
        "CARD" => "Card",
        "SBP" => "Fast payment (SBP)",
        "CREDIT_CARD" => "Credit card",
        "INVESTOR_MONEY" => "My balance",
        other => other,
    }
}

pub fn identity(status: &str) -> &str {
    match status {
        "KYC_PENDING" => "Being checked",
        "VERIFIED" => "Verified",
        "REJECTED" => "Not accepted",
        "ERASED" => "Erased",
        other => other,
    }
}

pub fn loan(status: &str) -> &str {
    match status {
        "held" => "Waits for your identity check",
        "crediting" => "Being credited",
        "credited" => "Credited to your balance",
        "refused" => "Refused",
        other => other,
    }
}

pub fn category(category: &str) -> &'static str {
    match category {
        "engine" => "Engines",
        "fuel" => "Fuel",
        "porthole" => "Portholes",
        "wing" => "Wings",
        _ => "Other parts",
    }
}

pub fn action(action: &str) -> &str {
    match action {
        "audit" => "Audit",
        "courier" => "Courier added",
        "discard" => "Dead letters discarded",
        "kyc-rollback" => "Identity check withdrawn",
        "replay" => "Dead letters replayed",
        "restock" => "Restocked",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use contracts::events::{DELIVERY_STATUSES, PAYMENT_OUTCOMES};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_status_of_a_delivery_and_outcome_of_a_payment_has_words_and_a_title() {
        for status in DELIVERY_STATUSES {
            assert!(event("DeliveryStatusUpdated", &json!({"status": status})).is_some(), "{status}");
            assert_ne!(state("delivery", status), status);
        }
        for outcome in PAYMENT_OUTCOMES {
            assert!(event("PaymentCompleted", &json!({"status": outcome})).is_some(), "{outcome}");
            assert_ne!(state("payment", outcome), outcome);
        }
        assert_eq!((event("Unheard", &Value::Null), state("order", "UNHEARD")), (None, "UNHEARD"));
    }
}
