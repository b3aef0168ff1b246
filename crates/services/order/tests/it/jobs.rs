//! Tests of background jobs, consumed events and the relay, over in-memory implementations.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use contracts::ids::{OrderId, TransactionId};
use order::{
    client::{ChargeAnswer, Payments, Voided},
    error::{Error, OrderRefusal},
    model::{Attempt, Claim, NewOrder, Order, PaymentMethod, RequestOutcome, Status},
    repository::{Attempts as _, IdempotencyKeys as _, MemoryOrders, Repositories, Settlement},
    service::OrderService,
};
use outbox::{Publisher, Record, Relay, Waker};
use tokio_util::sync::CancellationToken;

use crate::ids;
use crate::shop::{PAY_WITHIN, Shop, clients};

async fn pay(shop: &Shop, order: OrderId) {
    shop.service.pay(shop.user, order, PaymentMethod::Card, None).await.unwrap();
}

/// A broker that accepts every record.
struct Broker;

#[async_trait]
impl Publisher for Broker {
    async fn publish(&self, _: Vec<Record>) -> anyhow::Result<()> {
        Ok(())
    }
}

/// Returns a shop whose events a relay publishes when it is woken, or a second later.
fn with_relay() -> (Shop, CancellationToken) {
    let (mut shop, waker) = (Shop::open(), Waker::default());
    let kinds = ["events.v1.OrderCreated", "events.v1.OrderPaid", "events.v1.OrderCancelled"];
    let topics: HashMap<_, _> = kinds.map(|kind| (kind, kind.to_owned())).into();
    let relay = Relay::new("order", Arc::new(shop.orders.outbox.clone()), Arc::new(Broker), topics, &waker);
    let end = CancellationToken::new();
    tokio::spawn(relay.run(end.clone()));
    let repositories = Repositories::new(Arc::new(shop.orders.clone()));
    let clients = clients(shop.inventory.clone(), shop.payments.clone());
    shop.service = OrderService::new(repositories, clients, waker, PAY_WITHIN);
    (shop, end)
}

/// Returns the number of published events after 100 ms. A relay that is not woken waits longer than that.
async fn published(shop: &Shop) -> usize {
    tokio::time::sleep(Duration::from_millis(100)).await;
    shop.orders.outbox.events().iter().filter(|(_, published)| *published).count()
}

#[tokio::test(start_paused = true)]
async fn every_event_goes_out_at_once() {
    let (shop, _end) = with_relay();

    let [paid, undone, left, lost, late] =
        [shop.order().await, shop.order().await, shop.order().await, shop.order().await, shop.order().await];
    assert_eq!(published(&shop).await, 5, "created");
    pay(&shop, paid).await;
    assert_eq!(published(&shop).await, 6, "paid");
    shop.service.cancel(shop.user, left, None).await.unwrap();
    assert_eq!(published(&shop).await, 7, "cancelled");
    pay(&shop, undone).await;
    published(&shop).await;
    shop.service.compensate(ids::cause(), undone, shop.user).await.unwrap();
    assert_eq!(published(&shop).await, 9, "undone");
    shop.inventory.expire(lost);
    shop.inventory.put(shop.engine, contracts::money::Money::ZERO, 0);
    shop.service.pay(shop.user, lost, PaymentMethod::Card, None).await.unwrap_err();
    assert_eq!(published(&shop).await, 10, "out of stock");
    tokio::time::sleep(PAY_WITHIN).await;
    shop.service.cancel_overdue_orders().await.unwrap();
    assert_eq!(published(&shop).await, 11, "overdue");
    assert_eq!(shop.find(late).await.status, Status::Cancelled);
}

/// A payment client during whose call another process settles the attempt.
struct Overtaken {
    orders: MemoryOrders,
    charged: TransactionId,
    /// The transaction that the other process writes. `None` means that it ends the attempt without a charge.
    written: Option<TransactionId>,
}

#[async_trait]
impl Payments for Overtaken {
    async fn pay(&self, order: &Order, attempt: Attempt) -> ChargeAnswer {
        let settlement = match self.written {
            Some(transaction) => {
                let event = order.clone().pay(attempt.number, transaction).unwrap();
                Settlement::Paid { transaction, event }
            }
            None => Settlement::Declined(OrderRefusal::PaymentDeclined),
        };
        let lease = self.orders.current_lease(order.uuid).unwrap();
        self.orders.settle(order.uuid, &lease, &settlement, None).await.unwrap();
        ChargeAnswer::Charged(self.charged)
    }

    async fn find(&self, _: OrderId) -> Result<Option<order::model::Payment>, Error> {
        unreachable!("the payment is not shown")
    }

    async fn void(&self, _: &Order, _: Attempt) -> Voided {
        unreachable!("the charge is not in doubt")
    }
}

#[tokio::test]
async fn a_charge_that_another_process_has_written_is_returned_as_it_is_written() {
    let (charged, other) = (ids::transaction(), ids::transaction());
    for (written, is_paid) in [(Some(charged), true), (Some(other), false), (None, false)] {
        let shop = Shop::open();
        let order = shop.order().await;
        let payments = Overtaken { orders: shop.orders.clone(), charged, written };
        let service = shop.replica(shop.inventory.clone(), payments);

        let outcome = service.pay(shop.user, order, PaymentMethod::Card, None).await;

        if is_paid {
            assert_eq!(outcome.unwrap(), RequestOutcome::Paid { transaction: charged });
        } else {
            assert!(matches!(outcome, Err(Error::PaymentOutcomeUnknown)), "{outcome:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn overdue_orders_are_cancelled_a_hundred_at_a_time() {
    let shop = Shop::open();
    shop.inventory.put(shop.engine, contracts::money::Money::ZERO, 1000);
    for _ in 0..101 {
        shop.order().await;
    }
    tokio::time::sleep(PAY_WITHIN * 2).await;

    let first = shop.service.cancel_overdue_orders().await.unwrap();
    let second = shop.service.cancel_overdue_orders().await.unwrap();

    assert_eq!((first.count, first.more), (100, true));
    assert_eq!((second.count, second.more), (1, false));
}

#[tokio::test(start_paused = true)]
async fn keys_are_forgotten_after_a_day_a_thousand_at_a_time() {
    let shop = Shop::open();
    for number in 0..1001 {
        let claim = Claim { user: shop.user, key: number.to_string(), fingerprint: vec![1], token: ids::random() };
        shop.orders.claim(&claim, ids::order(), Duration::from_secs(15)).await.unwrap();
    }

    tokio::time::sleep(Duration::from_hours(24)).await;
    let before = shop.service.remove_idempotency_keys().await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let first = shop.service.remove_idempotency_keys().await.unwrap();
    let second = shop.service.remove_idempotency_keys().await.unwrap();

    assert_eq!((before.count, before.more), (0, false));
    assert_eq!((first.count, first.more), (1000, true));
    assert_eq!((second.count, second.more), (1, false));
}

#[test]
fn a_method_and_a_status_have_the_names_of_the_contract() {
    let methods = PaymentMethod::ALL.map(PaymentMethod::as_str);
    let statuses = Status::ALL.map(Status::as_str);

    assert_eq!(methods, ["CARD", "SBP", "CREDIT_CARD", "INVESTOR_MONEY"]);
    assert_eq!(statuses, ["PENDING_PAYMENT", "PAID", "CANCELLED", "ASSEMBLED"]);
    assert!(Status::ALL.into_iter().all(|status| Status::parse(status.as_str()) == Some(status)));
    assert_eq!(Status::parse("paid"), None);
    for method in PaymentMethod::ALL {
        assert_eq!(PaymentMethod::parse(&format!("PAYMENT_METHOD_{}", method.as_str())), Some(method));
    }
}

#[test]
fn a_repeated_part_is_a_quantity() {
    let [a, b] = [ids::part(), ids::part()];
    let order = NewOrder::new(ids::order(), ids::user(), vec![a, b, a, a]);

    assert_eq!(order.quantities(), [(a, 3), (b, 1)]);
}
