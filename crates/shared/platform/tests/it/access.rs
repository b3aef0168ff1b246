//! Tests of users and rights at a broker: what each user may do, and the events of a user without the right.

use std::{
    collections::{BTreeSet, HashMap},
    process::Command,
    sync::Arc,
    time::Duration,
};

use outbox::{Event, MemoryOutbox, Publisher as _, Relay, Waker};
use platform::{
    kafka::{
        Acl, Changed, Config, KafkaPublisher, KafkaRefusal, Operation, Reader, Resource, add_acls, probe, set_acls,
    },
    server::readiness::Readiness,
};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};
use stand_ins::Proxy;
use testkit::{Running, eventually, guarded_kafka};
use uuid::Uuid;

use crate::{
    each_record::cluster,
    seen::{consume, record},
};

/// Returns true if a container engine responds and has the broker's image.
pub fn has_docker() -> bool {
    let image = Command::new("docker").args(["image", "inspect", "apache/kafka:4.3.1"]).output();
    image.is_ok_and(|output| output.status.success())
}

async fn waits_for(readiness: &Readiness, wanted: &str) {
    eventually(|| async { readiness.waiting_for().iter().any(|one| one == wanted).then_some(()) }).await;
}

/// Starts a relay with one event for `topic`.
fn relay(config: &Config, topic: &str) -> (Running, Readiness, MemoryOutbox) {
    let outbox = MemoryOutbox::default();
    outbox.insert(Event { uuid: Uuid::from_u128(1), kind: "kind", key: Uuid::from_u128(1), payload: vec![] });
    let topics = HashMap::from([("kind", topic.to_owned())]);
    let publisher = KafkaPublisher::for_relay(config).expect("a producer can be made");
    let relay = Relay::new("test", Arc::new(outbox.clone()), Arc::new(publisher), topics, &Waker::default());
    let readiness = Readiness::default();
    let relay = relay.reporting(readiness.condition("outbox").while_accepted());
    (testkit::run(|stop| relay.run(stop)), readiness, outbox)
}

fn is_published(outbox: &MemoryOutbox) -> bool {
    outbox.events().iter().all(|(_, published)| *published)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_writes_its_own_topics_and_no_others() {
    let Some(kafka) = guarded_kafka().await else { return assert!(!has_docker()) };
    let order = KafkaPublisher::new(&kafka.config("order")).unwrap();

    order.publish(vec![record("order.cancelled", "by order")]).await.unwrap();
    let (running, readiness, outbox) = relay(&kafka.config("notification"), "order.cancelled");
    waits_for(&readiness, "outbox: not authorised").await;
    let forged = KafkaPublisher::new(&kafka.config("notification")).unwrap();
    let refused = forged.publish(vec![record("order.cancelled", "forged")]).await.unwrap_err();

    assert_eq!(
        refused.downcast_ref(),
        Some(&KafkaRefusal::Right("writing to order.cancelled".to_owned())),
        "{refused:#}"
    );
    let loan = async |user| {
        KafkaPublisher::new(&kafka.config(user)).unwrap().publish(vec![record("loan.approved", "loan")]).await
    };
    loan("bank").await.unwrap();
    let refused = loan("outside").await.unwrap_err();
    assert_eq!(
        refused.downcast_ref(),
        Some(&KafkaRefusal::Right("writing to loan.approved".to_owned())),
        "{refused:#}"
    );
    assert!(!is_published(&outbox), "the event is kept");
    running.stop().await;
    let reader = kafka.config("outside");
    let read = tokio::task::spawn_blocking(move || {
        let reader = Reader::new(&reader, "of-a-stranger")?;
        let mut all = Vec::new();
        reader.read("order.cancelled", &reader.extents("order.cancelled")?, |message, _| all.push(message.payload))?;
        anyhow::Ok(all)
    });
    assert_eq!(read.await.unwrap().unwrap(), [b"by order"], "anyone outside may read it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_reads_its_own_topics_in_its_own_groups_alone() {
    let Some(kafka) = guarded_kafka().await else { return assert!(!has_docker()) };
    let cases = [
        ("assembly", "order.cancelled", "assembly-group-order-paid"),
        ("notification", "order.paid", "assembly-group-order-paid"),
        ("outside", "order.paid", "assembly-group-order-paid"),
    ];
    for (user, topic, group) in cases {
        let (running, readiness, _) = consume(&kafka.config(user), topic, group);
        waits_for(&readiness, &format!("{group}: not authorised")).await;
        running.stop().await;
    }
    let (running, readiness, _) = consume(&kafka.config("assembly"), "order.paid", "assembly-group-order-paid");
    tokio::time::timeout(Duration::from_mins(1), readiness.ready()).await.unwrap();
    running.stop().await;
}

/// Waits until the broker has these rights: it applies them a moment after it has confirmed them.
async fn has(broker: &Config, rights: &[BTreeSet<Acl>]) {
    let rights = rights.iter().flatten().cloned().collect();
    let settled =
        async || set_acls(broker, &rights).await.is_ok_and(|changed| changed == Changed { added: 0, removed: 0 });
    eventually(|| async { settled().await.then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_are_missing_are_added_and_others_of_these_users_are_removed() {
    let Some(kafka) = guarded_kafka().await else { return assert!(!has_docker()) };
    let broker = kafka.config("broker");
    let right =
        |user, operation, topic: &str| BTreeSet::from([Acl::allow(user, operation, Resource::Topic(topic.to_owned()))]);
    let set =
        async |wanted: &[BTreeSet<Acl>]| set_acls(&broker, &wanted.iter().flatten().cloned().collect()).await.unwrap();
    let (reads, writes) = (right("first", Operation::Read, "a"), right("first", Operation::Write, "b"));
    let (other, others) = (right("first", Operation::Write, "c"), right("second", Operation::Read, "a"));

    let first = [reads.clone(), writes, others.clone()];
    assert_eq!(set(&first).await, Changed { added: 3, removed: 0 });
    has(&broker, &first).await;
    assert_eq!(set(&[reads.clone(), other.clone()]).await, Changed { added: 1, removed: 1 });

    has(&broker, &[reads, other]).await;
    assert_eq!(set(&[others]).await, Changed { added: 0, removed: 0 }, "the second user kept its right");
    let refused = set_acls(&kafka.config("order"), &right("first", Operation::Read, "a")).await.unwrap_err();
    assert!(refused.to_string().starts_with("Kafka's error 31"), "{refused:#}");
    let wrong = kafka.settings("broker").with([("KAFKA_SASL_PASSWORD", "wrong".to_owned())]);
    let refused = set_acls(&Config::load(&wrong).unwrap(), &BTreeSet::new()).await.unwrap_err();
    assert!(refused.to_string().contains("refuses user and password"), "{refused:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rights_that_only_another_version_needs_are_kept_while_rights_are_added() {
    let Some(kafka) = guarded_kafka().await else { return assert!(!has_docker()) };
    let broker = kafka.config("broker");
    let right = |topic: &str| Acl::allow("third", Operation::Write, Resource::Topic(topic.to_owned()));
    let newer = BTreeSet::from(["a", "b"].map(right));
    let older = BTreeSet::from(["a", "c"].map(right));
    assert_eq!(set_acls(&broker, &newer).await.unwrap(), Changed { added: 2, removed: 0 });
    has(&broker, std::slice::from_ref(&newer)).await;

    let changed = add_acls(&broker, &older).await.unwrap();

    assert_eq!(changed, Changed { added: 1, removed: 0 });
    has(&broker, &[newer, older]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consumer_with_a_wrong_password_goes_on_once_it_is_right() {
    let Some(kafka) = guarded_kafka().await else { return assert!(!has_docker()) };
    let proxy = Proxy::to(&kafka.rotated).await.unwrap();
    let through = [("KAFKA_BROKERS", proxy.address().to_string())];
    let config = Config::load(&kafka.settings("order").with(through)).unwrap();
    let publisher = KafkaPublisher::new(&kafka.config("assembly")).unwrap();
    publisher.publish(vec![record("order.assembled", "built")]).await.unwrap();

    let probed = config.clone();
    let probed = tokio::task::spawn_blocking(move || probe(&probed, &[])).await.unwrap().unwrap_err();
    let (running, readiness, mut seen) = consume(&config, "order.assembled", "order-group-order-assembled");
    waits_for(&readiness, "order-group-order-assembled: authentication failed").await;
    proxy.aim(vec![kafka.brokers.clone()]);
    let seen = tokio::time::timeout(Duration::from_mins(1), seen.recv()).await.unwrap();

    assert_eq!(probed.downcast_ref(), Some(&KafkaRefusal::Credentials), "{probed:#}");
    assert_eq!(seen.unwrap(), b"built");
    assert!(readiness.is_ready());
    running.stop().await;
}

#[tokio::test]
async fn an_event_that_the_broker_refuses_is_kept_and_published_later() {
    let (cluster, config) = cluster();
    let refused = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::Produce, &[refused; 2]);

    let (running, readiness, outbox) = relay(&config, "topic");
    waits_for(&readiness, "outbox: not authorised").await;
    let kept = !is_published(&outbox);
    eventually(|| async { is_published(&outbox).then_some(()) }).await;
    readiness.ready().await;

    assert!(kept);
    running.stop().await;
}
