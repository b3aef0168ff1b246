//! Detects a consumer that has lost all brokers and never connects again.
//!
//! librdkafka forgets all brokers for good if one of them lists none, which a broker does after it was frozen until the cluster fenced it
//! (<https://github.com/confluentinc/librdkafka/issues/5301>). Its statistics then list none either. Otherwise they always list some, also
//! while all are down: the configured ones until the first response of a broker, after that those which the last response listed.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicU32, Ordering},
};

use serde::Deserialize;

/// The number of statistics in a row without a broker after which a consumer is rebuilt. One alone may be from the moment between the loss
/// of all brokers and librdkafka's return to the configured ones, in which it usually succeeds.
const MAX_WITHOUT_BROKER: u32 = 3;

/// The part of librdkafka's statistics that is needed here.
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
    /// Returns false for a placeholder, such as that of the group's coordinator, whose address only another broker knows.
    fn has_address(&self) -> bool {
        !["logical", "internal"].contains(&self.source)
    }
}

/// The brokers that librdkafka knows, according to the statistics of one consumer.
pub(super) struct KnownBrokers {
    group: &'static str,
    /// The number of statistics in a row that listed no broker.
    without: AtomicU32,
}

impl KnownBrokers {
    pub fn new(group: &'static str) -> Self {
        Self { group, without: AtomicU32::new(0) }
    }

    /// Returns true once, when no broker was listed [`MAX_WITHOUT_BROKER`] times in a row, up to these statistics.
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

    /// A context that passes each of librdkafka's statistics to [`KnownBrokers`].
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

    /// Returns true if the brokers are lost after more statistics than that takes.
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
