//! Tests of Redis clients over a network path that drops bytes without telling either end.

use std::time::Duration;

use futures::future::join_all;
use platform::{
    redis::{Connection, Memory, RESPONSE_TIMEOUT, lazy_connection, watch},
    server::readiness::Readiness,
};
use stand_ins::Proxy;
use testkit::eventually;
use tokio::time::{Instant, timeout};

async fn connection_through_a_proxy() -> (Proxy, Connection) {
    let url = testkit::redis().await.url;
    let server = url.rsplit('/').find(|part| part.contains(':')).expect("a URL has a host and a port");
    let proxy = Proxy::to(server).await.expect("a proxy before Redis");
    let through = url.replace(server, &proxy.address().to_string());
    let connection = lazy_connection("REDIS_URL", &through.into(), None).expect("a valid URL");
    (proxy, connection)
}

#[tokio::test]
async fn a_connection_whose_bytes_are_dropped_is_replaced_after_one_command() {
    let (proxy, connection) = connection_through_a_proxy().await;
    let ping = || async {
        let mut connection = connection.clone();
        redis::cmd("PING").query_async::<()>(&mut connection).await
    };
    ping().await.unwrap();

    proxy.blackhole();
    let start = Instant::now();
    let lost = timeout(RESPONSE_TIMEOUT, ping()).await;
    assert!(lost.is_ok_and(|answer| answer.is_err()), "it fails within the time that a command has");
    ping().await.unwrap();

    assert!(start.elapsed() < RESPONSE_TIMEOUT + Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_read_whose_bytes_are_dropped_is_made_again_over_the_next_connection() {
    let (proxy, connection) = connection_through_a_proxy().await;
    let read = || async {
        let mut connection = connection.clone();
        redis::cmd("GET").arg("no such key").query_async::<Option<String>>(&mut connection).await
    };
    read().await.unwrap();

    proxy.blackhole();
    let reads = timeout(RESPONSE_TIMEOUT, join_all((0..50).map(|_| read()))).await;

    assert!(
        reads.is_ok_and(|reads| reads.iter().all(Result::is_ok)),
        "each is answered within the time that a command has"
    );
}

/// Blocks this thread and all its tasks once, like an overloaded machine that does not schedule the process.
async fn stall() {
    tokio::task::yield_now().await;
    std::thread::sleep(2 * RESPONSE_TIMEOUT);
}

#[tokio::test]
async fn a_process_that_was_not_scheduled_finds_the_answer_that_came_meanwhile() {
    let (_proxy, connection) = connection_through_a_proxy().await;
    let ping = || async {
        let mut connection = connection.clone();
        redis::cmd("PING").query_async::<()>(&mut connection).await
    };
    ping().await.unwrap();

    for _ in 0..5 {
        let (answer, ()) = tokio::join!(ping(), stall());
        answer.unwrap();
    }
}

/// Returns the unmet conditions of readiness while a connection to `url` is watched.
async fn waiting_for(url: &str) -> Vec<String> {
    let readiness = Readiness::default();
    let connection = lazy_connection("REDIS_URL", &url.into(), None).expect("a valid URL");
    let condition = readiness.condition("redis");
    let watching = testkit::run(|stop| watch(connection, condition, Memory::default(), stop));
    // The first check may take up to a second.
    let told = eventually(|| async {
        let mut changes = readiness.changes();
        let told = readiness.waiting_for();
        (told.iter().any(|one| one != "redis") || timeout(Duration::from_secs(4), changes.changed()).await.is_err())
            .then_some(told)
    })
    .await;
    watching.stop().await;
    told
}

#[tokio::test]
async fn wrong_credentials_are_told_apart_from_a_server_that_is_away() {
    let url = testkit::redis().await.url;
    let server = url.rsplit(['/', '@']).find(|part| part.contains(':')).expect("a URL has a host and a port");

    let refused = waiting_for(&format!("redis://nobody:wrong@{server}")).await;
    let away = waiting_for("redis://127.0.0.1:1").await;

    assert_eq!(refused, ["redis: credentials refused"]);
    assert_eq!(away, ["redis"]);
}
