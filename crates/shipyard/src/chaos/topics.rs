//! The topics as chaos looks at them and writes to them, past the services.

use std::collections::HashMap;

use anyhow::Context as _;
use events::{ROUTES, Route};
use platform::{
    kafka::{KafkaPublisher, Mark, Message, Reader, Record},
    outbox::Publisher as _,
};

use super::world::World;

/// As whom a tool looks at topics.
const GROUP: &str = "shipyard-chaos";

/// Every record of every topic, in the order of each partition, with the route of its topic.
pub async fn records(world: &World) -> anyhow::Result<Vec<(&'static Route, Message)>> {
    let topics: Vec<(&Route, String)> =
        { const { &ROUTES } }.iter().map(|route| (route, route.topic(&world.sources.topics).to_owned())).collect();
    blocking(world, GROUP, move |reader| {
        let mut records = Vec::new();
        for (route, topic) in topics {
            let extents = reader.extents(&topic)?;
            reader.read(&topic, &extents, |message, _| records.push((route, message)))?;
        }
        Ok(records)
    })
    .await
}

/// The offsets that a group has committed in a topic, by partition: the next that it wants.
pub async fn committed(world: &World, group: &'static str, topic: &str) -> anyhow::Result<HashMap<i32, i64>> {
    let topic = topic.to_owned();
    blocking(world, group, move |reader| {
        let partitions: Vec<i32> = reader.extents(&topic)?.iter().map(|extent| extent.partition).collect();
        let marks = reader.marks(&topic, &partitions)?;
        Ok(marks.into_iter().map(|(partition, mark)| (partition, mark.next)).collect())
    })
    .await
}

/// Sends a group back to the beginning of a topic. Fails while the group has members.
pub async fn rewind(world: &World, group: &'static str, topic: &str) -> anyhow::Result<()> {
    let topic = topic.to_owned();
    blocking(world, group, move |reader| {
        for extent in reader.extents(&topic)? {
            reader.mark(&topic, extent.partition, &Mark { next: extent.start, ..Mark::default() })?;
        }
        Ok(())
    })
    .await
}

/// Publishes, and returns when the broker has all of it.
pub async fn publish(world: &World, records: Vec<Record>) -> anyhow::Result<()> {
    KafkaPublisher::new(&world.sources.kafka)?.publish(records).await
}

/// A record as it was, to be sent once more.
pub fn again(message: &Message) -> Record {
    let Message { topic, key, payload, headers, .. } = message.clone();
    Record { topic, key, payload, headers }
}

async fn blocking<T: Send + 'static>(
    world: &World,
    group: &'static str,
    work: impl FnOnce(Reader) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let config = world.sources.kafka.clone();
    tokio::task::spawn_blocking(move || work(Reader::new(&config, group)?)).await.context("reading topics")?
}
