//! `shipyard skip`: lets consumers continue behind a batch that they cannot read.

use anyhow::{Context as _, bail, ensure};
use contracts::events::{INBOUND, ROUTES, Topics};
use platform::{config::Settings, kafka};

use crate::data::Data;

#[derive(clap::Args)]
pub struct Arguments {
    /// Topic of the batch, as the log of the consumer names it
    topic: String,
    partition: i32,
    /// Offset of the batch
    offset: i64,
    /// Only this consumer group (default: all that read the topic)
    #[arg(long)]
    group: Option<String>,
}

pub async fn run(arguments: Arguments, data: Data) -> anyhow::Result<()> {
    let Arguments { topic, partition, offset, group } = arguments;
    let settings = data.running(Settings::load()?);
    let config = kafka::Config::load(&settings)?;
    let readers = readers(&topic, &settings.read()?);
    let groups: Vec<&str> =
        readers.into_iter().filter(|reader| group.as_deref().is_none_or(|group| group == *reader)).collect();
    ensure!(!groups.is_empty(), "no such consumer of this shop reads {topic}");
    let batch = kafka::batch_at(&config, &topic, partition, offset).await?;
    let skipping = tokio::task::spawn_blocking(move || {
        if kafka::can_be_decoded(&config, &topic, partition, batch)? {
            bail!("the batch of {} records from {} on can be read: nothing is skipped", batch.count(), batch.first);
        }
        for group in groups {
            kafka::skip(&config, group, &topic, partition, batch.last + 1)?;
            let (count, first, last) = (batch.count(), batch.first, batch.last);
            println!(
                "{group} skips {count} records of {topic}/{partition}, from {first} to {last}, within some seconds"
            );
        }
        Ok(())
    });
    skipping.await.context("skipping")?
}

/// Returns the consumer groups that read the topic.
fn readers(topic: &str, topics: &Topics) -> Vec<&'static str> {
    let routed = ROUTES.iter().filter(|route| route.topic(topics) == topic).flat_map(|route| route.consumers);
    let inbound = INBOUND.iter().filter(|inbound| (inbound.topic)(topics) == topic).map(|inbound| &inbound.consumer);
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
