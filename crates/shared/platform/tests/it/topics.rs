//! Tests of the configuration of topics on a real broker.

use std::time::Duration;

use contracts::events::OrderPaid;
use outbox::{PublishOutcome, Publisher as _, Record};
use platform::kafka::{
    Config, ExactRecord, Headers, KafkaPublisher, TopicCreator, dead_letter_topic, ensure_topics, probe, retention,
};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
};
use secrecy::ExposeSecret as _;
use testkit::{eventually, guarded_kafka};

use crate::{access::has_docker, seen::record};

fn admin(config: &Config) -> AdminClient<DefaultClientContext> {
    let mut client = ClientConfig::new();
    client.set("bootstrap.servers", &config.kafka_brokers);
    if let (Some(user), Some(password)) = (&config.kafka_sasl_username, &config.kafka_sasl_password) {
        client.set("security.protocol", "sasl_plaintext").set("sasl.mechanism", "PLAIN");
        client.set("sasl.username", user).set("sasl.password", password.expose_secret());
    }
    client.create().expect("an admin client can be made")
}

#[tokio::test]
async fn dead_letters_have_no_expiry_also_where_their_topic_had_one() {
    let kafka = testkit::kafka().await;
    let config = kafka.config();
    if !config.kafka_create_topics {
        // The mock cluster does not report the configuration of topics.
        return;
    }
    let (fresh, old) = (kafka.topic::<OrderPaid>(), format!("{}old", kafka.prefix));
    let name = dead_letter_topic(&old);
    let forgetful = NewTopic::new(&name, 1, TopicReplication::Fixed(1));
    let forgetful = forgetful.set("retention.ms", "60000").set("max.message.bytes", "3000000");
    admin(&config).create_topics(&[forgetful], &AdminOptions::new()).await.unwrap();

    ensure_topics(&config, &[&old]).await.unwrap();

    for topic in [&fresh, &old] {
        let letters = dead_letter_topic(topic);
        // A broker may report altered settings only after a moment.
        eventually(|| async { retention(&config, &letters).await.unwrap().is_none().then_some(()) }).await;
        assert_eq!(retention(&config, topic).await.unwrap(), Some(config.kafka_topic_retention));
    }
    let setting = async |topic: &str, setting: &str| {
        let described = admin(&config).describe_configs(&[ResourceSpecifier::Topic(topic)], &AdminOptions::new()).await;
        described.unwrap().remove(0).unwrap().get(setting).unwrap().value.clone().unwrap()
    };
    assert_eq!(setting(&name, "max.message.bytes").await, "3000000");
    assert_eq!(setting(&old, "segment.ms").await, config.kafka_topic_segment.as_millis().to_string());
}

#[tokio::test]
async fn a_topic_that_the_broker_does_not_create_holds_up_no_other() {
    let kafka = testkit::kafka().await;
    let config = kafka.config();
    if !config.kafka_create_topics {
        // The mock cluster does not create topics on request.
        return;
    }
    // No topic can have this name.
    let (needed, invalid) = (format!("{}beside-another", kafka.prefix), "not a name");
    let creator = || {
        let creator = TopicCreator::new(&config);
        creator.expect([invalid.to_owned()]);
        creator
    };
    let first = creator();
    let relay = KafkaPublisher::for_relay(&config).unwrap().creating(&creator());
    first.ensure([needed.as_str()]).await.unwrap();
    first.ensure([invalid]).await.unwrap_err();
    let records = [record(&needed, ""), Record { key: b"another".to_vec(), ..record(invalid, "") }];
    eventually(|| async {
        let outcomes = relay.publish_each(records.to_vec()).await;
        matches!(outcomes.as_slice(), [PublishOutcome::Acknowledged, PublishOutcome::Refused(_)]).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_topic_and_dead_letters_that_were_deleted_are_created_again_by_who_writes_them() {
    // The broker of the other tests creates a missing topic by itself, with its own settings, once a producer looks for
    // it.
    let Some(kafka) = guarded_kafka().await else { return assert!(!has_docker()) };
    let config = Config { kafka_topic_retention: Duration::from_hours(48), ..kafka.config("broker") };
    let (topic, letters) = ("written-again", dead_letter_topic("rejected-again"));
    let records = [record(topic, "")];
    let letter = ExactRecord { topic: letters.clone(), key: None, payload: None, headers: Headers::default() };
    let (relay, consumer) = (KafkaPublisher::for_relay(&config).unwrap(), KafkaPublisher::new(&config).unwrap());
    let written = || async {
        matches!(relay.publish_each(records.to_vec()).await.as_slice(), [PublishOutcome::Acknowledged]).then_some(())
    };
    eventually(&written).await;
    consumer.publish_exact(&letter).await.unwrap();

    admin(&config).delete_topics(&[topic, &letters], &AdminOptions::new()).await.unwrap();
    eventually(|| async {
        let (config, letters) = (config.clone(), letters.clone());
        let found = tokio::task::spawn_blocking(move || probe(&config, &[topic, &letters])).await.unwrap();
        found.is_ok_and(|found| found.is_empty()).then_some(())
    })
    .await;
    // With a paused clock, the time limit ends at once.
    tokio::time::pause();
    let lost = consumer.publish_exact(&letter).await;
    tokio::time::resume();

    lost.unwrap_err();
    eventually(|| async { consumer.publish_exact(&letter).await.ok() }).await;
    eventually(&written).await;
    assert_eq!(retention(&config, topic).await.unwrap(), Some(config.kafka_topic_retention));
    assert_eq!(retention(&config, &letters).await.unwrap(), None);
}
