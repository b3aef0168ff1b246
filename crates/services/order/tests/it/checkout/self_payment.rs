//! Tests of orders that are paid from the balance without a request, over in-memory implementations.

use std::time::Duration;

use contracts::{ids::OrderId, money::Money};
use order::{
    client::Fault,
    error::OrderRefusal,
    model::{Order, PaymentMethod, RequestOutcome, Status},
    repository::Orders as _,
    service::{Checkout, Item, OrderService},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::ids;
use crate::shop::Shop;

/// Creates an order of one engine.
async fn check_out(service: &OrderService, shop: &Shop) -> OrderId {
    let item = Item { product: shop.engine.to_string(), quantity: 1, price: Money::from_minor(10_000).ok() };
    let (uuid, buyer) = (ids::order(), shop.user.to_string());
    let checkout = Checkout { uuid, buyer, delivery_address: None, items: vec![item] };
    match service.check_out(shop.user, checkout, None).await.expect("the order is created") {
        RequestOutcome::Created { order, .. } => order,
        other => panic!("created an order and got {other:?}"),
    }
}

/// Runs the job that pays orders from balances, until the returned guard is dropped.
fn job(service: OrderService) -> DropGuard {
    let stop = CancellationToken::new();
    let stopped = stop.clone();
    tokio::spawn(async move { service.pay_from_balances(stopped).await });
    stop.drop_guard()
}

/// Returns another replica over the same in-memory stores.
fn replica(shop: &Shop) -> OrderService {
    shop.replica(shop.inventory.clone(), shop.payments.clone())
}

async fn after(shop: &Shop, order: OrderId, time: Duration) -> Order {
    tokio::time::sleep(time).await;
    shop.find(order).await
}

const SHORT_WAIT: Duration = Duration::from_millis(100);
const THREE_SECONDS: Duration = Duration::from_secs(3);

#[tokio::test(start_paused = true)]
async fn an_order_pays_itself_at_once() {
    let shop = Shop::open();
    let _job = job(shop.service.clone());
    tokio::time::sleep(SHORT_WAIT).await;

    let order = check_out(&shop.service, &shop).await;
    let paid = after(&shop, order, SHORT_WAIT).await;

    assert_eq!((paid.status, paid.attempts), (Status::Paid, 1));
    assert_eq!(paid.payment.map(|(method, _)| method), Some(PaymentMethod::InvestorMoney));
    assert_eq!(shop.events(order), ["events.v1.OrderCreated", "events.v1.OrderPaid"]);
}

#[tokio::test(start_paused = true)]
async fn an_order_of_a_replica_that_died_is_paid_by_another() {
    let shop = Shop::open();
    let dead = replica(&shop);
    let (before, taken) = (check_out(&dead, &shop).await, check_out(&dead, &shop).await);
    shop.orders.due_to_pay_themselves(1, Duration::from_secs(1)).await.unwrap();

    let _job = job(shop.service.clone());

    for order in [before, taken] {
        assert_eq!(after(&shop, order, THREE_SECONDS).await.status, Status::Paid);
    }
}

#[tokio::test(start_paused = true)]
async fn two_replicas_begin_one_attempt() {
    let shop = Shop::open();
    let _jobs = [job(shop.service.clone()), job(replica(&shop))];
    let mut orders = Vec::new();
    for _ in 0..10 {
        orders.push(check_out(&shop.service, &shop).await);
    }

    for order in orders {
        let paid = after(&shop, order, THREE_SECONDS).await;
        assert_eq!((paid.status, paid.attempts, shop.payments.charges(order)), (Status::Paid, 1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn an_order_declined_from_the_balance_is_left_to_its_user() {
    let shop = Shop::open();
    shop.payments.script(Fault::Decline(OrderRefusal::InsufficientFunds));
    let _job = job(shop.service.clone());

    let order = check_out(&shop.service, &shop).await;
    let declined = after(&shop, order, Duration::from_mins(5)).await;
    let details = shop.orders.checkout_details(order).await.unwrap();
    shop.service.pay(shop.user, order, PaymentMethod::Card, None).await.unwrap();

    assert_eq!((declined.status, declined.attempts), (Status::PendingPayment, 1));
    assert_eq!(details.declined, Some((1, OrderRefusal::InsufficientFunds)));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_could_not_be_made_is_made_again() {
    let shop = Shop::open();
    let order = check_out(&shop.service, &shop).await;
    shop.inventory.set_away(true);
    let _job = job(shop.service.clone());

    let waiting = after(&shop, order, Duration::from_mins(5)).await;
    shop.inventory.set_away(false);
    let paid = after(&shop, order, Duration::from_secs(20)).await;

    assert_eq!(waiting.status, Status::PendingPayment);
    assert!((5..=40).contains(&waiting.attempts), "{} attempts in 5 min", waiting.attempts);
    assert_eq!((paid.status, shop.payments.charges(order)), (Status::Paid, 1));
}
