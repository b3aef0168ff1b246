//! Orders from the topic: each is stored once, in batches; invalid records become dead letters.

use std::{sync::Arc, time::Duration};

use intake::{
    client::MemoryTopic,
    consumers::Orders as Consumer,
    error::Error,
    model::Order,
    repository::{MIGRATIONS, PgOrders, erase_older, remove_tombstones},
    service::{Cache, IntakeService},
};
use platform::{
    kafka::{Failure, HEADER_ERROR, Handler as _, Message},
    postgres::Database,
};
use serde_json::json;
use testkit::eventually;

use crate::fixture::{Fixture, example, order, proxy};

#[tokio::test]
async fn orders_of_the_topic_are_read_back_as_they_were_sent_and_a_redelivery_changes_nothing() {
    let fixture = Fixture::open().await;
    let orders: Vec<Order> = (0..300).map(order).collect();

    fixture.publish_orders(&orders).await;
    fixture.stored(300).await;
    fixture.publish_orders(&orders).await;
    let last = order(300);
    fixture.publish_orders(std::slice::from_ref(&last)).await;
    fixture.found(&last.order_uid).await;

    for order in orders.iter().step_by(29) {
        let shown = fixture.found(&order.order_uid).await;
        assert_eq!(shown.json(), serde_json::to_value(order).unwrap());
        assert_eq!(shown.header("x-cache"), "hit");
    }
    assert_eq!(fixture.count().await, 301);
    assert!(fixture.letters(0).await.is_empty());
}

#[tokio::test]
async fn poison_is_a_dead_letter_that_names_the_rule_and_the_others_of_its_batch_are_stored() {
    let fixture = Fixture::open().await;
    let orders: Vec<Order> = (0..50).map(order).collect();
    let mut records: Vec<(String, Vec<u8>)> =
        orders.iter().map(|order| ("one".to_owned(), serde_json::to_vec(order).unwrap())).collect();
    let other = Order { entry: "OTHER".to_owned(), ..orders[3].clone() };
    let mut unpaid = example();
    unpaid["payment"]["amount"] = json!(0);
    records.insert(10, ("one".to_owned(), b"no order".to_vec()));
    records.insert(20, ("one".to_owned(), unpaid.to_string().into_bytes()));
    records.insert(30, ("one".to_owned(), serde_json::to_vec(&other).unwrap()));

    fixture.publish(records).await;

    let letters = fixture.letters(3).await;
    fixture.stored(50).await;
    let errors: Vec<&str> = letters.iter().map(|letter| &letter.headers[HEADER_ERROR]).collect();
    assert_eq!(errors[0], "body: must be a JSON object");
    assert_eq!(errors[1], "payment.amount: must be above 0");
    assert!(errors[2].starts_with("ORDER_UID_REUSED"), "{errors:?}");
    assert_eq!(fixture.count().await, 50);
    assert_eq!(fixture.found(&orders[3].order_uid).await.json()["entry"], "WBIL", "the first stands");
}

#[tokio::test]
async fn a_crash_amid_orders_loses_none_and_doubles_none() {
    let mut fixture = Fixture::open().await;
    let orders: Vec<Order> = (0..2_000).map(order).collect();

    fixture.publish_orders(&orders).await;
    fixture.stored(100).await;
    fixture.crash().await;

    fixture.stored(2_000).await;
    assert_eq!(fixture.count().await, 2_000);
    assert!(fixture.letters(0).await.is_empty());
}

#[tokio::test]
async fn the_cache_begins_with_the_orders_stored_last() {
    let mut fixture = Fixture::with(&[("INTAKE_OPEN", "true"), ("INTAKE_CACHE_CAPACITY", "10")]).await;
    let orders: Vec<Order> = (0..11).map(order).collect();
    for (count, order) in (1..).zip(&orders) {
        fixture.publish_orders(std::slice::from_ref(order)).await;
        fixture.stored(count).await;
    }

    fixture.crash().await;

    let cache = async |place: usize| {
        fixture.get(&format!("/orders/{}", orders[place].order_uid)).await.header("x-cache").to_owned()
    };
    assert_eq!((cache(10).await, cache(1).await), ("hit".to_owned(), "hit".to_owned()));
    assert_eq!((cache(0).await, cache(0).await), ("miss".to_owned(), "hit".to_owned()));
}

#[tokio::test]
async fn old_orders_are_erased_and_their_keys_removed_later() {
    let fixture = Fixture::open().await;
    let pool = &fixture.database.pool;
    let orders: Vec<Order> = (0..3).map(order).collect();
    fixture.publish_orders(&orders).await;
    fixture.stored(3).await;
    let day = Duration::from_hours(24);
    let uid = orders[0].order_uid.as_str();
    sqlx::query("update orders set stored_at = now() - interval '2 days' where order_uid = $1")
        .bind(uid)
        .execute(pool)
        .await
        .unwrap();

    assert_eq!(erase_older(pool, day).await.unwrap(), 1);
    assert_eq!(remove_tombstones(pool, day).await.unwrap(), 0);

    let left: i64 =
        sqlx::query_scalar("select count(*) from items where order_uid = $1").bind(uid).fetch_one(pool).await.unwrap();
    assert_eq!(left, 0);
    // The erased order leaves the cache within seconds.
    eventually(async || (fixture.get(&format!("/orders/{uid}")).await.status == 404).then_some(())).await;
    sqlx::query("update orders set erased_at = now() - interval '2 days' where erased_at is not null")
        .execute(pool)
        .await
        .unwrap();
    assert_eq!(remove_tombstones(pool, day).await.unwrap(), 1);
    assert_eq!(fixture.count().await, 2);
}

/// Returns a consumer, and its service, in this database.
fn consumer(pool: Database) -> (Consumer, IntakeService) {
    let cache = Cache::new(100, 32 << 20, Duration::from_hours(1));
    let service = IntakeService::new(Arc::new(PgOrders::new(pool)), Arc::new(MemoryTopic::default()), cache);
    (Consumer::new(service.clone()), service)
}

fn message(order: &Order) -> Message {
    Message { payload: serde_json::to_vec(order).unwrap(), ..Message::default() }
}

#[tokio::test]
async fn while_the_database_is_unavailable_nothing_is_stored_nothing_is_cached_and_nothing_is_poison() {
    let database = testkit::database(&MIGRATIONS).await;
    let (path, url) = proxy(&database).await;
    let (consumer, service) = consumer(Database::lazy("test", "TEST_DATABASE_URL", &url.into(), 2).unwrap());
    let order = order(1);
    path.cut();

    let handled = consumer.handle_all(&[message(&order)]).await;
    let failure = consumer.handle(&message(&order)).await.unwrap_err();

    assert_eq!(handled, [false]);
    assert!(matches!(failure, Failure::Transient(_)), "{failure}");
    path.restore();
    eventually(async || match service.show(order.order_uid.as_str()).await {
        Ok(_) => panic!("it is in the cache"),
        Err(error) => matches!(error, Error::NotFound).then_some(()),
    })
    .await;
    consumer.handle(&message(&order)).await.unwrap();
}
