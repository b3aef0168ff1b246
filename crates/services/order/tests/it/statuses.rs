//! Tests of the status cache: the contract of its implementations, and what users see.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use contracts::{events::OrderOf, ids::OrderId};
use futures::future::join_all;
use order::{
    client::{Fault, MemoryDelivery, Tracking},
    error::{Error, OrderRefusal},
    model::{DeliveryStatus, PaymentMethod, PaymentStatus, Tracked},
    repository::{
        CachedStatus, Deliveries as _, Lookup, MemoryStatusCache, RedisStatusCache, StatusCache, StatusKey, StatusKind,
    },
    service::{DeliveryService, Statuses},
};
use platform::redis::lazy_connection;

use crate::{
    delivery::{self, carried, reported},
    ids,
    shop::Shop,
};

const TTL: Duration = Duration::from_mins(1);

async fn stores() -> [Box<dyn StatusCache>; 2] {
    let redis = testkit::redis().await;
    let connection = lazy_connection("ORDER_STATUS_CACHE_URL", &redis.url.into(), None).expect("a Redis URL");
    [Box::new(MemoryStatusCache::default()), Box::new(RedisStatusCache::new(connection))]
}

fn key() -> StatusKey {
    StatusKey { kind: StatusKind::Delivery, order: ids::order() }
}

#[tokio::test]
async fn a_response_is_its_owners_and_an_older_one_does_not_replace_it() {
    for store in stores().await {
        let (key, owner) = (key(), ids::user());
        let cached = |version, text: &str| CachedStatus { owner, version, response: text.into() };
        store.store(key, &cached(2, "second"), TTL).await.unwrap();
        store.store(key, &cached(1, "first"), TTL).await.unwrap();

        assert_eq!(store.find(key, owner, 2, TTL).await.unwrap(), Lookup::Response(b"second".to_vec()));
        store.store(key, &cached(2, "again"), TTL).await.unwrap();
        assert_eq!(store.find(key, owner, 0, TTL).await.unwrap(), Lookup::Response(b"again".to_vec()));
        assert_eq!(store.find(key, ids::user(), 0, TTL).await.unwrap(), Lookup::Ask, "another user has no response");
        store.give_up(key).await.unwrap();
        assert_eq!(store.find(key, owner, 3, TTL).await.unwrap(), Lookup::Ask, "a later version has no response yet");
        let other = StatusKey { kind: StatusKind::Payment, ..key };
        assert_eq!(store.find(other, owner, 0, TTL).await.unwrap(), Lookup::Ask, "another question has no response");
    }
}

#[tokio::test]
async fn one_caller_asks_and_the_others_wait_until_it_has_a_response_gives_up_or_takes_too_long() {
    for store in stores().await {
        let (key, owner) = (key(), ids::user());
        let found = || store.find(key, owner, 0, TTL);
        assert_eq!(found().await.unwrap(), Lookup::Ask);
        assert_eq!(found().await.unwrap(), Lookup::Wait);

        store.give_up(key).await.unwrap();
        let soon = Duration::from_millis(1);
        assert_eq!(store.find(key, owner, 0, soon).await.unwrap(), Lookup::Ask);
        tokio::time::sleep(20 * soon).await;
        assert_eq!(found().await.unwrap(), Lookup::Ask);
        store.store(key, &CachedStatus { owner, version: 0, response: b"first".to_vec() }, 100 * soon).await.unwrap();

        assert_eq!(found().await.unwrap(), Lookup::Response(b"first".to_vec()));
        tokio::time::sleep(200 * soon).await;
        assert_eq!(found().await.unwrap(), Lookup::Ask, "its life has ended");
    }
}

/// A delivery client that counts its calls. Each call takes 100 ms.
#[derive(Clone, Default)]
struct Counted {
    delivery: MemoryDelivery,
    calls: Arc<AtomicUsize>,
}

impl Counted {
    fn calls(&self) -> usize {
        self.calls.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Tracking for Counted {
    async fn track(&self, order: OrderId) -> Result<Option<Tracked>, Error> {
        self.calls.fetch_add(1, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(100)).await;
        self.delivery.track(order).await
    }
}

fn tracked(status: DeliveryStatus) -> Tracked {
    Tracked { delivery: reported(status), ..carried() }
}

/// An order that is being delivered, and three replicas that share a cache.
struct Scene {
    shop: Shop,
    order: OrderId,
    counted: Counted,
    cache: MemoryStatusCache,
    replicas: [DeliveryService; 3],
}

impl Scene {
    async fn open() -> Self {
        let (shop, counted, cache) = (Shop::open(), Counted::default(), MemoryStatusCache::default());
        let order = delivery::order(&shop).await;
        counted.delivery.put(order, tracked(DeliveryStatus::InTransit));
        let replicas = [(); 3].map(|()| {
            DeliveryService::new(Arc::new(shop.orders.clone()), Arc::new(counted.clone()))
                .with_statuses(Statuses::cached_in(cache.clone()))
        });
        Self { shop, order, counted, cache, replicas }
    }

    /// Returns the statuses that `count` concurrent requests of the owner get. The requests are spread over the
    /// replicas.
    async fn seen(&self, count: usize) -> Vec<DeliveryStatus> {
        let requests =
            self.replicas.iter().cycle().take(count).map(|replica| replica.track(self.shop.user, self.order));
        let seen = join_all(requests).await.into_iter().map(|seen| seen.expect("a response").delivery.status);
        seen.collect()
    }
}

#[tokio::test(start_paused = true)]
async fn however_many_ask_delivery_is_called_once_in_two_seconds() {
    let scene = Scene::open().await;

    for _ in 0..18 {
        assert_eq!(scene.seen(100).await, [DeliveryStatus::InTransit; 100]);
        tokio::time::sleep(Duration::from_millis(90)).await;
    }
    assert_eq!(scene.counted.calls(), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    scene.seen(100).await;

    assert_eq!(scene.counted.calls(), 2);
    let stranger = scene.replicas[0].track(ids::user(), scene.order).await;
    assert!(matches!(stranger, Err(Error::Refused(_))), "{stranger:?}");
}

#[tokio::test(start_paused = true)]
async fn an_event_overtakes_what_is_kept_and_a_final_status_is_kept_for_long() {
    let scene = Scene::open().await;
    scene.seen(1).await;
    scene.counted.delivery.put(scene.order, tracked(DeliveryStatus::Delivered));
    assert_eq!(scene.seen(1).await, [DeliveryStatus::InTransit], "the response of a moment ago");

    let subject = OrderOf { order: scene.order, user: scene.shop.user };
    let reported = tracked(DeliveryStatus::Delivered).delivery;
    scene.shop.orders.store_delivery(ids::cause(), subject, &reported).await.unwrap();

    assert_eq!(scene.seen(10).await, [DeliveryStatus::Delivered; 10]);
    tokio::time::sleep(Duration::from_mins(59)).await;
    assert_eq!(scene.seen(10).await, [DeliveryStatus::Delivered; 10]);
    assert_eq!(scene.counted.calls(), 2);
}

#[tokio::test(start_paused = true)]
async fn without_the_cache_each_request_is_answered_as_if_there_were_none() {
    let scene = Scene::open().await;
    scene.cache.set_away(true);

    assert_eq!(scene.seen(10).await, [DeliveryStatus::InTransit; 10]);
    assert_eq!(scene.counted.calls(), 10);
    scene.cache.set_away(false);
    tokio::time::sleep(Duration::from_secs(2)).await;
    scene.seen(10).await;

    assert_eq!(scene.counted.calls(), 11);
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_not_kept() {
    let scene = Scene::open().await;
    scene.counted.delivery.set_away(true);
    let away = scene.replicas[0].track(scene.shop.user, scene.order).await;
    assert!(matches!(away, Err(Error::Unavailable(..))), "{away:?}");

    scene.counted.delivery.set_away(false);

    assert_eq!(scene.seen(1).await, [DeliveryStatus::InTransit]);
}

#[tokio::test(start_paused = true)]
async fn a_new_payment_is_shown_at_once() {
    let shop = Shop::open();
    let order = shop.order().await;
    let service = shop.service.clone().with_statuses(Statuses::cached_in(MemoryStatusCache::default()));
    let payment = async || service.payment(shop.user, order).await;
    assert!(payment().await.is_err(), "there is none before the first attempt");

    service.pay(shop.user, order, PaymentMethod::Card, None).await.unwrap();

    assert_eq!(payment().await.unwrap().status, PaymentStatus::Success);
    let again = payment().await.unwrap();
    assert_eq!(again, payment().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_attempt_makes_no_kept_payment_outdated() {
    let shop = Shop::open();
    let order = shop.order().await;
    let service = shop.service.clone().with_statuses(Statuses::cached_in(MemoryStatusCache::default()));
    let pay = || service.pay(shop.user, order, PaymentMethod::Card, None);
    shop.payments.script(Fault::Decline(OrderRefusal::InsufficientFunds));
    pay().await.unwrap_err();
    shop.inventory.set_away(true);
    pay().await.unwrap_err();

    for _ in 0..2 {
        assert_eq!(service.payment(shop.user, order).await.unwrap().status, PaymentStatus::InsufficientFunds);
    }

    assert_eq!((shop.find(order).await.attempts, shop.payments.lookups()), (2, 1));
}
