//! Checks whether the broker accepts this user, whether its topics have as many partitions as new topics get, and
//! whether a topic was deleted and created again.

use std::collections::BTreeMap;

use contracts::events::{Topics, readers};
use platform::{
    config::{ConfigError, Settings},
    kafka::{self, Reader},
};

use super::{Finding, Verdict};

pub async fn check(settings: &Settings) -> Vec<Finding> {
    match settings.get("KAFKA_BROKERS") {
        Some(brokers) => given(settings, brokers).await,
        None => vec![Finding::fine("Kafka", "librdkafka's mock cluster, in the process".to_owned())],
    }
}

/// Checks that the broker responds, accepts the credentials, and lets this user see the topics. If so, compares their
/// partitions with the setting.
async fn given(settings: &Settings, brokers: &str) -> Vec<Finding> {
    let (verdict, others) = match probe(settings, brokers).await {
        Ok(Ok(others)) => (Verdict::Fine, others),
        Ok(Err(error)) if error.is::<kafka::KafkaRefusal>() => (Verdict::Needed(error.to_string()), Vec::new()),
        Ok(Err(error)) => {
            (Verdict::Needed(format!("start that server, or correct KAFKA_BROKERS: {error:#}")), Vec::new())
        }
        Err(error) => (Verdict::Needed(format!("correct {error}")), Vec::new()),
    };
    let found = format!("{brokers}, as configured by KAFKA_BROKERS");
    [Finding { what: "Kafka".to_owned(), verdict, found }].into_iter().chain(others).collect()
}

async fn probe(settings: &Settings, brokers: &str) -> Result<anyhow::Result<Vec<Finding>>, ConfigError> {
    let (config, topics) = (kafka::Config::load(settings)?, settings.read::<Topics>()?);
    let expected = config.kafka_topic_partitions;
    let brokers = brokers.to_owned();
    let probed = tokio::task::spawn_blocking(move || {
        let partitions = kafka::probe(&config, &topics.all())?;
        let others = others(&partitions, expected, &brokers);
        let findings = others.into_iter().chain(created_again(&config, &topics, &brokers));
        anyhow::Ok(findings.collect::<Vec<Finding>>())
    });
    Ok(probed.await.map_err(anyhow::Error::from).flatten())
}

/// Names the groups whose offsets are those of an earlier topic, if there are any. Leaves out those that this user may
/// not read. Blocks.
fn created_again(config: &kafka::Config, topics: &Topics, brokers: &str) -> Option<Finding> {
    let is_foreign = |group: &str, topic: &str| {
        let foreign = Reader::new(config, group).and_then(|reader| reader.foreign_marks(topic));
        foreign.is_ok_and(|partitions| !partitions.is_empty())
    };
    let groups = readers(topics).filter(|(reader, topic)| is_foreign(reader.group, topic));
    let groups: Vec<String> = groups.map(|(reader, topic)| format!("{} in {topic}", reader.group)).collect();
    let found = format!("a topic was deleted and created again under its consumers: {}", groups.join(", "));
    let remedy = format!(
        "stop the service and run `kafka-consumer-groups.sh --bootstrap-server {brokers} --group GROUP --topic TOPIC \
        --reset-offsets --to-earliest --execute`. Events that were handled before have no second effect"
    );
    (!groups.is_empty()).then(|| Finding::optional("Positions", &found, remedy))
}

/// Names the topics with another number of partitions than expected, if there are any.
fn others(partitions: &BTreeMap<String, usize>, expected: i32, brokers: &str) -> Option<Finding> {
    let others = partitions.iter().filter(|(_, count)| i32::try_from(**count) != Ok(expected));
    let others: Vec<String> = others.map(|(topic, count)| format!("{topic} ({count})")).collect();
    let found = format!("KAFKA_TOPIC_PARTITIONS is {expected}, and topics have another number: {}", others.join(", "));
    let remedy = format!(
        "set it to the number that they have, or add partitions, only to a topic that is drained: stop what writes it, wait \
        until every consumer has read it, and run `kafka-topics.sh --bootstrap-server {brokers} --alter --topic TOPIC \
        --partitions {expected}`. Otherwise a key's later events go to another partition, and overtake its earlier ones"
    );
    (!others.is_empty()).then(|| Finding::optional("Partitions", &found, remedy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_with_another_number_of_partitions_are_named_with_the_way_to_add_some() {
        let partitions = BTreeMap::from([("order.paid".to_owned(), 3), ("orders".to_owned(), 6)]);
        let drained = BTreeMap::from([("orders".to_owned(), 6)]);

        let said = others(&partitions, 6, "kafka:9092").unwrap().to_string();

        assert!(said.starts_with("-   Partitions") && said.contains("order.paid (3)\n"), "{said}");
        assert!(said.contains("only to a topic that is drained"), "{said}");
        assert!(said.contains("--bootstrap-server kafka:9092 --alter --topic TOPIC --partitions 6"), "{said}");
        assert!(others(&drained, 6, "kafka:9092").is_none());
    }
}
