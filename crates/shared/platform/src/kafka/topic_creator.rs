//! Creates the topics of a service when they are first needed, all in one request.

use std::{
    collections::{BTreeSet, HashSet},
    sync::{Arc, PoisonError},
};

use tokio::sync::Mutex;

use super::{Config, Refusal, ensure_topics};

/// Creates missing topics, and remembers which topics exist. Clones share this memory.
///
/// Each request needs connections of its own. So the first one creates all topics that are declared with [`expect`](Self::expect).
#[derive(Clone, Debug)]
pub struct TopicCreator {
    config: Config,
    /// The topics that the service needs and that are not known to exist.
    expected: Arc<std::sync::Mutex<BTreeSet<String>>>,
    /// The topics that exist for certain.
    ensured: Arc<Mutex<HashSet<String>>>,
}

impl TopicCreator {
    pub fn new(config: &Config) -> Self {
        Self { config: config.clone(), expected: Arc::default(), ensured: Arc::default() }
    }

    /// Declares topics that will be needed. They are created together with the first topic that is needed.
    pub fn expect(&self, topics: impl IntoIterator<Item = String>) {
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).extend(topics);
    }

    /// Returns when all of `topics` exist, each with its dead-letter topic.
    pub async fn ensure<'t>(&self, topics: impl IntoIterator<Item = &'t str>) -> anyhow::Result<()> {
        let mut ensured = self.ensured.lock().await;
        let needed: BTreeSet<String> =
            topics.into_iter().filter(|topic| !ensured.contains(*topic)).map(str::to_owned).collect();
        if needed.is_empty() {
            return Ok(());
        }
        let expected = std::mem::take(&mut *self.expected.lock().unwrap_or_else(PoisonError::into_inner));
        let others = expected.iter().filter(|topic| !ensured.contains(*topic));
        let mut all: BTreeSet<String> = needed.iter().chain(others).cloned().collect();
        match self.create(&all).await {
            Ok(()) => {}
            // The broker may refuse one topic and accept the others. Then each caller gets the refusal of its own topics.
            Err(error) if error.is::<Refusal>() && all != needed => {
                self.create(&needed).await?;
                all = needed;
            }
            Err(error) => {
                self.expect(expected);
                return Err(error);
            }
        }
        ensured.extend(all);
        Ok(())
    }

    /// Forgets that a topic exists, so that the next call creates it if it was deleted.
    pub(super) async fn forget(&self, topic: &str) {
        self.ensured.lock().await.remove(topic);
    }

    async fn create(&self, topics: &BTreeSet<String>) -> anyhow::Result<()> {
        let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
        ensure_topics(&self.config, &topics).await
    }
}
