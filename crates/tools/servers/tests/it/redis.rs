//! Redis as a child process.

use servers::redis;

async fn set(url: &str, name: &str) {
    let mut connection = connect(url).await;
    ::redis::cmd("SET").arg(name).arg("mine").exec_async(&mut connection).await.expect("Redis takes it");
}

async fn get(url: &str, name: &str) -> Option<String> {
    let mut connection = connect(url).await;
    ::redis::cmd("GET").arg(name).query_async(&mut connection).await.expect("Redis answers")
}

async fn connect(url: &str) -> ::redis::aio::MultiplexedConnection {
    let client = ::redis::Client::open(url).expect("the URL is one of Redis");
    client.get_multiplexed_async_connection().await.expect("Redis takes connections")
}

/// Starts the server; `None` if this machine has no program and cannot install one.
async fn start(options: &redis::Options) -> Option<redis::Redis> {
    if redis::program().is_none() {
        let _ = servers::apt::install("redis-server").await;
    }
    let server = redis::start(options).await.expect("Redis starts");
    if server.is_none() {
        assert_eq!(redis::program(), None, "the shop then keeps sessions in memory");
    }
    server
}

#[tokio::test]
async fn redis_keeps_its_data_where_there_is_one() {
    let directory = tempfile::tempdir().unwrap();
    let options = redis::Options { data: directory.path().join("redis"), mortal: true };
    let Some(server) = start(&options).await else { return };
    set(&server.url, "session").await;

    server.stop().await;
    let server = redis::start(&options).await.unwrap().unwrap();

    assert_eq!(get(&server.url, "session").await.as_deref(), Some("mine"));
    server.stop().await;
}

#[tokio::test]
async fn a_killed_redis_keeps_its_data_until_it_is_emptied() {
    let directory = tempfile::tempdir().unwrap();
    let options = redis::Options { data: directory.path().join("redis"), mortal: true };
    let Some(server) = start(&options).await else { return };
    let (url, pid) = (server.url.clone(), server.pid());
    set(&url, "session").await;
    assert!(redis::empty(&options).await.unwrap_err().to_string().contains("in use"));

    server.kill().await.unwrap();
    let server = redis::start(&options).await.unwrap().unwrap();
    let kept = get(&url, "session").await;
    assert_ne!(server.pid(), pid);
    server.kill().await.unwrap();
    redis::empty(&options).await.unwrap();
    let server = redis::start(&options).await.unwrap().unwrap();

    assert_eq!(kept.as_deref(), Some("mine"));
    assert_eq!(server.url, url);
    assert_eq!(get(&url, "session").await, None);
    server.stop().await;
}
