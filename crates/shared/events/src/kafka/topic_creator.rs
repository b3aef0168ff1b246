//! Creates the topics of a service in one request, when the first one is needed.

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rdkafka::types::RDKafkaErrorCode;

use super::{Config, ensure_topics, topics::is_about_topic};

/// Creates missing topics and remembers which topics exist; clones share this memory.
///
/// Each request opens its own connections, so the first request creates all topics declared with
/// [`expect`](Self::expect).
#[derive(Clone, Debug)]
pub struct TopicCreator {
    config: Config,
    known: Arc<Mutex<Known>>,
    /// Held during a request, so that the next caller finds the topics that the request created.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Known {
    expected: BTreeSet<String>,
    ensured: BTreeSet<String>,
}

/// Returns true if the code says that a topic does not exist.
pub(super) fn is_unknown(code: Option<RDKafkaErrorCode>) -> bool {
    matches!(code, Some(RDKafkaErrorCode::UnknownTopic | RDKafkaErrorCode::UnknownTopicOrPartition))
}

impl TopicCreator {
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone(), known: Arc::default(), turn: Arc::default() }
    }

    /// Declares topics that are created together with the first one needed.
    pub fn expect(&self, topics: impl IntoIterator<Item = String>) {
        self.known().expected.extend(topics);
    }

    /// Makes sure that all of `topics` exist, each with its dead-letter topic.
    pub async fn ensure<'t>(&self, topics: impl IntoIterator<Item = &'t str>) -> anyhow::Result<()> {
        let topics: BTreeSet<String> = topics.into_iter().map(str::to_owned).collect();
        let _turn = self.turn.lock().await;
        let (needed, all) = {
            let known = self.known();
            let needed = &topics - &known.ensured;
            let all = &needed | &(&known.expected - &known.ensured);
            (needed, all)
        };
        if needed.is_empty() {
            return Ok(());
        }
        let created = match self.create(&all).await {
            // The broker may refuse one topic and accept the others. Then each caller gets the refusal of its own
            // topics.
            Err(error) if is_about_topic(&error) && all != needed => {
                self.known().expected.clear();
                self.create(&needed).await?;
                needed
            }
            outcome => outcome.map(|()| all)?,
        };
        self.known().ensured.extend(created);
        Ok(())
    }

    /// Makes the next call create the topic if it was deleted.
    pub(super) fn forget(&self, topic: &str) {
        self.known().ensured.remove(topic);
    }

    async fn create(&self, topics: &BTreeSet<String>) -> anyhow::Result<()> {
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        ensure_topics(&self.config, &topics).await
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
