//! Kafka: topics, an idempotent producer, and at-least-once consumers.

mod acls;
mod background_drop;
mod config;
mod connection_errors;
mod consumer;
mod dead_letter;
mod dead_letter_producer;
mod each_record;
mod lag;
mod message;
mod metrics;
mod partition_queue;
mod partition_worker;
mod partitions;
mod producer;
mod reader;
mod rebalance;
mod refusal;
mod retry_or_dead_letter;
mod security;
mod topic_creator;
mod topics;
mod workers;

pub use acls::{Acl, Changed, Operation, Resource, set_acls};
pub use config::Config;
pub use consumer::{Consumer, Subscription};
pub use dead_letter::{
    HEADER_ATTEMPTS, HEADER_ERROR, HEADER_FAILED_AT, HEADER_GROUP, HEADER_LEFT_OUT, HEADER_OFFSET, HEADER_PARTITION,
    HEADER_TOPIC,
};
pub use message::{Failure, HEADER_EVENT_TIME, Handler, Message};
pub use producer::{KafkaPublisher, Record, is_too_large};
pub use reader::{Extent, Mark, Reader};
pub use refusal::{Refusal, probe};
pub use security::{SaslMechanism, SecurityProtocol};
pub use topic_creator::TopicCreator;
pub use topics::{dead_letter_topic, delete_records, ensure_compacted_topic, ensure_topics, retention};
