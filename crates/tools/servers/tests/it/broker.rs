//! A real broker in a container.

use std::{collections::HashMap, net::SocketAddr, process::Command, time::Duration};

use platform::{
    config::Settings,
    kafka::{Config, KafkaPublisher, Record, ensure_topics},
    outbox::Publisher as _,
};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use servers::kafka::{Broker, container};
use tokio::net::{TcpListener, TcpStream};

/// Returns true if a container engine answers and has the image.
fn has_docker() -> bool {
    let (name, tag) = container::IMAGE;
    let image = Command::new("docker").args(["image", "inspect", &format!("{name}:{tag}")]).output();
    image.is_ok_and(|output| output.status.success())
}

/// Forwards connections from the advertised address to the broker.
async fn lead(listener: TcpListener, broker: SocketAddr) {
    while let Ok((mut client, _)) = listener.accept().await {
        tokio::spawn(async move {
            let mut server = TcpStream::connect(broker).await?;
            tokio::io::copy_bidirectional(&mut client, &mut server).await
        });
    }
}

/// Repeats an attempt that fails for a transient reason: a started broker on a busy machine may answer late or
/// incompletely.
async fn persistently<T>(attempt: impl AsyncFn() -> anyhow::Result<T>) -> T {
    let deadline = tokio::time::Instant::now() + Duration::from_mins(2);
    loop {
        match attempt().await {
            Ok(answer) => return answer,
            Err(error) => assert!(tokio::time::Instant::now() < deadline, "{error:#}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn publish(config: &Config, payload: &str) {
    let record = Record {
        topic: "paid".to_owned(),
        key: b"order".to_vec(),
        payload: payload.as_bytes().to_vec(),
        headers: HashMap::new(),
    };
    KafkaPublisher::new(config)
        .expect("a producer can be made")
        .publish(vec![record])
        .await
        .expect("the broker takes records");
}

/// Returns how many records the topic holds.
async fn count(brokers: &str) -> anyhow::Result<i64> {
    let client: BaseConsumer = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let ask = move || {
        let limit = Duration::from_secs(30);
        let metadata = client.fetch_metadata(Some("paid"), limit)?;
        let partitions = metadata.topics()[0].partitions().iter().map(rdkafka::metadata::MetadataPartition::id);
        partitions.map(|partition| anyhow::Ok(client.fetch_watermarks("paid", partition, limit)?.1)).sum()
    };
    tokio::task::spawn_blocking(ask).await?
}

async fn answers(broker: &Broker) -> bool {
    let address = broker.address().to_string();
    tokio::task::spawn_blocking(move || container::ask(&address).is_ok()).await.expect("asking does not panic")
}

fn containers(label: &str) -> String {
    let filter = format!("label=shipyard.name={label}");
    let output =
        Command::new("docker").args(["ps", "--all", "--quiet", "--filter", &filter]).output().expect("docker runs");
    String::from_utf8(output.stdout).expect("ids are text").trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_keeps_its_records_however_it_is_hurt() {
    if let Err(error) = container::available().await {
        let said = format!("{error:#}");
        assert!(said.contains("no docker engine answers") || said.contains("cannot be pulled"), "{said}");
        return assert!(!has_docker(), "{said}");
    }
    let proxy = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let advertised = proxy.local_addr().unwrap();
    let label = format!("test-{}", platform::ids::random());
    let broker = Broker::start(container::Options {
        label: label.clone(),
        advertised: Some(advertised),
        on_host: false,
        variables: Vec::new(),
    })
    .await
    .unwrap();
    let address = broker.address();
    for _ in 0..20 {
        assert!(answers(&broker).await, "the broker answers, though what it advertises does not lead to it yet");
    }
    tokio::spawn(lead(proxy, address));
    let settings = Settings::from_variables([("KAFKA_BROKERS", advertised.to_string())]);
    let config: Config = settings.read().unwrap();
    persistently(async || ensure_topics(&config, &["paid"]).await).await;
    let config: Config = settings.with([("KAFKA_CREATE_TOPICS", "false".to_owned())]).read().unwrap();
    publish(&config, "first").await;

    broker.kill().await.unwrap();
    let killed = answers(&broker).await;
    broker.restart().await.unwrap();
    publish(&config, "second").await;
    broker.pause().await.unwrap();
    let paused = answers(&broker).await;
    broker.unpause().await.unwrap();
    publish(&config, "third").await;
    broker.stop().await.unwrap();
    let stopped = answers(&broker).await;
    broker.restart().await.unwrap();

    assert_eq!([killed, paused, stopped], [false; 3]);
    assert_eq!(broker.address(), address);
    let brokers = advertised.to_string();
    persistently(async || {
        let count = count(&brokers).await?;
        anyhow::ensure!(count == 3, "the topic holds {count} records");
        Ok(())
    })
    .await;
    container::sweep().await.unwrap();
    assert!(answers(&broker).await, "a sweep leaves what is in use");
    broker.pause().await.unwrap();
    drop(broker);
    assert_eq!(containers(&label), "");
}

#[tokio::test]
async fn a_sweep_removes_the_brokers_of_dead_processes() {
    if let Err(error) = container::available().await {
        return assert!(!has_docker(), "{error:#}");
    }
    let mut dead = Command::new("true").spawn().unwrap();
    dead.wait().unwrap();
    let label = format!("test-{}", platform::ids::random());
    let (name, tag) = container::IMAGE;
    let made = Command::new("docker")
        .args(["create", "--label", &format!("shipyard.chaos={}", dead.id())])
        .args(["--label", &format!("shipyard.host={}", rustix::system::uname().nodename().to_string_lossy())])
        .args(["--label", &format!("shipyard.name={label}"), &format!("{name}:{tag}")])
        .output();
    assert!(made.unwrap().status.success());
    assert_ne!(containers(&label), "");

    container::sweep().await.unwrap();

    assert_eq!(containers(&label), "");
}
