//! Kafka: an in-process mock, or a real broker in a container.

pub mod container;
mod mock;
mod question;

pub use container::Broker;
pub use mock::{Mock, start_mock};
