//! The contract suite of `Orders`, run over the in-memory implementation and PostgreSQL.

use std::time::Duration;

use contracts::money::Money;
use order::{
    error::Error,
    model::{Event, NewOrder, Status},
    repository::Settlement,
};

use super::{
    EXPIRED, LEASE_TTL, MAX_UNPAID, Repository, begin, begun, cancelled, claim, create, decline, find, new_order,
    order_with_texts, pay, write,
};
use crate::ids;
use crate::shop::PAY_WITHIN;

contract!(
    an_order_is_found_by_its_user_alone,
    an_order_is_written_once,
    a_user_has_a_bounded_number_of_unpaid_orders,
    orders_are_listed_newest_first_page_by_page,
    orders_of_any_user_and_status_exist,
    the_newest_unpaid_order_of_a_user_holds_its_parts,
    an_order_that_is_being_paid_cannot_be_cancelled,
    a_cancelled_order_cannot_be_paid,
    an_order_is_overdue_only_while_no_attempt_is_in_progress,
    a_page_of_overdue_orders_that_are_not_cancelled_holds_up_no_other,
    an_event_has_its_effect_once,
    only_a_paid_order_is_assembled_or_undone,
);

async fn an_order_is_found_by_its_user_alone(orders: &dyn Repository) {
    let order = create(orders).await;

    assert_eq!(orders.find(order.user, order.uuid).await.unwrap(), Some(order.clone()));
    assert_eq!(orders.find(ids::user(), order.uuid).await.unwrap(), None);
    assert_eq!(orders.find(order.user, ids::order()).await.unwrap(), None);
    assert_eq!(orders.owner(order.uuid).await.unwrap(), Some(order.user));
    assert_eq!(orders.owner(ids::order()).await.unwrap(), None);
}

async fn an_order_is_written_once(orders: &dyn Repository) {
    let order = order_with_texts(ids::user());
    let first = write(orders, &order, Money::from_minor(5).unwrap(), PAY_WITHIN, None).await.unwrap();

    let second = write(orders, &order, Money::from_minor(7).unwrap(), PAY_WITHIN, None).await.unwrap();

    assert_eq!(first, second);
    assert_eq!(second.total_price.minor(), 5);
    assert_eq!(second, order.created(second.total_price, second.created_at));
}

async fn a_user_has_a_bounded_number_of_unpaid_orders(orders: &dyn Repository) {
    let user = ids::user();
    let mut written = Vec::new();
    for _ in 0..MAX_UNPAID {
        written.push(write(orders, &new_order(user), Money::ZERO, PAY_WITHIN, None).await.unwrap());
    }
    let (one_more, claim) = (new_order(user), claim(user));
    orders.claim(&claim, one_more.uuid, LEASE_TTL).await.unwrap();

    for claim in [None, Some(&claim)] {
        let refused = write(orders, &one_more, Money::ZERO, PAY_WITHIN, claim).await;
        assert!(matches!(refused, Err(Error::TooManyUnpaid { max_unpaid: MAX_UNPAID })), "{refused:?}");
    }
    assert_eq!(orders.find(user, one_more.uuid).await.unwrap(), None);

    // These succeed: an order of another user, an order that exists already, and a new order after one was paid.
    create(orders).await;
    let first = new_order(user);
    let again = NewOrder { uuid: written[0].uuid, ..first };
    assert_eq!(write(orders, &again, Money::ZERO, PAY_WITHIN, None).await.unwrap(), written[0]);
    assert!(orders.cancel(written[0].uuid, &cancelled(&written[0]), None).await.unwrap());
    let refused = write(orders, &one_more, Money::ZERO, PAY_WITHIN, Some(&claim)).await;
    assert!(matches!(refused, Err(Error::TooManyUnpaid { .. })), "a cancelled order does not count: {refused:?}");
    let lease = begun(orders, &written[1]).await;
    pay(orders, &written[1], &lease).await;
    write(orders, &one_more, Money::ZERO, PAY_WITHIN, Some(&claim)).await.unwrap();
}

async fn orders_are_listed_newest_first_page_by_page(orders: &dyn Repository) {
    let user = ids::user();
    let mut created = Vec::new();
    for _ in 0..5 {
        created.push(write(orders, &new_order(user), Money::ZERO, PAY_WITHIN, None).await.unwrap());
    }
    create(orders).await;
    created.sort_by_key(|order| std::cmp::Reverse((order.created_at, order.uuid)));

    let (first, next) = orders.page(user, None, 3).await.unwrap();
    let (second, end) = orders.page(user, next, 3).await.unwrap();
    let (all, none) = orders.page(user, None, 5).await.unwrap();

    assert_eq!((first.len(), second.len(), end, none), (3, 2, None, None));
    assert_eq!(([first, second].concat(), all), (created.clone(), created));
}

async fn orders_of_any_user_and_status_exist(orders: &dyn Repository) {
    let (open, ended) = (create(orders).await, create(orders).await);
    assert!(orders.cancel(ended.uuid, &cancelled(&ended), None).await.unwrap());

    let existing = orders.existing(&[open.uuid, ids::order(), ended.uuid, open.uuid]).await.unwrap();

    assert_eq!(existing, [(open.uuid, Status::PendingPayment), (ended.uuid, Status::Cancelled)].into());
    assert_eq!(orders.existing(&[]).await.unwrap(), [].into());
}

async fn the_newest_unpaid_order_of_a_user_holds_its_parts(orders: &dyn Repository) {
    let [held, other] = [ids::part(), ids::part()];
    let user = ids::user();
    let with = |user, part| NewOrder::new(ids::order(), user, vec![other, part]);
    let write = async |order: NewOrder| write(orders, &order, Money::ZERO, PAY_WITHIN, None).await.unwrap();
    write(with(user, ids::part())).await;
    write(with(ids::user(), held)).await;
    assert_eq!(orders.holder(user, held).await.unwrap(), None);
    let (first, second) = (write(with(user, held)).await, write(with(user, held)).await);

    assert_eq!(orders.holder(user, held).await.unwrap(), Some(second.uuid));
    assert!(orders.cancel(second.uuid, &cancelled(&second), None).await.unwrap());
    assert_eq!(orders.holder(user, held).await.unwrap(), Some(first.uuid));
    let lease = begun(orders, &first).await;
    pay(orders, &first, &lease).await;
    assert_eq!(orders.holder(user, held).await.unwrap(), None);
}

async fn an_order_that_is_being_paid_cannot_be_cancelled(orders: &dyn Repository) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;

    assert!(!orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());
    assert!(orders.settle(order.uuid, &lease, &Settlement::Abandoned, None).await.unwrap());
    assert!(orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());
}

async fn a_cancelled_order_cannot_be_paid(orders: &dyn Repository) {
    let order = create(orders).await;
    assert!(orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());

    assert_eq!(begin(orders, &order).await, None);
    assert!(!orders.cancel(order.uuid, &cancelled(&order), None).await.unwrap());
    assert_eq!(find(orders, &order).await.status, Status::Cancelled);
}

async fn an_order_is_overdue_only_while_no_attempt_is_in_progress(orders: &dyn Repository) {
    let order = write(orders, &new_order(ids::user()), Money::ZERO, EXPIRED, None).await.unwrap();
    create(orders).await;
    tokio::time::sleep(Duration::from_millis(2)).await;

    begin(orders, &order).await;
    assert!(orders.overdue(10).await.unwrap().is_empty());
    let (_, lease) = orders.unsettled(1, LEASE_TTL).await.unwrap().remove(0);
    assert!(decline(orders, &order, &lease).await);
    assert_eq!(orders.overdue(10).await.unwrap(), [(order.uuid, order.user)]);
}

async fn a_page_of_overdue_orders_that_are_not_cancelled_holds_up_no_other(orders: &dyn Repository) {
    let mut overdue = Vec::new();
    for _ in 0..3 {
        let order = write(orders, &new_order(ids::user()), Money::ZERO, EXPIRED, None).await.unwrap();
        overdue.push((order.uuid, order.user));
        tokio::time::sleep(Duration::from_millis(2)).await;
    }

    assert_eq!(sorted(orders.overdue(2).await.unwrap()), sorted(overdue[..2].to_vec()));
    assert_eq!(orders.overdue(2).await.unwrap(), overdue[2..]);
    assert_eq!(orders.overdue(2).await.unwrap(), []);
}

fn sorted<T: Ord>(mut rows: Vec<T>) -> Vec<T> {
    rows.sort();
    rows
}

async fn an_event_has_its_effect_once(orders: &dyn Repository) {
    let order = create(orders).await;
    let lease = begun(orders, &order).await;
    pay(orders, &order, &lease).await;
    let cause = ids::cause();

    assert!(orders.assemble(cause, order.uuid).await.unwrap());
    assert!(!orders.assemble(cause, order.uuid).await.unwrap());
    assert_eq!(find(orders, &order).await.status, Status::Assembled);
}

async fn only_a_paid_order_is_assembled_or_undone(orders: &dyn Repository) {
    let order = create(orders).await;
    let undone = Event::assembly_failed(order.uuid, order.user);

    assert!(!orders.assemble(ids::cause(), order.uuid).await.unwrap());
    assert!(!orders.compensate(ids::cause(), order.uuid, &undone).await.unwrap());
    let lease = begun(orders, &order).await;
    pay(orders, &order, &lease).await;
    assert!(orders.compensate(ids::cause(), order.uuid, &undone).await.unwrap());
    assert!(!orders.assemble(ids::cause(), order.uuid).await.unwrap());
    assert_eq!(find(orders, &order).await.status, Status::Cancelled);
}

#[tokio::test]
async fn orders_that_were_not_paid_a_day_ago_do_not_count() {
    let database = testkit::database(&order::repository::MIGRATIONS).await;
    let orders: &dyn Repository = &order::repository::PgOrders::new(database.pool.clone());
    let user = ids::user();
    for _ in 0..MAX_UNPAID {
        write(orders, &new_order(user), Money::ZERO, PAY_WITHIN, None).await.unwrap();
    }
    let refused = write(orders, &new_order(user), Money::ZERO, PAY_WITHIN, None).await;
    assert!(matches!(refused, Err(Error::TooManyUnpaid { .. })), "{refused:?}");

    sqlx::query("update orders set created_at = created_at - interval '1 day'").execute(&database.pool).await.unwrap();

    write(orders, &new_order(user), Money::ZERO, PAY_WITHIN, None).await.unwrap();
}
