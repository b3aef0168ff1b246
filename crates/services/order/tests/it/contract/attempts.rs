//! The contract suite of `Attempts`, run over the in-memory implementation and PostgreSQL.

use std::time::Duration;

use contracts::ids::OrderId;
use order::{
    model::{AttemptLease, CancelReason, Event, Order, PaymentMethod, Status},
    repository::{LONG_UNSETTLED_TRIES, Settlement},
};

use super::{EXPIRED, LEASE_TTL, Repository, begin, begun, cancelled, create, decline, find, pay};
use crate::ids;

contract!(
    one_attempt_is_under_way_at_a_time,
    a_settled_attempt_cannot_be_settled_again,
    a_declined_attempt_may_be_followed_by_another,
    an_attempt_taken_over_is_no_longer_decided_by_its_first_process,
    a_process_that_knows_the_outcome_of_a_charge_may_write_it,
    an_attempt_that_has_ended_cannot_be_taken,
    a_charged_order_that_is_undone_keeps_its_transaction,
    attempts_that_were_tried_least_often_come_first,
    an_unsettled_attempt_is_taken_by_one_reconciler_at_a_time,
    attempts_are_unsettled_for_long_after_six_tries_and_until_they_end,
);

async fn take(orders: &dyn Repository, order: &Order, number: i32) -> Option<AttemptLease> {
    orders.take(order.user, order.uuid, number, LEASE_TTL).await.unwrap()
}

/// Returns the orders whose attempts `unsettled` returns.
async fn unsettled(orders: &dyn Repository, limit: i64, lease_ttl: Duration) -> Vec<OrderId> {
    let taken = orders.unsettled(limit, lease_ttl).await.unwrap();
    taken.into_iter().map(|(order, _)| order.uuid).collect()
}

async fn one_attempt_is_under_way_at_a_time(orders: &dyn Repository) {
    let order = create(orders).await;

    let first = begun(orders, &order).await;
    assert_eq!((first.attempt.number, first.shared), (1, false));
    assert_eq!(begin(orders, &order).await, None);
    let found = find(orders, &order).await;
    assert_eq!(found.attempt.map(|attempt| attempt.number), Some(1));
    assert!(orders.begin(ids::user(), order.uuid, PaymentMethod::Sbp, EXPIRED, None).await.unwrap().is_none());
}

async fn a_settled_attempt_cannot_be_settled_again(orders: &dyn Repository) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;

    assert!(pay(orders, &order, &lease).await);
    assert!(!pay(orders, &order, &lease).await);
    assert!(!decline(orders, &order, &lease).await);
    let found = find(orders, &order).await;
    assert_eq!(found.status, Status::Paid);
    assert_eq!(found.payment.map(|(method, _)| method), Some(PaymentMethod::Sbp));
}

async fn a_declined_attempt_may_be_followed_by_another(orders: &dyn Repository) {
    let order = create(orders).await;
    let first = begun(orders, &order).await;

    assert!(decline(orders, &order, &first).await);

    let second = begun(orders, &order).await;
    assert_eq!(second.attempt.number, 2);
    assert!(second.epoch > first.epoch);
    assert!(!pay(orders, &order, &first).await, "the first attempt is over");
    assert!(pay(orders, &order, &second).await);
}

async fn an_attempt_taken_over_is_no_longer_decided_by_its_first_process(orders: &dyn Repository) {
    let (mine, taken_up, resumed) = (create(orders).await, create(orders).await, create(orders).await);
    let mut leases = vec![begun(orders, &taken_up).await];
    let reconciler = orders.unsettled(10, LEASE_TTL).await.unwrap()[0].1;
    leases.insert(0, begun(orders, &mine).await);
    leases.push(begun(orders, &resumed).await);
    let retry = take(orders, &resumed, 1).await.unwrap();

    for (order, lease, newer) in
        [(&mine, leases[0], None), (&taken_up, leases[1], Some(reconciler)), (&resumed, leases[2], Some(retry))]
    {
        let give_up = Settlement::Cancelled { event: cancelled(order) };
        let undo = Settlement::Compensated { transaction: ids::transaction(), event: cancelled(order) };
        for decision in [&Settlement::Abandoned, &give_up, &undo] {
            if newer.is_some() {
                assert!(!orders.settle(order.uuid, &lease, decision, None).await.unwrap(), "{decision:?}");
            }
        }
        assert!(orders.settle(order.uuid, &newer.unwrap_or(lease), &Settlement::Abandoned, None).await.unwrap());
        // The next attempt is not shared: only the process that began it has it.
        let next = begun(orders, order).await;
        assert!(!next.shared);
        assert!(orders.settle(order.uuid, &next, &give_up, None).await.unwrap());
        assert_eq!(find(orders, order).await.status, Status::Cancelled);
    }
}

async fn a_process_that_knows_the_outcome_of_a_charge_may_write_it(orders: &dyn Repository) {
    let (charged, refused) = (create(orders).await, create(orders).await);
    let (first, other) = (begun(orders, &charged).await, begun(orders, &refused).await);
    take(orders, &charged, 1).await.unwrap();
    take(orders, &refused, 1).await.unwrap();

    assert!(pay(orders, &charged, &first).await);
    assert!(decline(orders, &refused, &other).await);

    assert_eq!(find(orders, &charged).await.status, Status::Paid);
    assert_eq!(find(orders, &refused).await.attempt, None);
}

async fn an_attempt_that_has_ended_cannot_be_taken(orders: &dyn Repository) {
    let order = create(orders).await;
    let first = begun(orders, &order).await;
    assert_eq!(orders.take(ids::user(), order.uuid, 1, LEASE_TTL).await.unwrap(), None);

    let second = take(orders, &order, 1).await.unwrap();
    assert!(decline(orders, &order, &second).await);

    assert_eq!((second.attempt, second.shared, second.epoch), (first.attempt, true, first.epoch + 1));
    assert_eq!(take(orders, &order, 1).await, None);
    begin(orders, &order).await;
    assert_eq!(take(orders, &order, 1).await, None);
}

async fn a_charged_order_that_is_undone_keeps_its_transaction(orders: &dyn Repository) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;
    let transaction = ids::transaction();
    let event = Event::Cancelled { order: order.uuid, user: order.user, reason: CancelReason::OutOfStock, paid: true };

    assert!(orders.settle(order.uuid, &lease, &Settlement::Compensated { transaction, event }, None).await.unwrap());

    let found = find(orders, &order).await;
    assert_eq!((found.status, found.attempt), (Status::Cancelled, None));
    assert_eq!(found.payment, Some((PaymentMethod::Sbp, transaction)));
}

async fn attempts_that_were_tried_least_often_come_first(orders: &dyn Repository) {
    let (old, fresh) = (create(orders).await, create(orders).await);
    begin(orders, &old).await;
    for _ in 0..3 {
        assert_eq!(unsettled(orders, 1, EXPIRED).await, [old.uuid]);
    }
    begin(orders, &fresh).await;

    assert_eq!(unsettled(orders, 1, LEASE_TTL).await, [fresh.uuid]);
    assert_eq!(unsettled(orders, 10, LEASE_TTL).await, [old.uuid]);
}

async fn an_unsettled_attempt_is_taken_by_one_reconciler_at_a_time(orders: &dyn Repository) {
    let order = create(orders).await;
    let first = begun(orders, &order).await;

    let taken = orders.unsettled(10, LEASE_TTL).await.unwrap();
    let meanwhile = unsettled(orders, 10, LEASE_TTL).await;
    orders.postpone(order.uuid, &first, EXPIRED).await.unwrap();
    let after_an_older_holder = unsettled(orders, 10, LEASE_TTL).await;
    orders.postpone(order.uuid, &taken[0].1, EXPIRED).await.unwrap();
    let again = unsettled(orders, 10, LEASE_TTL).await;

    assert_eq!((taken[0].0.uuid, taken[0].1.shared, taken[0].1.tries), (order.uuid, true, 1));
    assert!(meanwhile.is_empty());
    assert!(after_an_older_holder.is_empty());
    assert_eq!(again, [order.uuid]);
}

async fn attempts_are_unsettled_for_long_after_six_tries_and_until_they_end(orders: &dyn Repository) {
    let (settled, stuck) = (create(orders).await, create(orders).await);
    let lease = begun(orders, &settled).await;
    begin(orders, &stuck).await;
    let count = async |limit| orders.long_unsettled(limit).await.unwrap();

    for _ in 0..LONG_UNSETTLED_TRIES {
        assert_eq!(count(10).await, 0);
        assert_eq!(unsettled(orders, 10, EXPIRED).await.len(), 2);
    }
    assert_eq!((count(10).await, count(1).await), (2, 1));
    assert!(decline(orders, &settled, &lease).await);
    assert_eq!(count(10).await, 1);

    begin(orders, &settled).await;
    assert_eq!(count(10).await, 1, "the next attempt has not been tried yet");
}
