//! Skipping a batch that a consumer cannot read. An operator records the offset behind it as the committed offset of a group beside the
//! consumer's own, since a broker accepts offsets of the consumer's group only from its members.

use anyhow::Context as _;

use super::{Config, Consumer, Mark, Reader};

/// Returns the name of the group whose committed offsets say up to which offset a consumer group skips what it cannot read.
pub fn skip_group(group: &str) -> String {
    format!("{group}-skip")
}

/// Lets the consumer group continue at `to` if it cannot read an earlier batch of the partition. It notices within some seconds. Blocks.
pub fn skip(config: &Config, group: &str, topic: &str, partition: i32, to: i64) -> anyhow::Result<()> {
    Reader::new(config, &skip_group(group))?.mark(topic, partition, &Mark { next: to, ..Mark::default() })
}

/// Returns the offset up to which an operator has skipped.
pub(super) async fn skipped_to(consumer: &Consumer, partition: i32) -> anyhow::Result<Option<i64>> {
    let (config, topic, group) = (consumer.config.clone(), consumer.topic.clone(), skip_group(consumer.group));
    let marks = tokio::task::spawn_blocking(move || Reader::new(&config, &group)?.marks(&topic, &[partition]));
    Ok(marks.await.context("reading what is skipped")??.get(&partition).map(|mark| mark.next))
}
