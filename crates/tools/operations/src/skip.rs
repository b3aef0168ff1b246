//! Lets consumers skip a batch that they cannot read.

use std::fmt;

use anyhow::{Context as _, bail, ensure};
use contracts::events::{Topics, readers};
use platform::kafka::{self, Batch};
use serde::Serialize;

/// A batch that consumer groups will skip within seconds.
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

/// Lets consumers of `topic` continue behind the batch at `offset`, or behind aborted transactions from there on, if it
/// cannot be decoded. `group` names one of them; otherwise all skip it.
pub async fn skip(
    config: &kafka::Config,
    topics: &Topics,
    topic: &str,
    partition: i32,
    offset: i64,
    group: Option<&str>,
) -> anyhow::Result<Skipped> {
    let groups = groups(topic, topics, group)?;
    let found = kafka::batches_at(config, topic, partition, offset).await?;
    let (config, topic) = (config.clone(), topic.to_owned());
    let skipping = tokio::task::spawn_blocking(move || {
        let last = found.last().with_context(|| format!("{topic}/{partition} has no batch at offset {offset}"))?;
        let Some(batch) = unreadable(&config, &topic, partition, &found)? else {
            bail!("the batch of {} records from {} on can be read: nothing is skipped", last.count(), last.first);
        };
        for group in &groups {
            kafka::skip(&config, group, &topic, partition, batch)?;
        }
        Ok(Skipped { groups, topic, partition, first: batch.first, last: batch.last, count: batch.count() })
    });
    skipping.await.context("skipping")?
}

/// Returns the first of these batches that cannot be decoded. All but the last one are of aborted transactions, which
/// are seldom unreadable, so that one client reads them together.
fn unreadable(config: &kafka::Config, topic: &str, partition: i32, batches: &[Batch]) -> anyhow::Result<Option<Batch>> {
    let Some((last, aborted)) = batches.split_last() else { return Ok(None) };
    if let (Some(begin), Some(end)) = (aborted.first(), aborted.last()) {
        let together = Batch { last: end.last, ..*begin };
        if !kafka::can_be_decoded(config, topic, partition, together)? {
            for batch in aborted {
                if !kafka::can_be_decoded(config, topic, partition, *batch)? {
                    return Ok(Some(*batch));
                }
            }
        }
    }
    let is_readable = kafka::can_be_decoded(config, topic, partition, *last)?;
    Ok((!is_readable).then_some(*last))
}

/// Returns the consumer groups that read the topic, or `group` alone if it is one of them.
fn groups(topic: &str, topics: &Topics, group: Option<&str>) -> anyhow::Result<Vec<&'static str>> {
    let all: Vec<&str> = readers(topics).filter(|(_, read)| *read == topic).map(|(reader, _)| reader.group).collect();
    ensure!(!all.is_empty(), "no consumer of this shop reads {topic}");
    let Some(group) = group else { return Ok(all) };
    let chosen = all.iter().copied().find(|reader| *reader == group);
    Ok(vec![chosen.with_context(|| format!("{group} does not read {topic}; its consumers are {}", all.join(", ")))?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_group_of_a_topic_skips_also_that_of_the_console() {
        let skipping = |topic, group| groups(topic, &Topics::default(), group).map_err(|error| error.to_string());
        let timeline = "console-group-timeline";

        assert_eq!(skipping("orders", None).unwrap(), ["order-service"]);
        assert_eq!(skipping("order.created", None).unwrap(), [timeline]);
        assert_eq!(skipping("order.paid", None).unwrap().last(), Some(&timeline));
        assert_eq!(skipping("order.paid", None).unwrap().len(), 4);
        assert_eq!(skipping("order.paid", Some(timeline)).unwrap(), [timeline]);
    }

    #[test]
    fn a_topic_without_consumers_and_a_group_of_another_topic_are_refused_by_name() {
        let refusal = |topic, group| groups(topic, &Topics::default(), group).unwrap_err().to_string();

        assert_eq!(refusal("order.paid.dlq", None), "no consumer of this shop reads order.paid.dlq");
        assert_eq!(
            refusal("assembly.failed", Some("order-service")),
            "order-service does not read assembly.failed; its consumers are order-group-assembly-failed, \
             console-group-timeline"
        );
    }
}
