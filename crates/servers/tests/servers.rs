//! The servers as the shop uses them: started, killed, started again.

use std::{
    collections::HashMap,
    path::Path,
    process::Command,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use platform::{
    config::Settings,
    health::Readiness,
    kafka::{Config, Consumer, Failure, Handler, KafkaPublisher, Message, Record},
    outbox::Publisher as _,
};
use servers::{kafka, postgres, redis};
use sqlx::{Connection as _, PgConnection};
use tokio_util::sync::CancellationToken;

async fn execute(url: &str, statement: &'static str) -> sqlx::Result<()> {
    let mut connection = PgConnection::connect(url).await?;
    sqlx::query(statement).execute(&mut connection).await?;
    connection.close().await
}

/// The pid of the server whose data is in `data`.
fn pid(data: &Path) -> String {
    let file = std::fs::read_to_string(data.join("data/postmaster.pid")).expect("the server runs");
    file.lines().next().expect("the file begins with the pid").to_owned()
}

fn is_running(pid: &str) -> bool {
    Command::new("kill").args(["-0", pid]).output().is_ok_and(|output| output.status.success())
}

#[tokio::test]
async fn postgresql_keeps_its_data_however_it_ended() {
    let directory = tempfile::tempdir().unwrap();
    let options = postgres::Options::new(directory.path().join("postgres"));
    let server = postgres::start(&options).await.unwrap();
    let url = postgres::ensure_database(&server.url, "shop").await.unwrap();
    assert_eq!(postgres::ensure_database(&server.url, "shop").await.unwrap(), url);
    execute(&url, "create table orders (id int)").await.unwrap();

    let first = pid(&options.data);
    server.stop().await;
    assert!(!is_running(&first));
    let server = postgres::start(&options).await.unwrap();
    let url = postgres::ensure_database(&server.url, "shop").await.unwrap();
    execute(&url, "insert into orders values (1)").await.unwrap();
    Command::new("kill").args(["-9", &pid(&options.data)]).status().unwrap();
    drop(server);
    let server = postgres::start(&options).await.unwrap();
    let url = postgres::ensure_database(&server.url, "shop").await.unwrap();

    execute(&url, "insert into orders select 2 / count(*) from orders").await.unwrap();
    let home = options.data.canonicalize().unwrap();
    server.stop().await;
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn a_postgresql_that_was_left_behind_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("postgres");
    let left =
        postgres::start(&postgres::Options { mortal: false, ..postgres::Options::new(data.clone()) }).await.unwrap();
    let old = pid(&data);
    let refused = postgres::start(&postgres::Options::new(data.clone())).await.err().unwrap();
    assert!(refused.to_string().contains("in use"), "{refused:#}");
    drop(left);
    assert!(is_running(&old));

    let server = postgres::start(&postgres::Options::new(data.clone())).await.unwrap();

    assert_ne!(pid(&data), old);
    execute(&server.url, "select 1").await.unwrap();
    let home = data.canonicalize().unwrap();
    server.stop().await;
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn a_pid_file_of_another_life_is_no_obstacle() {
    let directory = tempfile::tempdir().unwrap();
    let options = postgres::Options::new(directory.path().join("postgres"));
    let server = postgres::start(&options).await.unwrap();
    let file = options.data.join("data/postmaster.pid");
    let stale = std::fs::read_to_string(&file).unwrap();
    let stale = stale.replacen(&pid(&options.data), &std::process::id().to_string(), 1);
    server.stop().await;
    std::fs::write(&file, stale).unwrap();

    let server = postgres::start(&options).await.unwrap();

    let home = options.data.canonicalize().unwrap();
    server.stop().await;
    std::fs::remove_dir_all(home).unwrap();
}

#[tokio::test]
async fn redis_keeps_its_data_where_there_is_one() {
    if redis::program().is_none() {
        let _ = servers::apt::install("redis-server").await;
    }
    let directory = tempfile::tempdir().unwrap();
    let options = redis::Options { data: directory.path().join("redis"), mortal: true };
    let Some(server) = redis::start(&options).await.unwrap() else {
        return assert_eq!(redis::program(), None, "the shop then keeps sessions in memory");
    };
    let client = ::redis::Client::open(server.url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    ::redis::cmd("SET").arg("session").arg("mine").exec_async(&mut connection).await.unwrap();

    server.stop().await;
    let server = redis::start(&options).await.unwrap().unwrap();

    let client = ::redis::Client::open(server.url.as_str()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let session: String = ::redis::cmd("GET").arg("session").query_async(&mut connection).await.unwrap();
    assert_eq!(session, "mine");
    server.stop().await;
}

/// Notes what it is given.
#[derive(Default)]
struct Notes(Mutex<Vec<Message>>);

#[async_trait]
impl Handler for Notes {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        if message.payload == b"poison" {
            return Err(Failure::poison("poison"));
        }
        let mut seen = self.seen();
        // Delivered at least once; the order is that of first deliveries.
        if seen.iter().all(|other| (other.partition, other.offset) != (message.partition, message.offset)) {
            seen.push(message.clone());
        }
        Ok(())
    }
}

impl Notes {
    fn seen(&self) -> MutexGuard<'_, Vec<Message>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn wait_for(&self, count: usize) {
        while self.seen().len() < count {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

fn record(key: usize, payload: &str) -> Record {
    let (topic, key) = ("paid".to_owned(), key.to_string().into_bytes());
    Record { topic, key, payload: payload.as_bytes().to_vec(), headers: HashMap::new() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_mock_of_kafka_serves_the_consumers_and_producers_of_the_shop() {
    let mock = kafka::start_mock(&["paid"], 6).unwrap();
    let settings = [("KAFKA_BROKERS", mock.brokers.clone()), ("KAFKA_CREATE_TOPICS", "false".to_owned())];
    let config: Config = Settings::of(settings).read().unwrap();
    let publisher = KafkaPublisher::new(&config).unwrap();
    let notes = Arc::new(Notes::default());
    let consume = |instance: &str| {
        let stop = CancellationToken::new();
        let readiness = Readiness::default();
        let consumer = Consumer {
            group: "notes",
            topic: "paid".to_owned(),
            config: config.clone(),
            instance_id: instance.to_owned(),
            handler: notes.clone(),
            joined: readiness.condition("joined"),
        };
        (tokio::spawn(consumer.run(stop.clone())), stop, readiness)
    };

    publisher.publish((0..100).map(|n| record(n % 10, &n.to_string())).collect()).await.unwrap();
    let first = consume("first");
    notes.wait_for(100).await;
    let second = consume("second");
    publisher.publish(vec![record(1, "poison")]).await.unwrap();
    publisher.publish((100..200).map(|n| record(n % 10, &n.to_string())).collect()).await.unwrap();
    notes.wait_for(200).await;
    first.1.cancel();
    first.0.await.unwrap().unwrap();
    publisher.publish((200..300).map(|n| record(n % 10, &n.to_string())).collect()).await.unwrap();
    notes.wait_for(300).await;

    second.1.cancel();
    second.0.await.unwrap().unwrap();
    let seen = notes.seen();
    for key in 0..10 {
        let of_key = seen.iter().filter(|message| message.key == key.to_string().into_bytes());
        let numbers: Vec<usize> =
            of_key.map(|message| str::from_utf8(&message.payload).unwrap().parse().unwrap()).collect();
        assert_eq!(numbers, (0..30).map(|n| n * 10 + key).collect::<Vec<_>>());
    }
}
