//! The topic of orders in Kafka.

use std::{collections::HashMap, time::Duration};

use async_trait::async_trait;
use platform::{
    kafka::{Config, KafkaPublisher, Record, is_too_large},
    outbox::Publisher as _,
};

use super::{Topic, payload};
use crate::{error::Error, model::Order};

const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);

pub struct KafkaTopic {
    publisher: KafkaPublisher,
    topic: String,
}

impl KafkaTopic {
    pub fn new(config: &Config, topic: String) -> anyhow::Result<Self> {
        Ok(Self { publisher: KafkaPublisher::within(config, PUBLISH_TIMEOUT)?, topic })
    }
}

#[async_trait]
impl Topic for KafkaTopic {
    async fn publish(&self, order: &Order) -> Result<(), Error> {
        let payload = payload(order)?;
        let key = order.order_uid.as_str().as_bytes().to_vec();
        let record = Record { topic: self.topic.clone(), key, payload, headers: HashMap::new() };
        self.publisher
            .publish(vec![record])
            .await
            .map_err(|error| if is_too_large(&error) { Error::TooLong } else { Error::Topic(error) })
    }
}
