//! The topics and consumer groups of one test, on the run's broker.

use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use contracts::events::{Published, Topics};
use outbox::{Publisher as _, Record};
use platform::{
    config::Settings,
    ids,
    kafka::{Config, KafkaPublisher, Message, dead_letter_topic, ensure_topics},
};
use rdkafka::{
    ClientConfig, Offset, TopicPartitionList,
    admin::{AdminClient, AdminOptions},
    client::DefaultClientContext,
    consumer::{BaseConsumer, Consumer as _},
    error::KafkaError,
    types::RDKafkaErrorCode,
};

use crate::{
    infrastructure::{address, mock},
    test_run::Server,
};

/// The number of a topic's partitions: enough to spread keys, but quickly created.
const PARTITIONS: i32 = 3;

/// A broker, with names that no other test uses. The topics and their dead-letter topics exist.
pub struct Kafka {
    pub brokers: String,
    /// The prefix of topics and groups.
    pub prefix: String,
    /// False if the broker has no admin API.
    create_topics: bool,
}

pub async fn kafka() -> Kafka {
    let brokers = address(Server::Kafka).await;
    let prefix = format!("t{:.8}.", ids::random().simple());
    let kafka = Kafka { brokers, prefix, create_topics: mock().is_none() };
    let topics = kafka.topics();
    let made = match mock() {
        Some(mock) => mock.create_topics(&topics.all(), PARTITIONS),
        // Creating topics may fail at first: the broker has the topics of all tests, on a machine with two busy cores.
        None => {
            (|| async { ensure_topics(&kafka.config(), &topics.all()).await }).retry(backoff().with_max_times(10)).await
        }
    };
    if let Err(error) = made {
        panic!("making topics: {error:#}");
    }
    kafka
}

impl Drop for Kafka {
    /// Deletes the test's topics. A broker has open files for each partition, and a run has several hundred tests with
    /// some fifty partitions each.
    fn drop(&mut self) {
        if self.create_topics {
            let (brokers, topics) = (self.brokers.clone(), self.topics());
            // A separate thread is used, since this one may run a runtime. Topics that cannot be deleted stay until the
            // broker ends.
            let _ = std::thread::spawn(move || delete(&brokers, &topics)).join();
        }
    }
}

fn delete(brokers: &str, topics: &Topics) -> anyhow::Result<()> {
    let admin: AdminClient<DefaultClientContext> = ClientConfig::new().set("bootstrap.servers", brokers).create()?;
    let letters: Vec<String> = topics.all().iter().map(|topic| dead_letter_topic(topic)).collect();
    let all: Vec<&str> = topics.all().into_iter().chain(letters.iter().map(String::as_str)).collect();
    let options = AdminOptions::new().request_timeout(Some(Duration::from_secs(5)));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(admin.delete_topics(&all, &options))?;
    Ok(())
}

impl Kafka {
    pub fn topics(&self) -> Topics {
        Topics::default().renamed(|topic| format!("{}{topic}", self.prefix))
    }

    pub fn topic<E: Published>(&self) -> String {
        self.topics().of::<E>().to_owned()
    }

    /// Returns a service's variables for this broker and these topics.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let topics = self.topics();
        // The mock waits this long before it returns an empty fetch.
        let fetch_wait = if self.create_topics { "500ms" } else { "10ms" };
        let own = [
            ("KAFKA_BROKERS", self.brokers.clone()),
            ("KAFKA_GROUP_PREFIX", self.prefix.clone()),
            ("KAFKA_TOPIC_PARTITIONS", PARTITIONS.to_string()),
            ("KAFKA_CREATE_TOPICS", self.create_topics.to_string()),
            ("KAFKA_FETCH_WAIT", fetch_wait.to_owned()),
        ];
        let topics = topics.variables().map(|(variable, topic)| (variable, topic.to_owned()));
        own.into_iter().chain(topics).collect()
    }

    pub fn config(&self) -> Config {
        Settings::from_variables(self.settings()).read().expect("these settings are complete")
    }

    /// Publishes records like the services. Returns when the broker has acknowledged all.
    pub async fn publish(&self, records: Vec<Record>) {
        let publisher = KafkaPublisher::new(&self.config()).expect("a producer can be made");
        publisher.publish(records).await.expect("the broker takes records");
    }

    /// Returns all records of a topic, by partition in offset order. Retries transient errors for ten seconds.
    pub async fn messages(&self, topic: &str) -> Vec<Message> {
        let read = async || {
            let (brokers, topic) = (self.brokers.clone(), topic.to_owned());
            tokio::task::spawn_blocking(move || read(&brokers, &topic)).await.expect("reading does not panic")
        };
        match read.retry(backoff()).when(passes).await {
            Ok(messages) => messages,
            Err(error) => panic!("reading a topic: {error}"),
        }
    }
}

/// Returns the backoff between retries: ten seconds in total, plus the time of the attempts.
fn backoff() -> ConstantBuilder {
    ConstantBuilder::new().with_delay(Duration::from_millis(100)).with_max_times(100)
}

/// Returns true for errors that a broker reports while a partition elects its leader.
fn passes(error: &KafkaError) -> bool {
    use RDKafkaErrorCode::{LeaderNotAvailable, NotLeaderForPartition, UnknownPartition, UnknownTopicOrPartition};

    let passing = [LeaderNotAvailable, NotLeaderForPartition, UnknownPartition, UnknownTopicOrPartition];
    error.rdkafka_error_code().is_some_and(|code| passing.contains(&code))
}

fn read(brokers: &str, topic: &str) -> rdkafka::error::KafkaResult<Vec<Message>> {
    const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", brokers)
        .set("group.id", "testkit")
        .set("enable.auto.commit", "false")
        .set("fetch.wait.max.ms", "10")
        .set("log_level", "0")
        .create()?;
    let metadata = consumer.fetch_metadata(Some(topic), REQUEST_TIMEOUT)?;
    let partitions: Vec<i32> = metadata
        .topics()
        .iter()
        .flat_map(rdkafka::metadata::MetadataTopic::partitions)
        .map(rdkafka::metadata::MetadataPartition::id)
        .collect();
    let mut messages = Vec::new();
    for partition in partitions {
        let (mut next, end) = consumer.fetch_watermarks(topic, partition, REQUEST_TIMEOUT)?;
        let mut one = TopicPartitionList::new();
        one.add_partition_offset(topic, partition, Offset::Offset(next))?;
        consumer.assign(&one)?;
        while next < end {
            if let Some(message) = consumer.poll(REQUEST_TIMEOUT) {
                let message = Message::from(&message?);
                next = message.offset + 1;
                messages.push(message);
            }
        }
    }
    Ok(messages)
}
