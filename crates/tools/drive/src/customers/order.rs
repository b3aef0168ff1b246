//! An order as its customer knows it, and the statuses that a read may return.

use anyhow::{Context as _, bail, ensure};
use serde_json::{Value, json};
use uuid::Uuid;

use super::delivery::Delivery;
use client::response::uuid;

#[derive(Debug)]
pub struct Order {
    pub uuid: Uuid,
    user: Uuid,
    parts: Vec<Uuid>,
    total: Value,
    /// The transaction of the acknowledged payment.
    pub paid: Option<Uuid>,
    /// True if a cancellation was acknowledged.
    pub cancelled: bool,
    /// True if a payment or a cancellation was refused because the order had ended.
    pub refused: bool,
    seen: Option<Status>,
    pub delivery: Delivery,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    Pending,
    Paid,
    Assembled,
    Cancelled,
}

impl Order {
    /// Returns the order that the response `body` acknowledged.
    pub fn created(body: &Value, user: Uuid, parts: Vec<Uuid>, address: Option<String>) -> anyhow::Result<Self> {
        let order = uuid(body, "order_uuid")?;
        ensure!(uuid(body, "uuid")? == order, "uuid is not order_uuid in {body}");
        let total = body["total_price"].clone();
        let delivery = Delivery::to(address);
        Ok(Self { uuid: order, user, parts, total, paid: None, cancelled: false, refused: false, seen: None, delivery })
    }

    pub fn has_ended(&self) -> bool {
        match self.seen {
            Some(Status::Assembled) => self.delivery.has_ended(),
            Some(Status::Cancelled) => true,
            _ => false,
        }
    }

    /// Checks an order that was read against what was acknowledged. No request about this order may be in flight.
    pub fn check(&mut self, body: &Value) -> anyhow::Result<()> {
        self.hold(body).with_context(|| format!("order {} is wrong: {body}", self.uuid))
    }

    fn hold(&mut self, body: &Value) -> anyhow::Result<()> {
        ensure!(uuid(body, "order_uuid")? == self.uuid, "another order came back");
        ensure!(uuid(body, "user_uuid")? == self.user, "it is another's");
        ensure!(body["part_uuids"] == json!(self.parts), "its parts are not as they were sent: {:?}", self.parts);
        ensure!(body["total_price"] == self.total, "its price was {}", self.total);
        self.delivery.check_order(body)?;
        let status = match body["status"].as_str().unwrap_or_default() {
            "PENDING_PAYMENT" => Status::Pending,
            "PAID" => Status::Paid,
            "ASSEMBLED" => Status::Assembled,
            "CANCELLED" => Status::Cancelled,
            _ => bail!("its status is unknown"),
        };
        if let Some(seen) = self.seen.replace(status) {
            let possible = match seen {
                Status::Pending => true,
                Status::Paid => status != Status::Pending,
                Status::Assembled | Status::Cancelled => status == seen,
            };
            ensure!(possible, "it was {seen:?} before");
        }
        match status {
            Status::Pending => {
                ensure!(self.paid.is_none() && !self.cancelled, "it was acknowledged as paid or cancelled");
                ensure!(!self.refused, "a request was refused since it was no longer so");
                ensure!(body.get("transaction_uuid").is_none(), "it has a transaction before it is paid");
            }
            Status::Paid | Status::Assembled => {
                ensure!(!self.cancelled, "it was acknowledged as cancelled");
                let paid = self.paid.context("its payment was never acknowledged")?;
                ensure!(uuid(body, "transaction_uuid")? == paid, "it was paid with {paid}");
            }
            // The customer, the payment deadline, missing parts or a failed build cancelled the order.
            Status::Cancelled => {}
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn order() -> (Order, impl Fn(&str) -> Value) {
        let [uuid, user, part] = [1, 2, 3].map(Uuid::from_u128);
        let body = json!({ "order_uuid": uuid, "uuid": uuid, "total_price": 12.5 });
        let order = Order::created(&body, user, vec![part], None).unwrap();
        let read = move |status: &str| json!({ "order_uuid": uuid, "user_uuid": user, "part_uuids": [part], "total_price": 12.5, "status": status });
        (order, read)
    }

    fn with_transaction(mut body: Value, transaction: Uuid) -> Value {
        body["transaction_uuid"] = json!(transaction);
        body
    }

    #[test]
    fn an_order_goes_from_pending_to_paid_to_assembled() {
        let (mut order, read) = order();
        let transaction = Uuid::from_u128(9);

        order.check(&read("PENDING_PAYMENT")).unwrap();
        order.paid = Some(transaction);
        order.check(&with_transaction(read("PAID"), transaction)).unwrap();
        order.check(&with_transaction(read("ASSEMBLED"), transaction)).unwrap();

        assert!(order.has_ended());
        order.check(&with_transaction(read("PAID"), transaction)).unwrap_err();
    }

    #[test]
    fn a_paid_order_without_an_acknowledged_payment_is_a_violation() {
        let (mut order, read) = order();

        let error = order.check(&with_transaction(read("PAID"), Uuid::from_u128(9))).unwrap_err();

        assert!(format!("{error:#}").contains("its payment was never acknowledged"), "{error:#}");
    }

    #[test]
    fn an_acknowledged_payment_or_cancellation_does_not_vanish() {
        for (paid, cancelled, refused) in [(Some(Uuid::nil()), false, false), (None, true, false), (None, false, true)]
        {
            let (mut order, read) = order();
            (order.paid, order.cancelled, order.refused) = (paid, cancelled, refused);

            order.check(&read("PENDING_PAYMENT")).unwrap_err();
        }
    }

    #[test]
    fn an_order_that_was_paid_may_be_cancelled_when_its_ship_cannot_be_built() {
        let (mut order, read) = order();
        order.paid = Some(Uuid::from_u128(9));

        order.check(&read("CANCELLED")).unwrap();

        assert!(order.has_ended());
    }
}
