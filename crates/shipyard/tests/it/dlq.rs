//! `shipyard dlq`: what nobody could handle is shown, and goes back as it came.

use std::collections::HashMap;

use platform::{
    config::Settings,
    kafka::{Config, KafkaPublisher, Record},
    outbox::Publisher as _,
};
use testkit::eventually;

use crate::{customer::Customer, system::System};

/// The consumers of the topic that is poisoned.
const CONSUMERS: usize = 2;

#[tokio::test]
async fn dead_letters_are_shown_and_replayed_and_orders_go_on() {
    let system = System::shared().await;
    let topic = variable(system, "ORDER_PAID_TOPIC_NAME");
    poison(system, &topic).await;

    let waiting = eventually(async || {
        let listed = dlq(system, &["list", "--topic", &topic]).await;
        (letters(&listed).len() == CONSUMERS).then_some(listed)
    })
    .await;
    let letter = letters(&waiting)[0].to_owned();
    let shown = dlq(system, &["show", &letter]).await;
    let replayed = dlq(system, &["replay", &letter]).await;

    for group in ["assembly-group-order-paid", "notification-group-order-paid"] {
        assert!(waiting.contains(group), "{waiting}");
    }
    assert!(waiting.contains("not a protobuf message") && waiting.contains("some-key"), "{waiting}");
    for line in ["header    colour: red", "dlq-origin-topic: ", "dlq-attempts: 1", "ff 00 66", "which are no"] {
        assert!(shown.contains(line), "{line} in {shown}");
    }
    assert!(replayed.contains("1 messages sent again, 2 letters settled"), "{replayed}");
    // It is as poisonous as before, and lies there again; what was replayed is not shown any more.
    let again = eventually(async || {
        let listed = dlq(system, &["list", "--topic", &topic]).await;
        (letters(&listed).len() == CONSUMERS).then_some(listed)
    })
    .await;
    assert!(!letters(&again).contains(&letter.as_str()), "{again}");
    let all = dlq(system, &["list", "--topic", &topic, "--all"]).await;
    assert_eq!((letters(&all).len(), all.matches("replayed  ").count()), (2 * CONSUMERS, CONSUMERS), "{all}");
    let customer = Customer::of(system).await;
    let part = customer.part("Window A").await.uuid;
    let order = customer.order(&[&part]).await;
    customer.pay(order).await.success(200);
    customer.until(order, "ASSEMBLED").await;
}

/// A record that is no event.
async fn poison(system: &System, topic: &str) {
    let settings = Settings::of(system.variables.iter().map(|(name, value)| (name.as_str(), value.clone())));
    let publisher = KafkaPublisher::new(&settings.read::<Config>().unwrap()).unwrap();
    let record = Record {
        topic: topic.to_owned(),
        key: b"some-key".to_vec(),
        payload: b"\xff\x00f".to_vec(),
        headers: HashMap::from([("colour".to_owned(), "red".to_owned())]),
    };
    publisher.publish(vec![record]).await.unwrap();
}

/// What `shipyard dlq` with these arguments says.
async fn dlq(system: &System, arguments: &[&str]) -> String {
    let output = system.shipyard(&[&["dlq"], arguments].concat()).await;
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The names of the letters in a list.
fn letters(listed: &str) -> Vec<&str> {
    let lines = listed.lines().filter(|line| line.contains(".dlq/"));
    lines.filter_map(|line| line.split_whitespace().next()).collect()
}

fn variable(system: &System, name: &str) -> String {
    system.variables.iter().find(|(known, _)| known == name).unwrap().1.clone()
}
