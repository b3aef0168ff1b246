//! Tests of Redis clients over a network path that drops bytes without telling either end, and over an address that
//! another server takes over.

use std::{path::Path, time::Duration};

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

async fn ping(connection: &Connection) -> redis::RedisResult<()> {
    redis::cmd("PING").query_async(&mut connection.clone()).await
}

#[tokio::test]
async fn a_connection_whose_bytes_are_dropped_is_replaced_after_one_command() {
    let (proxy, connection) = connection_through_a_proxy().await;
    ping(&connection).await.unwrap();

    proxy.blackhole();
    let start = Instant::now();
    let lost = timeout(RESPONSE_TIMEOUT, ping(&connection)).await;
    assert!(lost.is_ok_and(|response| response.is_err()), "it fails within the time that a command has");
    ping(&connection).await.unwrap();

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

/// How long a client may use a server that is no longer the primary, as with PostgreSQL.
const FAILOVER_TIME: Duration = Duration::from_secs(5);

/// Starts a server of its own, which ends with this process. All such servers have one password. Returns it and its
/// address.
async fn server(data: &Path) -> (servers::redis::Redis, String) {
    std::fs::create_dir(data).expect("a new directory");
    std::fs::write(data.join("password"), "of-a-test").expect("a writable directory");
    let options = servers::redis::Options { data: data.to_owned(), mortal: true };
    let server = servers::redis::start(&options).await.expect("Redis starts").expect("there is a program");
    let address = server.url.rsplit('@').next().expect("a URL has a host and a port").to_owned();
    (server, address)
}

#[tokio::test]
async fn the_server_that_took_over_is_used_and_readiness_says_what_a_replica_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let (old, old_address) = server(&directory.path().join("old")).await;
    let (new, new_address) = server(&directory.path().join("new")).await;
    let proxy = Proxy::to(&old_address).await.unwrap();
    let through = old.url.replace(&old_address, &proxy.address().to_string());
    let connection = lazy_connection("REDIS_URL", &through.into(), None).unwrap();
    let readiness = Readiness::default();
    let (watched, condition) = (connection.clone(), readiness.condition("redis"));
    let watching = testkit::run(|stop| watch(watched, "absent".to_owned(), condition, Memory::default(), stop));
    let write = || async {
        let mut connection = connection.clone();
        redis::cmd("SET").arg("key").arg("value").exec_async(&mut connection).await.ok()
    };
    timeout(FAILOVER_TIME, readiness.ready()).await.unwrap();
    write().await.unwrap();

    // The old primary becomes a replica under its open connections.
    let mut operator = redis::Client::open(old.url.as_str()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let (host, port) = new_address.split_once(':').unwrap();
    redis::cmd("REPLICAOF").arg(host).arg(port).exec_async(&mut operator).await.unwrap();
    let noticed = eventually(|| async { (!readiness.is_ready()).then_some(()) });
    timeout(FAILOVER_TIME, noticed).await.expect("a service that cannot write is not ready");
    proxy.aim(vec![new_address]);
    timeout(FAILOVER_TIME, eventually(write)).await.expect("the new primary takes the writes");
    timeout(FAILOVER_TIME, readiness.ready()).await.expect("a service that can write is ready");

    watching.stop().await;
    for server in [old, new] {
        server.stop().await;
    }
}

/// Blocks this thread and all its tasks once, like an overloaded machine that does not schedule the process.
async fn stall() {
    tokio::task::yield_now().await;
    std::thread::sleep(2 * RESPONSE_TIMEOUT);
}

#[tokio::test]
async fn a_process_that_was_not_scheduled_finds_the_answer_that_came_meanwhile() {
    let (_proxy, connection) = connection_through_a_proxy().await;
    ping(&connection).await.unwrap();

    for _ in 0..3 {
        let (response, ()) = tokio::join!(ping(&connection), stall());
        response.unwrap();
    }
}

#[tokio::test]
async fn readiness_says_that_redis_refuses_the_credentials() {
    let url = testkit::redis().await.url;
    let server = url.rsplit(['/', '@']).find(|part| part.contains(':')).expect("a URL has a host and a port");
    let url = format!("redis://stranger:wrong@{server}");
    let connection = lazy_connection("REDIS_URL", &url.into(), None).unwrap();
    let readiness = Readiness::default();
    let condition = readiness.condition("redis");
    let watching = testkit::run(|stop| watch(connection, "absent".to_owned(), condition, Memory::default(), stop));

    let noticed = eventually(|| async { (readiness.waiting_for() == ["redis: credentials refused"]).then_some(()) });
    timeout(FAILOVER_TIME, noticed).await.expect("it is told apart from a server that is away");

    watching.stop().await;
}
