//! Tests of replicas in their own processes, which are killed.

use contracts::events::ShipAssembled;
use outbox::Publisher as _;
use platform::{
    config::Settings,
    kafka::{Config, KafkaPublisher},
};
use testkit::OwnProcess;
use tokio_util::sync::CancellationToken;

use super::{offsets::is_real, *};

/// The variables with which the test starts a replica.
const BROKERS: &str = "REPLICA_BROKERS";
const PREFIX: &str = "REPLICA_PREFIX";
const FROM: &str = "REPLICA_FROM";
const TO: &str = "REPLICA_TO";
const PLACE: &str = "REPLICA_PLACE";
/// Less than the session of a replica that was killed.
const MAX_RETURN: Duration = Duration::from_secs(3);

/// A handler whose effect is a copy of the record in another topic.
struct Copies {
    publisher: KafkaPublisher,
    to: String,
}

#[async_trait]
impl Handler for Copies {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        let Message { key, payload, .. } = message.clone();
        let record = Record { topic: self.to.clone(), key, payload, headers: HashMap::new() };
        self.publisher.publish(vec![record]).await.map_err(Failure::transient)
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a process that `replicas_that_are_killed_lose_nothing_and_keep_the_order` starts"]
async fn replica() {
    let variable = |name: &str| std::env::var(name).expect("the test sets it");
    let settings = [
        ("KAFKA_BROKERS", variable(BROKERS)),
        ("KAFKA_GROUP_PREFIX", variable(PREFIX)),
        ("KAFKA_CREATE_TOPICS", "false".to_owned()),
        ("KAFKA_FETCH_WAIT", "10ms".to_owned()),
    ];
    let config: Config = Settings::from_variables(settings).read().unwrap();
    let handler = Arc::new(Copies { publisher: KafkaPublisher::new(&config).unwrap(), to: variable(TO) });
    let subscription = TopicSubscription { group: "notes", topic: variable(FROM), handler };
    let readiness = Readiness::default();
    let consumer = Consumer::new(&config, subscription, readiness.condition("joined"));
    let consumer = match std::env::var(PLACE) {
        Ok(place) => consumer.at(&place),
        Err(_) => consumer,
    };
    consumer.run(CancellationToken::new()).await.unwrap();
}

impl Setup {
    fn copies(&self) -> String {
        self.kafka.topic::<ShipAssembled>()
    }

    fn start_replica(&self) -> OwnProcess {
        self.start_replica_with(&[])
    }

    fn start_replica_with(&self, variables: &[(&str, &str)]) -> OwnProcess {
        let config = self.kafka.config();
        let copies = self.copies();
        let own = [
            (BROKERS, config.kafka_brokers.as_str()),
            (PREFIX, config.kafka_group_prefix.as_str()),
            (FROM, self.topic.as_str()),
            (TO, copies.as_str()),
        ];
        OwnProcess::start("consumer::replicas::replica", variables.iter().copied().chain(own))
    }

    /// Waits until `count` different messages have been copied, and notes the copies in order.
    async fn copied(&self, count: usize) {
        eventually(|| async {
            let copies = self.kafka.messages(&self.copies()).await;
            let payloads = copies.iter().map(|copy| String::from_utf8_lossy(&copy.payload).into_owned());
            *self.notes.seen() = payloads.collect();
            (self.notes.firsts().len() >= count).then_some(())
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_that_are_killed_lose_nothing_and_keep_the_order() {
    let setup = Setup::new().await;
    setup.publish_numbers(0..600).await;

    let (first, second) = (setup.start_replica(), setup.start_replica());
    setup.copied(1).await;
    drop(first);
    setup.publish_numbers(600..1_200).await;
    let third = setup.start_replica();
    setup.copied(601).await;
    drop(second);

    setup.copied(1_200).await;
    drop(third);
    setup.assert_in_order(1_200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_that_is_killed_and_started_again_at_its_place_goes_on_before_its_session_expires() {
    let setup = Setup::new().await;
    if !is_real(&setup) {
        return;
    }
    let (killed, _other) =
        (setup.start_replica_with(&[(PLACE, "one-")]), setup.start_replica_with(&[(PLACE, "other-")]));
    setup.publish_numbers(0..60).await;
    setup.copied(60).await;

    drop(killed);
    setup.publish_numbers(60..120).await;
    let begun = tokio::time::Instant::now();
    let _again = setup.start_replica_with(&[(PLACE, "one-")]);
    setup.copied(120).await;

    assert!(begun.elapsed() < MAX_RETURN, "{:?}", begun.elapsed());
    setup.assert_in_order(120);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_at_one_place_both_go_on() {
    let setup = Setup::new().await;
    if !is_real(&setup) {
        return;
    }
    let start = || {
        let (consumer, readiness) = setup.consumer(setup.notes.clone());
        let consumer = consumer.at("one-");
        (testkit::run(|stop| consumer.run(stop)), readiness)
    };
    let (first, first_joined) = start();
    first_joined.ready().await;
    let (second, second_joined) = start();
    second_joined.ready().await;

    // The broker fences the first, which joins again without its place.
    eventually(|| async { (setup.members().await == 2).then_some(()) }).await;
    setup.publish_numbers(0..60).await;
    setup.notes.wait_for(60).await;
    first.stop().await;
    setup.publish_numbers(60..120).await;
    setup.notes.wait_for(120).await;
    second.stop().await;
    setup.assert_in_order(120);
}
