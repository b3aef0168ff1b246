//! Kafka: topics, an idempotent producer, and at-least-once consumers.

mod acls;
mod close;
mod config;
mod connection;
mod connection_errors;
mod consumer;
mod dead_letter;
mod each_record;
mod lag;
mod last_response;
mod membership;
mod message;
mod offset_resets;
mod partition_queue;
mod producer;
mod reader;
mod refusal;
mod security;
mod topic_creator;
mod topics;
mod traced;
mod workers;

pub use acls::{Acl, Changed, Operation, Resource, add_acls, set_acls};
pub use config::Config;
pub use consumer::{Consumer, TopicSubscription};
pub use dead_letter::{
    HEADER_ATTEMPTS, HEADER_CLUSTER, HEADER_ERROR, HEADER_FAILED_AT, HEADER_GROUP, HEADER_LEFT_OUT, HEADER_OFFSET,
    HEADER_ORIGINALS, HEADER_PARTITION, HEADER_PUBLISHED_AT, HEADER_TOPIC, added, original,
};
pub use message::{Absent, ExactRecord, Failure, HEADER_EVENT_TIME, HEADER_EVENT_TYPE, Handler, Headers, Message};
pub use partition_queue::cannot_be_decoded;
pub use producer::{KafkaPublisher, is_too_large};
pub use reader::{Extent, Mark, Reader};
pub use refusal::{KafkaRefusal, probe};
pub use security::{SaslMechanism, SecurityProtocol};
pub use topic_creator::TopicCreator;
pub use topics::{dead_letter_topic, delete_records, ensure_topics, original_topic, retention};
pub use traced::Traced;
