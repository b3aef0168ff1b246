//! The contract suite of `Deliveries`, run over the in-memory implementation and PostgreSQL.

use std::time::Duration;

use contracts::{events::OrderOf, ids::DeliveryId, money::Money};
use order::model::{Delivery, DeliveryStatus, NewOrder, Order};

use super::{EXPIRED, Repository, TEXT, begun, cancelled, create, find, new_order, order_with_texts, pay, write};
use crate::ids;
use crate::shop::PAY_WITHIN;

contract!(
    an_order_is_open_until_it_is_cancelled_or_its_ship_has_arrived,
    an_address_is_kept_as_it_was_sent,
    an_order_that_is_being_paid_has_its_address,
    a_destination_is_known_in_any_status,
    an_order_without_an_address_has_no_destination,
    a_delivery_takes_each_later_status_and_no_earlier_one,
    a_delivery_event_has_its_effect_once,
    a_delivery_event_of_an_unknown_order_is_noted_all_the_same,
    a_delivery_event_for_another_user_fails_however_often_it_comes,
);

async fn create_with_address(orders: &dyn Repository, pay_within: Duration) -> Order {
    write(orders, &order_with_texts(ids::user()), Money::ZERO, pay_within, None).await.expect("the order is written")
}

fn reported(status: DeliveryStatus) -> Delivery {
    Delivery { uuid: DeliveryId::new(ids::random()), ..crate::delivery::reported(status) }
}

fn subject(order: &Order) -> OrderOf {
    OrderOf { order: order.uuid, user: order.user }
}

async fn store(orders: &dyn Repository, order: &Order, reported: &Delivery) -> bool {
    orders.store_delivery(ids::cause(), subject(order), reported).await.expect("the delivery is stored")
}

async fn an_order_is_open_until_it_is_cancelled_or_its_ship_has_arrived(orders: &dyn Repository) {
    let user = ids::user();
    let written = async |new: NewOrder| {
        write(orders, &NewOrder { user, ..new }, Money::ZERO, PAY_WITHIN, None).await.expect("the order is written")
    };
    create(orders).await;
    let [unpaid, ended, built] = [0; 3].map(|_| new_order(user));
    let (unpaid, ended, built) = (written(unpaid).await, written(ended).await, written(built).await);
    let (arrived, failed) = (written(order_with_texts(user)).await, written(order_with_texts(user)).await);
    let open = async || {
        let (open, total) = orders.open(user, 20).await.unwrap();
        assert_eq!(open.len(), total as usize);
        open
    };
    assert_eq!(open().await, [&unpaid, &ended, &built, &arrived, &failed].map(|order| order.uuid));

    assert!(orders.cancel(ended.uuid, &cancelled(&ended), None).await.unwrap());
    for order in [&built, &arrived, &failed] {
        let lease = begun(orders, order).await;
        assert!(open().await.contains(&order.uuid), "it is being paid");
        assert!(pay(orders, order, &lease).await);
        assert!(open().await.contains(&order.uuid), "its ship is being built");
        assert!(orders.assemble(ids::cause(), order.uuid).await.unwrap());
    }
    assert_eq!(open().await, [&unpaid, &arrived, &failed].map(|order| order.uuid), "what is not delivered has ended");
    assert!(store(orders, &arrived, &reported(DeliveryStatus::OutForDelivery)).await);
    assert!(store(orders, &failed, &reported(DeliveryStatus::Failed)).await);
    assert_eq!(open().await, [&unpaid, &arrived].map(|order| order.uuid));
    assert_eq!(orders.open(user, 1).await.unwrap(), (vec![unpaid.uuid], 2), "the oldest, and the number of all");
    assert!(store(orders, &arrived, &reported(DeliveryStatus::Delivered)).await);
    assert_eq!(open().await, [unpaid.uuid]);
}

async fn an_address_is_kept_as_it_was_sent(orders: &dyn Repository) {
    let order = create_with_address(orders, EXPIRED).await;
    tokio::time::sleep(Duration::from_millis(2)).await;

    let (page, _) = orders.page(order.user, None, 1).await.unwrap();
    let found = find(orders, &order).await;

    assert_eq!(found.delivery_address.as_ref().unwrap().as_str(), TEXT);
    assert_eq!((&found, &page[0]), (&order, &order));
}

async fn an_order_that_is_being_paid_has_its_address(orders: &dyn Repository) {
    let order = create_with_address(orders, PAY_WITHIN).await;
    let lease = begun(orders, &order).await;
    tokio::time::sleep(Duration::from_millis(2)).await;

    let unsettled = orders.unsettled(1, EXPIRED).await.unwrap();

    assert_eq!(unsettled[0].0.delivery_address, order.delivery_address);
    let event = unsettled[0].0.clone().pay(lease.attempt.number, ids::transaction()).unwrap();
    assert!(matches!(event, order::model::Event::Paid { deliver: true, .. }), "{event:?}");
}

async fn a_destination_is_known_in_any_status(orders: &dyn Repository) {
    let [pending, paid, ended] = [
        create_with_address(orders, PAY_WITHIN).await,
        create_with_address(orders, PAY_WITHIN).await,
        create_with_address(orders, PAY_WITHIN).await,
    ];
    let lease = begun(orders, &paid).await;
    assert!(pay(orders, &paid, &lease).await);
    assert!(orders.cancel(ended.uuid, &cancelled(&ended), None).await.unwrap());

    for order in [pending, paid, ended] {
        let destination = orders.destination(order.uuid).await.unwrap().unwrap();

        assert_eq!((destination.address.as_str(), destination.volume), (TEXT, 3), "two parts, one of them twice");
    }
}

async fn an_order_without_an_address_has_no_destination(orders: &dyn Repository) {
    let order = create(orders).await;

    assert_eq!(orders.destination(order.uuid).await.unwrap(), None);
    assert_eq!(orders.destination(ids::order()).await.unwrap(), None);
}

async fn a_delivery_takes_each_later_status_and_no_earlier_one(orders: &dyn Repository) {
    for first in DeliveryStatus::ALL {
        for second in DeliveryStatus::ALL {
            let order = create_with_address(orders, PAY_WITHIN).await;
            let (first, second) = (reported(first), reported(second));

            assert!(store(orders, &order, &first).await, "{first:?}");
            let changed = store(orders, &order, &second).await;

            let expected = if second.status.follows(Some(first.status)) { &second } else { &first };
            assert_eq!(find(orders, &order).await.delivery.as_ref(), Some(expected), "{first:?}, {second:?}");
            assert_eq!(changed, expected == &second, "{first:?}, {second:?}");
        }
    }
}

async fn a_delivery_event_has_its_effect_once(orders: &dyn Repository) {
    let order = create_with_address(orders, PAY_WITHIN).await;
    let (pending, later) = (reported(DeliveryStatus::Pending), reported(DeliveryStatus::Delivered));
    let cause = ids::cause();
    let store = async |reported| orders.store_delivery(cause, subject(&order), reported).await.unwrap();

    assert!(store(&pending).await);
    assert!(!store(&later).await, "the same event again");
    assert_eq!(find(orders, &order).await.delivery, Some(pending));
}

async fn a_delivery_event_of_an_unknown_order_is_noted_all_the_same(orders: &dyn Repository) {
    let (order, cause, pending) = (order_with_texts(ids::user()), ids::cause(), reported(DeliveryStatus::Pending));
    let subject = OrderOf { order: order.uuid, user: order.user };
    let store = async || orders.store_delivery(cause, subject, &pending).await.unwrap();

    assert!(!store().await);
    let order = write(orders, &order, Money::ZERO, PAY_WITHIN, None).await.unwrap();
    assert!(!store().await, "the inbox has the event");
    assert_eq!(find(orders, &order).await.delivery, None);
}

async fn a_delivery_event_for_another_user_fails_however_often_it_comes(orders: &dyn Repository) {
    let order = create_with_address(orders, PAY_WITHIN).await;
    let (cause, pending) = (ids::cause(), reported(DeliveryStatus::Pending));
    let theirs = OrderOf { user: ids::user(), ..subject(&order) };

    for _ in 0..2 {
        orders.store_delivery(cause, theirs, &pending).await.unwrap_err();
    }

    assert_eq!(find(orders, &order).await.delivery, None);
    assert!(orders.store_delivery(cause, subject(&order), &pending).await.unwrap(), "no inbox row was written");
}
