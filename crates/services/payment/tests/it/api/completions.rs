//! Tests of the topic `payment.completed`, whose events report how each attempt to charge a shop order ended.

use std::time::Duration;

use contracts::events::{PaymentCompleted, Published as _};
use contracts::ids::{OrderId, UserId};
use contracts::proto::payment::v1::{PayOrderRequest, PaymentMethod, PaymentStatus};
use payment::{
    model::{Intent, Method, Outcome, ProviderName},
    repository::{Payments as _, PgPayments},
};
use testkit::eventually;
use uuid::Uuid;

use super::{Fixture, fixture};
use crate::{money, new_order, new_transaction, new_user};

impl Fixture {
    /// Waits until the topic has `count` events and returns them, ordered by order and attempt. Checks that each record's key and headers
    /// match its event.
    async fn completed(&self, count: usize) -> Vec<PaymentCompleted> {
        let topic = self.kafka.topic::<PaymentCompleted>();
        let mut completed = eventually(|| async {
            let messages = self.kafka.messages(&topic).await;
            (messages.len() >= count).then_some(messages)
        })
        .await
        .into_iter()
        .map(|message| {
            let read = contracts::events::read::<PaymentCompleted>(&message).expect("a PaymentCompleted");
            assert_eq!(message.key, read.event.order_uuid.clone().into_bytes());
            assert_eq!(message.headers.get("event-type"), Some(PaymentCompleted::TYPE));
            assert_eq!(message.headers.get("event-uuid"), Some(read.event.event_uuid.as_str()));
            read.event
        })
        .collect::<Vec<_>>();
        completed.sort_by_key(|event| (event.order_uuid.clone(), event.attempt));
        completed
    }

    async fn wait_for_cancellation(&self, order: &str) {
        eventually(|| async {
            let cancelled: bool =
                sqlx::query_scalar("select exists (select from payments where order_uuid = $1::uuid and cancelled)")
                    .bind(order)
                    .fetch_one(&self.database.pool)
                    .await
                    .expect("payments can be read");
            cancelled.then_some(())
        })
        .await;
    }
}

fn completed(request: &PayOrderRequest, transaction: &str, status: &str) -> PaymentCompleted {
    let event = PaymentCompleted {
        order_uuid: request.order_uuid.clone(),
        user_uuid: request.user_uuid.clone(),
        transaction_uuid: transaction.to_owned(),
        amount_minor: request.amount_minor,
        status: status.to_owned(),
        attempt: request.attempt,
        ..PaymentCompleted::default()
    };
    let key = request.order_uuid.parse().expect("an order uuid");
    PaymentCompleted { event_uuid: contracts::events::record(key, event.clone()).uuid.to_string(), ..event }
}

/// Returns the intent that a replica records for this request before it calls the provider.
fn intent_of(fixture: &Fixture, request: &PayOrderRequest) -> Intent {
    Intent {
        transaction: new_transaction(),
        order: OrderId::new(request.order_uuid.parse().expect("an order uuid")),
        attempt: request.attempt,
        user: UserId::new(fixture.user),
        method: Method::Card,
        amount: money(request.amount_minor),
        provider: ProviderName::Ledger,
    }
}

fn sorted(mut events: Vec<PaymentCompleted>) -> Vec<PaymentCompleted> {
    events.sort_by_key(|event| (event.order_uuid.clone(), event.attempt));
    events
}

#[tokio::test]
async fn each_attempt_of_the_shop_is_published_once_with_its_outcome() {
    let fixture = fixture().await;
    let (success, voided) = (fixture.order(), fixture.order());
    let dear = PayOrderRequest { amount_minor: 500_001, ..fixture.order() };
    let investor = PayOrderRequest { payment_method: PaymentMethod::InvestorMoney.into(), ..dear.clone() };
    let investor = PayOrderRequest { order_uuid: fixture.order().order_uuid, ..investor };

    let transaction = fixture.pay(&success).await.unwrap();
    fixture.void(&voided).await.unwrap();
    for declined in [&dear, &investor] {
        fixture.pay(declined).await.unwrap_err();
    }
    for repeated in [&success, &PayOrderRequest { attempt: 2, ..success.clone() }] {
        assert_eq!(fixture.pay(repeated).await.unwrap(), transaction);
    }
    fixture.void(&voided).await.unwrap();
    let after_void = PayOrderRequest { attempt: 2, ..voided.clone() };
    let charged = fixture.pay(&after_void).await.unwrap();

    let transaction_of = async |request: &PayOrderRequest| {
        let transaction: Uuid =
            sqlx::query_scalar("select transaction_uuid from payments where order_uuid = $1::uuid and attempt = $2")
                .bind(&request.order_uuid)
                .bind(i64::from(request.attempt))
                .fetch_one(&fixture.database.pool)
                .await
                .unwrap();
        transaction.to_string()
    };
    let expected = sorted(vec![
        completed(&success, &transaction, "SUCCESS"),
        completed(&dear, &transaction_of(&dear).await, "FAILED"),
        completed(&investor, &transaction_of(&investor).await, "INSUFFICIENT_FUNDS"),
        completed(&voided, &transaction_of(&voided).await, "FAILED"),
        completed(&after_void, &charged, "SUCCESS"),
    ]);
    assert_eq!(fixture.completed(expected.len()).await, expected);
}

#[tokio::test]
async fn a_charge_of_an_order_cancelled_meanwhile_is_published_as_failed_and_its_refund_is_not() {
    let fixture = fixture().await;
    let order = fixture.order();
    // Simulates a replica that has recorded the intent and waits for the provider.
    let payments = PgPayments::new(fixture.database.pool.clone());
    let intent = intent_of(&fixture, &order);
    payments.begin(&intent).await.unwrap();
    fixture.cancel(&order.order_uuid).await;
    fixture.wait_for_cancellation(&order.order_uuid).await;

    fixture.pay(&order).await.unwrap_err();

    eventually(|| async {
        let payment = fixture.payment(&order.order_uuid).await.unwrap();
        (payment.status() == PaymentStatus::Refunded).then_some(())
    })
    .await;
    let expected = [completed(&order, &intent.transaction.to_string(), "FAILED")];
    assert_eq!(fixture.completed(1).await, expected);
}

#[tokio::test]
async fn a_direct_payment_and_a_refund_publish_nothing() {
    let fixture = fixture().await;
    let order = fixture.order();
    let direct = PayOrderRequest { amount_minor: 0, attempt: 0, ..fixture.order() };

    fixture.pay_as_user(&direct).await.unwrap();
    let transaction = fixture.pay(&order).await.unwrap();
    fixture.cancel(&order.order_uuid).await;
    eventually(|| async {
        let payment = fixture.payment(&order.order_uuid).await.unwrap();
        (payment.status() == PaymentStatus::Refunded).then_some(())
    })
    .await;
    // The relay publishes in outbox order. Once this order's event is published, an earlier event of the refund would
    // be too.
    let last = fixture.order();
    let transaction_of_last = fixture.pay(&last).await.unwrap();

    let expected =
        sorted(vec![completed(&order, &transaction, "SUCCESS"), completed(&last, &transaction_of_last, "SUCCESS")]);
    assert_eq!(fixture.completed(2).await, expected);
    let rows: i64 = sqlx::query_scalar("select count(*) from outbox").fetch_one(&fixture.database.pool).await.unwrap();
    assert_eq!(rows, 2);
}

/// A replica that dies right after the commit wakes no relay. Another replica's relay finds the row.
#[tokio::test]
async fn what_a_dead_replica_settled_is_published_later() {
    let fixture = fixture().await;
    let dead = PgPayments::new(fixture.database.pool.clone());
    let intent = Intent {
        transaction: new_transaction(),
        order: new_order(),
        attempt: 3,
        user: new_user(),
        method: Method::Sbp,
        amount: money(700),
        provider: ProviderName::Ledger,
    };
    dead.begin(&intent).await.unwrap();
    dead.settle(&intent, &Outcome::Charged { reference: "reference".to_owned() }).await.unwrap();

    let published = tokio::time::timeout(Duration::from_secs(10), fixture.completed(1)).await.unwrap();

    let transaction = intent.transaction.to_string();
    assert_eq!((published[0].transaction_uuid.as_str(), published[0].status.as_str()), (&*transaction, "SUCCESS"));
    assert_eq!((published[0].attempt, published[0].amount_minor), (3, 700));
}
