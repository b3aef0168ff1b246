//! Tests of unfinished payments: when they fall due, and how they are leased.

use super::*;

contract!([
    payments_with_the_fewest_tries_come_first,
    a_pending_payment_is_due_after_a_while,
    a_due_payment_is_leased_to_one_caller_and_later_again,
    a_refund_is_due_at_once,
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

async fn a_pending_payment_is_due_after_a_while(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.begin(&intent).await;

    assert!(fixture.due().await.is_empty());
    fixture.elapse(Duration::from_secs(6)).await;

    assert_eq!(fixture.due().await, [intent.transaction]);
    assert_eq!(fixture.payments.unfinished().await.unwrap(), Unfinished { pending: 1, refunding: 0 });
}

async fn a_due_payment_is_leased_to_one_caller_and_later_again(fixture: Fixture) {
    let (first, second) = (intent(Method::Card), intent(Method::Sbp));
    fixture.begin(&first).await;
    fixture.elapse(Duration::from_millis(1)).await;
    fixture.begin(&second).await;
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

async fn a_refund_is_due_at_once(fixture: Fixture) {
    let intent = intent(Method::Card);
    fixture.settled(&intent, &charged()).await;
    fixture.payments.cancel(intent.order, Some(cause())).await.unwrap();

    assert_eq!(fixture.payments.unfinished().await.unwrap(), Unfinished { pending: 0, refunding: 1 });
    assert_eq!(fixture.due().await, [intent.transaction]);
    fixture.payments.refunded(intent.transaction).await.unwrap();
    fixture.elapse(Duration::from_mins(1)).await;

    assert!(fixture.due().await.is_empty());
    assert_eq!(fixture.payments.unfinished().await.unwrap(), Unfinished::default());
}
