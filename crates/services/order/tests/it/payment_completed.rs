//! Tests of the race between the payment service's event and its synchronous response: the first one settles the
//! attempt, and both lead to the same result and response.

use std::time::Duration;

use async_trait::async_trait;
use contracts::{
    events::{PaymentCompleted, group, record},
    ids::{OrderId, TransactionId},
};
use order::{
    client::{ChargeAnswer, MemoryPayments, Payments, Voided},
    consumers,
    error::{Error, OrderRefusal},
    model::{Attempt, Claim, Order, PaymentMethod, RequestOutcome, Status},
    repository::{Attempts as _, IdempotencyKeys as _},
    service::OrderService,
};
use platform::kafka::{Failure, Handler as _, Message};

use crate::{ids, shop::Shop};

const GROUP: &str = group::<PaymentCompleted>("order");
const CREATED: &str = "events.v1.OrderCreated";
const PAID: &str = "events.v1.OrderPaid";
const CANCELLED: &str = "events.v1.OrderCancelled";

fn completed(order: &Order, attempt: i32, status: &str, transaction: TransactionId) -> PaymentCompleted {
    PaymentCompleted {
        order_uuid: order.uuid.to_string(),
        user_uuid: order.user.to_string(),
        transaction_uuid: transaction.to_string(),
        amount_minor: order.total_price.minor(),
        status: status.to_owned(),
        attempt: attempt.unsigned_abs(),
        ..PaymentCompleted::default()
    }
}

async fn consume(service: &OrderService, event: PaymentCompleted) -> Result<(), Failure> {
    let key = event.order_uuid.parse().expect("an order");
    let message = Message { payload: record(key, event).payload, ..Message::default() };
    consumers::payment_completed(service.clone()).handle(&message).await
}

/// Returns a shop with an order whose first attempt has begun.
async fn begun() -> (Shop, Order) {
    let shop = Shop::open();
    let order = shop.order().await;
    shop.orders.begin(shop.user, order, PaymentMethod::Card, Duration::ZERO, None).await.unwrap();
    let order = shop.find(order).await;
    (shop, order)
}

/// A payment client whose event is consumed before its response arrives.
struct EventFirst {
    payments: MemoryPayments,
    shop: OrderService,
}

#[async_trait]
impl Payments for EventFirst {
    async fn pay(&self, order: &Order, attempt: Attempt) -> ChargeAnswer {
        let response = self.payments.pay(order, attempt).await;
        let (status, transaction) = match &response {
            ChargeAnswer::Charged(transaction) => ("SUCCESS", *transaction),
            ChargeAnswer::Declined(OrderRefusal::InsufficientFunds) => ("INSUFFICIENT_FUNDS", ids::transaction()),
            _ => ("FAILED", ids::transaction()),
        };
        consume(&self.shop, completed(order, attempt.number, status, transaction)).await.expect("consumed");
        response
    }

    async fn find(&self, order: OrderId) -> Result<Option<order::model::Payment>, Error> {
        self.payments.find(order).await
    }

    async fn void(&self, order: &Order, attempt: Attempt) -> Voided {
        let response = self.payments.void(order, attempt).await;
        consume(&self.shop, completed(order, attempt.number, "FAILED", ids::transaction())).await.expect("consumed");
        response
    }
}

fn event_first(mut shop: Shop) -> Shop {
    let payments = EventFirst { payments: shop.payments.clone(), shop: shop.service.clone() };
    shop.service = shop.replica(shop.inventory.clone(), payments);
    shop
}

#[tokio::test]
async fn a_charge_reported_by_the_event_first_is_returned_and_published_once() {
    let shop = event_first(Shop::open());
    let order = shop.order().await;

    let first = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&shop.claim())).await.unwrap();
    let retry = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&shop.claim())).await.unwrap();

    assert!(matches!(first, RequestOutcome::Paid { .. }));
    assert_eq!(retry, first);
    assert_eq!(shop.events(order), [CREATED, PAID]);
}

#[tokio::test]
async fn a_decline_reported_by_the_event_first_is_returned_as_without_the_event() {
    for refusal in [OrderRefusal::InsufficientFunds, OrderRefusal::PaymentDeclined] {
        let shop = event_first(Shop::open());
        let order = shop.order().await;
        shop.payments.script(order::client::Fault::Decline(refusal.clone()));

        let first = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&shop.claim())).await.unwrap_err();
        let retry = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&shop.claim())).await.unwrap_err();

        for response in [first, retry] {
            assert!(matches!(&response, Error::Refused(refused) if *refused == refusal), "{response:?}");
        }
        let found = shop.find(order).await;
        assert_eq!((found.status, found.attempt), (Status::PendingPayment, None));
    }
}

#[tokio::test]
async fn an_event_of_another_attempt_or_order_is_skipped() {
    let (shop, order) = begun().await;
    let mut unknown = completed(&order, 1, "SUCCESS", ids::transaction());
    unknown.order_uuid = ids::order().to_string();

    consume(&shop.service, completed(&order, 2, "SUCCESS", ids::transaction())).await.unwrap();
    consume(&shop.service, unknown).await.unwrap();

    assert_eq!(shop.find(order.uuid).await, order);
    assert_eq!(shop.orders.inbox.events(GROUP).len(), 2);
}

#[tokio::test]
async fn an_event_with_another_user_or_amount_or_without_a_transaction_is_poison() {
    let (shop, order) = begun().await;
    let right = completed(&order, 1, "SUCCESS", ids::transaction());
    let user = PaymentCompleted { user_uuid: ids::user().to_string(), ..right.clone() };
    let amount = PaymentCompleted { amount_minor: right.amount_minor + 1, ..right.clone() };
    let negative = PaymentCompleted { amount_minor: -1, ..right.clone() };
    let transaction = PaymentCompleted { transaction_uuid: "none".to_owned(), ..right };

    for wrong in [user, amount, negative, transaction] {
        let failure = consume(&shop.service, wrong).await.unwrap_err();
        assert!(matches!(failure, Failure::Poison(_)), "{failure:?}");
    }

    assert_eq!(shop.find(order.uuid).await, order);
    assert!(shop.orders.inbox.events(GROUP).is_empty());
}

/// The event of the void arrives before the process that requested the void has cancelled the order.
#[tokio::test(start_paused = true)]
async fn the_event_of_a_void_does_not_save_an_order_without_parts() {
    let shop = event_first(Shop::open());
    let (order, claim) = (shop.order().await, shop.claim());
    shop.orders.claim(&claim, order, Duration::ZERO).await.unwrap();
    shop.orders.begin(shop.user, order, PaymentMethod::Card, Duration::ZERO, Some(&claim)).await.unwrap();
    shop.inventory.expire(order);
    shop.inventory.put(shop.engine, contracts::money::Money::ZERO, 0);

    shop.reconcile(Duration::from_secs(3)).await;

    assert_eq!(shop.orders.inbox.events(GROUP).len(), 1, "the event came");
    assert_eq!(shop.find(order).await.status, Status::Cancelled);
    assert_eq!(shop.events(order), [CREATED, CANCELLED]);
    let retry = Claim { token: ids::random(), ..claim };
    let response = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&retry)).await.unwrap_err();
    assert!(matches!(response, Error::Refused(OrderRefusal::OutOfStock(_))), "{response:?}");
}

#[tokio::test(start_paused = true)]
async fn a_failed_attempt_that_was_taken_over_ends_as_declined_by_the_reconciler() {
    let (shop, order) = begun().await;
    shop.payments.script(order::client::Fault::Decline(OrderRefusal::PaymentDeclined));
    shop.payments.pay(&order, order.attempt.unwrap()).await;
    shop.orders.take(shop.user, order.uuid, 1, Duration::ZERO).await.unwrap();

    consume(&shop.service, completed(&order, 1, "FAILED", ids::transaction())).await.unwrap();
    let meanwhile = shop.find(order.uuid).await;
    shop.reconcile(Duration::from_secs(3)).await;

    assert_eq!(meanwhile, order);
    let found = shop.find(order.uuid).await;
    assert_eq!((found.status, found.attempt), (Status::PendingPayment, None));
}
