//! Tests of sessions in Redis whose user a replica remembers.

use futures::StreamExt as _;
use iam::repository::{Lookup, RedisSessions, Sessions};
use redis::AsyncCommands as _;

use crate::stores::{BOUNDS, InRedis, LONG, MAX_SESSIONS, ann, connection_as_admin, redis_sessions, session};

/// Returns the commands that Redis runs on keys with this prefix during `work`, as `MONITOR` shows them.
async fn commands_of(store: &InRedis, work: impl Future<Output = ()>) -> Vec<String> {
    let server = testkit::redis().await.url;
    let mut monitor = redis::Client::open(server).unwrap().get_async_monitor().await.unwrap();
    work.await;
    let end = format!("{}end", store.prefix);
    let _: Option<String> = store.raw.clone().get(&end).await.unwrap();
    let lines = monitor.on_message::<String>().take_while(|line| std::future::ready(!line.contains(&end)));
    lines.filter(|line| std::future::ready(line.contains(&store.prefix))).collect().await
}

#[tokio::test]
async fn a_session_that_the_replica_opened_or_found_is_read_without_a_script() {
    let store = redis_sessions(BOUNDS).await;
    let other = another_replica(&store).await;
    let session = session(&ann(), LONG);
    let _ = store.sessions.open(&session, MAX_SESSIONS).await.unwrap();
    let find = async |replica: &RedisSessions| {
        let found = Lookup::Found((&session).into());
        let commands = commands_of(&store, async { assert_eq!(replica.find(session.id).await.unwrap(), found) }).await;
        commands.iter().any(|line| line.to_lowercase().contains("evalsha"))
    };

    assert!(!find(&store.sessions).await, "this replica opened it");
    assert!(find(&other).await, "the first time, the other replica does not know the user");
    assert!(!find(&other).await);
}

#[tokio::test]
async fn a_known_session_that_another_replica_ends_is_ended_for_all() {
    let store = redis_sessions(BOUNDS).await;
    let other = another_replica(&store).await;
    let ann = ann();
    let (one, two) = (session(&ann, LONG), session(&ann, LONG));
    for session in [&one, &two] {
        let _ = store.sessions.open(session, MAX_SESSIONS).await.unwrap();
        assert_eq!(store.sessions.find(session.id).await.unwrap(), Lookup::Found(session.into()));
    }

    other.close(one.id).await.unwrap();

    assert_eq!(store.sessions.find(one.id).await.unwrap(), Lookup::Ended);
    assert_eq!(store.sessions.find(two.id).await.unwrap(), Lookup::Found((&two).into()));
    other.close_all(ann.id).await.unwrap();
    assert_eq!(store.sessions.find(two.id).await.unwrap(), Lookup::Ended);
}

/// Returns the session store of another replica over the same keys.
async fn another_replica(store: &InRedis) -> RedisSessions {
    RedisSessions::new(connection_as_admin().await, store.prefix.clone(), BOUNDS)
}
