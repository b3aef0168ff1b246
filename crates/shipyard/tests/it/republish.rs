//! Republishing the events that a non-persistent broker has lost.

use std::collections::HashMap;

use contracts::events::ROUTES;
use operations::{databases::Databases, registry::with_database, republish_lost_events::republish};
use platform::postgres::Database;
use uuid::Uuid;

#[tokio::test]
async fn an_event_that_one_consumer_lacks_is_published_again_and_the_others_are_not() {
    let mut pools = HashMap::new();
    for service in with_database() {
        pools.insert(service.name, testkit::database(service.migrations().expect("it has a database")).await.pool);
    }
    let databases: Databases = with_database().map(|service| (service, pools[service.name].clone())).collect();
    for route in &ROUTES {
        let (kind, consumers) = (route.kind, route.consumers);
        let outbox = &pools[route.producer];
        let (everywhere, nowhere, waiting) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let mut one_lacks = HashMap::new();
        for (n, consumer) in consumers.iter().enumerate() {
            one_lacks.insert(*consumer, Uuid::from_u128(10 + n as u128));
        }
        sqlx::query("delete from outbox").execute(outbox).await.unwrap();
        for uuid in [everywhere, nowhere].iter().chain(one_lacks.values()) {
            publish(outbox, *uuid, kind, true).await;
        }
        publish(outbox, waiting, kind, false).await;
        for consumer in consumers {
            let database = &pools[consumer.service];
            take(database, consumer.group, everywhere).await;
            for (other, uuid) in &one_lacks {
                if other != consumer {
                    take(database, consumer.group, *uuid).await;
                }
            }
        }

        let count = republish(&databases).await.unwrap();

        // An event that no service of ours consumes is not missing anywhere.
        let missed = if consumers.is_empty() { 0 } else { 1 + consumers.len() as u64 };
        assert_eq!(count, missed, "{kind}");
        let published: Vec<Uuid> =
            sqlx::query_scalar("select event_uuid from outbox where published_at is not null order by id")
                .fetch_all(outbox)
                .await
                .unwrap();
        let left = if consumers.is_empty() { vec![everywhere, nowhere] } else { vec![everywhere] };
        assert_eq!(published, left, "{kind}");
        sqlx::query("delete from outbox").execute(outbox).await.unwrap();
    }
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

async fn take(database: &Database, consumer: &str, uuid: Uuid) {
    sqlx::query("insert into inbox (consumer, event_uuid) values ($1, $2) on conflict do nothing")
        .bind(consumer)
        .bind(uuid)
        .execute(database)
        .await
        .unwrap();
}
