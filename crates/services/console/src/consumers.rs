//! Kafka consumers of the topics of orders. Each record gets its place in the timeline.
//!
//! There is no inbox: a record's topic, partition and offset identify it in the timeline.

use std::sync::Arc;

use async_trait::async_trait;
use contracts::events::Subscription;
use platform::{
    clock, error_chain,
    kafka::{Failure, Handler, Message},
};

use crate::{error::Error, metrics, model::NewRecord, repository::Timeline, service::Live};

/// The maximum number of records per write.
const BATCH_SIZE: usize = 200;

pub fn all(timeline: Arc<dyn Timeline>, live: Live) -> Vec<Subscription> {
    let handler: Arc<dyn Handler> = Arc::new(Records { timeline, live });
    Subscription::timeline(&handler)
}

struct Records {
    timeline: Arc<dyn Timeline>,
    live: Live,
}

impl Records {
    async fn add(&self, messages: &[Message]) -> Result<(), Error> {
        let now = clock::now();
        let records: Vec<NewRecord> = messages.iter().filter_map(|message| NewRecord::read(message, now)).collect();
        if !records.is_empty() {
            metrics::recorded(self.timeline.add(records).await?);
            self.live.added();
        }
        Ok(())
    }
}

#[async_trait]
impl Handler for Records {
    async fn handle(&self, message: &Message) -> Result<(), Failure> {
        Ok(self.add(std::slice::from_ref(message)).await?)
    }

    fn batch(&self) -> usize {
        BATCH_SIZE
    }

    async fn handle_all(&self, messages: &[Message]) -> Vec<bool> {
        match self.add(messages).await {
            Ok(()) => vec![true; messages.len()],
            Err(error) => {
                let error = error_chain(error);
                tracing::warn!(records = messages.len(), error, "a batch failed; its records are added one by one");
                vec![false; messages.len()]
            }
        }
    }
}
