//! Backlogs of outboxes and consumers.

use contracts::events::OrderPaid;
use operations::{
    backlogs::{lag, outboxes},
    databases::Databases,
};
use outbox::Record;
use platform::kafka::{Mark, Reader};
use sqlx::PgConnection;
use uuid::Uuid;

#[tokio::test]
async fn an_outbox_has_its_backlog_and_the_replica_that_publishes_it() {
    let database = testkit::database(order::SERVICE.migrations().unwrap()).await;
    let mut connection: PgConnection = database.pool.connect().await.unwrap();
    let add = "insert into outbox (event_uuid, event_type, key, payload, trace, set_aside_at)
        values (gen_random_uuid(), 'events.v1.OrderPaid', gen_random_uuid(), '', '{}', $1)";
    for set_aside in [None, None, Some(chrono::DateTime::<chrono::Utc>::UNIX_EPOCH)] {
        sqlx::query(add).bind(set_aside).execute(&mut connection).await.unwrap();
    }
    let lease =
        "insert into leases (name, holder, epoch, expires_at) values ('outbox', 'host-1-id', 1, now() + $1::interval)";
    sqlx::query(lease).bind("1 minute").execute(&mut connection).await.unwrap();
    let databases = Databases::from_iter([(&order::SERVICE, database.pool.clone())]);

    let states = outboxes(&databases).await;

    let state = states.iter().find(|state| state.service == "order").unwrap();
    assert_eq!((state.waiting, state.set_aside), (2, 1), "{state:?}");
    assert_eq!(state.relay.as_deref(), Some("host-1-id"));
    assert!(state.oldest.is_some() && state.relay_until.is_some());
    let other = states.iter().find(|state| state.service == "payment").unwrap();
    assert!(other.error.as_deref().unwrap().starts_with("reading the database of payment: "), "{other:?}");
    sqlx::query("update leases set expires_at = now()").execute(&mut connection).await.unwrap();
    let relay = outboxes(&databases).await.into_iter().find(|state| state.service == "order").unwrap().relay;
    assert_eq!(relay, None, "an expired lease has no holder");
}

#[tokio::test]
async fn lag_is_what_a_group_has_not_committed() {
    let kafka = testkit::kafka().await;
    let topic = kafka.topic::<OrderPaid>();
    let record = |_| Record {
        topic: topic.clone(),
        key: Uuid::nil().to_string().into_bytes(),
        payload: Vec::new(),
        headers: std::collections::HashMap::new(),
    };
    kafka.publish((0..5).map(record).collect()).await;
    let group = "assembly-group-order-paid";
    let of_group = async || {
        let all = lag(&kafka.config(), &kafka.topics()).await.unwrap();
        let own: Vec<_> = all.into_iter().filter(|one| one.group == group).collect();
        assert!(own.iter().all(|one| one.topic == topic && one.service == "assembly"), "{own:?}");
        own
    };

    let before = of_group().await;
    let read = before.iter().find(|one| one.end > 0).unwrap().clone();
    let (config, name) = (kafka.config(), topic.clone());
    let mark = Mark { next: 3, note: String::new() };
    let commit = move || Reader::new(&config, group).unwrap().mark(&name, read.partition, &mark).unwrap();
    tokio::task::spawn_blocking(commit).await.unwrap();
    let after = of_group().await;

    assert_eq!(
        before.iter().map(|one| (one.committed, one.lag)).max_by_key(|one| one.1),
        Some((None, 5)),
        "{before:?}"
    );
    let after: Vec<_> = after.iter().filter(|one| one.end > 0).map(|one| (one.committed, one.end, one.lag)).collect();
    assert_eq!(after, [(Some(3), 5, 2)]);
}
