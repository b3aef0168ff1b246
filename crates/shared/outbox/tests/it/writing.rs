//! Tests of writing events in a transaction, publishing them and deleting them.

use std::{collections::HashMap, sync::Arc, time::Duration};

use outbox::{Event, Outbox as _, PgLease, PgOutbox, Relay, Waker, event_uuid, topics_of_same_name};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    fixture::{Fixture, tables},
    relay_memory::doubles::Broker,
};

const KIND: &str = "order-paid";
const KEY: Uuid = Uuid::from_u128(7);

#[tokio::test]
async fn an_event_is_written_with_its_transaction_or_not_at_all() {
    let Fixture { pool } = Fixture::new().await;
    let outbox = PgOutbox::new(pool.clone(), &tables(), "one");

    for (payload, commits) in [("rolled back", false), ("committed", true)] {
        let mut transaction = pool.begin().await.unwrap();
        outbox::write(&mut transaction, &tables(), &Event::new(KIND, KEY, payload)).await.unwrap();
        if commits {
            transaction.commit().await.unwrap();
        }
    }

    let rows = outbox.unpublished(10, &[]).await.unwrap();
    let payloads: Vec<_> = rows.iter().map(|row| row.payload.as_slice()).collect();
    assert_eq!(payloads, [b"committed"]);
}

#[tokio::test]
async fn events_keep_their_order_and_have_the_given_headers() {
    let Fixture { pool } = Fixture::new().await;
    let events: Vec<Event> = (0..50).map(|number| Event::new(KIND, KEY, number.to_string())).collect();
    let headers = HashMap::from([("traceparent".to_owned(), "00-0a-0b-01".to_owned())]);

    outbox::write_all(&mut pool.acquire().await.unwrap(), &tables(), &events, &headers).await.unwrap();

    let rows = PgOutbox::new(pool, &tables(), "one").unpublished(100, &[]).await.unwrap();
    let uuids: Vec<Uuid> = rows.iter().map(|row| row.event_uuid).collect();
    assert_eq!(uuids, events.iter().map(|event| event.uuid).collect::<Vec<_>>());
    assert!(rows.iter().all(|row| row.trace == headers && row.event_type == KIND && row.key == KEY));
}

#[tokio::test]
async fn an_event_with_a_known_id_is_refused() {
    let Fixture { pool } = Fixture::new().await;
    let event = Event { uuid: event_uuid(KEY, KIND, None), ..Event::new(KIND, KEY, "a") };
    let mut connection = pool.acquire().await.unwrap();
    outbox::write(&mut connection, &tables(), &event).await.unwrap();

    let error = outbox::write(&mut connection, &tables(), &event).await.unwrap_err();

    assert!(error.as_database_error().is_some_and(sqlx::error::DatabaseError::is_unique_violation), "{error}");
}

#[tokio::test]
async fn written_events_are_published_and_deleted_once_they_are_old() {
    let Fixture { pool } = Fixture::new().await;
    let (broker, stop) = (Broker::default(), CancellationToken::new());
    let rows = Arc::new(PgOutbox::new(pool.clone(), &tables(), "one"));
    let topics = topics_of_same_name([KIND]);
    let relay = Relay::new("test", rows.clone(), Arc::new(broker.clone()), topics, &Waker::default());
    let running = tokio::spawn(relay.with_content_type("text/plain").run(stop.clone()));

    let event = Event::new(KIND, KEY, "a");
    outbox::write(&mut pool.acquire().await.unwrap(), &tables(), &event).await.unwrap();
    testkit::eventually(|| async {
        (rows.backlog().await.unwrap().waiting == 0 && !broker.records().is_empty()).then_some(())
    })
    .await;
    stop.cancel();
    running.await.unwrap().unwrap();

    let records = broker.records().clone();
    let [record] = &records[..] else { panic!("{records:?}") };
    assert_eq!((record.topic.as_str(), record.key.clone()), (KIND, KEY.to_string().into_bytes()));
    let header = |name: &str| record.headers[name].clone();
    assert_eq!(
        ["event-uuid", "event-type", "content-type"].map(header),
        [event.uuid.to_string().as_str(), KIND, "text/plain"]
    );
    let hour = Duration::from_hours(1);
    assert_eq!(outbox::sweep(&pool, &tables(), hour).await.unwrap(), 0);
    assert_eq!(outbox::sweep(&pool, &tables(), Duration::ZERO).await.unwrap(), 1);
}

#[tokio::test]
async fn the_leases_of_a_killed_process_are_free_once_another_starts_at_its_place() {
    let Fixture { pool } = Fixture::new().await;
    let lease = |holder: &str| PgLease::new(pool.clone(), &tables(), "job", holder);
    let hour = Duration::from_hours(1);
    assert_eq!(outbox::Lease::acquire(&lease("host-4711-killed"), hour).await.unwrap(), Some(1));

    outbox::release_all(&pool, &tables(), "host-471-").await;
    assert_eq!(outbox::Lease::acquire(&lease("host-471-started"), hour).await.unwrap(), None);
    outbox::release_all(&pool, &tables(), "host-4711-").await;

    assert_eq!(outbox::Lease::acquire(&lease("host-4711-started"), hour).await.unwrap(), Some(2));
}

#[tokio::test]
async fn every_listed_statement_names_the_given_tables_and_can_be_prepared() {
    let Fixture { pool } = Fixture::new().await;

    for statement in outbox::statements(&tables()) {
        assert!(statement.contains("messaging.") || statement.contains("pg_notify"), "{statement}");
        let prepared = format!("prepare listed as {statement}; deallocate listed");
        let outcome = sqlx::raw_sql(sqlx::AssertSqlSafe(prepared)).execute(&pool).await;
        assert!(outcome.is_ok(), "{statement}: {outcome:?}");
    }
}
