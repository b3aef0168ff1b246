//! Tests of recording, settling and voiding attempts, and of refunds of cancelled orders.

use super::*;

contract!([
    an_intent_is_recorded_once,
    one_call_settles_an_attempt,
    a_refusal_ends_no_attempt_that_a_concurrent_request_charges,
    the_refusal_of_the_last_request_ends_an_attempt_permanently,
    an_attempt_that_is_void_is_never_charged,
    a_recorded_attempt_cannot_be_voided,
    the_payment_of_an_order_is_its_charge_or_else_its_latest_attempt,
    a_cancelled_success_is_refunded_once,
    no_attempt_follows_a_declined_one_of_a_cancelled_order,
    an_event_is_handled_once,
] over
    memory: tokio::test(start_paused = true) => std::future::ready(super::super::memory()),
    postgres: tokio::test => super::super::postgres(),
);

async fn an_intent_is_recorded_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    let retried = Intent { transaction: new_transaction(), amount: money(7), ..intent };

    let first = fixture.begin(&intent).await;
    let second = fixture.payments.begin(&retried).await.unwrap();

    assert_eq!((first.intent, &first.status, first.cancelled), (intent, &Status::NEW, false));
    assert_eq!(second, Begun::Existing(first.clone()));
    assert_eq!(fixture.payments.find(intent.order).await.unwrap(), Some(first));
}

async fn one_call_settles_an_attempt(fixture: Fixture) {
    let (intent, outcome) = (intent(Method::Card), charged());
    fixture.begin(&intent).await;

    let settle = async || fixture.payments.settle(&intent, &outcome).await.unwrap().1;
    let (one, other) = tokio::join!(settle(), settle());

    assert_ne!(one, other);
    assert!(!settle().await);
}

async fn a_refusal_ends_no_attempt_that_a_concurrent_request_charges(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.begin(&intent).await;
    assert!(fixture.payments.count_request(intent.transaction).await.unwrap());

    let (pending, ended) = fixture.payments.refuse(&intent).await.unwrap();
    let (success, _) = fixture.payments.settle(&intent, &charged()).await.unwrap();
    let (late, ended_late) = fixture.payments.refuse(&intent).await.unwrap();

    assert_eq!((pending.status, ended, ended_late), (Status::NEW, false, false));
    assert_eq!((late, fixture.events().await.len()), (success, 1));
}

async fn the_refusal_of_the_last_request_ends_an_attempt_permanently(fixture: Fixture) {
    let first = intent(Method::Card);
    fixture.begin(&first).await;
    fixture.payments.count_request(first.transaction).await.unwrap();
    fixture.payments.refuse(&first).await.unwrap();

    let (declined, ended) = fixture.payments.refuse(&first).await.unwrap();

    assert_eq!((&declined.status, ended), (&Status::Declined(Decline::Declined), true));
    assert!(!fixture.payments.count_request(first.transaction).await.unwrap());
    assert_eq!(fixture.payments.settle(&first, &charged()).await.unwrap(), (declined, false));
    let events = fixture.events().await;
    assert_eq!(events.len(), 1, "{events:?}");
    fixture.settled(&again(&first), &charged()).await;
}

async fn an_attempt_that_is_void_is_never_charged(fixture: Fixture) {
    let first = intent(Method::Card);

    let payments = fixture.payments.void_attempt(&first).await.unwrap();
    let retried = fixture.payments.void_attempt(&Intent { transaction: new_transaction(), ..first }).await.unwrap();
    let charge = fixture.payments.begin(&Intent { transaction: new_transaction(), ..first }).await.unwrap();

    assert_eq!(VoidResult::from_payments(&payments), VoidResult::Voided);
    assert_eq!(payments, retried);
    assert_eq!(charge, Begun::Existing(payments[0].clone()));
    assert_eq!(payments[0].status, Status::Declined(Decline::Declined));
    assert!(fixture.due().await.is_empty());
    fixture.settled(&again(&first), &charged()).await;
}

async fn a_recorded_attempt_cannot_be_voided(fixture: Fixture) {
    let (pending, success) = (intent(Method::Card), intent(Method::Sbp));
    fixture.begin(&pending).await;
    fixture.settled(&success, &charged()).await;

    let void =
        async |attempt: Intent| VoidResult::from_payments(&fixture.payments.void_attempt(&attempt).await.unwrap());
    let already = VoidResult::AlreadyCharged(success.transaction);
    assert_eq!((void(pending).await, void(success).await), (VoidResult::InProgress, already));
    assert_eq!(fixture.events().await.len(), 1, "of the success alone");
    assert_eq!((void(again(&pending)).await, void(again(&success)).await), (VoidResult::InProgress, already));
}

async fn the_payment_of_an_order_is_its_charge_or_else_its_latest_attempt(fixture: Fixture) {
    let first = intent(Method::Card);
    let second = again(&first);
    let third = again(&second);
    let declined_first = fixture.settled(&first, &declined()).await;
    fixture.settled(&second, &declined()).await;
    let latest = fixture.payments.find(first.order).await.unwrap().unwrap();

    fixture.settled(&third, &charged()).await;

    let counts = fixture.payments.find(first.order).await.unwrap().unwrap();
    assert_eq!((latest.intent, counts.intent), (second, third));
    assert_eq!(declined_first.status, Status::Declined(Decline::Declined));
    assert_eq!(fixture.payments.begin(&first).await.unwrap(), Begun::Existing(declined_first));
    assert_eq!(fixture.payments.find(new_order()).await.unwrap(), None);
}

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
