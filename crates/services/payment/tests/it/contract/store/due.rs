//! Tests of unfinished payments: when they fall due, and how they are leased.

use super::*;

contract!([
    payments_with_the_fewest_tries_come_first,
    a_due_payment_is_leased_to_one_caller_and_later_again,
    a_charge_keeps_its_id_while_it_is_pending,
    a_refund_continues_after_its_backoff_from_its_latest_request_alone,
    a_refund_that_is_requested_again_gets_its_time_again_once,
    an_unfinished_payment_that_is_looked_at_is_due_before_its_backoff_ends,
    a_refund_that_failed_after_it_was_made_is_opened_again_once,
    a_payment_has_an_age,
    a_payment_that_is_in_flight_does_not_count_as_unknown,
] over
    memory: tokio::test(start_paused = true) => std::future::ready(super::super::memory()),
    postgres: tokio::test => super::super::postgres(),
);

async fn payments_with_the_fewest_tries_come_first(fixture: Fixture) {
    let (old, fresh) = (intent(Method::Card), intent(Method::Card));
    fixture.begin(&old).await;
    for _ in 0..3 {
        fixture.elapse(Duration::from_secs(11)).await;
        assert_eq!(fixture.due().await, [old.transaction]);
    }
    fixture.begin(&fresh).await;
    fixture.elapse(Duration::from_secs(11)).await;

    let one = fixture.payments.due(1).await.unwrap();

    assert_eq!(one.first().map(|(payment, _)| payment.intent.transaction), Some(fresh.transaction));
    assert_eq!(fixture.due().await, [old.transaction]);
}

async fn a_due_payment_is_leased_to_one_caller_and_later_again(fixture: Fixture) {
    let (first, second) = (intent(Method::Card), intent(Method::Sbp));
    fixture.begin(&first).await;
    fixture.elapse(Duration::from_millis(1)).await;
    fixture.begin(&second).await;
    assert!(fixture.due().await.is_empty(), "the calls that began them still ask the provider");
    fixture.elapse(Duration::from_secs(6)).await;

    let one = fixture.payments.due(1).await.unwrap();
    let rest = fixture.due().await;

    assert_eq!(one.first().map(|(payment, _)| payment.intent.transaction), Some(first.transaction));
    assert_eq!(rest, [second.transaction]);
    assert!(fixture.due().await.is_empty());
    for _ in 0..20 {
        fixture.elapse(Duration::from_secs(11)).await;
        assert_eq!(fixture.due().await.len(), 2);
    }
}

async fn a_charge_keeps_its_id_while_it_is_pending(fixture: Fixture) {
    let (intent, declined_) = (intent(Method::Card), intent(Method::Card));
    for intent in [intent, declined_] {
        fixture.begin(&intent).await;
        fixture.payments.processing(intent.transaction, "early").await.unwrap();
    }

    let pending = fixture.payments.find(intent.order).await.unwrap().unwrap();
    let (settled, _) = fixture.payments.settle(&intent, &charged()).await.unwrap();
    fixture.payments.processing(intent.transaction, "late").await.unwrap();
    let after = fixture.payments.find(intent.order).await.unwrap().unwrap();
    let (refused, _) = fixture.payments.settle(&declined_, &declined()).await.unwrap();

    assert_eq!(pending.status, Status::Pending { reference: Some("early".to_owned()) });
    assert_eq!((&settled.status, &after.status), (&Status::Succeeded { reference: reference() }, &settled.status));
    assert_eq!(refused.status, Status::Declined(Decline::Declined));
}

async fn a_refund_continues_after_its_backoff_from_its_latest_request_alone(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    fixture.payments.cancel(intent.order, Some(new_cause())).await.unwrap();
    assert_eq!(fixture.due().await, [intent.transaction]);
    let first = RefundRequest::FIRST;
    let pending = RefundRequest { number: 1, reference: Some("re".to_owned()) };
    let second = RefundRequest { number: 2, reference: None };

    fixture.payments.continue_refund(intent.transaction, &first, &pending, BACKOFF).await.unwrap();
    assert_eq!(fixture.unfinished().await, Unfinished { accepted: 1, ..Unfinished::default() });
    fixture.elapse(Duration::from_secs(1)).await;
    assert!(fixture.due().await.is_empty());
    fixture.elapse(Duration::from_secs(1)).await;
    assert_eq!(fixture.due().await, [intent.transaction]);
    fixture.payments.continue_refund(intent.transaction, &pending, &pending, BACKOFF * 2).await.unwrap();
    fixture.elapse(Duration::from_secs(3)).await;
    assert!(fixture.due().await.is_empty());
    fixture.elapse(Duration::from_secs(1)).await;
    assert_eq!(fixture.due().await, [intent.transaction]);
    fixture.payments.continue_refund(intent.transaction, &pending, &second, BACKOFF).await.unwrap();
    fixture.payments.continue_refund(intent.transaction, &first, &pending, BACKOFF).await.unwrap();

    for other in [&first, &pending, &RefundRequest { number: 2, ..pending.clone() }] {
        fixture.payments.refunded(intent.transaction, other).await.unwrap();
    }
    let payment = fixture.payments.find(intent.order).await.unwrap().unwrap();
    assert_eq!(payment.status, Status::Refunding { reference: reference(), request: second.clone() });
    fixture.payments.refunded(intent.transaction, &second).await.unwrap();
    let payment = fixture.payments.find(intent.order).await.unwrap().unwrap();
    assert_eq!(payment.status, Status::Refunded { reference: reference(), number: 2 });
}

async fn a_refund_that_is_requested_again_gets_its_time_again_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    fixture.payments.cancel(intent.order, Some(new_cause())).await.unwrap();
    let cancelled = fixture.payments.get(intent.transaction).await.unwrap().unwrap();
    fixture.elapse(Duration::from_secs(1)).await;
    let pending = RefundRequest { number: 1, reference: Some("re".to_owned()) };
    let second = RefundRequest { number: 2, reference: None };
    let third = RefundRequest { number: 3, reference: None };
    fixture.payments.continue_refund(intent.transaction, &RefundRequest::FIRST, &pending, BACKOFF).await.unwrap();
    let accepted = fixture.payments.get(intent.transaction).await.unwrap().unwrap();
    fixture.payments.continue_refund(intent.transaction, &pending, &second, BACKOFF).await.unwrap();
    let renewed = fixture.payments.get(intent.transaction).await.unwrap().unwrap();
    fixture.elapse(Duration::from_secs(1)).await;

    fixture.payments.continue_refund(intent.transaction, &second, &third, BACKOFF).await.unwrap();

    let payment = fixture.payments.get(intent.transaction).await.unwrap().unwrap();
    assert_eq!(payment.status, Status::Refunding { reference: reference(), request: third });
    assert!(accepted.updated_at == cancelled.updated_at && renewed.updated_at > cancelled.updated_at);
    assert_eq!(payment.updated_at, renewed.updated_at);
}

async fn an_unfinished_payment_that_is_looked_at_is_due_before_its_backoff_ends(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.begin(&intent).await;
    fixture.payments.hurry(intent.transaction).await.unwrap();
    assert!(fixture.due().await.is_empty(), "the call that began it still asks the provider");
    fixture.elapse(Duration::from_secs(6)).await;
    for _ in 0..5 {
        assert_eq!(fixture.due().await, [intent.transaction]);
        fixture.elapse(Duration::from_secs(11)).await;
    }
    fixture.due().await;

    fixture.payments.hurry(intent.transaction).await.unwrap();
    assert_eq!(fixture.due().await, [intent.transaction]);
    fixture.payments.settle(&intent, &charged()).await.unwrap();
    fixture.payments.hurry(intent.transaction).await.unwrap();

    assert!(fixture.due().await.is_empty(), "it is finished");
}

async fn a_refund_that_failed_after_it_was_made_is_opened_again_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    fixture.payments.reopen_refund(intent.transaction, 1).await.unwrap();
    let charged = fixture.payments.get(intent.transaction).await.unwrap().unwrap();
    assert_eq!(charged.status, Status::Succeeded { reference: reference() });
    fixture.payments.cancel(intent.order, Some(new_cause())).await.unwrap();
    assert_eq!(fixture.due().await, [intent.transaction]);
    fixture.payments.refunded(intent.transaction, &RefundRequest::FIRST).await.unwrap();

    fixture.payments.reopen_refund(intent.transaction, 1).await.unwrap();
    let due = fixture.due().await;
    let second = RefundRequest { number: 2, reference: None };
    fixture.payments.refunded(intent.transaction, &second).await.unwrap();
    fixture.payments.reopen_refund(intent.transaction, 1).await.unwrap();

    assert_eq!(due, [intent.transaction]);
    let payment = fixture.payments.get(intent.transaction).await.unwrap().unwrap();
    assert_eq!(payment.status, Status::Refunded { reference: reference(), number: 2 });
    assert_eq!(fixture.payments.get(new_transaction()).await.unwrap(), None);
}

async fn a_payment_has_an_age(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.begin(&intent).await;
    let young = fixture.payments.age(intent.transaction).await.unwrap();
    fixture.elapse(Duration::from_hours(24)).await;

    assert_eq!(fixture.unfinished().await.undecided, 0, "24 h are not 25 h");
    let old = fixture.payments.age(intent.transaction).await.unwrap();

    assert!(young < Duration::from_hours(1) && old >= Duration::from_hours(24), "{young:?} {old:?}");
    assert!(matches!(fixture.payments.age(new_transaction()).await, Err(Error::NotFound)));
}

async fn a_payment_that_is_in_flight_does_not_count_as_unknown(fixture: Fixture) {
    let (old, fresh) = (intent(Method::Card), intent(Method::Sbp));
    fixture.begin(&old).await;
    fixture.elapse(UNKNOWN_AFTER + Duration::from_secs(1)).await;
    fixture.begin(&fresh).await;

    assert_eq!(fixture.unfinished().await, Unfinished { pending: 2, unknown: 1, ..Unfinished::default() });
    assert_eq!(fixture.payments.unfinished(1).await.unwrap().pending, 1, "the count has a limit");
    fixture.payments.settle(&old, &charged()).await.unwrap();

    assert_eq!(fixture.unfinished().await, Unfinished { pending: 1, ..Unfinished::default() });
}
