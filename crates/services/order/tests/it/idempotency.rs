//! Tests of requests with an Idempotency-Key that are interrupted and retried, over in-memory implementations.

use std::time::Duration;

use contracts::money::{MAX, Money};
use order::{
    client::{Fault, Inventory as _},
    error::{Error, OrderRefusal},
    model::{Claim, Claimed, NewOrder, PaymentMethod, RequestOutcome, Status},
    repository::IdempotencyKeys as _,
};
use tokio::time::Instant;

use crate::ids;
use crate::shop::Shop;

fn order(shop: &Shop) -> NewOrder {
    NewOrder::new(ids::order(), shop.user, vec![shop.engine])
}

#[tokio::test]
async fn a_refusal_for_a_total_that_is_too_large_is_remembered() {
    let shop = Shop::open();
    let claim = shop.claim();
    let two = || NewOrder { parts: vec![shop.engine; 2], ..order(&shop) };
    shop.inventory.put(shop.engine, Money::from_minor(MAX).unwrap(), 10);

    let without_key = shop.service.create(shop.user, two(), None).await;
    let first = shop.service.create(shop.user, two(), Some(&claim)).await;
    let other = Claim { fingerprint: vec![2], token: ids::random(), ..claim.clone() };
    let reused = shop.service.create(shop.user, two(), Some(&other)).await;
    shop.inventory.put(shop.engine, Money::ZERO, 10);
    let second = shop.service.create(shop.user, two(), Some(&claim)).await;

    assert!(matches!(reused, Err(Error::KeyReused)), "{reused:?}");
    for refused in [without_key, first, second] {
        assert!(matches!(refused, Err(Error::Refused(OrderRefusal::TotalTooLarge))), "{refused:?}");
    }
    assert_eq!((shop.inventory.available(shop.engine), shop.orders.all().len()), (10, 0));
}

#[tokio::test]
async fn a_refusal_for_too_many_unpaid_orders_releases_the_parts_and_is_not_remembered() {
    let shop = Shop::open();
    let claim = shop.claim();
    let strict = shop.service.clone().with_max_unpaid(1);
    let first = shop.service.create(shop.user, order(&shop), None).await.unwrap();

    for claim in [None, Some(&claim)] {
        let refused = strict.create(shop.user, order(&shop), claim).await;
        assert!(matches!(refused, Err(Error::TooManyUnpaid { max_unpaid: 1 })), "{refused:?}");
        assert_eq!(shop.inventory.available(shop.engine), 9, "the parts are not released");
    }
    let RequestOutcome::Created { order: unpaid, .. } = first else { panic!("{first:?}") };
    shop.service.pay(shop.user, unpaid, PaymentMethod::Card, None).await.unwrap();
    let second = strict.create(shop.user, order(&shop), Some(&claim)).await.unwrap();
    let again = strict.create(shop.user, order(&shop), Some(&claim)).await.unwrap();

    assert_eq!(second, again, "a retry does not get the stored response");
    assert_eq!(shop.orders.all().len(), 2);
}

#[tokio::test]
async fn a_failure_of_another_service_is_not_remembered() {
    let shop = Shop::open();
    let claim = shop.claim();
    shop.inventory.set_away(true);

    let first = shop.service.create(shop.user, order(&shop), Some(&claim)).await;
    shop.inventory.set_away(false);
    let second = shop.service.create(shop.user, order(&shop), Some(&claim)).await;

    assert!(matches!(first, Err(Error::Unavailable(..))));
    assert!(matches!(second, Ok(RequestOutcome::Created { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_creation_that_died_after_its_reservation_is_finished_with_the_same_order() {
    let shop = Shop::open();
    let claim = shop.claim();
    let (dead, first) = (Claim { token: ids::random(), ..claim.clone() }, order(&shop));
    let Claimed::New { order: uuid } = shop.orders.claim(&dead, first.uuid, Duration::from_secs(15)).await.unwrap()
    else {
        panic!("the key is new")
    };
    shop.inventory.reserve(uuid, first.user, &first.quantities(), false).await.unwrap();

    let meanwhile = shop.service.create(shop.user, order(&shop), Some(&claim)).await;
    tokio::time::sleep(Duration::from_secs(16)).await;
    let taken_over = shop.service.create(shop.user, order(&shop), Some(&claim)).await.unwrap();

    assert!(matches!(meanwhile, Err(Error::KeyInProgress)));
    assert!(matches!(taken_over, RequestOutcome::Created { order, .. } if order == uuid));
    assert_eq!(shop.inventory.available(shop.engine), 9);
}

#[tokio::test(start_paused = true)]
async fn a_retry_waits_for_its_request_and_gets_the_same_outcome() {
    let shop = Shop::open();
    let (first, order) = (shop.claim(), shop.order().await);
    let retry = Claim { token: ids::random(), ..first.clone() };
    let pay = async |claim| shop.service.pay(shop.user, order, PaymentMethod::Card, Some(claim)).await;
    shop.payments.script(Fault::Slow(Duration::from_secs(4)));

    let (response, retried) = tokio::join!(pay(&first), async {
        tokio::time::sleep(Duration::from_millis(10)).await;
        pay(&retry).await
    });

    assert_eq!(response.unwrap(), retried.unwrap(), "the request keeps its key for as long as it runs");
    assert_eq!((shop.find(order).await.attempts, shop.payments.charges(order)), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_repeat_takes_over_within_two_seconds_after_its_process_has_died() {
    let shop = Shop::open();
    let (first, order) = (shop.claim(), shop.order().await);
    let retry = Claim { token: ids::random(), ..first.clone() };
    shop.payments.script(Fault::Hung);
    let request = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&first));
    // The lease was renewed 1 ms ago, so it has nearly its full length left.
    assert!(tokio::time::timeout(Duration::from_millis(4001), request).await.is_err());
    let died = Instant::now();

    let retried = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&retry)).await;

    assert!(matches!(retried, Ok(RequestOutcome::Paid { .. })), "{retried:?}");
    assert!(died.elapsed() < Duration::from_secs(2), "{:?}", died.elapsed());
    assert_eq!((shop.find(order).await.attempts, shop.payments.charges(order)), (1, 1));
}

#[tokio::test]
async fn a_payment_with_an_unknown_outcome_is_resumed_by_its_own_key() {
    let shop = Shop::open();
    let claim = shop.claim();
    let order = shop.order().await;
    shop.payments.script(Fault::ChargedThenSilent);

    let unknown = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&claim)).await;
    // The charged order becomes paid while inventory is unavailable.
    shop.inventory.set_away(true);
    let resumed = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&claim)).await.unwrap();
    let replayed = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&claim)).await.unwrap();

    assert!(matches!(unknown, Err(Error::PaymentOutcomeUnknown)));
    assert!(matches!(resumed, RequestOutcome::Paid { .. }));
    assert_eq!(resumed, replayed);
    assert_eq!(shop.find(order).await.attempts, 1);
    assert_eq!(shop.payments.charges(order), 1);
}

#[tokio::test(start_paused = true)]
async fn a_payment_that_the_reconciler_settles_is_remembered_by_its_key() {
    let shop = Shop::open();
    let claim = shop.claim();
    let order = shop.order().await;
    shop.payments.script(Fault::Lost);
    shop.payments.script(Fault::Decline(OrderRefusal::PaymentDeclined));

    let unknown = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&claim)).await;
    tokio::time::sleep(Duration::from_secs(30)).await;
    shop.reconcile(Duration::from_secs(30)).await;
    let replayed = shop.service.pay(shop.user, order, PaymentMethod::Card, Some(&claim)).await;

    assert!(matches!(unknown, Err(Error::PaymentOutcomeUnknown)));
    assert!(matches!(replayed, Err(Error::Refused(OrderRefusal::PaymentDeclined))));
    assert_eq!(shop.find(order).await.status, Status::PendingPayment);
}
