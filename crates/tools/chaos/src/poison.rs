//! Poison messages: records that no consumer can handle.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context as _, ensure};
use audit::facts;
use contracts::events::{ROUTES, Route, filled};
use outbox::Record;
use platform::{ids, kafka::Message};

use super::{
    cluster::Cluster,
    topics::{self, Topic},
    wait::retried,
};

const MARK: &str = "chaos-poison";
/// The size of a large payload, in bytes: more than a broker accepts by default.
const LARGE_PAYLOAD: usize = 2_000_000;
/// The size of a large payload for the mock, which drops a partition's oldest records beyond 5 MB, dead letters
/// included.
const LARGE_PAYLOAD_OF_MOCK: usize = 100_000;
/// An enum number that the contract does not define.
const UNKNOWN_NUMBER: i32 = 99;
/// Reading the poison back is retried for this long.
const READ_TIMEOUT: Duration = Duration::from_mins(1);

/// Publishes four kinds of poison, each to every topic that can carry it. Returns the number of records.
pub async fn send(cluster: &mut Cluster) -> anyhow::Result<usize> {
    let batch = ids::random().to_string();
    let large = if cluster.servers.broker.real().is_ok() { LARGE_PAYLOAD } else { LARGE_PAYLOAD_OF_MOCK };
    let mut records = Vec::new();
    // Topics that no service consumes are for outside programs.
    for route in ROUTES.iter().filter(|route| !route.consumers.is_empty()) {
        let topic = route.topic(&cluster.sources.topics);
        records.push(poison(topic, route.kind, b"\xff\xff\xff\xff".to_vec()));
        records.push(poison(topic, "events.v1.Unheard", Vec::new()));
        records.push(poison(topic, route.kind, vec![0xff; large]));
        records.extend(unknown_value(route).map(|payload| poison(topic, route.kind, payload)));
    }
    for record in &mut records {
        record.headers.insert(MARK.to_owned(), batch.clone());
    }
    let count = records.len();
    let before = topics::all(cluster).await?;
    let published = topics::publish(cluster, records).await;
    // If publishing failed half-way, the audit must know the poison that was published.
    let places = retried(READ_TIMEOUT, async || added(cluster, &before, &batch).await).await;
    let places = places.context("reading poison back")?;
    let found = places.len();
    cluster.poison.extend(places);
    published?;
    ensure!(found == count, "{count} records of poison were published, and {found} are there");
    Ok(count)
}

/// Returns the partitions and offsets of this batch's poison.
async fn added(cluster: &Cluster, before: &[Topic], batch: &str) -> anyhow::Result<Vec<facts::Poison>> {
    let now = topics::all(cluster).await?;
    let added = now.iter().zip(before).map(|(now, before)| now.since(before)).collect();
    let batch = batch.to_owned();
    topics::read(cluster, added, move |_, message, _| {
        let Message { topic, partition, offset, headers, .. } = message;
        (headers.get(MARK) == Some(batch.as_str())).then_some(facts::Poison { topic, partition, offset })
    })
    .await
}

fn poison(topic: &str, kind: &str, payload: Vec<u8>) -> Record {
    let key = ids::random().to_string().into_bytes();
    let headers = HashMap::from([("event-type".to_owned(), kind.to_owned())]);
    Record { topic: topic.to_owned(), key, payload, headers }
}

/// Returns an event with a value that the contract does not define; `None` if its type has no closed set of values.
fn unknown_value(route: &Route) -> Option<Vec<u8>> {
    let payload = filled(route.kind, || ids::random().to_string(), UNKNOWN_NUMBER)?;
    let event = Message { payload, ..Message::default() };
    route.read(&event)?.is_err().then_some(event.payload)
}

#[cfg(test)]
mod tests {
    use contracts::events::{
        DeliveryStatusUpdated, OrderCancelled, OrderPaid, Published as _, ShipAssembled, route_of,
    };

    use super::*;

    #[test]
    fn an_event_with_a_closed_set_gets_a_value_outside_of_it() {
        let has_unknown_value = |kind| unknown_value(route_of(kind).unwrap()).is_some();

        assert!(
            [OrderPaid::TYPE, DeliveryStatusUpdated::TYPE, OrderCancelled::TYPE].into_iter().all(has_unknown_value)
        );
        assert!(!has_unknown_value(ShipAssembled::TYPE));
    }
}
