//! Kafka: an in-process mock, or a real broker in a container.

pub mod container;
mod mock;

pub use container::Broker;
pub use mock::{Mock, start_mock};
