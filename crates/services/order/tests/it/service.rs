//! Tests of the use cases over in-memory implementations.

use std::time::Duration;

use contracts::money::Money;
use metrics_exporter_prometheus::PrometheusBuilder;
use order::{
    client::Fault,
    error::{Error, OrderRefusal},
    model::{NewOrder, PaymentMethod, Status},
};

use crate::ids;
use crate::shop::Shop;

const CREATED: &str = "events.v1.OrderCreated";
const PAID: &str = "events.v1.OrderPaid";
const CANCELLED: &str = "events.v1.OrderCancelled";

#[tokio::test(start_paused = true)]
async fn a_charge_whose_answer_is_lost_is_found_by_the_reconciler() {
    for fault in [Fault::ChargedThenSilent, Fault::Lost] {
        let shop = Shop::open();
        let order = shop.order().await;
        shop.payments.script(fault);

        let unknown = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;
        let again = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;
        let cancel = shop.service.cancel(shop.user, order, None).await;
        let status_meanwhile = shop.find(order).await.status;
        shop.reconcile(Duration::from_secs(30)).await;

        assert!(matches!(unknown, Err(Error::PaymentOutcomeUnknown)));
        assert!(matches!(again, Err(Error::PaymentInProgress)));
        assert!(matches!(cancel, Err(Error::PaymentInProgress)));
        assert_eq!(status_meanwhile, Status::PendingPayment);
        assert_eq!(shop.find(order).await.status, Status::Paid);
        assert_eq!(shop.payments.charges(order), 1);
        assert_eq!(shop.events(order), [CREATED, PAID]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_may_be_charged_does_not_end_because_inventory_is_away() {
    let shop = Shop::open();
    let order = shop.order().await;
    shop.payments.script(Fault::Lost);
    let unknown = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;

    shop.inventory.set_away(true);
    shop.reconcile(Duration::from_secs(30)).await;
    let cancel = shop.service.cancel(shop.user, order, None).await;
    shop.inventory.set_away(false);
    shop.reconcile(Duration::from_secs(30)).await;

    assert!(matches!(unknown, Err(Error::PaymentOutcomeUnknown)));
    assert!(matches!(cancel, Err(Error::PaymentInProgress)));
    assert_eq!(shop.find(order).await.status, Status::Paid);
    assert_eq!(shop.payments.charges(order), 1);
}

#[tokio::test]
async fn the_last_piece_in_ones_own_unpaid_order_is_said_to_be_there() {
    let shop = Shop::open();
    shop.inventory.put(shop.engine, Money::from_minor(100).unwrap(), 1);
    let first = shop.order().await;
    let again = |user| NewOrder::new(ids::order(), user, vec![shop.engine]);
    let stranger = ids::user();

    let refused = shop.service.create(shop.user, again(shop.user), None).await;
    let strangers = shop.service.create(stranger, again(stranger), None).await;
    shop.service.cancel(shop.user, first, None).await.unwrap();
    shop.inventory.put(shop.engine, Money::from_minor(100).unwrap(), 1);
    let after = shop.service.create(shop.user, again(shop.user), None).await;

    assert!(
        matches!(refused, Err(Error::Refused(OrderRefusal::HeldByOwnOrder { order, .. })) if order == first),
        "{refused:?}"
    );
    assert!(matches!(strangers, Err(Error::Refused(OrderRefusal::OutOfStock(_)))), "{strangers:?}");
    assert!(after.is_ok(), "{after:?}");
}

#[tokio::test]
async fn nothing_is_charged_for_an_order_whose_parts_are_gone() {
    let shop = Shop::open();
    let order = shop.order().await;
    shop.inventory.expire(order);
    shop.inventory.put(shop.engine, Money::ZERO, 0);

    let refused = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;

    assert!(matches!(refused, Err(Error::Refused(OrderRefusal::OutOfStock(_)))));
    assert_eq!(shop.payments.charges(order), 0);
    assert_eq!(shop.find(order).await.status, Status::Cancelled);
    assert_eq!(shop.events(order), [CREATED, CANCELLED]);
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_outcome_is_unknown_when_its_request_ends_is_counted_once() {
    let shop = Shop::open();
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);

    // The reconciler needs three rounds for the first payment. In the second one, the request reaches its time limit.
    for (count, faults) in [(1, vec![Fault::Lost; 4]), (2, vec![Fault::Hung])] {
        let order = shop.order().await;
        for fault in faults {
            shop.payments.script(fault);
        }

        let unknown = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;
        shop.reconcile(Duration::from_mins(1)).await;

        assert!(matches!(unknown, Err(Error::PaymentOutcomeUnknown)), "{unknown:?}");
        assert_eq!(shop.find(order).await.status, Status::Paid);
        let (rendered, line) = (recorder.handle().render(), format!("payment_outcomes_unknown_total {count}\n"));
        assert!(rendered.contains(&line), "{rendered} lacks {line}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_may_have_begun_has_an_unknown_outcome() {
    let shop = Shop::open();
    let order = shop.order().await;
    shop.orders.lose_responses();

    let unknown = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;
    let open = shop.find(order).await.attempt;
    shop.reconcile(Duration::from_secs(30)).await;

    assert!(matches!(unknown, Err(Error::PaymentOutcomeUnknown)), "{unknown:?}");
    assert_eq!(open.map(|attempt| attempt.number), Some(1));
    assert_eq!((shop.find(order).await.status, shop.payments.charges(order)), (Status::Paid, 1));
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_cannot_take_its_attempt_over_has_an_unknown_outcome() {
    let shop = Shop::open();
    let (order, claim) = (shop.order().await, shop.claim());
    let pay = || shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&claim));
    shop.payments.script(Fault::ChargedThenSilent);

    let first = pay().await;
    shop.orders.lose_responses();
    let retry = pay().await;
    shop.reconcile(Duration::from_secs(30)).await;

    for outcome in [first, retry] {
        assert!(matches!(outcome, Err(Error::PaymentOutcomeUnknown)), "{outcome:?}");
    }
    assert_eq!((shop.find(order).await.status, shop.payments.charges(order)), (Status::Paid, 1));
}
