//! Tests of attackers who can read Redis or fill its memory.

use std::sync::Arc;

use iam::repository::{Admission, Sessions};
use redis::aio::MultiplexedConnection;
use tonic::Code;

use crate::{
    fixture::{PASSWORD, settings, start},
    stores::{BOUNDS, LONG, ann, redis_sessions, session},
};

/// Returns every key with this prefix.
async fn keys(redis: &mut MultiplexedConnection, prefix: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("{prefix}*")).query_async(redis).await.unwrap()
}

/// Returns all keys with this prefix and their values as one text.
async fn contents(redis: &mut MultiplexedConnection, prefix: &str) -> String {
    let mut found = String::new();
    for key in keys(redis, prefix).await {
        let kind: String = redis::cmd("TYPE").arg(&key).query_async(redis).await.unwrap();
        let content: Vec<String> = if kind == "zset" {
            redis::cmd("ZRANGE").arg(&key).arg(0).arg(-1).query_async(redis).await.unwrap()
        } else {
            vec![redis::cmd("GET").arg(&key).query_async(redis).await.unwrap()]
        };
        found.push_str(&[&key, " ", content.join(" ").as_str(), "\n"].concat());
    }
    found
}

async fn bytes(redis: &mut MultiplexedConnection, prefix: &str) -> u64 {
    let mut sum = 0;
    for key in keys(redis, prefix).await {
        let used: u64 =
            redis::cmd("MEMORY").arg("USAGE").arg(&key).arg("SAMPLES").arg(0).query_async(redis).await.unwrap();
        sum += used;
    }
    sum
}

#[tokio::test]
async fn a_reader_of_redis_learns_no_living_session() {
    let store = redis_sessions(BOUNDS).await;
    let mut redis = store.raw;
    let ann = ann();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let session = session(&ann, LONG);
        let _ = store.sessions.open(&session).await.unwrap();
        ids.push(session.id);
    }

    let contents = contents(&mut redis, &store.prefix).await;

    let readable = ids.iter().filter(|id| contents.contains(&id.to_string())).count();
    assert_eq!(readable, 0, "of 5 living ids stand in Redis");
}

#[tokio::test]
async fn ten_thousand_logins_of_one_account_take_no_more_than_its_bound() {
    let store = redis_sessions(BOUNDS).await;
    let mut redis = store.raw;
    let sessions: Arc<dyn Sessions> = Arc::new(store.sessions);
    let ann = ann();
    let logins = (0..8).map(|_| {
        let (sessions, ann) = (sessions.clone(), ann.clone());
        async move {
            for _ in 0..1_250 {
                let session = session(&ann, LONG);
                // Redis may time out while other tests load the machine; the test retries.
                let admission = testkit::eventually(|| async { sessions.open(&session).await.ok() }).await;
                assert_eq!(admission, Admission::Granted);
            }
        }
    });
    let mut running = tokio::task::JoinSet::new();
    for login in logins {
        running.spawn(login);
    }
    running.join_all().await;

    let bytes = bytes(&mut redis, &store.prefix).await;

    eprintln!("10 000 logins of one account: {bytes} bytes");
    assert!(bytes < 200_000, "{bytes} bytes");
}

#[tokio::test]
async fn a_full_redis_refuses_logins_and_still_ends_sessions() {
    let settings = settings().await.with([("REDIS_URL", testkit::small_redis().await.url)]);
    let iam = start(&settings).await;
    let (info, _, session) = iam.registered_user().await;
    let (other, _, lost) = iam.registered_user().await;
    let client = redis::Client::open(settings.get("REDIS_URL").unwrap()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let limit = async |redis: &mut MultiplexedConnection, bytes: &str| {
        redis::cmd("CONFIG").arg(&["SET", "maxmemory", bytes]).exec_async(redis).await.unwrap();
    };
    // The limit is less than an empty server uses.
    limit(&mut redis, "100kb").await;

    let mut opened = 0;
    for _ in 0..50 {
        match iam.login(&info.login, PASSWORD).await {
            Ok(_) => opened += 1,
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status}"),
        }
    }
    assert_eq!(opened, 0, "of 50 logins at a full Redis");
    // Open sessions stay valid and can be ended.
    testkit::eventually(|| async { iam.whoami(&session).await.ok() }).await;
    testkit::eventually(|| async { iam.logout(&lost).await.ok() }).await;
    testkit::eventually(|| async {
        let status = iam.whoami(&lost).await.unwrap_err();
        (status.code() == Code::Unauthenticated).then_some(())
    })
    .await;

    limit(&mut redis, "8mb").await;
    testkit::eventually(|| async { iam.login(&other.login, PASSWORD).await.ok() }).await;
}
