//! Tests of cancelled orders and their refunds.

use super::*;

contract!([
    a_cancelled_success_is_refunded_once,
    no_attempt_follows_a_declined_one_of_a_cancelled_order,
    an_event_is_handled_once,
] over
    memory: tokio::test(start_paused = true) => std::future::ready(super::super::memory()),
    postgres: tokio::test => super::super::postgres(),
);

async fn a_cancelled_success_is_refunded_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;

    assert!(fixture.payments.cancel(intent.order, None).await.unwrap());
    let refunding = fixture.payments.find(intent.order).await.unwrap().unwrap();
    fixture.payments.refunded(intent.transaction, &RefundRequest::FIRST).await.unwrap();
    fixture.payments.refunded(intent.transaction, &RefundRequest::FIRST).await.unwrap();
    assert!(!fixture.payments.cancel(intent.order, None).await.unwrap());

    assert_eq!(refunding.status, refunding_first());
    let refunded = fixture.payments.find(intent.order).await.unwrap().unwrap();
    assert_eq!(refunded.status, Status::Refunded { reference: reference(), number: 1 });
    assert_eq!(fixture.payments.begin(&again(&intent)).await.unwrap(), Begun::Cancelled);
    assert_eq!(fixture.payments.begin(&intent).await.unwrap(), Begun::Existing(refunded));
}

async fn no_attempt_follows_a_declined_one_of_a_cancelled_order(fixture: Fixture) {
    let declined_before = intent(Method::Card);
    fixture.settled(&declined_before, &declined()).await;
    assert!(fixture.payments.cancel(declined_before.order, None).await.unwrap());
    let declined_after = intent(Method::Card);
    fixture.begin(&declined_after).await;
    assert!(fixture.payments.cancel(declined_after.order, None).await.unwrap());
    fixture.payments.settle(&declined_after, &declined()).await.unwrap();

    for declined in [declined_before, declined_after] {
        assert_eq!(fixture.payments.begin(&again(&declined)).await.unwrap(), Begun::Cancelled);
        assert!(!fixture.payments.cancel(declined.order, None).await.unwrap());
        let retried = fixture.payments.begin(&declined).await.unwrap();
        assert!(matches!(retried, Begun::Existing(Payment { status: Status::Declined(_), .. })), "{retried:?}");
    }
}

async fn an_event_is_handled_once(fixture: Fixture) {
    let (order, event) = (new_order(), Some(new_cause()));

    assert!(fixture.payments.cancel(order, event).await.unwrap());

    assert!(!fixture.payments.cancel(order, event).await.unwrap());
    assert!(!fixture.payments.cancel(new_order(), event).await.unwrap());
    assert!(!fixture.payments.cancel(order, Some(new_cause())).await.unwrap());
}
