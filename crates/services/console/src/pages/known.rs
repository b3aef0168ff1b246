//! The console's data about an order, from its records and from the services' responses.

use std::collections::HashMap;

use contracts::proto::{
    delivery::v1::GetDeliveryStatusResponse,
    payment::v1::{Payment, PaymentStatus},
};
use serde_json::Value;
use uuid::Uuid;

use super::{
    format::{Moment, Money},
    payments::{method, status},
    words,
};
use crate::model::{Kind, Step};

/// The text in place of another user's address, which only that user may see.
const HIDDEN: &str = "known to its owner alone";

pub struct OrderLine {
    pub name: String,
    pub quantity: i64,
    /// The price of one unit; absent if the part is no longer in the catalogue.
    pub price: Option<Money>,
}

impl OrderLine {
    pub fn sum(&self) -> Option<Money> {
        Some(self.price?.times(self.quantity))
    }
}

pub struct PaymentView {
    /// `PENDING`, `SUCCESS`, `INSUFFICIENT_FUNDS`, `FAILED` or `REFUNDED`.
    pub status: String,
    pub amount: Money,
    pub method: String,
    pub transaction_uuid: Option<String>,
    pub paid_at: Option<Moment>,
}

impl PaymentView {
    pub fn words(&self) -> &str {
        words::payment(&self.status)
    }

    pub fn method_words(&self) -> &str {
        words::method(&self.method)
    }

    pub fn is_trouble(&self) -> bool {
        matches!(self.status.as_str(), "INSUFFICIENT_FUNDS" | "FAILED")
    }
}

#[derive(Default)]
pub struct Known {
    pub parts: Vec<Uuid>,
    pub total: Money,
    /// `PENDING_PAYMENT`, `PAID`, `ASSEMBLED` or `CANCELLED`.
    pub status: String,
    pub created_at: Option<Moment>,
    /// Why it was cancelled, in words.
    pub reason: Option<&'static str>,
    /// True if the records say that the ship is delivered.
    is_delivered: bool,
    /// The order service's response; null without it.
    order: Value,
    pub payment: Option<PaymentView>,
    pub delivery: Option<GetDeliveryStatusResponse>,
    /// The number of the latest attempt to pay.
    pub attempt: u32,
    /// The actions that the order service allows the visitor. `None` without its response.
    pub allowed_actions: Option<Vec<String>>,
}

impl Known {
    pub fn from_steps(steps: &[Step]) -> Self {
        let mut known = Self::default();
        for step in steps.iter().filter(|step| step.kind == Kind::Event) {
            let payload = step.payload();
            let text = |member: &str| payload[member].as_str().unwrap_or_default();
            match step.name.as_str() {
                "OrderCreated" => {
                    let parts = payload["part_uuids"].as_array().into_iter().flatten();
                    known.parts = parts.filter_map(|part| Uuid::try_parse(part.as_str()?).ok()).collect();
                    known.total = Money(text("total_price_minor").parse().unwrap_or_default());
                    known.created_at = Some(Moment(step.at));
                    known.reach("PENDING_PAYMENT");
                }
                "PaymentCompleted" => {
                    known.payment = Some(PaymentView {
                        status: text("status").to_owned(),
                        amount: Money(text("amount_minor").parse().unwrap_or_default()),
                        method: String::new(),
                        transaction_uuid: Some(text("transaction_uuid").to_owned())
                            .filter(|_| text("status") == "SUCCESS"),
                        paid_at: Some(Moment(step.at)).filter(|_| text("status") == "SUCCESS"),
                    });
                    known.attempt =
                        payload["attempt"].as_u64().and_then(|number| number.try_into().ok()).unwrap_or_default();
                }
                "OrderPaid" => {
                    known.reach("PAID");
                    known.is_delivered |= payload["deliver"] == true;
                }
                "ShipAssembled" => known.reach("ASSEMBLED"),
                "OrderCancelled" => {
                    known.reach("CANCELLED");
                    known.reason = Some(words::cancellation(text("reason"))).filter(|reason| !reason.is_empty());
                }
                _ => {}
            }
        }
        known
    }

    /// Sets the status if it comes after the known status: records of different topics may arrive in any order.
    fn reach(&mut self, status: &str) {
        let rank =
            |status: &str| ["PENDING_PAYMENT", "PAID", "ASSEMBLED", "CANCELLED"].iter().position(|one| *one == status);
        if self.status.is_empty() || rank(status) > rank(&self.status) {
            status.clone_into(&mut self.status);
        }
    }

    /// Reads the order service's response, which is newer than the records.
    pub fn read(&mut self, order: Value) {
        let parts = order["part_uuids"].as_array().into_iter().flatten();
        self.parts = parts.filter_map(|part| Uuid::try_parse(part.as_str()?).ok()).collect();
        self.total = Money::from_major(order["total_price"].as_f64().unwrap_or_default());
        order["status"].as_str().unwrap_or_default().clone_into(&mut self.status);
        let actions = order["allowed_actions"].as_array();
        self.allowed_actions = Some(match actions {
            Some(actions) => actions.iter().filter_map(|action| action.as_str().map(str::to_owned)).collect(),
            // A replica of the previous release does not list the allowed actions. It refuses an action that is not
            // allowed.
            None if self.status == "PENDING_PAYMENT" => vec!["PAY".to_owned(), "CANCEL".to_owned()],
            None => Vec::new(),
        });
        self.order = order;
    }

    /// Returns a text in the order service's response.
    pub fn text(&self, member: &str) -> Option<&str> {
        self.order[member].as_str()
    }

    pub fn address(&self) -> Option<&str> {
        if self.order.is_null() { self.is_delivered.then_some(HIDDEN) } else { self.text("delivery_address") }
    }

    pub fn allows(&self, action: &str) -> bool {
        self.allowed_actions.as_ref().is_some_and(|allowed| allowed.iter().any(|one| one == action))
    }

    pub fn pay(&mut self, payment: Option<Payment>) {
        let Some(payment) = payment else { return };
        let is_charged =
            matches!(payment.status(), PaymentStatus::Succeeded | PaymentStatus::Refunding | PaymentStatus::Refunded);
        let paid_at = self.payment.as_ref().and_then(|known| known.paid_at);
        self.attempt = payment.attempt;
        self.payment = Some(PaymentView {
            status: status(&payment).to_owned(),
            amount: Money(payment.amount_minor),
            method: method(&payment).to_owned(),
            transaction_uuid: Some(payment.transaction_uuid).filter(|_| is_charged),
            paid_at,
        });
    }

    pub fn distinct(&self) -> Vec<Uuid> {
        let mut parts = self.parts.clone();
        parts.sort_unstable();
        parts.dedup();
        parts
    }

    /// Returns a line per part, in the order of their first mention.
    pub fn lines(&self, known: &HashMap<String, (String, Money)>) -> Vec<OrderLine> {
        let mut counts: Vec<(Uuid, i64)> = Vec::new();
        for part in &self.parts {
            match counts.iter_mut().find(|(known, _)| known == part) {
                Some((_, count)) => *count += 1,
                None => counts.push((*part, 1)),
            }
        }
        let single = counts.len() == 1;
        counts
            .into_iter()
            .map(|(part, quantity)| {
                let part = part.to_string();
                let (name, price) = known.get(&part).map_or((part, None), |(name, price)| (name.clone(), Some(*price)));
                // If all units are of one part, its price follows from the total, even if the part's price has changed
                // since.
                let price = if single { Some(Money(self.total.0 / quantity)) } else { price };
                OrderLine { name, quantity, price }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::json;

    use super::*;
    use crate::model::Detail;

    fn event(name: &str, payload: &Value) -> Step {
        Step {
            place: 0,
            is_repeat: false,
            at: DateTime::UNIX_EPOCH,
            kind: Kind::Event,
            service: "order",
            name: name.to_owned(),
            topic: None,
            partition: None,
            offset: None,
            event_uuid: None,
            trace_id: None,
            detail: Some(Detail {
                committed_at: DateTime::UNIX_EPOCH,
                published_at: DateTime::UNIX_EPOCH,
                consumed_at: DateTime::UNIX_EPOCH,
                payload: payload.clone(),
                headers: Value::Null,
            }),
        }
    }

    #[test]
    fn the_records_alone_tell_an_orders_parts_payment_and_status() {
        let part = Uuid::from_u128(1);
        let known = Known::from_steps(&[
            event("OrderCreated", &json!({"part_uuids": [part, part], "total_price_minor": "500"})),
            event("PaymentCompleted", &json!({"status": "FAILED", "amount_minor": "500", "attempt": 1})),
            event("PaymentCompleted", &json!({"status": "SUCCESS", "amount_minor": "500", "attempt": 2})),
            event("ShipAssembled", &json!({})),
            event("OrderPaid", &json!({"deliver": true})),
        ]);

        assert_eq!((known.status.as_str(), known.total, known.attempt), ("ASSEMBLED", Money(500), 2));
        assert_eq!(known.payment.as_ref().map(|payment| payment.status.as_str()), Some("SUCCESS"));
        assert_eq!(known.address(), Some(HIDDEN));
        let lines = known.lines(&HashMap::new());
        assert_eq!((lines.len(), lines[0].quantity, lines[0].price), (1, 2, Some(Money(250))));
    }

    #[test]
    fn the_order_service_says_which_actions_are_allowed_and_without_it_none_are() {
        let mut known = Known::from_steps(&[event("OrderCreated", &json!({}))]);
        assert_eq!((known.allows("PAY"), known.allows("CANCEL")), (false, false));

        let waiting = |actions: Value| json!({ "status": "PENDING_PAYMENT", "allowed_actions": actions });
        for (response, allowed) in [
            (waiting(json!(["PAY", "CANCEL"])), (true, true)),
            (waiting(json!(["CANCEL"])), (false, true)),
            (waiting(json!([])), (false, false)),
            // The responses of the previous release.
            (json!({ "status": "PENDING_PAYMENT" }), (true, true)),
            (json!({ "status": "PAID" }), (false, false)),
        ] {
            known.read(response.clone());
            assert_eq!((known.allows("PAY"), known.allows("CANCEL")), allowed, "{response}");
        }
    }

    #[test]
    fn a_cancelled_order_says_why() {
        let known = Known::from_steps(&[event("OrderCancelled", &json!({"reason": "CANCEL_REASON_PAYMENT_DEADLINE"}))]);

        assert_eq!(known.reason, Some("It was not paid in time."));
    }
}
