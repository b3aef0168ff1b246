//! Tests of the configuration of topics at a real broker.

use contracts::events::OrderPaid;
use platform::kafka::{Config, TopicCreator, dead_letter_topic, ensure_topics, retention};
use rdkafka::{
    ClientConfig,
    admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication},
    client::DefaultClientContext,
};
use testkit::eventually;

fn admin(config: &Config) -> AdminClient<DefaultClientContext> {
    ClientConfig::new().set("bootstrap.servers", &config.kafka_brokers).create().expect("an admin client can be made")
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
    let described = admin(&config).describe_configs(&[ResourceSpecifier::Topic(&name)], &AdminOptions::new()).await;
    let described = described.unwrap().remove(0).unwrap();
    assert_eq!(described.get("max.message.bytes").unwrap().value.as_deref(), Some("3000000"));
}

#[tokio::test]
async fn a_segment_of_a_topic_takes_records_for_no_longer_than_rows_count_on() {
    let kafka = testkit::kafka().await;
    let (config, topic) = (kafka.config(), kafka.topic::<OrderPaid>());

    ensure_topics(&config, &[&topic]).await.unwrap();

    let described = admin(&config).describe_configs(&[ResourceSpecifier::Topic(&topic)], &AdminOptions::new()).await;
    // The mock cluster does not report the configuration of topics.
    if let Ok(Ok(described)) = described.map(|mut all| all.remove(0)) {
        let segment = described.get("segment.ms").and_then(|entry| entry.value.clone()).unwrap();
        assert_eq!(segment, config.kafka_topic_segment.as_millis().to_string());
    }
}

#[tokio::test]
async fn expected_topics_are_created_together_with_the_first_that_is_needed() {
    let kafka = testkit::kafka().await;
    let config = kafka.config();
    if !config.kafka_create_topics {
        // The mock cluster does not create topics on request.
        return;
    }
    let [needed, expected] = ["needed", "expected"].map(|name| format!("{}{name}", kafka.prefix));
    let creator = TopicCreator::new(&config);
    creator.expect([expected.clone()]);

    creator.ensure([needed.as_str()]).await.unwrap();

    for topic in [&needed, &expected] {
        eventually(|| async { retention(&config, topic).await.ok().flatten() }).await;
    }
}
