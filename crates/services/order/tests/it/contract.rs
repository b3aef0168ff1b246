//! What every keeper of orders does, memory and PostgreSQL alike.

use std::time::Duration;

use contracts::money::Money;
use order::{
    error::{Error, Refusal},
    model::{AttemptLease, CancelReason, Claim, Claimed, Event, NewOrder, Order, Outcome, PaymentMethod, Status},
    repository::{Cursor, MIGRATIONS, MemoryOrders, Orders, PgOrders, Settlement},
};
use platform::ids;
use uuid::Uuid;

use crate::shop::PAY_WITHIN;

const LEASE: Duration = Duration::from_mins(1);
const OVER: Duration = Duration::ZERO;

/// Runs each promise over both keepers.
macro_rules! contract {
    ($($promise:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $promise() {
                super::$promise(&super::MemoryOrders::default()).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            async fn $promise() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$promise(&super::PgOrders::new(database.pool.clone())).await;
            })*
        }
    };
}

contract!(
    an_order_is_found_by_its_user_alone,
    an_order_is_written_once,
    orders_are_listed_newest_first_page_by_page,
    one_attempt_is_under_way_at_a_time,
    a_settled_attempt_cannot_be_settled_again,
    a_declined_attempt_may_be_followed_by_another,
    an_order_that_is_being_paid_cannot_be_cancelled,
    an_attempt_that_another_process_has_taken_is_no_longer_the_first_ones_to_decide,
    whoever_has_heard_how_a_charge_went_may_write_it,
    an_attempt_that_has_ended_cannot_be_taken,
    a_charged_order_that_is_undone_keeps_its_transaction,
    attempts_that_were_asked_about_least_often_come_first,
    a_cancelled_order_cannot_be_paid,
    an_unsettled_attempt_is_handed_out_once_in_a_while,
    an_order_is_overdue_only_while_nobody_pays_it,
    an_event_has_its_effect_once,
    only_a_paid_order_is_assembled_or_undone,
    a_key_is_taken_once_and_remembers_what_came_of_it,
    a_key_whose_request_died_is_taken_over_with_the_same_order,
    a_key_remembers_the_attempt_and_how_it_ended,
    a_request_that_lost_its_key_does_not_answer_for_it,
    a_request_that_lost_its_key_does_not_give_it_back,
    a_request_that_lost_its_key_changes_nothing,
    an_old_key_is_forgotten,
);

fn new_order(user: Uuid) -> NewOrder {
    let part = ids::random();
    NewOrder { uuid: ids::ordered(), user, parts: vec![part, ids::random(), part] }
}

async fn create(orders: &dyn Orders) -> Order {
    let order = new_order(ids::random());
    orders.create(&order, Money::from_minor(1234).unwrap(), PAY_WITHIN, None).await.unwrap()
}

async fn begin(orders: &dyn Orders, order: &Order) -> Option<AttemptLease> {
    let begun = orders.begin_attempt(order.user, order.uuid, PaymentMethod::Sbp, OVER, None).await.unwrap();
    begun.unwrap().1
}

async fn begun(orders: &dyn Orders, order: &Order) -> AttemptLease {
    begin(orders, order).await.unwrap()
}

async fn take(orders: &dyn Orders, order: &Order, number: i32) -> Option<AttemptLease> {
    orders.take_attempt(order.user, order.uuid, number, LEASE).await.unwrap()
}

/// The orders whose attempts are handed out.
async fn unsettled(orders: &dyn Orders, limit: i64, pause: Duration) -> Vec<Uuid> {
    let taken = orders.unsettled(limit, pause).await.unwrap();
    taken.into_iter().map(|(order, _)| order.uuid).collect()
}

async fn pay(orders: &dyn Orders, order: &Order, lease: &AttemptLease) -> bool {
    let transaction = ids::random();
    let event = Event::Paid { order: order.uuid, user: order.user, method: PaymentMethod::Sbp, transaction };
    let paid = Settlement::Paid { transaction, event };
    orders.settle(order.uuid, lease, &paid, Some(&Outcome::Paid { transaction })).await.unwrap()
}

fn cancelled(order: &Order) -> Event {
    Event::Cancelled { order: order.uuid, user: order.user, reason: CancelReason::ByUser, paid: false }
}

async fn find(orders: &dyn Orders, order: &Order) -> Order {
    orders.find(order.user, order.uuid).await.unwrap().unwrap()
}

fn claim(user: Uuid) -> Claim {
    Claim { user, key: ids::random().to_string(), fingerprint: vec![1, 2, 3], token: ids::random() }
}

/// Another request under the same key.
fn repeated(claim: &Claim) -> Claim {
    Claim { token: ids::random(), ..claim.clone() }
}

async fn an_order_is_found_by_its_user_alone(orders: &dyn Orders) {
    let order = create(orders).await;

    assert_eq!(orders.find(order.user, order.uuid).await.unwrap(), Some(order.clone()));
    assert_eq!(orders.find(ids::random(), order.uuid).await.unwrap(), None);
    assert_eq!(orders.find(order.user, ids::random()).await.unwrap(), None);
}

async fn an_order_is_written_once(orders: &dyn Orders) {
    let order = new_order(ids::random());
    let first = orders.create(&order, Money::from_minor(5).unwrap(), PAY_WITHIN, None).await.unwrap();

    let second = orders.create(&order, Money::from_minor(7).unwrap(), PAY_WITHIN, None).await.unwrap();

    assert_eq!(first, second);
    assert_eq!(second.total_price.minor(), 5);
    assert_eq!(second.parts, order.parts);
}

async fn orders_are_listed_newest_first_page_by_page(orders: &dyn Orders) {
    let user = ids::random();
    let mut created = Vec::new();
    for _ in 0..5 {
        created.push(orders.create(&new_order(user), Money::ZERO, PAY_WITHIN, None).await.unwrap());
    }
    create(orders).await;
    created.sort_by_key(|order| std::cmp::Reverse((order.created_at, order.uuid)));

    let first = orders.page(user, None, 3).await.unwrap();
    let last = first.last().map(|order| Cursor { created_at: order.created_at, order: order.uuid });
    let second = orders.page(user, last, 3).await.unwrap();

    assert_eq!([first, second].concat(), created);
}

async fn one_attempt_is_under_way_at_a_time(orders: &dyn Orders) {
    let order = create(orders).await;

    let first = begun(orders, &order).await;
    assert_eq!((first.attempt.number, first.shared), (1, false));
    assert_eq!(begin(orders, &order).await, None);
    let found = find(orders, &order).await;
    assert_eq!(found.attempt.map(|attempt| attempt.number), Some(1));
    assert!(orders.begin_attempt(ids::random(), order.uuid, PaymentMethod::Sbp, OVER, None).await.unwrap().is_none());
}

async fn a_settled_attempt_cannot_be_settled_again(orders: &dyn Orders) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;

    assert!(pay(orders, &order, &lease).await);
    assert!(!pay(orders, &order, &lease).await);
    assert!(!orders.settle(order.uuid, &lease, &Settlement::Declined, None).await.unwrap());
    let found = find(orders, &order).await;
    assert_eq!(found.status, Status::Paid);
    assert_eq!(found.payment.map(|(method, _)| method), Some(PaymentMethod::Sbp));
}

async fn a_declined_attempt_may_be_followed_by_another(orders: &dyn Orders) {
    let order = create(orders).await;
    let first = begun(orders, &order).await;

    assert!(orders.settle(order.uuid, &first, &Settlement::Declined, None).await.unwrap());

    let second = begun(orders, &order).await;
    assert_eq!(second.attempt.number, 2);
    assert!(second.epoch > first.epoch);
    assert!(!pay(orders, &order, &first).await, "the first attempt is over");
    assert!(pay(orders, &order, &second).await);
}

async fn an_order_that_is_being_paid_cannot_be_cancelled(orders: &dyn Orders) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;

    assert!(!orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());
    assert!(orders.settle(order.uuid, &lease, &Settlement::Abandoned, None).await.unwrap());
    assert!(orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());
}

async fn an_attempt_that_another_process_has_taken_is_no_longer_the_first_ones_to_decide(orders: &dyn Orders) {
    let (mine, taken_up, resumed) = (create(orders).await, create(orders).await, create(orders).await);
    let mut leases = vec![begun(orders, &taken_up).await];
    let reconciler = orders.unsettled(10, LEASE).await.unwrap()[0].1;
    leases.insert(0, begun(orders, &mine).await);
    leases.push(begun(orders, &resumed).await);
    let repeat = take(orders, &resumed, 1).await.unwrap();

    for (order, lease, newer) in
        [(&mine, leases[0], None), (&taken_up, leases[1], Some(reconciler)), (&resumed, leases[2], Some(repeat))]
    {
        let give_up = Settlement::Cancelled { event: cancelled(order) };
        let undo = Settlement::Undone { transaction: ids::random(), event: cancelled(order) };
        for decision in [&Settlement::Abandoned, &give_up, &undo] {
            if newer.is_some() {
                assert!(!orders.settle(order.uuid, &lease, decision, None).await.unwrap(), "{decision:?}");
            }
        }
        assert!(orders.settle(order.uuid, &newer.unwrap_or(lease), &Settlement::Abandoned, None).await.unwrap());
        // The next attempt is its beginner's alone again.
        let next = begun(orders, order).await;
        assert!(!next.shared);
        assert!(orders.settle(order.uuid, &next, &give_up, None).await.unwrap());
        assert_eq!(find(orders, order).await.status, Status::Cancelled);
    }
}

async fn whoever_has_heard_how_a_charge_went_may_write_it(orders: &dyn Orders) {
    let (charged, refused) = (create(orders).await, create(orders).await);
    let (first, other) = (begun(orders, &charged).await, begun(orders, &refused).await);
    take(orders, &charged, 1).await.unwrap();
    take(orders, &refused, 1).await.unwrap();

    assert!(pay(orders, &charged, &first).await);
    assert!(orders.settle(refused.uuid, &other, &Settlement::Declined, None).await.unwrap());

    assert_eq!(find(orders, &charged).await.status, Status::Paid);
    assert_eq!(find(orders, &refused).await.attempt, None);
}

async fn an_attempt_that_has_ended_cannot_be_taken(orders: &dyn Orders) {
    let order = create(orders).await;
    let first = begun(orders, &order).await;
    assert_eq!(orders.take_attempt(ids::random(), order.uuid, 1, LEASE).await.unwrap(), None);

    let second = take(orders, &order, 1).await.unwrap();
    orders.settle(order.uuid, &second, &Settlement::Declined, None).await.unwrap();

    assert_eq!((second.attempt, second.shared, second.epoch), (first.attempt, true, first.epoch + 1));
    assert_eq!(take(orders, &order, 1).await, None);
    begin(orders, &order).await;
    assert_eq!(take(orders, &order, 1).await, None);
}

async fn a_charged_order_that_is_undone_keeps_its_transaction(orders: &dyn Orders) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;
    let transaction = ids::random();
    let event = Event::Cancelled { order: order.uuid, user: order.user, reason: CancelReason::OutOfStock, paid: true };

    assert!(orders.settle(order.uuid, &lease, &Settlement::Undone { transaction, event }, None).await.unwrap());

    let found = find(orders, &order).await;
    assert_eq!((found.status, found.attempt), (Status::Cancelled, None));
    assert_eq!(found.payment, Some((PaymentMethod::Sbp, transaction)));
}

async fn attempts_that_were_asked_about_least_often_come_first(orders: &dyn Orders) {
    let (old, fresh) = (create(orders).await, create(orders).await);
    begin(orders, &old).await;
    for _ in 0..3 {
        assert_eq!(unsettled(orders, 1, OVER).await, [old.uuid]);
    }
    begin(orders, &fresh).await;

    assert_eq!(unsettled(orders, 1, LEASE).await, [fresh.uuid]);
    assert_eq!(unsettled(orders, 10, LEASE).await, [old.uuid]);
}

async fn a_cancelled_order_cannot_be_paid(orders: &dyn Orders) {
    let order = create(orders).await;
    assert!(orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());

    assert_eq!(begin(orders, &order).await, None);
    assert!(!orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());
    assert_eq!(find(orders, &order).await.status, Status::Cancelled);
}

async fn an_unsettled_attempt_is_handed_out_once_in_a_while(orders: &dyn Orders) {
    let order = create(orders).await;
    let first = begun(orders, &order).await;

    let taken = orders.unsettled(10, LEASE).await.unwrap();
    let meanwhile = unsettled(orders, 10, LEASE).await;
    orders.postpone(order.uuid, &first, OVER).await.unwrap();
    let after_an_older_holder = unsettled(orders, 10, LEASE).await;
    orders.postpone(order.uuid, &taken[0].1, OVER).await.unwrap();
    let again = unsettled(orders, 10, LEASE).await;

    assert_eq!((taken[0].0.uuid, taken[0].1.shared, taken[0].1.tries), (order.uuid, true, 1));
    assert!(meanwhile.is_empty());
    assert!(after_an_older_holder.is_empty());
    assert_eq!(again, [order.uuid]);
}

async fn an_order_is_overdue_only_while_nobody_pays_it(orders: &dyn Orders) {
    let order = orders.create(&new_order(ids::random()), Money::ZERO, OVER, None).await.unwrap();
    create(orders).await;
    tokio::time::sleep(Duration::from_millis(2)).await;

    assert_eq!(orders.overdue(10).await.unwrap(), std::slice::from_ref(&order));
    begin(orders, &order).await;
    assert!(orders.overdue(10).await.unwrap().is_empty());
}

async fn an_event_has_its_effect_once(orders: &dyn Orders) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;
    pay(orders, &order, &lease).await;
    let event = ids::random();

    assert!(orders.assemble("group", event, order.uuid).await.unwrap());
    assert!(!orders.assemble("group", event, order.uuid).await.unwrap());
    assert_eq!(find(orders, &order).await.status, Status::Assembled);
}

async fn only_a_paid_order_is_assembled_or_undone(orders: &dyn Orders) {
    let order = create(orders).await;
    let undone = Event::undone(order.uuid, order.user);

    assert!(!orders.assemble("group", ids::random(), order.uuid).await.unwrap());
    assert!(!orders.undo("group", ids::random(), order.uuid, &undone).await.unwrap());
    let lease = begun(orders, &order).await;
    pay(orders, &order, &lease).await;
    assert!(orders.undo("group", ids::random(), order.uuid, &undone).await.unwrap());
    assert!(!orders.assemble("group", ids::random(), order.uuid).await.unwrap());
    assert_eq!(find(orders, &order).await.status, Status::Cancelled);
}

async fn a_key_is_taken_once_and_remembers_what_came_of_it(orders: &dyn Orders) {
    let order = new_order(ids::random());
    let claim = claim(order.user);
    let other_body = Claim { fingerprint: vec![9], ..claim.clone() };
    let other_user = Claim { user: ids::random(), ..claim.clone() };

    let new = orders.claim(&claim, order.uuid, LEASE).await.unwrap();
    let meanwhile = orders.claim(&claim, ids::random(), LEASE).await.unwrap();
    orders.create(&order, Money::ZERO, PAY_WITHIN, Some(&claim)).await.unwrap();
    orders.complete(&claim, &Outcome::Cancelled).await.unwrap();
    let after = orders.claim(&claim, ids::random(), LEASE).await.unwrap();

    assert_eq!(new, Claimed::New { order: order.uuid });
    assert_eq!(meanwhile, Claimed::InProgress);
    assert_eq!(after, Claimed::Done(Outcome::Created { order: order.uuid, total_price: Money::ZERO }));
    assert_eq!(orders.claim(&other_body, ids::random(), LEASE).await.unwrap(), Claimed::Reused);
    assert!(matches!(orders.claim(&other_user, ids::random(), LEASE).await.unwrap(), Claimed::New { .. }));
}

async fn a_key_whose_request_died_is_taken_over_with_the_same_order(orders: &dyn Orders) {
    let (claim, order) = (claim(ids::random()), ids::ordered());
    orders.claim(&claim, order, LEASE).await.unwrap();

    orders.release(&claim).await.unwrap();

    let taken = orders.claim(&claim, ids::ordered(), LEASE).await.unwrap();
    assert_eq!(taken, Claimed::Resumed { order, attempt: None });
    assert_eq!(orders.claim(&claim, ids::ordered(), LEASE).await.unwrap(), Claimed::InProgress);
}

async fn a_key_remembers_the_attempt_and_how_it_ended(orders: &dyn Orders) {
    let order = create(orders).await;
    let claim = claim(order.user);
    orders.claim(&claim, order.uuid, OVER).await.unwrap();
    let begun = orders.begin_attempt(order.user, order.uuid, PaymentMethod::Card, OVER, Some(&claim)).await.unwrap();
    let lease = begun.unwrap().1.unwrap();
    let declined = Outcome::Refused(Refusal::PaymentDeclined);

    let resumed = orders.claim(&claim, order.uuid, OVER).await.unwrap();
    orders.settle(order.uuid, &lease, &Settlement::Declined, Some(&declined)).await.unwrap();

    assert_eq!(resumed, Claimed::Resumed { order: order.uuid, attempt: Some(1) });
    assert_eq!(orders.claim(&claim, order.uuid, OVER).await.unwrap(), Claimed::Done(declined));
}

/// A key whose first request is frozen until its repeat has taken over.
async fn taken_over(orders: &dyn Orders, order: &NewOrder) -> (Claim, Claim) {
    let frozen = claim(order.user);
    let repeat = repeated(&frozen);
    orders.claim(&frozen, order.uuid, OVER).await.unwrap();
    let taken = orders.claim(&repeat, ids::ordered(), LEASE).await.unwrap();
    assert!(matches!(taken, Claimed::Resumed { order: uuid, .. } if uuid == order.uuid), "{taken:?}");
    (frozen, repeat)
}

async fn a_request_that_lost_its_key_does_not_answer_for_it(orders: &dyn Orders) {
    let order = new_order(ids::random());
    let (frozen, repeat) = taken_over(orders, &order).await;

    orders.complete(&frozen, &Outcome::Refused(Refusal::ReservationLost)).await.unwrap();
    orders.create(&order, Money::ZERO, PAY_WITHIN, Some(&repeat)).await.unwrap();

    let remembered = orders.claim(&repeated(&frozen), ids::ordered(), LEASE).await.unwrap();
    assert_eq!(remembered, Claimed::Done(Outcome::Created { order: order.uuid, total_price: Money::ZERO }));
}

async fn a_request_that_lost_its_key_does_not_give_it_back(orders: &dyn Orders) {
    let order = new_order(ids::random());
    let (frozen, repeat) = taken_over(orders, &order).await;

    orders.release(&frozen).await.unwrap();
    let meanwhile = orders.claim(&repeated(&frozen), ids::ordered(), LEASE).await.unwrap();
    orders.release(&repeat).await.unwrap();
    let after = orders.claim(&repeated(&frozen), ids::ordered(), LEASE).await.unwrap();

    assert_eq!(meanwhile, Claimed::InProgress);
    assert_eq!(after, Claimed::Resumed { order: order.uuid, attempt: None });
}

async fn a_request_that_lost_its_key_changes_nothing(orders: &dyn Orders) {
    let unwritten = new_order(ids::random());
    let (creation, _) = taken_over(orders, &unwritten).await;
    let written = create(orders).await;
    let subject = NewOrder { uuid: written.uuid, user: written.user, parts: written.parts.clone() };
    let (payment, payment_again) = taken_over(orders, &subject).await;
    let (cancellation, cancellation_again) = taken_over(orders, &subject).await;
    let begin = async |claim| orders.begin_attempt(written.user, written.uuid, PaymentMethod::Sbp, OVER, claim).await;

    let creation = orders.create(&unwritten, Money::ZERO, PAY_WITHIN, Some(&creation)).await;
    let payment = begin(Some(&payment)).await;
    let cancellation = orders.cancel(written.uuid, &cancelled(&written), Some(&cancellation)).await;

    assert!(matches!(creation, Err(Error::KeyInProgress)), "{creation:?}");
    assert!(matches!(payment, Err(Error::KeyInProgress)), "{payment:?}");
    assert!(matches!(cancellation, Err(Error::KeyInProgress)), "{cancellation:?}");
    assert_eq!(orders.find(unwritten.user, unwritten.uuid).await.unwrap(), None);
    assert_eq!(find(orders, &written).await, written);
    let lease = begin(Some(&payment_again)).await.unwrap().unwrap().1.unwrap();
    assert!(orders.settle(written.uuid, &lease, &Settlement::Declined, None).await.unwrap());
    assert!(orders.cancel(written.uuid, &cancelled(&written), Some(&cancellation_again)).await.unwrap());
}

async fn an_old_key_is_forgotten(orders: &dyn Orders) {
    let (claim, order) = (claim(ids::random()), ids::ordered());
    orders.claim(&claim, order, LEASE).await.unwrap();
    tokio::time::sleep(Duration::from_millis(2)).await;

    assert_eq!(orders.remove_idempotency_keys(LEASE, 10).await.unwrap(), 0);
    assert_eq!(orders.remove_idempotency_keys(OVER, 10).await.unwrap(), 1);
    assert!(matches!(orders.claim(&claim, order, LEASE).await.unwrap(), Claimed::New { .. }));
}
