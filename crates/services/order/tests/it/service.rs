//! Tests of the use cases over in-memory implementations.

use std::time::Duration;

use contracts::money::{MAX, Money};
use metrics_exporter_prometheus::PrometheusBuilder;
use order::{
    client::Fault,
    error::{Error, Refusal},
    model::{Claim, NewOrder, Outcome, PaymentMethod, Status},
};

use crate::ids;
use crate::shop::{PAY_WITHIN, Shop};

const CREATED: &str = "events.v1.OrderCreated";
const PAID: &str = "events.v1.OrderPaid";
const CANCELLED: &str = "events.v1.OrderCancelled";

#[tokio::test]
async fn an_order_freezes_prices_and_holds_stock() {
    let shop = Shop::open();
    let order = NewOrder::new(ids::order(), shop.user, vec![shop.engine; 3]);

    let created = shop.service.create(shop.user, order, None).await.unwrap();

    let Outcome::Created { order, total_price } = created else { panic!("{created:?}") };
    assert_eq!(total_price.minor(), 30_000);
    assert_eq!(shop.inventory.available(shop.engine), 7);
    assert_eq!(shop.events(order), [CREATED]);
}

#[tokio::test]
async fn an_order_for_another_user_is_refused() {
    let shop = Shop::open();
    let order = NewOrder::new(ids::order(), ids::user(), vec![shop.engine]);

    let refused = shop.service.create(shop.user, order, None).await;

    assert!(matches!(refused, Err(Error::UserMismatch)));
    assert_eq!(shop.inventory.available(shop.engine), 10);
}

#[tokio::test]
async fn an_order_without_stock_is_refused_and_leaves_nothing() {
    let shop = Shop::open();
    let order = NewOrder::new(ids::order(), shop.user, vec![shop.engine; 11]);

    let refused = shop.service.create(shop.user, order, None).await;

    assert!(matches!(refused, Err(Error::Refused(Refusal::OutOfStock(part))) if part == shop.engine));
    assert!(shop.orders.all().is_empty());
}

#[tokio::test]
async fn an_order_whose_total_is_too_large_gives_its_parts_back() {
    let shop = Shop::open();
    shop.inventory.put(shop.engine, Money::from_minor(MAX).unwrap(), 10);
    let claim = Claim { user: shop.user, key: "key".to_owned(), fingerprint: vec![1], token: ids::random() };

    for claim in [None, Some(&claim), Some(&claim)] {
        let order = NewOrder::new(ids::order(), shop.user, vec![shop.engine; 2]);
        let refused = shop.service.create(shop.user, order, claim).await;

        assert!(matches!(refused, Err(Error::Refused(Refusal::TotalTooLarge))), "{refused:?}");
        assert_eq!(shop.inventory.available(shop.engine), 10);
    }
    assert!(shop.orders.all().is_empty());
}

#[tokio::test]
async fn a_payment_charges_once_and_says_so() {
    let shop = Shop::open();
    let order = shop.order().await;

    let paid = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await.unwrap();
    let again = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;

    assert!(matches!(paid, Outcome::Paid { .. }));
    assert!(matches!(again, Err(Error::Refused(Refusal::InvalidStatus(Status::Paid)))));
    assert_eq!(shop.payments.charges(order), 1);
    assert_eq!(shop.events(order), [CREATED, PAID]);
}

#[tokio::test]
async fn a_declined_payment_may_be_tried_again() {
    let shop = Shop::open();
    let order = shop.order().await;
    shop.payments.script(Fault::Decline(Refusal::InsufficientFunds));

    let declined = shop.service.pay(shop.user, order, PaymentMethod::InvestorMoney, None).await;
    let paid = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;

    assert!(matches!(declined, Err(Error::Refused(Refusal::InsufficientFunds))));
    assert!(matches!(paid, Ok(Outcome::Paid { .. })));
    assert_eq!(shop.find(order).await.attempts, 2);
}

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
    shop.inventory.put(shop.engine, contracts::money::Money::from_minor(100).unwrap(), 1);
    let first = shop.order().await;
    let again = |user| NewOrder::new(ids::order(), user, vec![shop.engine]);
    let stranger = ids::user();

    let refused = shop.service.create(shop.user, again(shop.user), None).await;
    let strangers = shop.service.create(stranger, again(stranger), None).await;
    shop.service.cancel(shop.user, first, None).await.unwrap();
    shop.inventory.put(shop.engine, contracts::money::Money::from_minor(100).unwrap(), 1);
    let after = shop.service.create(shop.user, again(shop.user), None).await;

    assert!(
        matches!(refused, Err(Error::Refused(Refusal::HeldByOwnOrder { order, .. })) if order == first),
        "{refused:?}"
    );
    assert!(matches!(strangers, Err(Error::Refused(Refusal::OutOfStock(_)))), "{strangers:?}");
    assert!(after.is_ok(), "{after:?}");
}

#[tokio::test]
async fn nothing_is_charged_for_an_order_whose_parts_are_gone() {
    let shop = Shop::open();
    let order = shop.order().await;
    shop.inventory.expire(order);
    shop.inventory.put(shop.engine, contracts::money::Money::ZERO, 0);

    let refused = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;

    assert!(matches!(refused, Err(Error::Refused(Refusal::OutOfStock(_)))));
    assert_eq!(shop.payments.charges(order), 0);
    assert_eq!(shop.find(order).await.status, Status::Cancelled);
    assert_eq!(shop.events(order), [CREATED, CANCELLED]);
}

#[tokio::test]
async fn a_payment_without_inventory_charges_nothing_and_may_be_tried_again() {
    let shop = Shop::open();
    let order = shop.order().await;
    shop.inventory.set_away(true);

    let refused = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;
    shop.inventory.set_away(false);
    let paid = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;

    assert!(matches!(refused, Err(Error::Unavailable("inventory", _))));
    assert!(matches!(paid, Ok(Outcome::Paid { .. })));
    assert_eq!(shop.payments.charges(order), 1);
}

#[tokio::test(start_paused = true)]
async fn a_payment_whose_outcome_is_unknown_when_its_request_ends_is_counted_once() {
    let shop = Shop::open();
    let recorder = PrometheusBuilder::new().build_recorder();
    let _guard = metrics::set_default_local_recorder(&recorder);

    // The reconciler needs three rounds for the first payment. The second one meets the time limit of its request.
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

#[tokio::test]
async fn a_cancelled_order_stays_cancelled() {
    let shop = Shop::open();
    let order = shop.order().await;

    let cancelled = shop.service.cancel(shop.user, order, None).await.unwrap();
    let again = shop.service.cancel(shop.user, order, None).await;
    let paid = shop.service.pay(shop.user, order, PaymentMethod::Card, None).await;

    assert_eq!(cancelled, Outcome::Cancelled);
    assert!(matches!(again, Err(Error::Refused(Refusal::InvalidStatus(Status::Cancelled)))));
    assert!(matches!(paid, Err(Error::Refused(Refusal::InvalidStatus(Status::Cancelled)))));
    assert_eq!(shop.payments.charges(order), 0);
    assert_eq!(shop.events(order), [CREATED, CANCELLED]);
}

#[tokio::test(start_paused = true)]
async fn an_unpaid_order_is_cancelled_after_its_deadline() {
    let shop = Shop::open();
    let order = shop.order().await;

    shop.service.cancel_overdue_orders().await.unwrap();
    let before = shop.find(order).await.status;
    tokio::time::sleep(PAY_WITHIN * 2).await;
    shop.service.cancel_overdue_orders().await.unwrap();

    assert_eq!(before, Status::PendingPayment);
    assert_eq!(shop.find(order).await.status, Status::Cancelled);
}

#[tokio::test]
async fn another_users_order_is_not_there() {
    let shop = Shop::open();
    let order = shop.order().await;
    let stranger = ids::user();

    let found = shop.service.find(stranger, order).await;
    let paid = shop.service.pay(stranger, order, PaymentMethod::Card, None).await;
    let cancelled = shop.service.cancel(stranger, order, None).await;

    assert!(matches!(found, Err(Error::Refused(Refusal::OrderNotFound(_)))));
    assert!(matches!(paid, Err(Error::Refused(Refusal::OrderNotFound(_)))));
    assert!(matches!(cancelled, Err(Error::Refused(Refusal::OrderNotFound(_)))));
}
