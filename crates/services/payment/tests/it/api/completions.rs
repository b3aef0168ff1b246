//! Tests of the topic `payment.completed`, whose events report how each attempt to charge a shop order ended.

use contracts::events::{PaymentCompleted, Published as _};
use contracts::proto::payment::v1::PayOrderRequest;
use testkit::eventually;

use super::{Fixture, fixture};

impl Fixture {
    /// Waits until the topic has `count` events and returns them, ordered by order and attempt. Checks that each
    /// record's key and headers match its event.
    async fn completed(&self, count: usize) -> Vec<PaymentCompleted> {
        let topic = self.kafka.topic::<PaymentCompleted>();
        let completed = eventually(|| async {
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
        .collect();
        sorted(completed)
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

fn sorted(mut events: Vec<PaymentCompleted>) -> Vec<PaymentCompleted> {
    events.sort_by_key(|event| (event.order_uuid.clone(), event.attempt));
    events
}

#[tokio::test]
async fn each_attempt_of_the_shop_is_published_once_with_its_outcome_and_no_direct_payment_is() {
    let fixture = fixture().await;
    let (success, voided) = (fixture.order(), fixture.order());

    let direct = PayOrderRequest { amount_minor: 0, attempt: 0, ..fixture.order() };
    fixture.pay_as_user(&direct).await.unwrap();
    let transaction = fixture.pay(&success).await.unwrap();
    assert_eq!(fixture.void(&success).await.unwrap(), transaction, "a charge is not voided");
    assert_eq!(fixture.void(&voided).await.unwrap(), "");
    for retried in [&success, &PayOrderRequest { attempt: 2, ..success.clone() }] {
        assert_eq!(fixture.pay(retried).await.unwrap(), transaction);
    }
    fixture.void(&voided).await.unwrap();
    let voided_transaction = fixture.payment(&voided.order_uuid).await.unwrap().transaction_uuid;
    let after_void = PayOrderRequest { attempt: 2, ..voided.clone() };
    let charged = fixture.pay(&after_void).await.unwrap();

    let expected = sorted(vec![
        completed(&success, &transaction, "SUCCESS"),
        completed(&voided, &voided_transaction, "FAILED"),
        completed(&after_void, &charged, "SUCCESS"),
    ]);
    assert_eq!(fixture.completed(expected.len()).await, expected);
}
