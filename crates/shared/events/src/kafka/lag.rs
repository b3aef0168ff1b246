//! The lag of a consumer: for each partition that it reads, how many records of the topic it has not handled yet.
//!
//! librdkafka's statistics contain the lag without a request to the broker, since each fetch response says where the
//! partition ends. librdkafka does not fetch a partition whose queue is full, so this module asks the broker about a
//! partition whose offset does not change.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use rdkafka::{
    consumer::{Consumer as _, ConsumerContext, StreamConsumer},
    util::Timeout,
};
use serde::Deserialize;
use tokio::task::JoinHandle;

/// The interval of librdkafka's statistics in milliseconds.
pub(super) const INTERVAL_MS: &str = "5000";
/// The time limit of a request for the end of a partition.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// The part of librdkafka's statistics that this module reads.
#[derive(Deserialize)]
struct Statistics<'a> {
    #[serde(borrow)]
    topics: HashMap<&'a str, Topic<'a>>,
}

#[derive(Deserialize)]
struct Topic<'a> {
    #[serde(borrow)]
    partitions: HashMap<&'a str, Partition<'a>>,
}

#[derive(Deserialize)]
struct Partition<'a> {
    partition: i32,
    /// `active` while this consumer reads the partition.
    fetch_state: &'a str,
    lo_offset: i64,
    hi_offset: i64,
    /// The offset after the last handled record; negative until this consumer has handled one.
    stored_offset: i64,
    /// The committed offset; negative if there is none.
    committed_offset: i64,
}

impl Partition<'_> {
    /// Returns the offset of the first record that is not handled.
    fn next_offset(&self) -> i64 {
        if self.stored_offset >= 0 { self.stored_offset } else { self.committed_offset.max(self.lo_offset).max(0) }
    }
}

/// The lag of one consumer: `kafka_consumer_lag`.
pub(super) struct Lag {
    group: &'static str,
    topic: String,
    /// The next offsets of this consumer's partitions, as of the last statistics.
    offsets: Mutex<HashMap<i32, i64>>,
    /// The latest task that asks the broker.
    asking: Mutex<Option<JoinHandle<()>>>,
}

impl Lag {
    pub fn new(group: &'static str, topic: &str) -> Arc<Self> {
        Arc::new(Self { group, topic: topic.to_owned(), offsets: Mutex::default(), asking: Mutex::default() })
    }

    /// Exports the lag that the statistics contain. Asks the broker, in the background, about partitions that do not
    /// move.
    pub fn observe<C: ConsumerContext + 'static>(
        self: &Arc<Self>,
        statistics: &[u8],
        client: Option<Arc<StreamConsumer<C>>>,
    ) {
        let Ok(statistics) = serde_json::from_slice::<Statistics<'_>>(statistics) else { return };
        let Some(topic) = statistics.topics.get(self.topic.as_str()) else { return };
        let mut still = Vec::new();
        for partition in topic.partitions.values().filter(|partition| partition.partition >= 0) {
            let number = partition.partition;
            let mut offsets = self.offsets.lock().unwrap_or_else(PoisonError::into_inner);
            if partition.fetch_state != "active" {
                // Another member reads the partition and reports its lag.
                offsets.remove(&number);
                self.report(number, 0);
                continue;
            }
            let offset = partition.next_offset();
            let lag = partition.hi_offset - offset;
            self.report(number, lag);
            if offsets.insert(number, offset) == Some(offset) && lag > 0 {
                still.push((number, offset));
            }
        }
        let Some(client) = client.filter(|_| !still.is_empty()) else { return };
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        // A task takes a second per partition while the broker does not respond, so it may last longer than the
        // interval of the statistics.
        if asking.as_ref().is_some_and(|task| !task.is_finished()) {
            return;
        }
        let (this, client) = (self.clone(), Arc::downgrade(&client));
        *asking = Some(tokio::task::spawn_blocking(move || {
            for (partition, offset) in still {
                // A consumer that stops leaves its group once nothing holds it, so it is held for one request at a
                // time.
                let Some(client) = client.upgrade() else { return };
                let extent = client.fetch_watermarks(&this.topic, partition, Timeout::After(REQUEST_TIMEOUT));
                if let Ok((_, end)) = extent {
                    this.report(partition, end - offset);
                }
            }
        }));
    }

    #[expect(clippy::cast_precision_loss, reason = "counts end far below 2^52")]
    fn report(&self, partition: i32, lag: i64) {
        metrics::gauge!(
            "kafka_consumer_lag", "group" => self.group, "topic" => self.topic.clone(), "partition" => partition.to_string()
        )
        .set(lag.max(0) as f64);
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;
    use rdkafka::{ClientConfig, consumer::DefaultConsumerContext, mocking::MockCluster};

    use super::*;

    /// Returns statistics about partition 0: its fetch state, its first and its end offset, and the stored and the
    /// committed offset.
    fn statistics(state: &str, [low, high, stored, committed]: [i64; 4]) -> Vec<u8> {
        let statistics = serde_json::json!({"name": "client", "topics": {"orders": {"topic": "orders", "partitions": {
            "0": {"partition": 0, "fetch_state": state, "lo_offset": low, "hi_offset": high, "stored_offset": stored,
                "committed_offset": committed, "consumer_lag": -1},
            "-1": {"partition": -1, "fetch_state": "none", "lo_offset": -1001, "hi_offset": -1001, "stored_offset": -1001,
                "committed_offset": -1001, "consumer_lag": -1},
        }}}});
        serde_json::to_vec(&statistics).unwrap()
    }

    /// Returns the lag of partition 0 after these statistics.
    fn lag(state: &str, offsets: [i64; 4]) -> String {
        let recorder = PrometheusBuilder::new().build_recorder();
        let no_client: Option<Arc<StreamConsumer<DefaultConsumerContext>>> = None;
        metrics::with_local_recorder(&recorder, || {
            Lag::new("group", "orders").observe(&statistics(state, offsets), no_client);
        });
        let text = recorder.handle().render();
        let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("kafka_consumer_lag")).collect();
        assert_eq!(lines.len(), 1, "{text}");
        assert!(lines[0].starts_with("{group=\"group\",topic=\"orders\",partition=\"0\"}"), "{text}");
        lines[0].rsplit(' ').next().unwrap().to_owned()
    }

    #[test]
    fn the_lag_counts_from_the_stored_offset_else_the_committed_one_else_the_beginning() {
        assert_eq!(lag("active", [0, 100, 40, 10]), "60");
        assert_eq!(lag("active", [0, 100, -1001, 10]), "90");
        assert_eq!(lag("active", [30, 100, -1001, -1001]), "70");
        // The record at the committed offset has expired.
        assert_eq!(lag("active", [30, 100, -1001, 10]), "70");
        // A partition of another member, and one without a known end.
        assert_eq!(lag("stopped", [0, 100, 40, 10]), "0");
        assert_eq!(lag("active", [-1001, -1001, -1001, -1001]), "0");
    }

    #[tokio::test]
    async fn a_broker_that_does_not_respond_is_asked_by_one_task_at_a_time() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.broker_down(-1).unwrap();
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", cluster.bootstrap_servers()).set("group.id", "group");
        let client: Arc<StreamConsumer> = Arc::new(config.create().unwrap());
        let lag = Lag::new("group", "orders");

        for _ in 0..10 {
            lag.observe(&statistics("active", [0, 100, 40, 10]), Some(client.clone()));
        }

        let (held, tasks) = (Arc::strong_count(&client) - 1, Arc::weak_count(&client));
        assert!(held <= 1 && tasks <= 1, "{tasks} tasks hold the consumer {held} times");
    }
}
