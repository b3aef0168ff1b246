//! Tests over an outside provider: late responses, forgotten idempotency keys, and refunds that are pending or fail.

use std::{num::NonZeroU32, sync::Arc};

use axum::{
    body::Body,
    http::{Request, StatusCode},
};
use contracts::{ids::TransactionId, money::Money};
use outbox::Waker;
use payment::{
    api::webhook,
    client::{Declines, Ledger, Providers},
    error::Error,
    model::{Decline, Method, PartialRefund, RefundRequest, Status},
    repository::{MIGRATIONS, Payments as _, PgPayments, Refunds as _},
    service::{Charge, PaymentService},
};
use platform::postgres::Database;
use ring::hmac;
use serde_json::{Value, json};
use sqlx::Connection as _;
use stand_ins::{Mode, ProviderFault};
use testkit::{new_cause, new_order, new_transaction, new_user};
use tower::ServiceExt as _;

use crate::{money, part, stripe};

struct Fixture {
    provider: stand_ins::Provider,
    service: PaymentService,
    payments: PgPayments,
    pool: Database,
    charge: Charge,
}

async fn fixture() -> Fixture {
    let pool = testkit::database(&MIGRATIONS).await.pool;
    let provider = stripe::stand_in().await;
    let ledger = Ledger::new(pool.clone(), Money::ZERO, Declines::default());
    let providers = Providers::new(Arc::new(ledger), Some(Arc::new(stripe::client(&provider.url()))));
    let payments = PgPayments::new(pool.clone());
    let service = PaymentService::new(Arc::new(payments.clone()), providers, Waker::default());
    let (order, user) = (new_order(), new_user());
    let charge = Charge { order, attempt: NonZeroU32::MIN, user, method: Method::Card, amount: money(1000) };
    Fixture { provider, service, payments, pool, charge }
}

impl Fixture {
    async fn pay(&self) -> Result<TransactionId, Error> {
        self.service.pay(&self.charge, new_transaction()).await
    }

    async fn cancel(&self) {
        self.service.cancel(new_cause(), self.charge.order).await.unwrap();
    }

    async fn refund(&self) -> Result<(), Error> {
        self.service.refund(self.charge.order).await
    }

    fn part(&self, reference: &str, minor: i64) -> PartialRefund {
        part(self.charge.order, reference, minor)
    }

    async fn status(&self) -> Status {
        self.payments.find(self.charge.order).await.unwrap().unwrap().status
    }

    /// Makes all payments 25 h older, and the provider forget their idempotency keys.
    async fn a_day_passes(&self) {
        sqlx::query!("update payments set created_at = created_at - interval '25 hours'")
            .execute(&self.pool)
            .await
            .unwrap();
        self.provider.forget_keys();
    }

    /// Sends an event that is signed with `secret`; the endpoint's secret is `whsec_one`.
    async fn send(&self, secret: &str, body: &str) -> StatusCode {
        let routes = webhook::routes(self.service.clone(), &"whsec_one".into());
        let time = platform::clock::now().timestamp();
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        let tag = hmac::sign(&key, format!("{time}.{body}").as_bytes());
        let hex = hex::encode(tag);
        let request = Request::post("/webhooks/stripe").header("Host", "payment");
        let request = request.header("Stripe-Signature", format!("t={time},v1={hex}"));
        routes.oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap().status()
    }

    /// Returns the numbers of charges and refunds that the provider made.
    fn movements(&self) -> (usize, usize) {
        let order = self.charge.order.uuid();
        (self.provider.charges(order), self.provider.refunds(order))
    }

    /// Returns the idempotency keys of the refunds that were requested.
    fn refund_keys(&self) -> Vec<String> {
        let posts = self.provider.posts().into_iter().filter(|post| post.contains_key("payment_intent"));
        posts.map(|post| post["Idempotency-Key"].clone()).collect()
    }
}

/// Returns the body of the provider's event about a refund with this metadata.
fn event(metadata: &Value) -> String {
    json!({ "type": "refund.failed", "data": { "object": { "id": "re_1", "metadata": metadata } } }).to_string()
}

#[tokio::test]
async fn a_charge_that_is_processing_for_more_than_a_day_is_made_once() {
    let fixture = fixture().await;
    fixture.provider.script([ProviderFault::Processing]);
    assert!(matches!(fixture.pay().await, Err(Error::Unknown(_))));
    fixture.a_day_passes().await;

    let late = fixture.pay().await;
    fixture.provider.complete();
    let settled = fixture.pay().await;

    assert_eq!(fixture.movements(), (1, 0));
    assert!(matches!(late, Err(Error::Unknown(_))), "{late:?}");
    settled.unwrap();
}

#[tokio::test]
async fn an_order_whose_charge_the_provider_refuses_to_execute_can_be_cancelled_and_paid_otherwise() {
    let mut fixture = fixture().await;
    for (attempt, status) in (1..).zip([401, 403, 429]) {
        fixture.charge.attempt = NonZeroU32::new(attempt).unwrap();
        fixture.provider.script([ProviderFault::Status(status)]);

        let refused = fixture.pay().await;

        assert!(matches!(refused, Err(Error::Declined(Decline::Declined))), "{status}: {refused:?}");
    }
    // A request whose response is lost may have charged the order, so the refusal of its retry does not end the
    // attempt.
    fixture.charge.attempt = NonZeroU32::new(4).unwrap();
    fixture.provider.script([ProviderFault::Status(500), ProviderFault::Status(401)]);
    for _ in 0..2 {
        assert!(matches!(fixture.pay().await, Err(Error::Unknown(_))));
    }
    fixture.pay().await.unwrap();
    assert_eq!(fixture.movements(), (1, 0));

    let (order, method) = (new_order(), Method::InvestorMoney);
    fixture.charge = Charge { order, attempt: NonZeroU32::MIN, ..fixture.charge };
    fixture.provider.script([ProviderFault::Status(401)]);
    fixture.pay().await.unwrap_err();
    let attempt = NonZeroU32::new(2).unwrap();
    let otherwise = fixture.service.pay(&Charge { attempt, method, ..fixture.charge }, new_transaction()).await;
    assert!(matches!(otherwise, Err(Error::Declined(Decline::InsufficientFunds))), "{otherwise:?}");
    fixture.cancel().await;
    fixture.refund().await.unwrap();
    assert_eq!(fixture.movements(), (0, 0));
}

/// All three calls read that the refund does not exist before the first call adds it. Then too little of the charge is
/// left for another refund.
#[tokio::test]
async fn concurrent_retries_get_the_same_partial_refund() {
    let fixture = fixture().await;
    fixture.pay().await.unwrap();
    let refund = fixture.part("one", 600);
    let mut connection = fixture.pool.connect().await.unwrap();
    let mut lock = connection.begin().await.unwrap();
    sqlx::query("select from payments for update").execute(&mut *lock).await.unwrap();

    let release = async {
        testkit::eventually(|| async {
            let waiting =
                "select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'";
            let waiting: i64 = sqlx::query_scalar(waiting).fetch_one(&fixture.pool).await.unwrap();
            (waiting == 3).then_some(())
        })
        .await;
        lock.commit().await.unwrap();
    };
    let adds = futures::future::join_all((0..3).map(|_| fixture.payments.add_refund(&refund)));
    let (added, ()) = tokio::join!(adds, release);

    let ids: Vec<_> = added.into_iter().map(|recorded| recorded.unwrap().map(|one| one.refund.id())).collect();
    assert_eq!(ids, [Some(refund.id()); 3]);
}

#[tokio::test]
async fn a_refund_that_fails_after_it_was_made_is_made_again_once() {
    let fixture = fixture().await;
    let transaction = fixture.pay().await.unwrap();
    fixture.cancel().await;
    fixture.refund().await.unwrap();
    fixture.service.look_at(transaction).await.unwrap();
    assert!(matches!(fixture.status().await, Status::Refunded { number: 1, .. }), "the first refund stands");

    fixture.provider.fail_refunds();
    for _ in 0..3 {
        fixture.service.look_at(transaction).await.unwrap();
    }
    let reopened = fixture.status().await;
    fixture.refund().await.unwrap();
    fixture.service.look_at(transaction).await.unwrap();

    assert!(matches!(reopened, Status::Refunding { request: RefundRequest { number: 2, .. }, .. }), "{reopened:?}");
    assert!(matches!(fixture.status().await, Status::Refunded { number: 2, .. }));
    assert_eq!(fixture.movements(), (1, 1));
    assert_eq!(fixture.refund_keys(), [format!("{transaction}-refund"), format!("{transaction}-refund-2")]);
}

#[tokio::test]
async fn an_event_lists_the_refunds_of_its_charge_once() {
    let fixture = fixture().await;
    let transaction = fixture.pay().await.unwrap();
    for number in 0..20 {
        assert!(fixture.service.refund_partially(&fixture.part(&number.to_string(), 10)).await.unwrap().is_made);
    }
    fixture.cancel().await;
    fixture.refund().await.unwrap();
    let before = fixture.provider.refund_lists();

    fixture.provider.fail_refunds();
    fixture.service.look_at(transaction).await.unwrap();

    assert_eq!(fixture.provider.refund_lists() - before, 1);
    assert_eq!(fixture.payments.due_refunds(100).await.unwrap().len(), 20);
    assert!(matches!(fixture.status().await, Status::Refunding { request: RefundRequest { number: 2, .. }, .. }));
}

#[tokio::test]
async fn a_refund_that_is_not_made_is_due_at_an_event_though_the_provider_lists_none() {
    let fixture = fixture().await;
    let transaction = fixture.pay().await.unwrap();
    assert!(fixture.service.refund_partially(&fixture.part("made", 300)).await.unwrap().is_made);
    fixture.provider.be(Mode::Refunding(ProviderFault::Status(500)));
    assert!(!fixture.service.refund_partially(&fixture.part("open", 200)).await.unwrap().is_made);
    fixture.provider.without_refund_list();
    assert!(fixture.payments.due_refunds(10).await.unwrap().is_empty());

    let looked = fixture.service.look_at(transaction).await;

    assert!(matches!(looked, Err(Error::Unknown(_))), "{looked:?}");
    let due = fixture.payments.due_refunds(10).await.unwrap();
    let ids: Vec<_> = due.iter().map(|(refund, _)| refund.refund.id()).collect();
    assert_eq!(ids, [fixture.part("open", 200).id()]);
}

#[tokio::test]
async fn a_partial_refund_that_cannot_be_read_hides_no_other() {
    let fixture = fixture().await;
    let transaction = fixture.pay().await.unwrap();
    for reference in ["bad", "good"] {
        assert!(fixture.service.refund_partially(&fixture.part(reference, 300)).await.unwrap().is_made);
    }
    sqlx::query("update partial_refunds set amount = $2 where refund_uuid = $1")
        .bind(fixture.part("bad", 300).id())
        .bind(contracts::money::MAX + 1)
        .execute(&fixture.pool)
        .await
        .unwrap();
    fixture.provider.fail_refunds();

    fixture.service.look_at(transaction).await.unwrap();

    let due = fixture.payments.due_refunds(10).await.unwrap();
    let ids: Vec<_> = due.iter().map(|(refund, _)| refund.refund.id()).collect();
    assert_eq!(ids, [fixture.part("good", 300).id()]);
}

#[tokio::test]
async fn an_event_counts_with_its_signature_alone() {
    let fixture = fixture().await;
    let transaction = fixture.pay().await.unwrap();
    fixture.cancel().await;
    fixture.refund().await.unwrap();
    fixture.provider.fail_refunds();
    let event = event(&json!({ "transaction_uuid": transaction.to_string() }));

    assert_eq!(fixture.send("whsec_two", &event).await, StatusCode::BAD_REQUEST);
    assert_eq!(fixture.send("whsec_one", "{").await, StatusCode::BAD_REQUEST);
    assert!(matches!(fixture.status().await, Status::Refunded { number: 1, .. }));
    for _ in 0..2 {
        assert_eq!(fixture.send("whsec_one", &event).await, StatusCode::OK);
    }

    assert!(matches!(fixture.status().await, Status::Refunding { request: RefundRequest { number: 2, .. }, .. }));
}

#[tokio::test]
async fn an_event_of_another_system_in_the_providers_account_is_accepted() {
    let fixture = fixture().await;
    fixture.pay().await.unwrap();
    let metadata = [
        json!({ "transaction_uuid": new_transaction().to_string() }),
        json!({ "transaction_uuid": "tx-17" }),
        json!({ "order": "17" }),
        json!(null),
    ];
    let events = metadata.iter().map(event).chain([json!({ "data": { "object": {} } }).to_string()]);

    for event in events {
        assert_eq!(fixture.send("whsec_one", &event).await, StatusCode::OK, "{event}");
    }

    assert!(matches!(fixture.status().await, Status::Succeeded { .. }));
}

#[tokio::test]
async fn a_charge_that_cannot_be_looked_up_is_not_repeated_after_a_day() {
    let fixture = fixture().await;
    fixture.provider.without_search();
    fixture.provider.script([ProviderFault::Lost]);
    assert!(matches!(fixture.pay().await, Err(Error::Unknown(_))));
    fixture.a_day_passes().await;

    let late = fixture.pay().await;

    assert_eq!(fixture.movements(), (1, 0));
    assert!(matches!(late, Err(Error::Unknown(_))), "{late:?}");
    assert!(matches!(fixture.status().await, Status::Pending { .. }), "it stays open");
}

#[tokio::test]
async fn an_attempt_that_never_reached_the_provider_is_declined_after_a_day() {
    let fixture = fixture().await;
    fixture.provider.script([ProviderFault::Status(500)]);
    assert!(matches!(fixture.pay().await, Err(Error::Unknown(_))));
    fixture.a_day_passes().await;

    let late = fixture.pay().await;

    assert!(matches!(late, Err(Error::Declined(Decline::Declined))), "{late:?}");
    assert_eq!(fixture.movements(), (0, 0));
}

#[tokio::test]
async fn a_refund_whose_stored_response_is_an_error_is_retried_under_a_new_key() {
    let fixture = fixture().await;
    fixture.pay().await.unwrap();
    fixture.cancel().await;
    fixture.provider.be(Mode::Refunding(ProviderFault::Stored(500)));
    assert!(fixture.refund().await.is_err(), "the error");
    fixture.provider.be(Mode::Well);
    assert!(fixture.refund().await.is_err(), "the error, replayed");

    fixture.refund().await.unwrap();

    assert!(matches!(fixture.status().await, Status::Refunded { .. }));
    assert_eq!(fixture.movements(), (1, 1));
}
