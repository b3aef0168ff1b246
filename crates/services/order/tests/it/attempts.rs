//! Tests of attempts on which several processes work, and of the reconciler while many attempts hang.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contracts::ids::{OrderId, PartId, UserId};
use contracts::money::Money;
use metrics_exporter_prometheus::PrometheusBuilder;
use order::{
    client::{ChargeAnswer, Clients, Fault, Inventory, MemoryInventory, Payments as _, PricedPart},
    error::{Error, OrderRefusal},
    model::{Claim, PaymentMethod, Status},
    repository::{Attempts as _, IdempotencyKeys as _, Repositories},
    service::OrderService,
};
use outbox::Waker;
use tokio::sync::Notify;

use crate::shop::{PAY_WITHIN, Shop, clients};

const EXPIRED: Duration = Duration::ZERO;

/// An inventory client that delays its first refusal. Other callers continue while the first caller waits.
struct LateRefusal {
    inventory: MemoryInventory,
    first: AtomicBool,
    refused: Notify,
    arrives: Notify,
}

#[async_trait]
impl Inventory for LateRefusal {
    async fn reserve(
        &self,
        order: OrderId,
        user: UserId,
        parts: &[(PartId, i64)],
        confirm: bool,
    ) -> Result<Vec<PricedPart>, Error> {
        let response = self.inventory.reserve(order, user, parts, confirm).await;
        if response.is_err() && self.first.swap(false, Ordering::Relaxed) {
            self.refused.notify_one();
            self.arrives.notified().await;
        }
        response
    }

    async fn named(&self, names: &[String]) -> Result<Vec<(String, PartId)>, Error> {
        self.inventory.named(names).await
    }

    async fn release(&self, order: OrderId) -> Result<(), Error> {
        self.inventory.release(order).await
    }
}

/// A shop with an order whose parts are no longer available. The inventory client delays the first refusal.
struct Fixture {
    shop: Shop,
    inventory: Arc<LateRefusal>,
    order: OrderId,
    claim: Claim,
}

async fn fixture() -> Fixture {
    let mut shop = Shop::open();
    let order = shop.order().await;
    let (first, refused, arrives) = (AtomicBool::new(true), Notify::new(), Notify::new());
    let inventory = Arc::new(LateRefusal { inventory: shop.inventory.clone(), first, refused, arrives });
    let repositories = Repositories::new(Arc::new(shop.orders.clone()));
    let clients = Clients { inventory: inventory.clone(), ..clients(shop.inventory.clone(), shop.payments.clone()) };
    shop.service = OrderService::new(repositories, clients, Waker::default(), PAY_WITHIN);
    shop.inventory.expire(order);
    shop.inventory.put(shop.engine, Money::ZERO, 0);
    let claim = shop.claim();
    Fixture { shop, inventory, order, claim }
}

impl Fixture {
    /// Simulates a process that begins an attempt under the key and dies.
    async fn begin_and_die(&self) {
        let orders = &self.shop.orders;
        orders.claim(&self.claim, self.order, EXPIRED).await.unwrap();
        let claim = Some(&self.claim);
        orders.begin(self.shop.user, self.order, PaymentMethod::Card, EXPIRED, claim).await.unwrap();
    }

    async fn pay_again(&self) -> Result<order::model::RequestOutcome, Error> {
        self.shop.service.pay(self.shop.user, self.order, PaymentMethod::Card, Some(&self.claim)).await
    }

    fn restock(&self) {
        self.shop.inventory.put(self.shop.engine, Money::ZERO, 10);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_another_process_has_charged_is_not_cancelled() {
    let fixture = fixture().await;
    fixture.begin_and_die().await;
    fixture.shop.payments.script(Fault::ChargedThenSilent);

    let others = async {
        fixture.inventory.refused.notified().await;
        fixture.restock();
        let unknown = fixture.pay_again().await;
        fixture.inventory.arrives.notify_one();
        unknown
    };
    let (unknown, ()) = tokio::join!(others, fixture.shop.reconcile(Duration::from_secs(30)));

    assert!(matches!(unknown, Err(Error::PaymentOutcomeUnknown)), "{unknown:?}");
    assert_eq!(fixture.shop.payments.charges(fixture.order), 1);
    assert_eq!(fixture.shop.find(fixture.order).await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn a_slow_beginner_does_not_cancel_what_the_reconciler_charges() {
    let fixture = fixture().await;
    fixture.shop.payments.script(Fault::ChargedThenSilent);

    let reconciler = async {
        fixture.inventory.refused.notified().await;
        fixture.restock();
        fixture.shop.reconcile(Duration::from_millis(12_500)).await;
        fixture.inventory.arrives.notify_one();
    };
    let pay = fixture.shop.service.pay(fixture.shop.user, fixture.order, PaymentMethod::Card, None);
    let (slow, ()) = tokio::join!(pay, reconciler);
    let charges = fixture.shop.payments.charges(fixture.order);
    fixture.shop.reconcile(Duration::from_secs(30)).await;

    assert!(matches!(slow, Err(Error::PaymentOutcomeUnknown)), "{slow:?}");
    assert_eq!(charges, 1, "the reconciler was meant to have charged it meanwhile");
    assert_eq!(fixture.shop.find(fixture.order).await.status, Status::Paid);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_void_is_never_charged() {
    let fixture = fixture().await;
    fixture.begin_and_die().await;
    fixture.inventory.first.store(false, Ordering::Relaxed);
    let before = fixture.shop.find(fixture.order).await;

    fixture.shop.reconcile(Duration::from_secs(3)).await;
    fixture.restock();
    let again = fixture.pay_again().await;
    let late = fixture.shop.payments.pay(&before, before.attempt.unwrap()).await;

    assert!(matches!(again, Err(Error::Refused(OrderRefusal::OutOfStock(_)))), "{again:?}");
    assert!(matches!(late, ChargeAnswer::Declined(_)), "{late:?}");
    assert_eq!(fixture.shop.payments.charges(fixture.order), 0);
    assert_eq!(fixture.shop.find(fixture.order).await.status, Status::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn nothing_is_decided_while_payment_does_not_say_whether_it_was_charged() {
    let fixture = fixture().await;
    fixture.begin_and_die().await;
    fixture.inventory.first.store(false, Ordering::Relaxed);
    fixture.shop.payments.script(Fault::Lost);

    fixture.shop.reconcile(Duration::from_millis(500)).await;
    let meanwhile = fixture.shop.find(fixture.order).await;
    fixture.shop.reconcile(Duration::from_secs(10)).await;

    assert_eq!(meanwhile.status, Status::PendingPayment);
    assert!(meanwhile.attempt.is_some());
    assert_eq!(fixture.shop.find(fixture.order).await.status, Status::Cancelled);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_attempts_that_hang_hold_up_no_others() {
    const SETTLE_TIMEOUT: Duration = Duration::from_secs(4);
    let shop = Shop::open();
    shop.inventory.put(shop.engine, Money::from_minor(1).unwrap(), 1000);
    for _ in 0..110 {
        let order = shop.order().await;
        shop.orders.begin(shop.user, order, PaymentMethod::Card, EXPIRED, None).await.unwrap();
        tokio::time::advance(Duration::from_millis(1)).await;
    }
    for _ in 0..100 {
        shop.payments.script(Fault::Hung);
    }

    shop.reconcile(SETTLE_TIMEOUT).await;

    let paid = shop.orders.all().into_iter().filter(|order| order.status == Status::Paid).count();
    assert_eq!(paid, 10, "of the 10 whose charge is known at once, after {SETTLE_TIMEOUT:?}");
}

#[tokio::test(start_paused = true)]
async fn a_charged_order_whose_parts_are_back_after_a_refusal_is_paid() {
    let fixture = fixture().await;
    fixture.begin_and_die().await;
    let before = fixture.shop.find(fixture.order).await;

    // Another process charges the order after the reconciler has looked the charge up and was refused the parts.
    let charged = async {
        fixture.inventory.refused.notified().await;
        fixture.restock();
        let charged = fixture.shop.payments.pay(&before, before.attempt.unwrap()).await;
        fixture.inventory.arrives.notify_one();
        charged
    };
    // The reconciler stops before it would retry the attempt.
    let (charged, ()) = tokio::join!(charged, fixture.shop.reconcile(Duration::from_millis(500)));

    assert!(matches!(charged, ChargeAnswer::Charged(_)), "{charged:?}");
    assert_eq!(fixture.shop.find(fixture.order).await.status, Status::Paid);
    assert_eq!(fixture.shop.events(fixture.order), ["events.v1.OrderCreated", "events.v1.OrderPaid"]);
}

#[tokio::test(start_paused = true)]
async fn a_charged_order_whose_parts_are_gone_is_cancelled_with_its_transaction() {
    let fixture = fixture().await;
    fixture.begin_and_die().await;
    fixture.inventory.first.store(false, Ordering::Relaxed);
    let before = fixture.shop.find(fixture.order).await;
    let charged = fixture.shop.payments.pay(&before, before.attempt.unwrap()).await;

    fixture.shop.reconcile(Duration::from_secs(3)).await;

    let ChargeAnswer::Charged(transaction) = charged else { panic!("{charged:?}") };
    let after = fixture.shop.find(fixture.order).await;
    assert_eq!((after.status, after.payment), (Status::Cancelled, Some((PaymentMethod::Card, transaction))));
    assert_eq!(fixture.shop.events(fixture.order), ["events.v1.OrderCreated", "events.v1.OrderCancelled"]);
}

/// Returns a shop with an order whose attempt is left to the reconciler, and whose charge has these faults.
async fn left_behind(faults: Vec<Fault>) -> (Shop, OrderId) {
    let shop = Shop::open();
    let order = shop.order().await;
    shop.orders.begin(shop.user, order, PaymentMethod::Card, EXPIRED, None).await.unwrap();
    for fault in faults {
        shop.payments.script(fault);
    }
    (shop, order)
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_settled_at_the_first_try_when_payment_responds_within_two_seconds() {
    let (shop, order) = left_behind(vec![Fault::Slow(Duration::from_millis(1_900))]).await;

    shop.reconcile(Duration::from_secs(10)).await;

    assert_eq!(shop.find(order).await.status, Status::Paid);
    assert_eq!(shop.payments.requests().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_stays_unknown_is_retried_after_longer_backoffs_with_longer_limits() {
    let (shop, _) = left_behind(vec![Fault::Lost; 20]).await;

    shop.reconcile(Duration::from_mins(1)).await;

    let (times, limits): (Vec<_>, Vec<_>) = shop.payments.requests().into_iter().unzip();
    let half = Duration::from_millis(500);
    let backoffs: Vec<_> = times.windows(2).map(|pair| (pair[1] - pair[0] + half).as_secs()).collect();
    let limits: Vec<_> = limits.iter().map(Duration::as_secs).collect();
    assert_eq!(backoffs[..5], [2, 4, 8, 8, 8]);
    assert_eq!(limits[..5], [2, 4, 8, 8, 8]);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_stays_unknown_is_reported() {
    let (shop, _) = left_behind(vec![Fault::Lost; 20]).await;
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);
    let reported = async || {
        shop.service.report_backlog().await;
        recorder.handle().render()
    };

    let before = reported().await;
    shop.reconcile(Duration::from_mins(1)).await;
    let after = reported().await;

    assert!(before.contains("payment_attempts_unsettled 0\n"), "{before}");
    assert!(after.contains("payment_attempts_unsettled 1\n"), "{after}");
}
