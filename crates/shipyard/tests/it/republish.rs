//! Republishing events that a non-persistent broker has lost.

use std::{collections::HashMap, time::Duration};

use contracts::events::{ROUTES, route_of};
use operations::{databases::Databases, registry::with_database, republish_lost_events::republish};
use platform::postgres::Database;
use uuid::Uuid;

/// Rows of handled events are deleted at this age.
const AGE: Duration = Duration::from_hours(24);

#[tokio::test]
async fn an_event_that_one_consumer_or_the_timeline_lacks_is_published_again_and_the_others_are_not() {
    let (pools, databases) = databases().await;
    for route in &ROUTES {
        // Without inboxes every event is published again.
        let (kind, consumers) = (route.kind, route.inboxes());
        let outbox = &pools[route.producer];
        let [everywhere, nowhere, waiting, unseen] = [1, 2, 3, 4].map(Uuid::from_u128);
        let mut one_lacks = HashMap::new();
        for (n, consumer) in consumers.iter().enumerate() {
            one_lacks.insert(*consumer, Uuid::from_u128(10 + n as u128));
        }
        sqlx::query("delete from outbox").execute(outbox).await.unwrap();
        for uuid in [everywhere, nowhere, unseen].iter().chain(one_lacks.values()) {
            publish(outbox, *uuid, kind, true).await;
        }
        publish(outbox, waiting, kind, false).await;
        show(&pools["console"], one_lacks.values().chain([&everywhere])).await;
        for consumer in consumers {
            let database = &pools[consumer.service];
            take(database, consumer.group, everywhere).await;
            take(database, consumer.group, unseen).await;
            for (other, uuid) in &one_lacks {
                if other != consumer {
                    take(database, consumer.group, *uuid).await;
                }
            }
        }

        let count = republish(&databases, AGE).await.unwrap();

        // An event that no service consumes can be missing only in the timeline.
        let (missed, left) = match (route.is_of_order(), consumers.len() as u64) {
            _ if consumers != route.consumers => (3, Vec::new()),
            (true, consumers) => (2 + consumers, vec![everywhere]),
            (false, 0) => (0, vec![everywhere, nowhere, unseen]),
            (false, consumers) => (1 + consumers, vec![everywhere, unseen]),
        };
        assert_eq!(count, missed, "{kind}");
        let published: Vec<Uuid> =
            sqlx::query_scalar("select event_uuid from outbox where published_at is not null order by id")
                .fetch_all(outbox)
                .await
                .unwrap();
        assert_eq!(published, left, "{kind}");
        sqlx::query("delete from outbox").execute(outbox).await.unwrap();
    }
}

/// The services delete old inbox rows. If the outbox still had an event whose inbox rows are deleted, the next start
/// would consider it lost and publish it again.
#[tokio::test]
async fn old_events_are_deleted_once_they_are_handled() {
    let (pools, databases) = databases().await;
    let route = route_of("events.v1.OrderPaid").unwrap();
    let outbox = &pools[route.producer];
    let [handled, recent, lost] = [1, 2, 3].map(Uuid::from_u128);
    for uuid in [handled, recent, lost] {
        publish(outbox, uuid, route.kind, true).await;
    }
    show(&pools["console"], [handled, recent].iter()).await;
    for consumer in route.consumers {
        for uuid in [handled, recent] {
            take(&pools[consumer.service], consumer.group, uuid).await;
        }
    }
    let old = "update outbox set published_at = now() - interval '25 hours' where event_uuid <> $1";
    sqlx::query(old).bind(recent).execute(outbox).await.unwrap();

    assert_eq!(republish(&databases, AGE).await.unwrap(), 1);

    let left: Vec<(Uuid, bool)> =
        sqlx::query_as("select event_uuid, published_at is not null from outbox order by event_uuid")
            .fetch_all(outbox)
            .await
            .unwrap();
    assert_eq!(left, [(recent, true), (lost, false)]);
}

/// Creates a database for each service. Returns the pools by the services' names, and the same pools as [`Databases`].
async fn databases() -> (HashMap<&'static str, Database>, Databases) {
    let mut pools = HashMap::new();
    for service in with_database() {
        pools.insert(service.name, testkit::database(service.migrations().expect("it has a database")).await.pool);
    }
    let databases = with_database().map(|service| (service, pools[service.name].clone())).collect();
    (pools, databases)
}

async fn publish(outbox: &Database, uuid: Uuid, kind: &str, published: bool) {
    sqlx::query(
        "insert into outbox (event_uuid, event_type, key, payload, trace, published_at)
        values ($1, $2, $1, '', '{}', case when $3 then now() end)",
    )
    .bind(uuid)
    .bind(kind)
    .bind(published)
    .execute(outbox)
    .await
    .unwrap();
}

/// Adds events to the console's timeline.
async fn show(console: &Database, events: impl Iterator<Item = &Uuid>) {
    let events: Vec<Uuid> = events.copied().collect();
    sqlx::query("delete from timeline").execute(console).await.unwrap();
    sqlx::query(
        "insert into timeline (place, topic_id, topic, partition, record_offset, order_uuid, event_uuid, kind,
            committed_at, published_at, consumed_at, payload, headers)
        select number, '', '', 0, number, event, event, '', now(), now(), now(), 'null', '{}'
        from unnest($1::uuid[]) with ordinality as shown (event, number)",
    )
    .bind(&events)
    .execute(console)
    .await
    .unwrap();
}

async fn take(database: &Database, consumer: &str, uuid: Uuid) {
    sqlx::query("insert into inbox (consumer, event_uuid) values ($1, $2) on conflict do nothing")
        .bind(consumer)
        .bind(uuid)
        .execute(database)
        .await
        .unwrap();
}
