//! Which events are published again when a broker has forgotten them.

use std::collections::HashMap;

use shipyard::{consumers, databases::Databases, republish::republish, services::Service};
use sqlx::PgPool;
use uuid::Uuid;

#[tokio::test]
async fn an_event_that_one_consumer_lacks_is_published_again_and_the_others_are_not() {
    let mut pools = HashMap::new();
    for service in Service::ALL {
        pools.insert(service, testkit::database(service.migrations()).await.pool);
    }
    let databases: Databases = pools.clone().into_iter().collect();
    for (kind, consumers) in consumers::CONSUMERS {
        let producer = if kind.contains("ssembl") { Service::Assembly } else { Service::Order };
        let outbox = &pools[&producer];
        let (everywhere, nowhere, waiting) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
        let unmatched = consumers.iter().map(|(service, group)| (*service, *group));
        let mut one_lacks = HashMap::new();
        for (n, consumer) in unmatched.enumerate() {
            one_lacks.insert(consumer, Uuid::from_u128(10 + n as u128));
        }
        sqlx::query("delete from outbox").execute(outbox).await.unwrap();
        for uuid in [everywhere, nowhere].iter().chain(one_lacks.values()) {
            publish(outbox, *uuid, kind, true).await;
        }
        publish(outbox, waiting, kind, false).await;
        for (service, group) in consumers {
            take(&pools[service], group, everywhere).await;
            for (consumer, uuid) in &one_lacks {
                if *consumer != (*service, *group) {
                    take(&pools[service], group, *uuid).await;
                }
            }
        }

        let count = republish(&databases).await.unwrap();

        assert_eq!(count, 1 + consumers.len() as u64, "{kind}");
        let published: Vec<Uuid> = sqlx::query_scalar("select event_uuid from outbox where published_at is not null")
            .fetch_all(outbox)
            .await
            .unwrap();
        assert_eq!(published, [everywhere], "{kind}");
        sqlx::query("delete from outbox").execute(outbox).await.unwrap();
    }
}

#[test]
fn every_topic_has_its_consumers() {
    let topics = events::Topics::default();

    assert_eq!(consumers::CONSUMERS.len(), topics.all().len());
    assert!(consumers::of("events.v1.Unheard").is_empty());
}

async fn publish(outbox: &PgPool, uuid: Uuid, kind: &str, published: bool) {
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

async fn take(database: &PgPool, consumer: &str, uuid: Uuid) {
    sqlx::query("insert into inbox (consumer, event_uuid) values ($1, $2) on conflict do nothing")
        .bind(consumer)
        .bind(uuid)
        .execute(database)
        .await
        .unwrap();
}
