//! `shipyard dlq`: dead letters are listed, shown, replayed unchanged, discarded and pruned.

use std::collections::HashMap;

use contracts::events::{OrderPaid, Published as _};
use outbox::{Publisher as _, Record};
use platform::kafka::{Config, KafkaPublisher};
use testkit::eventually;

use crate::{customer::Customer, system::System};

/// The number of consumers of the topic with the poison.
const CONSUMERS: usize = OrderPaid::ROUTE.consumers.len();

#[tokio::test]
async fn dead_letters_are_shown_and_replayed_and_orders_go_on() {
    let system = System::shared().await;
    let topic = system.variable("ORDER_PAID_TOPIC_NAME");
    poison(system, topic).await;

    let waiting = pending(system, topic).await;
    let letter = dead_letters(&waiting)[0].to_owned();
    let shown = dlq(system, &["show", &letter]).await;
    let replayed = dlq(system, &["replay", &letter]).await;

    for consumer in OrderPaid::ROUTE.consumers {
        assert!(waiting.contains(consumer.group), "{waiting}");
    }
    assert!(waiting.contains("not a protobuf message") && waiting.contains("some-key"), "{waiting}");
    for line in ["header    colour: red", "dlq-origin-topic: ", "dlq-attempts: 1", "ff 00 66", "not a valid"] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    let resolved = format!("1 message replayed, {CONSUMERS} dead letters resolved");
    assert!(replayed.contains(&resolved), "{replayed}");
    // The replayed message becomes a new dead letter; the resolved one is no longer listed.
    let again = pending(system, topic).await;
    assert!(!dead_letters(&again).contains(&letter.as_str()), "{again}");
    let all = dlq(system, &["list", "--topic", topic, "--all"]).await;
    assert_eq!(
        (dead_letters(&all).len(), all.matches("replayed by cli:").count()),
        (2 * CONSUMERS, CONSUMERS),
        "{all}"
    );
    let customer = Customer::new(system).await;
    let part = customer.part("Window A").await.uuid;
    let order = customer.order(&[&part]).await;
    customer.pay(order).await.success(200);
    customer.until(order, "ASSEMBLED").await;
}

#[tokio::test]
async fn dead_letters_are_discarded_with_who_and_why_and_pruned() {
    let system = System::start().await;
    let topic = system.variable("ORDER_PAID_TOPIC_NAME");
    poison(&system, topic).await;
    let waiting = pending(&system, topic).await;
    // Sorts by offset, since the list is sorted by time.
    let mut places = dead_letters(&waiting);
    places.sort_unstable();
    let [first, second, ..] = places[..] else { panic!("{waiting}") };
    let because = ["--why", "sent by a test"];

    let unsaid = system.shipyard(&["dlq", "discard", second]).await;
    let unknown = system.shipyard(&[&["dlq", "discard", "order.paid.dlq/0/77"][..], &because].concat()).await;
    let discarded = dlq(&system, &[&["discard", second][..], &because].concat()).await;
    let shown = dlq(&system, &["show", second]).await;
    let behind = dlq(&system, &["prune", "--topic", topic]).await;
    let rest = dlq(&system, &[&["discard", "--all", "--topic", topic][..], &because].concat()).await;
    let all = dlq(&system, &["list", "--topic", topic, "--all"]).await;
    let pruned = system.shipyard(&["dlq", "prune", "--topic", topic]).await;
    let left = dlq(&system, &["list", "--topic", topic, "--all"]).await;

    assert!(!unsaid.status.success() && String::from_utf8_lossy(&unsaid.stderr).contains("--why"), "{unsaid:?}");
    assert_eq!(unknown.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&unknown.stderr).contains("there is no dead letter"), "{unknown:?}");
    assert!(
        discarded.contains("1 dead letter discarded")
            && rest.contains(&format!("{} dead letters discarded", CONSUMERS - 1)),
        "{discarded}{rest}"
    );
    assert!(shown.contains("discarded by cli:") && shown.contains(": sent by a test"), "{shown}");
    assert!(behind.contains("0 dead letters removed; 1 resolved ones remain"), "{behind}");
    assert!(all.contains(&format!("0 dead letters pending, 0 replayed, {CONSUMERS} discarded")), "{all}");
    assert_eq!(all.matches("  discarded by cli:").count(), CONSUMERS, "{all}");
    assert_eq!(all.matches(": sent by a test  ").count(), CONSUMERS, "{all}");
    if is_mock(&system) {
        assert_eq!(pruned.status.code(), Some(1));
        assert!(String::from_utf8_lossy(&pruned.stderr).contains("a simulated Kafka"), "{pruned:?}");
    } else {
        assert!(
            String::from_utf8_lossy(&pruned.stdout).contains(&format!("{CONSUMERS} dead letters removed")),
            "{pruned:?}"
        );
        assert!(dead_letters(&left).is_empty() && !left.contains(first), "{left}");
    }
}

/// Returns true if the run's Kafka is the mock, which does not support every operation.
fn is_mock(system: &System) -> bool {
    system.variable("KAFKA_CREATE_TOPICS") == "false"
}

/// Publishes a record that is not an event.
async fn poison(system: &System, topic: &str) {
    let publisher = KafkaPublisher::new(&system.settings().read::<Config>().unwrap()).unwrap();
    let record = Record {
        topic: topic.to_owned(),
        key: b"some-key".to_vec(),
        payload: b"\xff\x00f".to_vec(),
        headers: HashMap::from([("colour".to_owned(), "red".to_owned())]),
    };
    publisher.publish(vec![record]).await.unwrap();
}

/// Waits until each consumer has dead-lettered the poison. Returns the list.
async fn pending(system: &System, topic: &str) -> String {
    eventually(async || {
        let listed = dlq(system, &["list", "--topic", topic]).await;
        (dead_letters(&listed).len() == CONSUMERS).then_some(listed)
    })
    .await
}

/// Returns the output of `shipyard dlq` with these arguments.
async fn dlq(system: &System, arguments: &[&str]) -> String {
    let output = system.shipyard(&[&["dlq"], arguments].concat()).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The ids of the dead letters in a list.
fn dead_letters(listed: &str) -> Vec<&str> {
    let lines = listed.lines().filter(|line| line.contains(".dlq/"));
    lines.filter_map(|line| line.split_whitespace().next()).collect()
}
