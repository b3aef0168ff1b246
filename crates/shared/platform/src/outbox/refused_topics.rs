//! The topics that the broker has just refused. Until the retry of such a topic, its events are set aside without being
//! sent, since a try may take seconds. Everything else about them is in the table.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;

use crate::kafka::Refusal;

/// How long a refused topic is not tried again. It is shorter than the pause between two looks at the rows that are set
/// aside, so that each look tries it.
const RETRY_DELAY: Duration = Duration::from_secs(4);

#[derive(Default)]
pub struct RefusedTopics {
    topics: BTreeMap<String, Refused>,
    /// True if the broker has refused an event by itself since the last look at the rows that are set aside.
    pub refused_a_key: bool,
}

struct Refused {
    retry_at: Instant,
    /// Why the broker refuses this client; `None` if it does not.
    reason: Option<&'static str>,
}

impl RefusedTopics {
    pub fn len(&self) -> usize {
        self.topics.len()
    }

    pub fn is_empty(&self) -> bool {
        self.topics.is_empty()
    }

    pub fn add(&mut self, topic: &str, error: &anyhow::Error) {
        let reason = error.downcast_ref().map(Refusal::reason);
        let refused = Refused { retry_at: Instant::now() + RETRY_DELAY, reason };
        if self.topics.insert(topic.to_owned(), refused).is_none() {
            tracing::warn!(topic, error = format!("{error:#}"), "events are refused and set aside, retrying");
        }
    }

    pub fn accepted(&mut self, topic: &str) {
        if self.topics.remove(topic).is_some() {
            tracing::info!(topic, "events are accepted again");
        }
    }

    /// Returns true if events of the topic must not be sent yet.
    pub fn is_waiting(&self, topic: &str) -> bool {
        self.topics.get(topic).is_some_and(|refused| Instant::now() < refused.retry_at)
    }

    /// Returns why the broker refuses this client a topic; `None` if it does not.
    pub fn reason(&self) -> Option<&'static str> {
        self.topics.values().find_map(|refused| refused.reason)
    }

    /// Forgets the topics that may be tried again, once no event of them is left: an operator may have deleted the rows.
    pub fn forget_due(&mut self) {
        let now = Instant::now();
        self.topics.retain(|_, refused| now < refused.retry_at);
    }
}
