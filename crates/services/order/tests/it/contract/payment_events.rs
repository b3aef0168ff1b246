//! The contract suite of the changes that events of the payment service cause, run over the in-memory implementation
//! and PostgreSQL.

use contracts::events::Cause;
use order::{
    error::OrderRefusal,
    model::{Claimed, Order, PaymentMethod, RequestOutcome, Status},
    repository::{ReportedEnd, Settlement},
};

use super::{EXPIRED, LEASE_TTL, Repository, begun, claim, create, find, paid, pay};
use crate::ids;

contract!(
    an_event_settles_an_attempt_and_completes_its_key,
    a_declined_event_ends_an_attempt_and_completes_its_key,
    an_event_is_taken_once,
    an_event_of_an_attempt_that_has_ended_changes_nothing,
    a_void_that_may_be_another_processes_settles_nothing_shared,
);

fn declined(also_shared: bool) -> ReportedEnd {
    let refusal = OrderRefusal::InsufficientFunds;
    ReportedEnd {
        settlement: Settlement::Declined(refusal.clone()),
        outcome: RequestOutcome::Refused(refusal),
        also_shared,
    }
}

async fn settle(orders: &dyn Repository, order: &Order, cause: Cause, attempt: i32, settled: &ReportedEnd) -> bool {
    orders.settle_once(cause, order.uuid, attempt, settled).await.unwrap()
}

async fn an_event_settles_an_attempt_and_completes_its_key(orders: &dyn Repository) {
    let order = create(orders).await;
    let claim = claim(order.user);
    orders.claim(&claim, order.uuid, LEASE_TTL).await.unwrap();
    orders.begin(order.user, order.uuid, PaymentMethod::Sbp, EXPIRED, Some(&claim)).await.unwrap();
    let paid = paid(&order);

    assert!(settle(orders, &order, ids::cause(), 1, &paid).await);

    let found = find(orders, &order).await;
    let RequestOutcome::Paid { transaction } = paid.outcome else { panic!("{paid:?}") };
    assert_eq!((found.status, found.payment), (Status::Paid, Some((PaymentMethod::Sbp, transaction))));
    assert_eq!(orders.claim(&claim, order.uuid, EXPIRED).await.unwrap(), Claimed::Done(paid.outcome));
}

async fn a_declined_event_ends_an_attempt_and_completes_its_key(orders: &dyn Repository) {
    let order = create(orders).await;
    let claim = claim(order.user);
    orders.claim(&claim, order.uuid, LEASE_TTL).await.unwrap();
    orders.begin(order.user, order.uuid, PaymentMethod::Sbp, EXPIRED, Some(&claim)).await.unwrap();
    let declined = declined(false);

    assert!(settle(orders, &order, ids::cause(), 1, &declined).await);

    let found = find(orders, &order).await;
    assert_eq!((found.status, found.attempt), (Status::PendingPayment, None));
    assert_eq!(orders.checkout_details(order.uuid).await.unwrap().declined, Some((1, OrderRefusal::InsufficientFunds)));
    assert_eq!(orders.claim(&claim, order.uuid, EXPIRED).await.unwrap(), Claimed::Done(declined.outcome));
}

async fn an_event_is_taken_once(orders: &dyn Repository) {
    let (order, cause) = (create(orders).await, ids::cause());
    begun(orders, &order).await;

    assert!(settle(orders, &order, cause, 1, &declined(true)).await);
    let second = begun(orders, &order).await;
    assert!(!settle(orders, &order, cause, 2, &paid(&order)).await);

    assert_eq!(find(orders, &order).await.attempt, Some(second.attempt));
    let skipped = ids::cause();
    orders.skip(skipped).await.unwrap();
    orders.skip(skipped).await.unwrap();
    assert!(!settle(orders, &order, skipped, 2, &paid(&order)).await);
}

async fn an_event_of_an_attempt_that_has_ended_changes_nothing(orders: &dyn Repository) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;
    assert!(pay(orders, &order, &lease).await);
    let before = find(orders, &order).await;

    let late = ids::cause();
    assert!(!settle(orders, &order, late, 1, &declined(true)).await);
    assert!(!settle(orders, &order, ids::cause(), 1, &paid(&order)).await);

    assert_eq!(find(orders, &order).await, before);
}

async fn a_void_that_may_be_another_processes_settles_nothing_shared(orders: &dyn Repository) {
    let (shared, own) = (create(orders).await, create(orders).await);
    let first = begun(orders, &shared).await;
    orders.take(shared.user, shared.uuid, 1, LEASE_TTL).await.unwrap().unwrap();
    begun(orders, &own).await;

    assert!(!settle(orders, &shared, ids::cause(), 1, &declined(false)).await);
    assert!(settle(orders, &own, ids::cause(), 1, &declined(false)).await);

    assert_eq!(find(orders, &shared).await.attempt, Some(first.attempt));
    assert!(settle(orders, &shared, ids::cause(), 1, &declined(true)).await);
}
