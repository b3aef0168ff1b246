//! Tests of attackers who can read Redis or fill its memory.

use std::{sync::Arc, time::Duration};

use iam::repository::{Admission, Sessions};
use platform::config::Settings;
use redis::aio::MultiplexedConnection;
use tokio::sync::{Mutex, MutexGuard};
use tonic::Code;

use crate::{
    fixture::{PASSWORD, settings, start},
    stores::{BOUNDS, LONG, MAX_SESSIONS, ann, connection, redis_sessions, session},
};

pub async fn keys(redis: &mut MultiplexedConnection, prefix: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(format!("{prefix}*")).query_async(redis).await.unwrap()
}

/// Returns all keys with this prefix and their values as one text.
pub async fn contents(redis: &mut MultiplexedConnection, prefix: &str) -> String {
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

pub async fn bytes(redis: &mut MultiplexedConnection, prefix: &str) -> u64 {
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
        let _ = store.sessions.open(&session, MAX_SESSIONS).await.unwrap();
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
                let admission =
                    testkit::eventually(|| async { sessions.open(&session, MAX_SESSIONS).await.ok() }).await;
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

/// Returns the settings of a service with its own Redis server, a connection to that server, and the lock under which
/// one test at a time uses it.
async fn small_redis() -> (Settings, MultiplexedConnection, MutexGuard<'static, ()>) {
    static TURN: Mutex<()> = Mutex::const_new(());
    let turn = TURN.lock().await;
    let settings = settings().await.with([("REDIS_URL", testkit::small_redis().await.url)]);
    let client = redis::Client::open(settings.get("REDIS_URL").unwrap()).unwrap();
    (settings, client.get_multiplexed_async_connection().await.unwrap(), turn)
}

async fn set(redis: &mut MultiplexedConnection, name: &str, value: &str) {
    redis::cmd("CONFIG").arg(&["SET", name, value]).exec_async(redis).await.unwrap();
}

#[tokio::test]
async fn a_full_redis_refuses_logins_and_still_ends_sessions() {
    let (settings, mut redis, _turn) = small_redis().await;
    let iam = start(&settings).await;
    let (info, _, session) = iam.registered_user().await;
    let (other, _, lost) = iam.registered_user().await;
    // The limit is less than an empty server uses.
    set(&mut redis, "maxmemory", "100kb").await;

    let mut opened = 0;
    for _ in 0..50 {
        match iam.login(&info.login, PASSWORD).await {
            Ok(_) => opened += 1,
            // New accounts are refused before Redis is full.
            Err(status) => assert!(matches!(status.code(), Code::Unavailable | Code::ResourceExhausted), "{status}"),
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

    set(&mut redis, "maxmemory", "8mb").await;
    testkit::eventually(|| async { iam.login(&other.login, PASSWORD).await.ok() }).await;
}

#[tokio::test]
async fn iam_is_not_ready_while_redis_may_evict_a_session() {
    let (settings, mut redis, _turn) = small_redis().await;
    let iam = start(&settings).await;

    for policy in ["allkeys-lru", "volatile-ttl"] {
        set(&mut redis, "maxmemory-policy", policy).await;
        let told = testkit::eventually(|| async {
            let told = "redis: evicts keys, so set its maxmemory-policy to noeviction";
            iam.readiness.waiting_for().contains(&told.to_owned()).then_some(())
        });
        let told = tokio::time::timeout(Duration::from_secs(20), told).await;

        set(&mut redis, "maxmemory-policy", "noeviction").await;
        assert!(told.is_ok(), "{policy}: iam waits for {:?}", iam.readiness.waiting_for());
        testkit::eventually(|| async { iam.readiness.is_ready().then_some(()) }).await;
    }
}

#[tokio::test]
async fn the_redis_user_of_iam_may_read_the_eviction_policy() {
    let mut redis = connection().await;

    let memory: String = redis::cmd("INFO").arg("memory").query_async(&mut redis).await.unwrap();

    assert!(memory.contains("maxmemory_policy:noeviction"), "{memory}");
}

async fn forget_sessions(settings: &Settings, user: &str) {
    let client = redis::Client::open(settings.get("REDIS_URL").unwrap()).unwrap();
    let mut redis = client.get_multiplexed_async_connection().await.unwrap();
    let set = format!("{}sessions:{user}", settings.get("IAM_REDIS_PREFIX").unwrap());
    let forgotten: u32 = redis::cmd("DEL").arg(&set).query_async(&mut redis).await.unwrap();
    assert_eq!(forgotten, 1, "{set}");
}

#[tokio::test]
async fn an_end_of_all_sessions_that_cannot_be_proven_is_an_error() {
    let settings = settings().await;
    let iam = start(&settings).await;
    let (info, user, first) = iam.registered_user().await;
    let second = iam.login(&info.login, PASSWORD).await.unwrap();
    forget_sessions(&settings, &user).await;

    let changed = iam.change_password(&first, PASSWORD, "AnotherPassword456!").await;
    let ended = iam.logout_all(&first).await;

    assert_eq!(changed.unwrap_err().code(), Code::Unavailable);
    assert_eq!(ended.unwrap_err().code(), Code::Unavailable);
    assert_eq!(iam.whoami(&first).await.unwrap_err().code(), Code::Unauthenticated);
    assert!(iam.whoami(&second).await.is_ok(), "the second session was found in another way, so this is no error");
    // The old password is still valid.
    iam.login(&info.login, PASSWORD).await.unwrap();
}
