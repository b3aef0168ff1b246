//! librdkafka's mock cluster, on a separate thread.
//!
//! Its records are lost when it ends. It has no admin API, so topics are created here, and services are configured not
//! to create any. Of a broker's faults it supports one: it can be cut off.

use std::sync::mpsc;

use anyhow::Context as _;
use rdkafka::mocking::MockCluster;

/// The number that stands for all brokers of a mock cluster.
const ALL: i32 = -1;

/// A mock cluster of one broker, which ends when this value is dropped.
pub struct Mock {
    pub brokers: String,
    requests: mpsc::Sender<(Request, mpsc::Sender<anyhow::Result<()>>)>,
}

enum Request {
    NewTopic { name: String, partitions: i32 },
    Cut,
    Restore,
}

/// Starts a mock cluster with these topics and their dead-letter topics.
pub fn start_mock(topics: &[&str], partitions: i32) -> anyhow::Result<Mock> {
    let (started, starting) = mpsc::channel();
    let (requests, queue) = mpsc::channel::<(Request, mpsc::Sender<anyhow::Result<()>>)>();
    // The cluster is not `Send`, so its own thread creates it.
    std::thread::Builder::new().name("kafka-mock".to_owned()).spawn(move || match MockCluster::new(1) {
        Ok(cluster) => {
            let _ = started.send(Ok(cluster.bootstrap_servers()));
            for (request, done) in queue {
                let outcome = match request {
                    Request::NewTopic { name, partitions } => {
                        cluster.create_topic(&name, partitions, 1).with_context(|| format!("making the topic {name}"))
                    }
                    Request::Cut => cluster.broker_down(ALL).context("cutting the mock broker off"),
                    Request::Restore => cluster.broker_up(ALL).context("restoring the mock broker"),
                };
                let _ = done.send(outcome);
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
            self.ask(Request::NewTopic { name: (*topic).to_owned(), partitions })?;
            self.ask(Request::NewTopic { name: platform::kafka::dead_letter_topic(topic), partitions: 1 })?;
        }
        Ok(())
    }

    /// Closes every connection and refuses new ones, until [`restore`](Self::restore). Records and offsets stay.
    pub fn cut(&self) -> anyhow::Result<()> {
        self.ask(Request::Cut)
    }

    pub fn restore(&self) -> anyhow::Result<()> {
        self.ask(Request::Restore)
    }

    fn ask(&self, request: Request) -> anyhow::Result<()> {
        let (done, outcome) = mpsc::channel();
        self.requests.send((request, done)).ok().context("the mock cluster has ended")?;
        outcome.recv().context("the mock cluster has ended")?
    }
}
