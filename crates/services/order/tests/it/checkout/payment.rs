//! Tests of the endpoints `…/payment` of `/api/v1/orders` and of `/api/orders`.

use contracts::ids::{OrderId, UserId};
use order::{client::Fault, error::OrderRefusal, model::PaymentMethod};
use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Api, problem, start};

struct Fixture {
    api: Api,
    order: String,
    uuid: OrderId,
    user: UserId,
}

async fn fixture() -> Fixture {
    let api = start(10).await;
    let order = api.order().await;
    let (uuid, user) = (OrderId::new(order.parse().expect("a uuid")), UserId::new(api.user));
    Fixture { api, order, uuid, user }
}

impl Fixture {
    async fn pay(&self) -> bool {
        self.api.service.pay(self.user, self.uuid, PaymentMethod::Sbp, None).await.is_ok()
    }

    /// Returns the payment as `/api/v1/orders` and `/api/orders` show it, in this order.
    async fn shown(&self) -> [Value; 2] {
        let mut shown = [Value::Null, Value::Null];
        for (value, base) in shown.iter_mut().zip(["/api/v1/orders", "/api/orders"]) {
            let path = format!("{base}/{}/payment", self.order);
            let response = self.api.request(Method::GET, &path).send().await.expect("a response");
            assert_eq!(response.status(), 200);
            *value = response.json().await.expect("JSON");
        }
        shown
    }

    async fn refused(&self, status: u16, code: &str) {
        for base in ["/api/v1/orders", "/api/orders"] {
            let path = format!("{base}/{}/payment", self.order);
            let response = self.api.request(Method::GET, &path).send().await.expect("a response");
            problem(response, status, code).await;
        }
    }
}

#[tokio::test]
async fn there_is_no_payment_before_the_first_attempt_or_while_payment_is_away() {
    let fixture = fixture().await;

    fixture.refused(404, "PAYMENT_NOT_FOUND").await;
    assert!(fixture.pay().await);
    fixture.api.payments.set_away(true);
    fixture.refused(503, "DEPENDENCY_UNAVAILABLE").await;
}

#[tokio::test]
async fn a_payment_that_was_made_is_shown_until_and_after_its_refund() {
    let fixture = fixture().await;
    assert!(fixture.pay().await);
    let transaction = fixture.api.get(&fixture.order).await["transaction_uuid"].clone();

    for status in ["SUCCESS", "REFUNDED"] {
        let [v1, other] = fixture.shown().await;

        assert_eq!(
            v1,
            json!({
                "order_uuid": fixture.order, "transaction_uuid": transaction, "status": status, "amount": 2469.0,
                "payment_method": "SBP", "paid_at": "1970-01-01T00:00:00Z",
            })
        );
        assert_eq!(
            other,
            json!({
                "order_id": fixture.order, "payment_id": transaction, "status": status, "amount": 2469.0,
                "paid_at": "1970-01-01T00:00:00Z",
            })
        );
        fixture.api.payments.refund(fixture.uuid);
    }
}

#[tokio::test]
async fn a_declined_payment_has_an_id_and_no_transaction() {
    let fixture = fixture().await;
    for (refusal, status) in
        [(OrderRefusal::PaymentDeclined, "FAILED"), (OrderRefusal::InsufficientFunds, "INSUFFICIENT_FUNDS")]
    {
        fixture.api.payments.script(Fault::Decline(refusal));
        assert!(!fixture.pay().await);

        let [v1, other] = fixture.shown().await;

        let order = &fixture.order;
        assert_eq!(v1, json!({ "order_uuid": order, "status": status, "amount": 2469.0, "payment_method": "SBP" }));
        assert!(other["payment_id"].is_string());
        assert_eq!((&other["status"], &other["paid_at"]), (&json!(status), &Value::Null));
    }
}

#[tokio::test]
async fn an_attempt_that_has_not_reached_payment_is_pending() {
    for declined_before in [false, true] {
        let fixture = fixture().await;
        if declined_before {
            fixture.api.payments.script(Fault::Decline(OrderRefusal::PaymentDeclined));
            assert!(!fixture.pay().await);
        }
        fixture.api.payments.script(Fault::Lost);
        assert!(!fixture.pay().await);

        let [v1, other] = fixture.shown().await;

        let order = &fixture.order;
        assert_eq!(v1, json!({ "order_uuid": order, "status": "PENDING", "amount": 2469.0, "payment_method": "SBP" }));
        assert_eq!((&other["payment_id"], &other["paid_at"]), (&Value::Null, &Value::Null));
    }
}
