//! Events over Kafka: an idempotent producer for the relay of an outbox, at-least-once consumers, and dead letters.
//!
//! It is beside `edge`, below `platform` and above `store`; services use it as `platform::kafka`. It does not know
//! which events there are, or who may read them. The outbox, the inbox and the relay are in the crate `outbox`, which
//! `store` connects to PostgreSQL.
//!
//! - [`KafkaPublisher`](kafka::KafkaPublisher) publishes the records of a relay and says for each whether it was
//!   accepted; [`Traced`](kafka::Traced) gives each a span in the trace of its change.
//! - [`Consumer`](kafka::Consumer) reads one topic in one group, with a [`Handler`](kafka::Handler). Messages of one
//!   key are handled in order. A [`Failure`](kafka::Failure) is transient (the message is retried in its place) or
//!   poison (the message moves to the dead-letter topic).
//! - [`Reader`](kafka::Reader) reads a range of a topic without a group; [`ExactRecord`](kafka::ExactRecord) publishes
//!   a dead letter again, byte for byte.
//! - [`Config`](kafka::Config) are the variables `KAFKA_…`, [`KafkaRefusal`](kafka::KafkaRefusal) says why a broker
//!   refuses this client, and [`set_acls`](kafka::set_acls) gives users the rights that they need.
//!
//! ```
//! use events::kafka::{Failure, Handler, Message};
//!
//! /// Counts the bytes of each message.
//! struct Bytes(std::sync::atomic::AtomicUsize);
//!
//! #[async_trait::async_trait]
//! impl Handler for Bytes {
//!     async fn handle(&self, message: &Message) -> Result<(), Failure> {
//!         if message.absent.payload {
//!             return Err(Failure::poison("a tombstone has no bytes"));
//!         }
//!         self.0.fetch_add(message.payload.len(), std::sync::atomic::Ordering::Relaxed);
//!         Ok(())
//!     }
//! }
//! ```

pub mod kafka;
