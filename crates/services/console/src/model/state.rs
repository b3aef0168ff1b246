//! The states that events tell of.

use serde_json::Value;

/// A state of an order, a payment or a delivery, and the service that keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct State {
    pub service: &'static str,
    pub name: String,
}

/// Returns the state that begins with an event of the type `kind`, if there is one.
pub fn state(kind: &str, payload: &Value) -> Option<State> {
    let of = |service, name: &str| Some(State { service, name: name.to_owned() });
    let status = payload["status"].as_str().unwrap_or_default();
    match kind.strip_prefix("events.v1.")? {
        "OrderCreated" => of("order", "PENDING_PAYMENT"),
        "PaymentCompleted" => of("payment", status),
        "OrderPaid" => of("order", "PAID"),
        "ShipAssembled" => of("order", "ASSEMBLED"),
        "AssemblyFailed" => of("assembly", "FAILED"),
        "OrderCancelled" => of("order", "CANCELLED"),
        "DeliveryStatusUpdated" => of("delivery", status),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use contracts::events::ROUTES;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_event_of_an_order_begins_a_state() {
        for route in ROUTES.iter().filter(|route| route.is_of_order()) {
            assert!(state(route.kind, &json!({"status": "SUCCESS"})).is_some(), "{}", route.kind);
        }
        assert_eq!(state("events.v1.Unheard", &json!({})), None);
    }
}
