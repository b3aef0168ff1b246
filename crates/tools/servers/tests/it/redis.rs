//! Redis as a child process.

use std::{pin::pin, time::Duration};

use servers::{
    process::{Signal, is_alive, kill},
    redis,
};

/// Writes two keys by a script, which the append-only file has as one transaction.
async fn set(url: &str, name: &str) {
    let mut connection = connect(url).await;
    let script = "redis.call('set', KEYS[1], ARGV[1]) redis.call('set', KEYS[1] .. ':2', ARGV[1])";
    let mut eval = ::redis::cmd("EVAL");
    eval.arg(script).arg(1).arg(name).arg("mine").exec_async(&mut connection).await.expect("Redis takes it");
}

async fn get(url: &str, name: &str) -> Option<String> {
    let mut connection = connect(url).await;
    ::redis::cmd("GET").arg(name).query_async(&mut connection).await.expect("Redis answers")
}

async fn connect(url: &str) -> ::redis::aio::MultiplexedConnection {
    let client = ::redis::Client::open(url).expect("the URL is one of Redis");
    client.get_multiplexed_async_connection().await.expect("Redis takes connections")
}

/// Starts the server; `None` if this machine has no program.
async fn start(options: &redis::Options) -> Option<redis::Redis> {
    let server = redis::start(options).await.expect("Redis starts");
    if server.is_none() {
        assert_eq!(redis::program(), None, "the shop then keeps sessions in memory");
    }
    server
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

#[tokio::test]
async fn a_start_waits_for_a_redis_whose_pid_was_not_stored() {
    let directory = tempfile::tempdir().unwrap();
    let options = redis::Options { data: directory.path().join("redis"), mortal: false };
    let Some(left) = start(&options).await else { return };
    let (url, pid) = (left.url.clone(), left.pid());
    set(&url, "session").await;
    // This process was killed after it had started the server, and before it stored the server's pid.
    drop(left);
    std::fs::remove_file(options.data.join("pid")).unwrap();

    let options = redis::Options { mortal: true, ..options };
    let mut next = pin!(redis::start(&options));
    let has_waited = tokio::time::timeout(Duration::from_secs(1), &mut next).await.is_err();
    kill(pid, Signal::TERM).unwrap();
    let server = next.await.unwrap().unwrap();

    assert!(has_waited, "two servers use one directory");
    assert!(!is_alive(pid));
    assert_eq!(server.url, url);
    assert_eq!(get(&url, "session").await.as_deref(), Some("mine"));
    server.stop().await;
}
