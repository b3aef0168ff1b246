//! Lets consumers continue behind a batch that they cannot read.

use std::fmt;

use anyhow::{Context as _, bail, ensure};
use contracts::events::{INBOUND, ROUTES, Topics};
use platform::kafka;
use serde::Serialize;

/// A batch that consumer groups will skip within some seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Skipped {
    pub groups: Vec<&'static str>,
    pub topic: String,
    pub partition: i32,
    /// The first and the last offset of the batch.
    pub first: i64,
    pub last: i64,
    pub count: i64,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { groups, topic, partition, first, last, count } = self;
        for (place, group) in groups.iter().enumerate() {
            let line = if place == 0 { "" } else { "\n" };
            write!(
                f,
                "{line}{group} skips {count} records of {topic}/{partition}, from {first} to {last}, within some seconds"
            )?;
        }
        Ok(())
    }
}

/// Lets consumers of `topic` continue behind the batch at `offset`, if it cannot be decoded. `group` names one of them;
/// otherwise all skip it.
pub async fn skip(
    config: &kafka::Config,
    topics: &Topics,
    topic: &str,
    partition: i32,
    offset: i64,
    group: Option<&str>,
) -> anyhow::Result<Skipped> {
    let readers = readers(topic, topics).into_iter();
    let groups: Vec<&str> = readers.filter(|reader| group.is_none_or(|group| group == *reader)).collect();
    ensure!(!groups.is_empty(), "no such consumer of this shop reads {topic}");
    let batch = kafka::batch_at(config, topic, partition, offset).await?;
    let (config, topic) = (config.clone(), topic.to_owned());
    let skipping = tokio::task::spawn_blocking(move || {
        if kafka::can_be_decoded(&config, &topic, partition, batch)? {
            bail!("the batch of {} records from {} on can be read: nothing is skipped", batch.count(), batch.first);
        }
        for group in &groups {
            kafka::skip(&config, group, &topic, partition, batch)?;
        }
        Ok(Skipped { groups, topic, partition, first: batch.first, last: batch.last, count: batch.count() })
    });
    skipping.await.context("skipping")?
}

/// Returns the consumer groups that read the topic.
fn readers(topic: &str, topics: &Topics) -> Vec<&'static str> {
    let routed = ROUTES.iter().filter(|route| route.topic(topics) == topic).flat_map(|route| route.consumers);
    let inbound = INBOUND.iter().filter(|inbound| inbound.topic(topics) == topic).map(|inbound| &inbound.consumer);
    routed.chain(inbound).map(|consumer| consumer.group).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_readers_of_a_topic_are_those_of_the_routes() {
        assert_eq!(readers("orders", &Topics::default()), ["order-service"]);
        assert!(readers("order.paid", &Topics::default()).contains(&"assembly-group-order-paid"));
        assert!(readers("order.paid.dlq", &Topics::default()).is_empty());
    }
}
