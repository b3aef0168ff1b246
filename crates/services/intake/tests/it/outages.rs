//! Outages of PostgreSQL and of Kafka.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use intake::{
    client::KafkaTopic,
    error::Error,
    repository::{MIGRATIONS, PgOrders, store},
    service::{Cache, IntakeService},
};
use platform::config::Settings;
use serde_json::to_value;
use testkit::eventually;

use crate::fixture::{Fixture, order};

#[tokio::test]
async fn without_postgresql_hits_are_answered_and_misses_are_503_within_two_seconds() {
    let fixture = Fixture::with(&[("INTAKE_OPEN", "true"), ("INTAKE_CACHE_CAPACITY", "1")]).await;
    let (old, new, late) = (order(1), order(2), order(3));
    for (count, order) in [(1, &old), (2, &new)] {
        fixture.publish_orders(std::slice::from_ref(order)).await;
        fixture.stored(count).await;
    }
    fixture.found(&new.order_uid).await;

    for harm in [stand_ins::Proxy::cut, stand_ins::Proxy::hang] {
        harm(&fixture.path);

        let hit = fixture.get(&format!("/orders/{}", new.order_uid)).await;
        assert_eq!((hit.status, hit.header("x-cache")), (200, "hit"));
        let begun = Instant::now();
        let miss = fixture.get(&format!("/orders/{}", old.order_uid)).await;
        assert_eq!(miss.code(), (503, "DEPENDENCY_UNAVAILABLE".to_owned()));
        assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
        let page = fixture.page(&format!("/orders/{}", old.order_uid)).await;
        assert_eq!((page.status, page.header("content-type")), (503, "text/html; charset=utf-8"));

        fixture.path.restore();
        // `old` is not cached, so each response comes from PostgreSQL.
        eventually(async || {
            let found = fixture.get(&format!("/orders/{}", old.order_uid)).await;
            (found.status == 200).then_some(())
        })
        .await;
        fixture.found(&new.order_uid).await;
    }

    // An order that is published during the outage is consumed after it.
    fixture.path.cut();
    fixture.publish_orders(std::slice::from_ref(&late)).await;
    tokio::time::sleep(Duration::from_millis(500)).await;
    fixture.path.restore();
    assert_eq!(fixture.found(&late.order_uid).await.json(), to_value(&late).unwrap());
    assert!(fixture.letters(0).await.is_empty());
}

#[tokio::test]
async fn without_kafka_placing_ends_within_seconds_and_reading_goes_on() {
    let settings = Settings::from_variables([("KAFKA_BROKERS", "127.0.0.1:1".to_owned())]);
    let topic = KafkaTopic::new(&settings.read().unwrap(), "orders".to_owned()).unwrap();
    let repository = PgOrders::new(testkit::database(&MIGRATIONS).await.pool);
    let stored = Arc::new(order(1));
    store(&repository, std::slice::from_ref(&stored)).await.unwrap();
    let service =
        IntakeService::new(Arc::new(repository), Arc::new(topic), Cache::new(10, 32 << 20, Duration::from_mins(1)));

    let begun = Instant::now();
    let placed = service.place(&order(2)).await;

    assert!(matches!(placed, Err(Error::Topic(_))), "{placed:?}");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    assert_eq!(service.show(stored.order_uid.as_str()).await.unwrap().0, stored);
}
