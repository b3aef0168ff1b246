//! Tests of the events of attempts: each attempt writes one event, in the statement that ends it.

use super::*;

contract!([
    an_attempt_is_published_as_it_is_settled,
    a_charge_of_an_order_cancelled_meanwhile_is_published_as_failed,
    an_attempt_settled_twice_is_published_as_the_first_outcome,
    a_voided_attempt_is_published_as_failed_once,
    each_attempt_of_an_order_has_its_own_event,
    a_cancellation_and_a_refund_publish_nothing,
] over
    memory: tokio::test(start_paused = true) => std::future::ready(super::super::memory()),
    postgres: tokio::test => super::super::postgres(),
);

fn completed(intent: &Intent, status: &str) -> PaymentCompleted {
    let event = PaymentCompleted {
        order_uuid: intent.order.to_string(),
        user_uuid: intent.user.to_string(),
        transaction_uuid: intent.transaction.to_string(),
        amount_minor: intent.amount.minor(),
        status: status.to_owned(),
        attempt: intent.attempt,
        ..PaymentCompleted::default()
    };
    let record = contracts::events::record(intent.order.uuid(), event.clone());
    PaymentCompleted { event_uuid: record.uuid.to_string(), ..event }
}

async fn an_attempt_is_published_as_it_is_settled(fixture: Fixture) {
    let outcomes = [
        (charged(), "SUCCESS"),
        (ChargeOutcome::Declined(Decline::InsufficientFunds), "INSUFFICIENT_FUNDS"),
        (declined(), "FAILED"),
    ];
    let mut expected = Vec::new();
    for (outcome, status) in outcomes {
        let intent = intent(Method::InvestorMoney);
        fixture.begin(&intent).await;
        assert_eq!(fixture.events().await, expected, "a pending attempt has no event");

        fixture.payments.settle(&intent, &outcome).await.unwrap();

        expected.push(completed(&intent, status));
        assert_eq!(fixture.events().await, expected);
    }
}

async fn a_charge_of_an_order_cancelled_meanwhile_is_published_as_failed(fixture: Fixture) {
    let (charged_, declined_) = (intent(Method::Card), intent(Method::InvestorMoney));
    for intent in [charged_, declined_] {
        fixture.begin(&intent).await;
        fixture.payments.cancel(intent.order, Some(new_cause())).await.unwrap();
    }

    let (settled, _) = fixture.payments.settle(&charged_, &charged()).await.unwrap();
    fixture.payments.settle(&declined_, &ChargeOutcome::Declined(Decline::InsufficientFunds)).await.unwrap();

    assert_eq!(settled.status, refunding_first());
    let expected = [completed(&charged_, "FAILED"), completed(&declined_, "INSUFFICIENT_FUNDS")];
    assert_eq!(fixture.events().await, expected);
}

async fn an_attempt_settled_twice_is_published_as_the_first_outcome(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;

    for outcome in [charged(), declined()] {
        let (settled, _) = fixture.payments.settle(&intent, &outcome).await.unwrap();
        assert_eq!(settled.status, Status::Succeeded { reference: reference() });
    }
    fixture.payments.cancel(intent.order, None).await.unwrap();
    fixture.payments.settle(&intent, &charged()).await.unwrap();
    let unknown = fixture.payments.settle(&crate::intent(Method::Card), &charged()).await;

    assert!(matches!(unknown, Err(Error::NotFound)));
    assert_eq!(fixture.events().await, [completed(&intent, "SUCCESS")]);
}

async fn a_voided_attempt_is_published_as_failed_once(fixture: Fixture) {
    let intent = intent(Method::Card);

    fixture.payments.void_attempt(&intent).await.unwrap();
    fixture.payments.void_attempt(&Intent { transaction: new_transaction(), ..intent }).await.unwrap();
    let of_cancelled = again(&intent);
    fixture.payments.cancel(intent.order, None).await.unwrap();
    fixture.payments.void_attempt(&of_cancelled).await.unwrap();

    assert_eq!(fixture.events().await, [completed(&intent, "FAILED"), completed(&of_cancelled, "FAILED")]);
}

async fn each_attempt_of_an_order_has_its_own_event(fixture: Fixture) {
    let first = intent(Method::Card);
    let second = again(&first);
    let third = again(&second);
    fixture.settled(&first, &declined()).await;
    fixture.payments.void_attempt(&second).await.unwrap();
    fixture.settled(&third, &charged()).await;

    let expected = [completed(&first, "FAILED"), completed(&second, "FAILED"), completed(&third, "SUCCESS")];
    assert_eq!(fixture.events().await, expected);
}

async fn a_cancellation_and_a_refund_publish_nothing(fixture: Fixture) {
    let (paid, unpaid) = (intent(Method::Card), intent(Method::Card));
    fixture.settled(&paid, &charged()).await;

    for order in [paid.order, unpaid.order] {
        fixture.payments.cancel(order, Some(new_cause())).await.unwrap();
    }
    fixture.payments.refunded(paid.transaction, &RefundRequest::FIRST).await.unwrap();
    fixture.payments.begin(&unpaid).await.unwrap();

    assert_eq!(fixture.events().await, [completed(&paid, "SUCCESS")]);
}
