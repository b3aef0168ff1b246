//! Detects a consumer that has lost all brokers and never connects again.
//!
//! librdkafka forgets all brokers for good if one broker lists none in a response, which a broker does after it was
//! frozen until the cluster fenced it (<https://github.com/confluentinc/librdkafka/issues/5301>). Then librdkafka's
//! statistics list no broker either. Otherwise they always list some, even while all are down: the configured ones or
//! those of the last response.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use serde::Deserialize;

/// The number of consecutive statistics without a broker after which a consumer is rebuilt. A single one may be from
/// the moment before librdkafka returns to the configured brokers, which usually succeeds.
const MAX_WITHOUT_BROKER: u32 = 3;

/// The part of librdkafka's statistics that this module reads.
#[derive(Deserialize)]
struct Statistics<'a> {
    #[serde(borrow)]
    brokers: HashMap<&'a str, Broker<'a>>,
}

#[derive(Deserialize)]
struct Broker<'a> {
    source: &'a str,
}

impl Broker<'_> {
    /// Returns false for a placeholder, such as the group's coordinator.
    fn has_address(&self) -> bool {
        !["logical", "internal"].contains(&self.source)
    }
}

/// Counts how often in a row the statistics of one consumer list no broker.
pub(super) struct KnownBrokers {
    group: &'static str,
    without: AtomicU32,
}

impl KnownBrokers {
    pub fn new(group: &'static str) -> Self {
        Self { group, without: AtomicU32::new(0) }
    }

    /// Returns true once, when [`MAX_WITHOUT_BROKER`] consecutive statistics, up to these, listed no broker.
    pub fn are_lost(&self, statistics: &[u8]) -> bool {
        let Ok(statistics) = serde_json::from_slice::<Statistics<'_>>(statistics) else { return false };
        if statistics.brokers.values().any(Broker::has_address) {
            self.without.store(0, Ordering::Relaxed);
            return false;
        }
        let are_lost = self.without.fetch_add(1, Ordering::Relaxed) + 1 == MAX_WITHOUT_BROKER;
        if are_lost {
            tracing::warn!(group = self.group, "Kafka consumer has lost all brokers, recreating");
        }
        are_lost
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::atomic::AtomicBool,
        time::{Duration, Instant},
    };

    use rdkafka::{
        ClientConfig, ClientContext,
        consumer::{BaseConsumer, Consumer as _, ConsumerContext},
        mocking::MockCluster,
    };

    use super::*;

    fn statistics(sources: &[&str]) -> Vec<u8> {
        let brokers: serde_json::Map<_, _> = sources
            .iter()
            .map(|source| {
                (format!("{source}:9092/1"), serde_json::json!({"nodeid": 1, "source": source, "state": "DOWN"}))
            })
            .collect();
        serde_json::to_vec(&serde_json::json!({"name": "client", "brokers": brokers, "topics": {}})).unwrap()
    }

    #[test]
    fn brokers_that_are_listed_in_no_three_statistics_in_a_row_are_lost() {
        let brokers = KnownBrokers::new("group");
        let lost = |sources: &[&str]| brokers.are_lost(&statistics(sources));

        assert!(!lost(&["logical"]) && !lost(&[]));
        assert!(!lost(&["logical", "learned"]), "the count begins anew");
        assert!(!lost(&["logical"]) && !lost(&["internal"]) && lost(&[]));
        assert!(!lost(&["configured"]));
    }

    /// Passes each of librdkafka's statistics to [`KnownBrokers`].
    struct Observed {
        brokers: KnownBrokers,
        count: AtomicU32,
        lost: AtomicBool,
    }

    impl ClientContext for Observed {
        fn stats_raw(&self, statistics: &[u8]) {
            self.count.fetch_add(1, Ordering::Relaxed);
            if self.brokers.are_lost(statistics) {
                self.lost.store(true, Ordering::Relaxed);
            }
        }
    }

    impl ConsumerContext for Observed {}

    fn consumer(brokers: &str) -> BaseConsumer<Observed> {
        let context =
            Observed { brokers: KnownBrokers::new("group"), count: AtomicU32::new(0), lost: AtomicBool::new(false) };
        let mut config = ClientConfig::new();
        config.set("bootstrap.servers", brokers).set("group.id", "group").set("statistics.interval.ms", "20");
        config.create_with_context(context).unwrap()
    }

    /// Observes four times [`MAX_WITHOUT_BROKER`] more statistics. Returns true if the brokers are lost.
    fn loses_brokers(consumer: &BaseConsumer<Observed>) -> bool {
        let Observed { count, lost, .. } = &**consumer.context();
        let enough = count.load(Ordering::Relaxed) + 4 * MAX_WITHOUT_BROKER;
        let until = Instant::now() + Duration::from_secs(30);
        while count.load(Ordering::Relaxed) < enough {
            assert!(Instant::now() < until, "librdkafka reports no statistics");
            drop(consumer.poll(Duration::from_millis(10)));
        }
        lost.load(Ordering::Relaxed)
    }

    #[test]
    fn brokers_that_were_never_reached_or_are_down_are_not_lost() {
        let cluster = MockCluster::new(1).unwrap();
        cluster.create_topic("topic", 1, 1).unwrap();
        let (unreachable, connected) = (consumer("127.0.0.1:9"), consumer(&cluster.bootstrap_servers()));
        connected.fetch_metadata(Some("topic"), Duration::from_secs(30)).unwrap();

        assert!(!loses_brokers(&unreachable));
        assert!(!loses_brokers(&connected));
        cluster.broker_down(-1).unwrap();
        assert!(!loses_brokers(&connected));
    }
}
