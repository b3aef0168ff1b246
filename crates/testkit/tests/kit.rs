//! The test kit's own tests.

use std::{collections::HashMap, time::Duration};

use platform::kafka::Record;
use sqlx::migrate::Migrator;
use testkit::Proxy;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

static MIGRATIONS: Migrator = sqlx::migrate!("../../migrations/order");

#[tokio::test]
async fn every_database_is_migrated_and_its_own() {
    let (first, second) = tokio::join!(testkit::database(&MIGRATIONS), testkit::database(&MIGRATIONS));

    sqlx::query("insert into leases values ('one', 'me', 1, now())").execute(&first.pool).await.unwrap();

    let count: i64 = sqlx::query_scalar("select count(*) from leases").fetch_one(&second.pool).await.unwrap();
    assert_eq!(count, 0);
    assert_ne!(first.url, second.url);
}

#[tokio::test]
async fn redis_answers() {
    let client = redis::Client::open(testkit::redis().await.url).unwrap();

    let mut connection = client.get_multiplexed_async_connection().await.unwrap();

    redis::cmd("PING").exec_async(&mut connection).await.unwrap();
}

#[tokio::test]
async fn what_is_published_is_in_its_topic_alone() {
    let (first, second) = tokio::join!(testkit::kafka(), testkit::kafka());
    let topic = first.topics().order_paid_topic_name;
    let record = Record { topic: topic.clone(), key: b"k".to_vec(), payload: b"v".to_vec(), headers: HashMap::new() };

    first.publish(vec![record]).await;

    assert_eq!(first.messages(&topic).await.first().unwrap().payload, b"v");
    assert!(second.messages(&second.topics().order_paid_topic_name).await.is_empty());
}

/// Answers each byte with the same byte.
async fn echo() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound socket has an address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    address
}

async fn round_trip(stream: &mut TcpStream) -> std::io::Result<u8> {
    stream.write_u8(7).await?;
    stream.read_u8().await
}

#[tokio::test]
async fn a_network_that_is_cut_ends_connections_until_it_is_restored() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(round_trip(&mut stream).await.unwrap(), 7);

    proxy.cut();
    let mut refused = TcpStream::connect(proxy.address()).await.unwrap();

    assert!(round_trip(&mut stream).await.is_err());
    assert!(round_trip(&mut refused).await.is_err());
    proxy.restore();
    let mut restored = TcpStream::connect(proxy.address()).await.unwrap();
    assert_eq!(round_trip(&mut restored).await.unwrap(), 7);
}

#[tokio::test]
async fn a_network_that_hangs_accepts_and_lets_pass_later() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.hang();

    let silence = tokio::time::timeout(Duration::from_millis(100), round_trip(&mut stream)).await;
    proxy.restore();

    assert!(silence.is_err());
    assert_eq!(stream.read_u8().await.unwrap(), 7);
}

#[tokio::test]
async fn a_slow_network_delivers_later() {
    let proxy = Proxy::to(echo().await).await;
    let mut stream = TcpStream::connect(proxy.address()).await.unwrap();
    proxy.delay(Duration::from_millis(50));
    let start = tokio::time::Instant::now();

    round_trip(&mut stream).await.unwrap();

    assert!(start.elapsed() >= Duration::from_millis(100));
}

#[tokio::test]
async fn the_stand_in_for_iam_knows_the_sessions_that_were_opened() {
    use platform::auth::{GrpcSessions, SessionError, Sessions as _};

    let iam = testkit::iam().await;
    let user = uuid::Uuid::from_u128(1);
    let sessions = GrpcSessions::new(testkit::peer("iam", iam.address));

    assert_eq!(sessions.owner(&iam.session(user)).await, Ok(user));
    assert_eq!(sessions.owner("unheard of").await, Err(SessionError::Invalid));
}
