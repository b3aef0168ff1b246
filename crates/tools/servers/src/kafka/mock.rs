//! librdkafka's mock cluster, on a separate thread.
//!
//! Its records are lost when it ends. It has no admin API, so topics are created here, and services are configured not
//! to create any.

use std::sync::mpsc;

use anyhow::Context as _;
use rdkafka::mocking::MockCluster;

/// A mock cluster of one broker, which ends when this value is dropped.
pub struct Mock {
    pub brokers: String,
    requests: mpsc::Sender<NewTopic>,
}

struct NewTopic {
    name: String,
    partitions: i32,
    made: mpsc::Sender<anyhow::Result<()>>,
}

/// Starts a mock cluster with these topics and their dead-letter topics.
pub fn start_mock(topics: &[&str], partitions: i32) -> anyhow::Result<Mock> {
    let (started, starting) = mpsc::channel();
    let (requests, queue) = mpsc::channel::<NewTopic>();
    // The cluster is not `Send`, so its own thread creates it.
    std::thread::Builder::new().name("kafka-mock".to_owned()).spawn(move || match MockCluster::new(1) {
        Ok(cluster) => {
            let _ = started.send(Ok(cluster.bootstrap_servers()));
            for topic in queue {
                let made = cluster.create_topic(&topic.name, topic.partitions, 1);
                let _ = topic.made.send(made.with_context(|| format!("making the topic {}", topic.name)));
            }
        }
        Err(error) => {
            let _ = started.send(Err(error));
        }
    })?;
    let brokers = starting.recv()?.context("starting librdkafka's mock cluster")?;
    let mock = Mock { brokers, requests };
    mock.create_topics(topics, partitions)?;
    Ok(mock)
}

impl Mock {
    /// Creates these topics and their dead-letter topics.
    pub fn create_topics(&self, topics: &[&str], partitions: i32) -> anyhow::Result<()> {
        for topic in topics {
            self.create_topic((*topic).to_owned(), partitions)?;
            self.create_topic(platform::kafka::dead_letter_topic(topic), 1)?;
        }
        Ok(())
    }

    fn create_topic(&self, name: String, partitions: i32) -> anyhow::Result<()> {
        let (made, response) = mpsc::channel();
        self.requests.send(NewTopic { name, partitions, made }).ok().context("the mock cluster has ended")?;
        response.recv().context("the mock cluster has ended")?
    }
}
